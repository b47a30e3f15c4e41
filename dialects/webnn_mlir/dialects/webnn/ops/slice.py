"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-slice"""

from ..attributes import UNSIGNED_LONGS
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL_AND_INT4S


def _infer(op: OpView) -> Descriptor:
    rank = op.input.rank
    for name in ("starts", "sizes", "strides"):
        values = list(getattr(op, name))
        op.require(len(values) == rank, f"{name} {values} must have as many entries as the input's rank, {rank}")
    shape = []
    for i, (start, size, stride, length) in enumerate(
        zip(op.starts, op.sizes, op.strides, op.input.shape, strict=True)
    ):
        op.require(size > 0, f"sizes[{i}] must not be 0")
        op.require(stride > 0, f"strides[{i}] must not be 0")
        rule = f"starts[{i}] {start} + sizes[{i}] {size} must not be above the input's dimension {length}"
        op.require(start + size <= length, rule)
        shape.append(-(-size // stride))
    return op.input.with_shape(shape)


def _stablehlo(b: Emitter, op: OpView) -> Value:
    limits = [start + size for start, size in zip(op.starts, op.sizes, strict=True)]
    return b.slice(op.input, op.starts, limits, op.strides)


declare(
    "slice",
    operands=[operand("input", ALL_AND_INT4S)],
    attributes=[
        attribute("starts", UNSIGNED_LONGS),
        attribute("sizes", UNSIGNED_LONGS),
        attribute("strides", UNSIGNED_LONGS, lambda op: [1] * op.input.rank),
    ],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.slice(x(4, 6), [1, 0], [2, 6], strides=[1, 2]),
)
