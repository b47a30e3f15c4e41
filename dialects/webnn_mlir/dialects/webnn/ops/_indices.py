"""Coordinates for gathering and scattering.

Negative indices count from the end; what is out of bounds then is clamped, so that nothing outside a tensor is ever
read or written: https://www.w3.org/TR/webnn/#security.
"""

from ..declaration import Descriptor, Emitter, OpView, Value


def within(b: Emitter, indices: Value, size: int) -> Value:
    """Indices into a dimension as int32 from 0 to size - 1."""
    if indices.data_type.is_unsigned:
        return b.convert(b.minimum(indices, size - 1), "i32")
    from_start = b.select(b.compare(indices, 0, "LT"), b.add(indices, size), indices)
    return b.convert(b.minimum(b.maximum(from_start, 0), size - 1), "i32")


def element_coordinates(b: Emitter, op: OpView) -> list[Value]:
    """For gatherElements and scatterElements: the element's own coordinates, but the index along the axis."""
    shape = op.indices.shape
    index = within(b, op.indices, op.input.shape[op.axis])
    return [index if axis == op.axis else b.iota(shape, axis, "i32") for axis in range(len(shape))]


def nd_coordinates(b: Emitter, op: OpView) -> list[Value]:
    """For gatherND and scatterND: the last dimension of the indices, taken apart."""
    *outer, count = op.indices.shape
    parts = []
    for i in range(count):
        part = b.slice(op.indices, [0] * len(outer) + [i], [*outer, i + 1])
        parts.append(within(b, b.reshape(part, outer), op.input.shape[i]))
    return parts


def require_element_shape(op: OpView) -> None:
    """The rule of gatherElements and scatterElements for the shape of the indices."""
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    found = list(op.indices.shape)
    fits = op.indices.rank == op.input.rank
    expected = [n if i != op.axis or not fits else found[i] for i, n in enumerate(op.input.shape)]
    op.require(
        found == expected, f"indices have shape {found}; it must be {list(op.input.shape)} but for axis {op.axis}"
    )


def nd_slices(op: OpView) -> Descriptor:
    """The slices that gatherND and scatterND address: the indices' outer dimensions, then the input's inner ones."""
    *outer, count = op.indices.shape
    op.require(count <= op.input.rank, f"indices have {count} coordinates; the input's rank is {op.input.rank}")
    return op.input.with_shape([*outer, *op.input.shape[count:]])
