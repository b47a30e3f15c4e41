"""Lowers webnn ops and constants to StableHLO.

Given:
    %0 = "webnn.exp"(%x) : (tensor<2xf32>) -> tensor<2xf32>
Result:
    %0 = stablehlo.exponential %x : tensor<2xf32>

Values of int4 and uint4 become i8 and ui8. At the function's boundary and in constants they stay packed, two a byte:
a one-dimensional tensor of ui8.
"""

from __future__ import annotations

from iree.compiler import ir

from .. import binding, lowering
from ..emitter import Emitter
from ..program import Program
from . import register_pass


@register_pass("webnn-to-stablehlo")
def to_stablehlo(program: Program) -> None:
    emitter = Emitter(program.options.get("lacks", ()))
    lowering.pack_boundary(program.module, emitter)

    def pattern(operation: ir.Operation) -> list[binding.Tensor] | None:
        if operation.name == "webnn.constant":
            return [lowering.constant(program, operation, emitter)]
        op = binding.op_declaration(operation)
        return None if op is None or op.stablehlo is None else lowering.lower(operation, op.stablehlo, emitter)

    binding.rewrite(program.module, pattern)
    lowering.reconcile(program.module)
