"""gather, gatherElements and gatherND: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gather."""

from ..attributes import UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL, ALL_AND_INT4S, INDICES
from ._indices import element_coordinates, nd_coordinates, nd_slices, require_element_shape, within


def _infer(op: OpView) -> Descriptor:
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    shape = op.input.shape
    return op.input.with_shape([*shape[: op.axis], *op.indices.shape, *shape[op.axis + 1 :]])


def _gather(b: Emitter, op: OpView) -> Value:
    return b.take(op.input, within(b, op.indices, op.input.shape[op.axis]), op.axis)


declare(
    "gather",
    operands=[operand("input", ALL_AND_INT4S, (1, None)), operand("indices", INDICES)],
    attributes=[attribute("axis", UNSIGNED_LONG, 0)],
    infer=_infer,
    stablehlo=_gather,
    example=lambda w, x: w.gather(x(4, 3), x(2, data_type="int32")),
)


def _infer_elements(op: OpView) -> Descriptor:
    require_element_shape(op)
    return op.input.with_shape(op.indices.shape)


def _gather_elements(b: Emitter, op: OpView) -> Value:
    return b.gather(op.input, element_coordinates(b, op))


declare(
    "gatherElements",
    operands=[operand("input", ALL, (1, None)), operand("indices", INDICES, (1, None))],
    attributes=[attribute("axis", UNSIGNED_LONG, 0)],
    infer=_infer_elements,
    stablehlo=_gather_elements,
    example=lambda w, x: w.gather_elements(x(4, 3), x(2, 3, data_type="int32")),
)


def _gather_nd(b: Emitter, op: OpView) -> Value:
    return b.gather(op.input, nd_coordinates(b, op))


declare(
    "gatherND",
    operands=[operand("input", ALL, (1, None)), operand("indices", INDICES, (1, None))],
    infer=nd_slices,
    stablehlo=_gather_nd,
    example=lambda w, x: w.gather_nd(x(4, 3), x(2, 1, data_type="int32")),
)
