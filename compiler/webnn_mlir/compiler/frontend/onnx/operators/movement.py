"""Operators that make, move, join and part tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array, Known
from ..importer import NodeBuilder
from ..registry import Value, operator

Ints = list[int]


def axis_of(w: NodeBuilder, axis: int, rank: int, name: str = "axis") -> int:
    """An axis counted from the front. Raises OpError when there is none such."""
    w.require(-rank <= axis < rank, f"{name} {axis} must be from {-rank} to {rank - 1}")
    return axis % rank


@operator("Constant")
def constant(
    w: NodeBuilder,
    *,
    value: Any = None,
    value_float: float | None = None,
    value_floats: list[float] | None = None,
    value_int: int | None = None,
    value_ints: Ints | None = None,
) -> Known:
    if value is not None:
        known: Known = value
        return known
    if value_float is not None or value_floats is not None:
        return Known.of(np.asarray(value_floats if value_float is None else value_float, np.float32))
    w.require(value_int is not None or value_ints is not None, "it has no value of a supported kind")
    return Known.of(np.asarray(value_ints if value_int is None else value_int, np.int64))


@operator("ConstantOfShape")
def constant_of_shape(w: NodeBuilder, input: Array, *, value: Known | None = None) -> Any:
    element = Known.of(np.float32(0)) if value is None else value
    scalar = w.operand(Known.of(element.array.reshape(())))
    return w.expand(scalar, input.tolist()) if input.size else w.identity(scalar)


@operator("Shape")
def shape(w: NodeBuilder, data: Value, *, start: int = 0, end: int | None = None) -> Array:
    return np.asarray(data.shape[start:end], np.int64)


@operator("Size")
def size(w: NodeBuilder, data: Value) -> Array:
    return np.asarray(math.prod(data.shape), np.int64)


@operator("Reshape", since=5)
def reshape(w: NodeBuilder, data: Value, shape: Array, *, allowzero: int = 0) -> Any:
    sizes = [int(d) for d in shape]
    w.require(sizes.count(-1) < 2, f"shape {sizes} has more than one -1")
    if not allowzero:
        there = all(d or i < len(data.shape) for i, d in enumerate(sizes))
        w.require(there, f"shape {sizes} keeps a dimension that {list(data.shape)} does not have")
        sizes = [d or data.shape[i] for i, d in enumerate(sizes)]
    if -1 in sizes:
        rest = math.prod(d for d in sizes if d != -1)
        total = math.prod(data.shape)
        w.require(rest > 0 and total % rest == 0, f"shape {sizes} does not divide {total} elements")
        sizes[sizes.index(-1)] = total // rest
    return reshaped(w, data, sizes)


def reshaped(w: NodeBuilder, data: Value, sizes: Sequence[int]) -> Value:
    """A value in another shape; a known one stays known, and mapped."""
    if isinstance(data, Known) and math.prod(sizes) == math.prod(data.shape):
        return data.reshaped(tuple(sizes))
    operand = w.operand(data)
    if tuple(sizes) == operand.shape:
        return operand
    result: MLOperand = w.reshape(operand, list(sizes))
    return result


@operator("Flatten")
def flatten(w: NodeBuilder, input: Value, *, axis: int = 1) -> Any:
    rank = len(input.shape)
    w.require(-rank <= axis <= rank, f"axis {axis} must be from {-rank} to {rank}")
    axis = axis + rank if axis < 0 else axis
    return reshaped(w, input, [math.prod(input.shape[:axis]), math.prod(input.shape[axis:])])


@operator("Squeeze")
def squeeze_1(w: NodeBuilder, data: Value, *, axes: Ints | None = None) -> Any:
    rank = len(data.shape)
    gone = {axis_of(w, a, rank) for a in axes} if axes else {a for a, d in enumerate(data.shape) if d == 1}
    one = all(data.shape[a] == 1 for a in gone)
    w.require(one, f"axes {sorted(gone)} of shape {list(data.shape)} must be of size 1")
    return reshaped(w, data, [d for a, d in enumerate(data.shape) if a not in gone])


@operator("Squeeze", since=13)
def squeeze(w: NodeBuilder, data: Value, axes: Array | None = None) -> Any:
    return squeeze_1(w, data, axes=None if axes is None else axes.tolist())


@operator("Unsqueeze")
def unsqueeze_1(w: NodeBuilder, data: Value, *, axes: Ints) -> Any:
    rank = len(data.shape) + len(axes)
    new = {axis_of(w, a, rank) for a in axes}
    w.require(len(new) == len(axes), f"axes {axes} must be different")
    old = iter(data.shape)
    return reshaped(w, data, [1 if a in new else next(old) for a in range(rank)])


@operator("Unsqueeze", since=13)
def unsqueeze(w: NodeBuilder, data: Value, axes: Array) -> Any:
    return unsqueeze_1(w, data, axes=axes.reshape(-1).tolist())


@operator("Transpose")
def transpose(w: NodeBuilder, data: MLOperand, *, perm: Ints | None = None) -> Any:
    if not data.rank:
        return w.identity(data)
    return w.transpose(data, permutation=perm or list(range(data.rank))[::-1])


@operator("Concat", since=4)
def concat(w: NodeBuilder, *inputs: Value, axis: int) -> Any:
    """Inputs without elements, which WebNN has no tensors for, add nothing."""
    parts = [w.operand(v) for v in inputs if math.prod(v.shape)]
    w.require(bool(parts), "all inputs are empty")
    axis = axis_of(w, axis, parts[0].rank)
    return w.concat(parts, axis) if len(parts) > 1 else parts[0]


@operator("Split")
def split_1(w: NodeBuilder, input: MLOperand, *, axis: int = 0, split: Ints | None = None) -> Any:
    axis = axis_of(w, axis, input.rank)
    count = len(w.wanted)
    if split is None:
        # Equal parts, the last one smaller where they do not fit.
        part = -(-input.shape[axis] // count)
        split = [part] * (count - 1) + [input.shape[axis] - part * (count - 1)]
    sizes = [s for s in split if s]
    parts = iter(w.split(input, sizes, axis=axis) if len(sizes) > 1 else [w.identity(input)])
    return [next(parts) if s else empty(input, axis) for s in split]


def empty(like: MLOperand, axis: int) -> Known:
    """What is left of a tensor without the elements along an axis: WebNN has no such tensor, but it can be joined."""
    return Known.of(np.empty([0 if a == axis else d for a, d in enumerate(like.shape)], like.data_type.numpy))


@operator("Split", since=13)
def split(
    w: NodeBuilder, input: MLOperand, split: Array | None = None, *, axis: int = 0, num_outputs: int | None = None
) -> Any:
    return split_1(w, input, axis=axis, split=None if split is None else split.tolist())


@operator("Slice")
def slice_1(w: NodeBuilder, data: Value, *, starts: Ints, ends: Ints, axes: Ints | None = None) -> Any:
    return sliced(w, data, starts, ends, axes, None)


@operator("Slice", since=10)
def slice_(
    w: NodeBuilder, data: Value, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None
) -> Any:
    return sliced(w, data, *(None if a is None else a.tolist() for a in (starts, ends, axes, steps)))  # type: ignore[arg-type]


def sliced(
    w: NodeBuilder, data: Value, starts: Ints, ends: Ints, axes: Ints | None, steps: Ints | None
) -> Value:
    """As Python's slices: a negative step reverses, by `reverse`, then takes every so many."""
    rank = len(data.shape)
    axes = list(range(len(starts))) if axes is None else [axis_of(w, a, rank) for a in axes]
    steps = [1] * len(starts) if steps is None else steps
    w.require(len(starts) == len(ends) == len(axes) == len(steps), "starts, ends, axes and steps must be equally long")
    w.require(0 not in steps, "a step must not be 0")
    ranges = [range(d) for d in data.shape]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        ranges[axis] = range(data.shape[axis])[start:_end(end, step, data.shape[axis]) : step]
    if isinstance(data, Known):
        return Known.of(data.array[np.ix_(*map(list, ranges))]) if rank else data
    if not all(ranges):
        return Known.of(np.empty([len(r) for r in ranges], data.data_type.numpy))
    reversed_axes = [a for a, r in enumerate(ranges) if r.step < 0 and len(r) > 1]
    firsts = [min(r[0], r[-1]) for r in ranges]
    if not reversed_axes:
        return _slice(w, data, firsts, ranges)
    # The range from its low end, so that the last element taken is the first after reversal.
    return w.reverse(_slice(w, data, firsts, ranges), axes=reversed_axes)


def _end(end: int, step: int, size: int) -> int | None:
    """An end for Python's slice: below the first element, a backward one ends with it."""
    if step < 0 and end < -size:
        return None
    return end


def _slice(w: NodeBuilder, data: MLOperand, starts: list[int], ranges: list[range]) -> MLOperand:
    strides = [abs(r.step) if len(r) > 1 else 1 for r in ranges]
    sizes = [(len(r) - 1) * s + 1 for r, s in zip(ranges, strides, strict=True)]
    if tuple(sizes) == data.shape and set(strides) <= {1}:
        return data
    strided = {} if set(strides) <= {1} else {"strides": strides}
    result: MLOperand = w.slice(data, starts, sizes, **strided)
    return result


@operator("Expand")
def expand(w: NodeBuilder, input: MLOperand, shape: Array) -> Any:
    sizes = list(np.broadcast_shapes(tuple(int(d) for d in shape), input.shape))
    return w.expand(input, sizes) if tuple(sizes) != input.shape else input


@operator("Tile", since=6)
def tile(w: NodeBuilder, input: MLOperand, repeats: Array) -> Any:
    w.require(len(repeats) == input.rank, f"{len(repeats)} repeats are given for rank {input.rank}")
    return w.tile(input, repeats.tolist())


@operator("Range")
def range_(w: NodeBuilder, start: Array, limit: Array, delta: Array, *, stash_type: int = 1) -> Array:
    w.require(delta.item() != 0, "delta must not be 0")
    count = max(0, math.ceil((limit.item() - start.item()) / delta.item()))
    w.require(count <= 2**24, f"it has {count} elements; at most {2**24} are made at import")
    return (start + np.arange(count) * delta).astype(start.dtype)


@operator("Gather")
def gather(w: NodeBuilder, data: MLOperand, indices: MLOperand, *, axis: int = 0) -> Any:
    return w.gather(data, _indices(w, indices), axis=axis_of(w, axis, data.rank))


@operator("GatherElements")
def gather_elements(w: NodeBuilder, data: MLOperand, indices: MLOperand, *, axis: int = 0) -> Any:
    """The indices may be of fewer places along the other axes: the first ones of the data."""
    axis = axis_of(w, axis, data.rank)
    w.require(indices.rank == data.rank, f"data has rank {data.rank} and indices have {indices.rank}")
    sizes = [data.shape[a] if a == axis else size for a, size in enumerate(indices.shape)]
    if tuple(sizes) != data.shape:
        data = w.slice(data, [0] * data.rank, sizes)
    return w.gather_elements(data, _indices(w, indices), axis=axis)


def _indices(w: NodeBuilder, indices: MLOperand) -> MLOperand:
    narrow = indices.data_type in (DataType.INT8, DataType.UINT8)
    return w.cast(indices, DataType.INT32) if narrow else indices
