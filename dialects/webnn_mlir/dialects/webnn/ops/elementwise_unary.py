"""Element-wise unary operators: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-unary, sigmoid and tanh."""

from ..declaration import Builder, Descriptor, Emitter, OpView, Value, declare, operand, snake_case
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
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3)),
    )


for _name, _types, _method in [
    ("abs", SIGNED, "abs"),
    ("ceil", FLOATS, "ceil"),
    ("cos", FLOATS, "cosine"),
    ("erf", FLOATS, "erf"),
    ("exp", FLOATS, "exponential"),
    ("floor", FLOATS, "floor"),
    ("identity", ALL_AND_INT4S, "identity"),
    ("log", FLOATS, "log"),
    ("neg", SIGNED, "negate"),
    ("roundEven", FLOATS, "round_nearest_even"),
    ("sigmoid", FLOATS, "logistic"),
    ("sin", FLOATS, "sine"),
    ("sqrt", FLOATS, "sqrt"),
    ("tan", FLOATS, "tan"),
    ("tanh", FLOATS, "tanh"),
]:
    _declare(_name, _types, _method)


def _reciprocal(w: Builder, op: OpView) -> Value:
    return w.div(w.scalar(1, op.input.data_type), op.input)


def _sign(w: Builder, op: OpView) -> Value:
    """1 above 0, -1 below, else 0, which NaN gives too."""
    negative, zero, positive = (w.scalar(v, op.input.data_type) for v in (-1, 0, 1))
    below = w.where(w.lesser(op.input, zero), negative, zero)
    return w.where(w.greater(op.input, zero), positive, below)


declare(
    "reciprocal",
    operands=[operand("input", FLOATS)],
    infer=_infer,
    decompose=_reciprocal,
    example=lambda w, x: w.reciprocal(x(2, 3)),
)

declare(
    "sign",
    operands=[operand("input", SIGNED)],
    infer=_infer,
    decompose=_sign,
    example=lambda w, x: w.sign(x(2, 3)),
)
