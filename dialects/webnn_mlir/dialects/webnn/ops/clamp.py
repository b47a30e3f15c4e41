"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-clamp"""

from ..attributes import NUMBER
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL, cast_number


def _infer(op: OpView) -> Descriptor:
    if op.min_value is not None:
        op.min_value = cast_number(op.min_value, op.input.data_type)
    if op.max_value is not None:
        op.max_value = cast_number(op.max_value, op.input.data_type)
    if op.min_value is not None and op.max_value is not None:
        rule = f"minValue {op.min_value} must not be above maxValue {op.max_value}, as {op.input.data_type}"
        op.require(not op.min_value > op.max_value, rule)
    return op.input


def _stablehlo(b: Emitter, op: OpView) -> Value:
    value = op.input
    if op.min_value is not None:
        value = b.maximum(value, op.min_value)
    if op.max_value is not None:
        value = b.minimum(value, op.max_value)
    return value


declare(
    "clamp",
    operands=[operand("input", ALL)],
    attributes=[attribute("minValue", NUMBER, None), attribute("maxValue", NUMBER, None)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.clamp(x(2, 3), min_value=0, max_value=6),
)
