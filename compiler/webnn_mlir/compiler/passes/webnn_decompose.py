"""Replaces every op that is a formula over simpler ops by that formula, as its declaration says.

Given:
    %0 = "webnn.softsign"(%x) : (tensor<2xf32>) -> tensor<2xf32>
Result:
    %0 = "webnn.abs"(%x) …
    %1 = "webnn.add"(%0, %one) …
    %2 = "webnn.div"(%x, %1) …
"""

from __future__ import annotations

from iree.compiler import ir

from .. import binding
from ..program import Program
from . import register_pass


@register_pass("webnn-decompose")
def decompose(program: Program) -> None:
    builder = binding.DialectBuilder(expand=True)

    def pattern(operation: ir.Operation) -> list[binding.Tensor] | None:
        op = binding.op_declaration(operation)
        if op is None or op.decompose is None:
            return None
        _, view, _ = binding.view(operation)
        return binding.as_list(op.decompose(builder, view))

    binding.rewrite(program.module, pattern)
