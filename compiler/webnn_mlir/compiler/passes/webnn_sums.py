"""Computes sums over all places of an image, with the channels last, by a kernel.

Given:
    %x = flow.dispatch @convolution_…(…) : … -> tensor<1x80x80x96xf32>
    %y = "webnn.reduceSum"(%x) {axes = array<i64: 1, 2>, …} : (tensor<1x80x80x96xf32>) -> tensor<1x1x1x96xf32>
Result:
    %y = flow.dispatch @sums_1x6400x96::@sums_1x6400x96(%x)

IREE sums up one channel after another, and takes ten times as long. What it computes by itself it reduces where it is.
"""

from __future__ import annotations

import math

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice, sums
from ..kernels.sums import Sums
from ..program import Program
from . import register_pass

SMALLEST = 2**8
"""Elements from which it pays to call a kernel."""


@register_pass("webnn-sums")
def sums_over_places(program: Program) -> None:
    emitter = Emitter()

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        if operation.name != "webnn.reduceSum":
            return None
        _, op, (result,) = binding.view(operation)
        x, axes = op.input, sorted(op.axes)
        if x.data_type is not DataType.FLOAT32 or math.prod(x.shape) < SMALLEST or not choice.is_stored(x.value):
            return None
        machine = choice.machine_of(program)
        if machine is None or not axes or axes != list(range(axes[0], axes[-1] + 1)):
            return None
        shape = x.shape
        batch, places, channels = (math.prod(s) for s in (shape[: axes[0]], shape[axes[0] : axes[-1] + 1],
                                                          shape[axes[-1] + 1 :]))  # fmt: skip
        if 4 * channels < machine.lanes or places < 2 * sums.TOGETHER:
            return None
        flat = emitter.reshape(x, [math.prod(shape)])
        function = sums.function(Sums(machine, batch, places, channels))
        return [emitter.reshape(choice.dispatch(program, function, [flat])[0], result.shape)]

    binding.rewrite(program.module, pattern, sweep=True)
