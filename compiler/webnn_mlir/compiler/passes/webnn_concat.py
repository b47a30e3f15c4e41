"""Computes concatenations in float32 of what kernels have stored, and element-wise ops that follow, by one kernel each.

Given:
    %a = flow.dispatch @convolution_…(…) : … -> tensor<1x55x55x64xf32>
    %b = flow.dispatch @convolution_…(…) : … -> tensor<1x55x55x64xf32>
    %c = "webnn.concat"(%a, %b) {axis = 3 : i64} : … -> tensor<1x55x55x128xf32>
    %y = "webnn.relu"(%c) : …
Result:
    %y = flow.dispatch @concat_2_3025x128_…::@…(%a, %b)

IREE has a dispatch for each operand, between which threads meet.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, replace

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..following import Following, rewrite
from ..kernels import choice, concat
from ..kernels.concat import Concat, Piece
from ..kernels.machine import Machine
from ..program import Program
from . import register_pass

SMALLEST = 2**12
"""Elements from which it pays to call a kernel."""

MOST = 32
"""Operands of a kernel."""


@register_pass("webnn-concat")
def concatenations(program: Program) -> None:
    machine = choice.machine_of(program)
    if machine is None:
        return

    def find(operation: ir.Operation, found: Container[ir.Value]) -> _Rows | None:
        return _rows(machine, operation, found) if operation.name == "webnn.concat" else None

    def compute(rows: _Rows, following: Following) -> Tensor:
        b = Emitter()
        repeat = rows.kernel.columns // following.shape[-1]
        epilogue, operands = following.epilogue(repeat=repeat, biased=False)
        flat = [b.reshape(v, [math.prod(v.shape)]) for v in (*map(Tensor.of, rows.operation.operands), *operands)]
        function = concat.function(replace(rows.kernel, epilogue=epilogue))
        return b.reshape(choice.dispatch(program, function, flat)[0], following.shape)

    rewrite(program, find, compute)


@dataclass(frozen=True)
class _Rows:
    """A concatenation with its kernel."""

    operation: ir.Operation
    kernel: Concat


def _rows(machine: Machine, operation: ir.Operation, found: Container[ir.Value]) -> _Rows | None:
    """The kernel of a concatenation; None where IREE's code is as good, or is needed for an operand."""
    _, op, (result,) = binding.view(operation)
    if result.data_type is not DataType.FLOAT32 or math.prod(result.shape) < SMALLEST or len(op.inputs) > MOST:
        return None
    if not all(choice.is_stored(x.value) or binding.unshaped(x.value) in found for x in op.inputs):
        return None
    widths = [math.prod(x.shape[op.axis :]) for x in op.inputs]
    pieces = tuple(Piece(width, width) for width in widths)
    return _Rows(operation, Concat(machine, math.prod(result.shape[: op.axis]), pieces))
