"""Computes element-wise ops in float32 between kernels by a kernel, so that they do not keep them apart.

Given:
    %x = flow.dispatch @concat_…(…) : … -> tensor<1x14x14x288xf32>
    %s = "webnn.mul"(%x, %scale) : (tensor<1x14x14x288xf32>, tensor<288xf32>) -> tensor<1x14x14x288xf32>
    %b = "webnn.add"(%s, %bias) : …
    %r = "webnn.relu"(%b) : …
    %y = flow.dispatch @convolution_…(%r, …)
Result:
    %r = flow.dispatch @elementwise_196x288_…::@…(%x, %scale, %bias)

What else needs a value than kernels, or what is returned, IREE computes with that in one loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..following import AFFINE, STEPS, Following, Ops, rewrite
from ..kernels import choice, concat, executable
from ..kernels.concat import Concat
from ..kernels.machine import Machine
from ..program import Program
from . import register_pass


@register_pass("webnn-elementwise")
def elementwise(program: Program) -> None:
    machine = choice.machine_of(program)
    if machine is not None:
        rewrite(program, lambda operation, ops: _found(program, machine, operation, ops))


@dataclass(frozen=True)
class _Chain:
    """Element-wise ops that follow the value of one."""

    program: Program
    machine: Machine
    following: Following

    def compute(self) -> Tensor:
        """The dispatch of the kernel."""
        b, shape = Emitter(), self.following.shape
        epilogue, operands = self.following.epilogue(biased=False)
        # Where nothing belongs to a channel, all is one row.
        columns = shape[-1] if epilogue.channels else math.prod(shape)
        kernel = Concat(self.machine, math.prod(shape) // columns, (columns,), epilogue=epilogue)
        flat = [b.reshape(v, [math.prod(v.shape)]) for v in (self.following.source, *operands)]
        return b.reshape(choice.dispatch(self.program, concat.function(kernel), flat)[0], shape)


def _found(program: Program, machine: Machine, operation: ir.Operation, ops: Ops) -> _Chain | None:
    if operation.name not in STEPS.keys() | AFFINE.keys():
        return None
    result = Tensor.of(operation.results[0])
    if result.data_type is not DataType.FLOAT32 or not result.rank:
        return None
    for value in operation.operands:
        if Tensor.of(value).shape == result.shape and ops.is_stored(value):
            following = Following(program, value, ops, operation)
            if following.taken and _is_between_kernels(following):
                return _Chain(program, machine, following)
    return None


def _is_between_kernels(following: Following) -> bool:
    users = list(binding.used_by(following.result.value))
    kernels = [user for user in users if executable.name_of(user)]
    source = binding.unshaped(following.value).owner
    is_behind = not isinstance(source, ir.Block) and executable.name_of(source) is not None
    others = [user for user in users if user not in kernels and user.name != "func.return"]
    return not others and (is_behind or bool(kernels))
