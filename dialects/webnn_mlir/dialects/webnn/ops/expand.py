"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-expand"""

from ..attributes import UNSIGNED_LONGS
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..shapes import broadcasts_to
from ..types import ALL_AND_INT4S


def _infer(op: OpView) -> Descriptor:
    rule = f"the input's shape {list(op.input.shape)} must broadcast to newShape {list(op.new_shape)}"
    op.require(broadcasts_to(op.input.shape, op.new_shape), rule)
    return op.input.with_shape(op.new_shape)


def _stablehlo(b: Emitter, op: OpView) -> Value:
    return b.broadcast_to(op.input, op.new_shape)


declare(
    "expand",
    operands=[operand("input", ALL_AND_INT4S)],
    attributes=[attribute("newShape", UNSIGNED_LONGS)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.expand(x(1, 3), [2, 3]),
)
