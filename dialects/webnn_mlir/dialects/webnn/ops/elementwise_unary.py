"""Element-wise unary operators: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-unary."""

from ..declaration import Descriptor, Emitter, OpView, Value, declare, operand
from ..types import ALL_AND_INT4S, FLOATS, SIGNED, DataType


def _infer(op: OpView) -> Descriptor:
    return op.input


def _declare(name: str, types: tuple[DataType, ...], method: str) -> None:
    """`method` is the emitter's."""

    def stablehlo(b: Emitter, op: OpView) -> Value:
        return getattr(b, method)(op.input)

    declare(
        name,
        operands=[operand("input", types)],
        infer=_infer,
        stablehlo=stablehlo,
        example=lambda w, x: getattr(w, name)(x(2, 3)),
    )


for _name, _types, _method in [
    ("abs", SIGNED, "abs"),
    ("ceil", FLOATS, "ceil"),
    ("exp", FLOATS, "exponential"),
    ("identity", ALL_AND_INT4S, "identity"),
    ("neg", SIGNED, "negate"),
    ("tanh", FLOATS, "tanh"),
]:
    _declare(_name, _types, _method)
