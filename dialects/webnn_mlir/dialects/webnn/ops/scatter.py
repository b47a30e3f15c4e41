"""scatterElements and scatterND: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-scatterelements.

Where indices repeat, the last update stays.
"""

from ..attributes import UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL, INDICES
from ._indices import element_positions, flat_slices, nd_slices, require_element_shape, slice_positions


def _require_updates(op: OpView, expected: tuple[int, ...]) -> None:
    found = list(op.updates.shape)
    op.require(found == list(expected), f"updates have shape {found}; it must be {list(expected)}")


def _infer_elements(op: OpView) -> Descriptor:
    require_element_shape(op)
    _require_updates(op, op.indices.shape)
    return op.input


def _infer_nd(op: OpView) -> Descriptor:
    _require_updates(op, nd_slices(op).shape)
    return op.input


def _scatter_elements(b: Emitter, op: OpView) -> Value:
    return _put(b, op, b.reshape(op.input, [op.input.descriptor.size]), element_positions(b, op))


def _scatter_nd(b: Emitter, op: OpView) -> Value:
    return _put(b, op, flat_slices(b, op), slice_positions(b, op))


def _put(b: Emitter, op: OpView, slices: Value, positions: Value) -> Value:
    count = positions.descriptor.size
    updates = b.reshape(op.updates, [count, *slices.shape[1:]])
    return b.reshape(b.put(slices, b.reshape(positions, [count]), updates), op.input.shape)


declare(
    "scatterElements",
    operands=[
        operand("input", ALL, (1, None)),
        operand("indices", INDICES, (1, None)),
        operand("updates", ALL, (1, None), like="input"),
    ],
    attributes=[attribute("axis", UNSIGNED_LONG, 0)],
    infer=_infer_elements,
    stablehlo=_scatter_elements,
    example=lambda w, x: w.scatter_elements(x(4, 3), x(2, 3, data_type="int32"), x(2, 3)),
)

declare(
    "scatterND",
    operands=[
        operand("input", ALL, (1, None)),
        operand("indices", INDICES, (1, None)),
        operand("updates", ALL, like="input"),
    ],
    infer=_infer_nd,
    stablehlo=_scatter_nd,
    example=lambda w, x: w.scatter_nd(x(4, 3), x(2, 1, data_type="int32"), x(2, 3)),
)
