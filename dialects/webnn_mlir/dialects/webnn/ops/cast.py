"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-cast

Where a float is out of an integer's range the specification leaves the result open; here it saturates, and NaN is 0.
int4 and uint4 behave as the other integers do.
"""

from ..attributes import DATA_TYPE
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand, result
from ..types import ALL_AND_INT4S, DataType


def _infer(op: OpView) -> Descriptor:
    return op.input.with_type(op.data_type)


def _stablehlo(b: Emitter, op: OpView) -> Value:
    source, target = op.input.data_type, op.data_type
    if source == target:
        return op.input
    if not target.is_float:
        return _float_to_integer(b, op.input, target) if source.is_float else _low_bits(b, op.input, target)
    value = op.input
    if source.is_unsigned and source.bits < 64:
        # IREE takes a conversion that only a matrix product uses for one from a signed integer.
        value = b.convert(value, "i64" if source.bits == 32 else "i32")
    value = b.convert(value, "f32")
    # float16 by way of float32, which holds every integer that float16 reaches.
    return b.convert(value, "f16") if target is DataType.FLOAT16 else value


def _element(data_type: DataType) -> str:
    """The type in which a data type is computed: that of a byte for half bytes."""
    return data_type.mlir.replace("i4", "i8")


def _float_to_integer(b: Emitter, x: Value, target: DataType) -> Value:
    low, high = target.range
    x = b.convert(x, "f32")
    # `low` is a float32, the first value above `high` too: what lies between is converted, the rest selected.
    inside = b.and_(b.compare(x, low, "GE"), b.compare(x, high + 1, "LT"))
    value = b.convert(b.select(inside, x, 0.0), _element(target))
    value = b.select(b.compare(x, high + 1, "GE"), high, value)
    return b.select(b.compare(x, low, "LT"), low, value)


def _low_bits(b: Emitter, x: Value, target: DataType) -> Value:
    value = b.convert(x, _element(target))
    if target is DataType.UINT4:
        return b.and_(value, 15)
    if target is DataType.INT4:
        return b.shift_right_arithmetic(b.shift_left(value, 4), 4)
    return value


declare(
    "cast",
    operands=[operand("input", ALL_AND_INT4S)],
    attributes=[attribute("dataType", DATA_TYPE)],
    results=[result("output", ALL_AND_INT4S)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.cast(x(2, 3), "int32"),
)
