"""Element-wise logical operators: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-logical.

Their results are uint8, 0 or 1; as an operand, every value but 0 is true.
"""

import math
from collections.abc import Callable

from ..declaration import Descriptor, Emitter, OpView, Value, declare, operand, result, snake_case
from ..types import ALL, BOOLEAN, FLOATS, DataType
from .elementwise_binary import broadcast_shape


def _infer_binary(op: OpView) -> Descriptor:
    return Descriptor(DataType.UINT8, broadcast_shape(op, "a", "b"))


def _infer_unary(op: OpView) -> Descriptor:
    return op.a.with_type(DataType.UINT8)


def _binary(name: str, types: tuple[DataType, ...], function: Callable[[Emitter, Value, Value], Value]) -> None:
    declare(
        name,
        operands=[operand("a", types), operand("b", types, like="a")],
        results=[result("output", BOOLEAN)],
        infer=_infer_binary,
        stablehlo=lambda b, op: b.convert(function(b, op.a, op.b), "ui8"),
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3), x(3)),
    )


def _unary(name: str, types: tuple[DataType, ...], function: Callable[[Emitter, Value], Value]) -> None:
    declare(
        name,
        operands=[operand("a", types)],
        results=[result("output", BOOLEAN)],
        infer=_infer_unary,
        stablehlo=lambda b, op: b.convert(function(b, op.a), "ui8"),
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3)),
    )


def _comparison(name: str, direction: str) -> None:
    _binary(name, ALL, lambda b, x, y: b.compare(x, y, direction))


def truth(b: Emitter, x: Value) -> Value:
    """uint8 as i1."""
    return b.compare(x, 0, "NE")


_comparison("equal", "EQ")
_comparison("notEqual", "NE")
_comparison("greater", "GT")
_comparison("greaterOrEqual", "GE")
_comparison("lesser", "LT")
_comparison("lesserOrEqual", "LE")
_unary("logicalNot", BOOLEAN, lambda b, x: b.compare(x, 0, "EQ"))
_binary("logicalAnd", BOOLEAN, lambda b, x, y: b.and_(truth(b, x), truth(b, y)))
_binary("logicalOr", BOOLEAN, lambda b, x, y: b.or_(truth(b, x), truth(b, y)))
_binary("logicalXor", BOOLEAN, lambda b, x, y: b.xor(truth(b, x), truth(b, y)))
_unary("isNaN", FLOATS, lambda b, x: b.compare(x, x, "NE"))
_unary("isInfinite", FLOATS, lambda b, x: b.compare(b.abs(x), math.inf, "EQ"))
