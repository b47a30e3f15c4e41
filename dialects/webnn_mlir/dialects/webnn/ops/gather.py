"""gather, gatherElements and gatherND: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gather."""

from ..attributes import UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL, ALL_AND_INT4S, INDICES
from ._indices import element_positions, flat_slices, nd_slices, require_element_shape, slice_positions, within


def _infer(op: OpView) -> Descriptor:
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    shape = op.input.shape
    return op.input.with_shape([*shape[: op.axis], *op.indices.shape, *shape[op.axis + 1 :]])


def _gather(b: Emitter, op: OpView) -> Value:
    return b.take(op.input, within(b, op.indices, op.input.shape[op.axis]), op.axis)


def _gather_linalg(b: Emitter, op: OpView) -> Value:
    index, end = b.index_from(op.indices), op.axis + op.indices.rank

    def coordinates(place: list[Value]) -> list[Value]:
        return [*place[: op.axis], index(place[op.axis : end], op.input.shape[op.axis]), *place[end:]]

    return b.read(op.input, op.results[0].shape, coordinates)


declare(
    "gather",
    operands=[operand("input", ALL_AND_INT4S, (1, None)), operand("indices", INDICES)],
    attributes=[attribute("axis", UNSIGNED_LONG, 0)],
    infer=_infer,
    stablehlo=_gather,
    linalg=_gather_linalg,
    example=lambda w, x: w.gather(x(4, 3), x(2, data_type="int32")),
)


def _infer_elements(op: OpView) -> Descriptor:
    require_element_shape(op)
    return op.input.with_shape(op.indices.shape)


def _gather_elements(b: Emitter, op: OpView) -> Value:
    return b.take(b.reshape(op.input, [op.input.descriptor.size]), element_positions(b, op), 0)


def _gather_elements_linalg(b: Emitter, op: OpView) -> Value:
    index, size = b.index_from(op.indices), op.input.shape[op.axis]

    def coordinates(place: list[Value]) -> list[Value]:
        return [*place[: op.axis], index(place, size), *place[op.axis + 1 :]]

    return b.read(op.input, op.indices.shape, coordinates)


declare(
    "gatherElements",
    operands=[operand("input", ALL, (1, None)), operand("indices", INDICES, (1, None))],
    attributes=[attribute("axis", UNSIGNED_LONG, 0)],
    infer=_infer_elements,
    stablehlo=_gather_elements,
    linalg=_gather_elements_linalg,
    example=lambda w, x: w.gather_elements(x(4, 3), x(2, 3, data_type="int32")),
)


def _gather_nd(b: Emitter, op: OpView) -> Value:
    return b.take(flat_slices(b, op), slice_positions(b, op), 0)


def _gather_nd_linalg(b: Emitter, op: OpView) -> Value:
    index, outer, count = b.index_from(op.indices), op.indices.rank - 1, op.indices.shape[-1]

    def coordinates(place: list[Value]) -> list[Value]:
        return [index([*place[:outer], i], op.input.shape[i]) for i in range(count)] + place[outer:]

    return b.read(op.input, op.results[0].shape, coordinates)


declare(
    "gatherND",
    operands=[operand("input", ALL, (1, None)), operand("indices", INDICES, (1, None))],
    infer=nd_slices,
    stablehlo=_gather_nd,
    linalg=_gather_nd_linalg,
    example=lambda w, x: w.gather_nd(x(4, 3), x(2, 1, data_type="int32")),
)
