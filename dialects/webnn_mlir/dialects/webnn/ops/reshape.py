"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-reshape-method"""

import math

from ..attributes import UNSIGNED_LONGS
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL_AND_INT4S


def _infer(op: OpView) -> Descriptor:
    count = math.prod(op.new_shape)
    rule = f"newShape {list(op.new_shape)} has {count} elements; it must have the input's {op.input.size}"
    op.require(count == op.input.size, rule)
    return op.input.with_shape(op.new_shape)


def _stablehlo(b: Emitter, op: OpView) -> Value:
    return b.reshape(op.input, op.new_shape)


declare(
    "reshape",
    operands=[operand("input", ALL_AND_INT4S)],
    attributes=[attribute("newShape", UNSIGNED_LONGS)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.reshape(x(2, 3), [3, 2]),
)
