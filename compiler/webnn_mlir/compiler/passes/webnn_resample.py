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
from dataclasses import dataclass, replace

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..following import Following, Ops, rewrite
from ..kernels import choice, concat
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
    machine = choice.machine_of(program)
    if machine is None:
        return

    def find(operation: ir.Operation, ops: Ops) -> _Nearest | None:
        kernel = _kernel(machine, operation) if operation.name == "webnn.resample2d" else None
        if kernel is None:
            return None
        return _Nearest(program, operation, Following(program, operation.results[0], ops), kernel)

    rewrite(program, find)


@dataclass(frozen=True)
class _Nearest:
    """A repetition with its kernel."""

    program: Program
    operation: ir.Operation
    following: Following
    kernel: Concat

    def compute(self) -> Tensor:
        """The dispatch of the kernel."""
        b, following = Emitter(), self.following
        epilogue, operands = following.epilogue(repeat=self.kernel.columns // following.shape[-1], biased=False)
        function = concat.function(replace(self.kernel, epilogue=epilogue))
        flat = [b.reshape(v, [math.prod(v.shape)]) for v in (Tensor.of(self.operation.operands[0]), *operands)]
        return b.reshape(choice.dispatch(self.program, function, flat)[0], following.shape)


def _kernel(machine: Machine, operation: ir.Operation) -> Concat | None:
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
