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

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice, executable, transpose
from ..kernels.machine import Machine
from ..kernels.transpose import Transpose
from ..program import Program
from ..quantized import Layout, moved_from, sizes
from . import register_pass

SMALLEST = 2**10
"""Elements from which it pays to call a kernel."""


@register_pass("webnn-transpose")
def transposes(program: Program) -> None:
    machine, emitter = choice.machine_of(program), Emitter()

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        if machine is None or operation.name != "webnn.transpose" or not _is_for_kernels(operation.results[0]):
            return None
        result = Tensor.of(operation.results[0])
        found = moved_from(result.value, _is_stored) if result.data_type is DataType.FLOAT32 else None
        kernel = found and _kernel(machine, found[1])
        if not found or not kernel:
            return None
        flat = emitter.reshape(Tensor.of(found[0]), [kernel.elements])
        return [emitter.reshape(choice.dispatch(program, transpose.function(kernel), [flat])[0], result.shape)]

    if binding.rewrite(program.module, pattern, sweep=True):
        binding.erase_dead(program.module)


def _is_stored(value: ir.Value) -> bool:
    """As it is."""
    return isinstance(value.owner, ir.Block) or executable.name_of(value.owner) is not None


def _kernel(machine: Machine, layout: Layout) -> Transpose | None:
    places = {axis: place for place, axis in enumerate(layout.data)}
    moved = [axis for axes in layout.dims for axis in axes]
    kept = next((n for n, axis in enumerate(moved) if places[axis] != n), len(moved))
    # What comes before is the batch; the rest must be two groups, each in order.
    batch, rest = moved[:kept], moved[kept:]
    cut = min(range(len(rest)), key=lambda n: places[rest[n]], default=0)
    if [places[axis] for axis in rest[cut:] + rest[:cut]] != list(range(kept, len(moved))):
        return None
    kernel = Transpose(machine, *(math.prod(sizes(axes)) for axes in (batch, rest[cut:], rest[:cut])))
    return kernel if kernel.elements >= SMALLEST and transpose.fits(kernel) else None


def _is_for_kernels(value: ir.Value) -> bool:
    """Whether kernels need it, and nobody else than who called."""
    users = list(binding.used_by(value))
    kernels = [user for user in users if executable.name_of(user)]
    return all(user in kernels or user.name == "func.return" for user in users) and bool(kernels)
