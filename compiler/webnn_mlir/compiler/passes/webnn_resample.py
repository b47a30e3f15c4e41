"""Repeats the places of an image in float32 whole times, with the channels last, and computes element-wise ops that
follow, by one kernel.

Given:
    %r = "webnn.resample2d"(%x) {axes = array<i64: 1, 2>, sizes = array<i64: 28, 40>, …} :
      (tensor<1x14x20x96xf32>) -> tensor<1x28x40x96xf32>
    %y = "webnn.add"(%r, %s) : …
Result:
    %y = flow.dispatch @nearest_560x192_…::@…(%x, %s)

Other sizes, and linear interpolation, are left to IREE.
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

SMALLEST = 2**10
"""Elements from which it pays to call a kernel."""

MOST = 8
"""Times that a place is repeated along a row."""


@register_pass("webnn-resample")
def resamplings(program: Program) -> None:
    fuse(program, _kernel, concat.function)


def _kernel(machine: Machine, operation: ir.Operation, ops: Ops) -> Concat | None:
    if operation.name != "webnn.resample2d":
        return None
    _, op, (result,) = binding.view(operation)
    if op.input.data_type is not DataType.FLOAT32 or op.mode != "nearest-neighbor" or list(op.axes) != [1, 2]:
        return None
    batch, height, width, channels = op.input.shape
    rows, columns = (size // length for size, length in zip(op.sizes, (height, width), strict=True))
    if [height * rows, width * columns] != list(op.sizes) or columns > MOST:
        return None
    if math.prod(result.shape) < SMALLEST or 4 * channels < machine.lanes:
        return None
    return Concat(machine, batch * height * rows * width, (channels,), columns, rows, width)
