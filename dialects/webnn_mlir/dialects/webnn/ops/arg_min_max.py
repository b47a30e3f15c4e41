"""argMin and argMax: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-argminmax."""

import math

from ..attributes import BOOLEAN, DATA_TYPE, UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand, result, snake_case
from ..types import ALL, DataType
from .reduction import reduced_shape

_INDICES = (DataType.INT32, DataType.INT64)


def _infer(op: OpView) -> Descriptor:
    # A valid dimension is within int32, so the specification's check of its maximum always holds.
    op.require(op.output_data_type in _INDICES, f"outputDataType {op.output_data_type} must be int32 or int64")
    return Descriptor(op.output_data_type, reduced_shape(op, (op.axis,)))


def _first(b: Emitter, op: OpView, method: str) -> Value:
    """The least index of a value that equals the extreme, or of the first NaN."""
    x, axis = op.input, op.axis
    infinity = math.inf if method == "minimum" else -math.inf
    least, greatest = (infinity, infinity) if x.data_type.is_float else x.data_type.range
    extreme = b.reduce(x, [axis], method, greatest if method == "minimum" else least, keep=True)
    found = b.compare(x, b.broadcast_to(extreme, x.shape), "EQ")
    if x.data_type.is_float:
        found = b.or_(found, b.compare(x, x, "NE"))
    beyond = x.shape[axis]
    index = b.select(found, b.iota(x.shape, axis, "i32"), beyond)
    first = b.reduce(index, [axis], "minimum", beyond, keep=op.keep_dimensions)
    return b.convert(first, op.output_data_type.mlir)


def _declare(name: str, method: str) -> None:
    declare(
        name,
        operands=[operand("input", ALL, (1, None))],
        attributes=[
            attribute("axis", UNSIGNED_LONG),
            attribute("keepDimensions", BOOLEAN, False),
            attribute("outputDataType", DATA_TYPE, DataType.INT32),
        ],
        results=[result("output", _INDICES)],
        infer=_infer,
        stablehlo=lambda b, op: _first(b, op, method),
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3), 1),
    )


_declare("argMin", "minimum")
_declare("argMax", "maximum")
