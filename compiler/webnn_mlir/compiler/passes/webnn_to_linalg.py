"""Lowers to Linalg the webnn ops that StableHLO says badly: those whose declaration has a `linalg` form.

Given:
    %0 = "webnn.cumulativeSum"(%x) {axis = 0 : i64, …} : (tensor<2x3xf32>) -> tensor<2x3xf32>
Result:
    %0 = linalg.generic …
"""

from __future__ import annotations

from iree.compiler import ir

from .. import binding, lowering
from ..emitter import Emitter
from ..program import Program
from . import register_pass


@register_pass("webnn-to-linalg")
def to_linalg(program: Program) -> None:
    emitter = Emitter(program.options.get("lacks", ()))

    def pattern(operation: ir.Operation) -> list[binding.Tensor] | None:
        op = binding.op_declaration(operation)
        return None if op is None or op.linalg is None else lowering.lower(operation, op.linalg, emitter)

    binding.rewrite(program.module, pattern)
