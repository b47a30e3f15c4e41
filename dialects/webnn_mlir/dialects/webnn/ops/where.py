"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-where"""

from ..declaration import Descriptor, Emitter, OpView, Value, declare, operand, result
from ..types import ALL, BOOLEAN
from .elementwise_binary import broadcast_shape
from .elementwise_logical import truth


def _infer(op: OpView) -> Descriptor:
    return op.true_value.with_shape(broadcast_shape(op, "condition", "true_value", "false_value"))


def _stablehlo(b: Emitter, op: OpView) -> Value:
    return b.select(truth(b, op.condition), op.true_value, op.false_value)


declare(
    "where",
    operands=[operand("condition", BOOLEAN), operand("trueValue", ALL), operand("falseValue", ALL, like="trueValue")],
    results=[result("output", like="trueValue")],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.where(x(2, 3, data_type="uint8"), x(2, 3), x(3)),
)
