"""Indices of gathering and scattering.

Negative indices count from the end; what is out of bounds then is clamped, so that nothing outside a tensor is ever
read or written: https://www.w3.org/TR/webnn/#security.
"""

from itertools import accumulate
from math import prod
from operator import mul

from ..declaration import Descriptor, Emitter, OpView, Value


def within(b: Emitter, indices: Value, size: int | list[int]) -> Value:
    """Indices as int32 from 0 to size - 1; a list has a size for each entry of their last dimension."""
    length = b.array(size, indices.element)
    last = b.subtract(length, 1)
    if indices.data_type.is_unsigned:
        return b.convert(b.minimum(indices, last), "i32")
    from_start = b.select(b.compare(indices, 0, "LT"), b.add(indices, length), indices)
    return b.convert(b.minimum(b.maximum(from_start, 0), last), "i32")


def element_positions(b: Emitter, op: OpView) -> Value:
    """For gatherElements and scatterElements, positions in the flat input: sum over the axes of stride · coordinate,
    which is the element's own one, but the index along `axis`."""
    shape = op.indices.shape
    index = within(b, op.indices, op.input.shape[op.axis])
    coordinates = [index if axis == op.axis else b.iota(shape, axis, "i32") for axis in range(len(shape))]
    *products, total = map(b.multiply, coordinates, _strides(op.input.shape))
    for product in products:
        total = b.add(total, product)
    return total


def slice_positions(b: Emitter, op: OpView) -> Value:
    """For gatherND and scatterND, positions in the input with its indexed dimensions flat: sum of stride · index."""
    sizes = list(op.input.shape[: op.indices.shape[-1]])
    strides = b.array(_strides(sizes), "i32")
    products = b.multiply(within(b, op.indices, sizes), strides)
    return b.reduce(products, [products.rank - 1], "add", 0)


def flat_slices(b: Emitter, op: OpView) -> Value:
    """The input of gatherND or scatterND with its indexed dimensions flat."""
    inner = op.input.shape[op.indices.shape[-1] :]
    return b.reshape(op.input, [op.input.descriptor.size // prod(inner), *inner])


def _strides(shape: tuple[int, ...] | list[int]) -> list[int]:
    """Of a row-major tensor."""
    return list(accumulate(shape[:0:-1], mul, initial=1))[::-1]


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
