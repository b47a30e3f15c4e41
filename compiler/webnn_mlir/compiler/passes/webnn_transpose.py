"""Transposes in float32 what kernels have stored, or what is given, for other kernels, by a kernel.

Given:
    %x = flow.dispatch @convolution_…(…) : … -> tensor<1x28x28x4x34xf32>
    %t = "webnn.transpose"(%x) {permutation = array<i64: 0, 1, 2, 4, 3>} : … -> tensor<1x28x28x34x4xf32>
    %y = flow.dispatch @depthwise_…(%t, …)
Result:
    %t = flow.dispatch @transpose_784x4x34::@…(%x)

Two groups of dimensions change places in it, of which the second is the last. What else needs a transpose than kernels
reads it where it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice, executable, transpose
from ..kernels.machine import Machine
from ..kernels.transpose import Transpose
from ..program import Program
from . import register_pass

SMALLEST = 2**10
"""Elements from which it pays to call a kernel."""


@register_pass("webnn-transpose")
def transposes(program: Program) -> None:
    machine, emitter = choice.machine_of(program), Emitter()

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        if machine is None or operation.name != "webnn.transpose":
            return None
        _, op, (result,) = binding.view(operation)
        kernel = _kernel(machine, op.input, op.permutation)
        if kernel is None or not _is_for_kernels(operation.results[0]):
            return None
        flat = emitter.reshape(op.input, [kernel.elements])
        return [emitter.reshape(choice.dispatch(program, transpose.function(kernel), [flat])[0], result.shape)]

    binding.rewrite(program.module, pattern, sweep=True)


def _kernel(machine: Machine, x: Tensor, permutation: Sequence[int]) -> Transpose | None:
    if x.data_type is not DataType.FLOAT32 or math.prod(x.shape) < SMALLEST or not choice.is_stored(x.value):
        return None
    moved = [axis for axis in permutation if x.shape[axis] > 1]
    kept = next((n for n, (axis, now) in enumerate(zip(sorted(moved), moved, strict=True)) if axis != now), len(moved))
    # What comes before is the batch; the rest must be two groups, each in order.
    rest = moved[kept:]
    cut = rest.index(min(rest)) if rest else 0
    if not rest or rest[cut:] + rest[:cut] != sorted(rest):
        return None
    batch, rows, columns = (math.prod(x.shape[a] for a in axes) for axes in (moved[:kept], rest[cut:], rest[:cut]))
    kernel = Transpose(machine, batch, rows, columns)
    return kernel if transpose.fits(kernel) else None


def _is_for_kernels(value: ir.Value) -> bool:
    """Whether kernels need it, and nobody else than who called."""
    users = list(binding.used_by(value))
    kernels = [user for user in users if executable.name_of(user)]
    return all(user in kernels or user.name == "func.return" for user in users) and bool(kernels)
