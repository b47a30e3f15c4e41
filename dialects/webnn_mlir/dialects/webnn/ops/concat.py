"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-concat"""

from ..attributes import UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL_AND_INT4S, MAX_TENSORS


def _infer(op: OpView) -> Descriptor:
    count, first, axis = len(op.inputs), op.inputs[0], op.axis
    op.require(count <= MAX_TENSORS, f"{count} inputs given; at most {MAX_TENSORS} are allowed")
    op.require(axis < first.rank, f"axis {axis} must be below the rank {first.rank}")
    for i, other in enumerate(op.inputs):
        rule = f"inputs[{i}] has data type {other.data_type}; it must be that of inputs[0], {first.data_type}"
        op.require(other.data_type == first.data_type, rule)
        rule = f"inputs[{i}] has shape {list(other.shape)}; it must be {list(first.shape)} but for axis {axis}"
        op.require(_rest(other, axis) == _rest(first, axis), rule)
    shape = list(first.shape)
    shape[axis] = sum(x.shape[axis] for x in op.inputs)
    return first.with_shape(shape)


def _rest(descriptor: Descriptor, axis: int) -> tuple[int, tuple[int, ...]]:
    return descriptor.rank, descriptor.shape[:axis] + descriptor.shape[axis + 1 :]


def _stablehlo(b: Emitter, op: OpView) -> Value:
    return b.concatenate(op.inputs, op.axis)


declare(
    "concat",
    operands=[operand("inputs", ALL_AND_INT4S, (1, None), variadic=True)],
    attributes=[attribute("axis", UNSIGNED_LONG)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.concat([x(2, 3), x(2, 1)], 1),
)
