"""Element-wise binary operators: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-binary."""

from collections.abc import Callable

from ..declaration import Descriptor, Emitter, OpView, Value, declare, operand
from ..shapes import broadcast
from ..types import ALL


def broadcast_shape(op: OpView, *names: str) -> tuple[int, ...]:
    """The common shape of operands, or an error that names the first that has none."""
    shape: tuple[int, ...] = ()
    for name in names:
        other = getattr(op, name).shape
        common = broadcast(shape, other)
        op.require(common is not None, f"{name} has shape {list(other)}; it must broadcast with {list(shape)}")
        assert common is not None
        shape = common
    return shape


def _infer(op: OpView) -> Descriptor:
    return op.a.with_shape(broadcast_shape(op, "a", "b"))


def _divide(b: Emitter, x: Value, y: Value) -> Value:
    """Integers are truncated toward zero. x / 0 is 0; it and least / -1, which wraps, are kept from the processor."""
    data_type = x.data_type
    if data_type.is_float:
        return b.divide(x, y)
    zero = b.compare(y, 0, "EQ")
    if data_type.is_unsigned:
        return b.select(zero, 0, b.divide(x, b.select(zero, 1, y)))
    minus = b.compare(y, -1, "EQ")
    quotient = b.divide(x, b.select(b.or_(zero, minus), 1, y))
    return b.select(zero, 0, b.select(minus, b.negate(x), quotient))


def _declare(name: str, function: Callable[[Emitter, Value, Value], Value]) -> None:
    declare(
        name,
        operands=[operand("a", ALL), operand("b", ALL, like="a")],
        infer=_infer,
        stablehlo=lambda b, op: function(b, op.a, op.b),
        example=lambda w, x: getattr(w, name)(x(2, 3), x(3)),
    )


_declare("add", lambda b, x, y: b.add(x, y))
_declare("sub", lambda b, x, y: b.subtract(x, y))
_declare("mul", lambda b, x, y: b.multiply(x, y))
_declare("div", _divide)
_declare("max", lambda b, x, y: b.maximum(x, y))
_declare("min", lambda b, x, y: b.minimum(x, y))
_declare("pow", lambda b, x, y: b.power(x, y))
