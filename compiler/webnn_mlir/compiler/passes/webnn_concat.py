"""Computes concatenations in float32 of what is stored, and element-wise ops that follow, by one kernel each.

Given:
    %a = flow.dispatch @convolution_…(…) : … -> tensor<1x55x55x64xf32>
    %b = flow.dispatch @convolution_…(…) : … -> tensor<1x55x55x64xf32>
    %c = "webnn.concat"(%a, %b) {axis = 3 : i64} : … -> tensor<1x55x55x128xf32>
    %y = "webnn.relu"(%c) : …
Result:
    %y = flow.dispatch @concat_3025x128_…::@…(%a, %b)

IREE has a dispatch for each operand, between which threads meet.
"""

from __future__ import annotations

import math

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..following import Ops, fuse
from ..kernels import concat
from ..kernels.concat import Concat
from ..kernels.machine import Machine
from ..program import Program
from . import register_pass

SMALLEST = 2**12
"""Elements from which it pays to call a kernel."""

MOST = 32
"""Operands of a kernel."""


@register_pass("webnn-concat")
def concatenations(program: Program) -> None:
    fuse(program, _kernel, concat.function)


def _kernel(machine: Machine, operation: ir.Operation, ops: Ops) -> Concat | None:
    """None where IREE's code is as good."""
    if operation.name != "webnn.concat":
        return None
    _, op, (result,) = binding.view(operation)
    if result.data_type is not DataType.FLOAT32 or math.prod(result.shape) < SMALLEST or len(op.inputs) > MOST:
        return None
    if not any(ops.is_stored(x.value) for x in op.inputs):
        return None
    widths = tuple(math.prod(x.shape[op.axis :]) for x in op.inputs)
    return Concat(machine, math.prod(result.shape[: op.axis]), widths)
