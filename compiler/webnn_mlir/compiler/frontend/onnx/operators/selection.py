"""Operators that choose, order and mark elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array, Known
from ..importer import NodeBuilder
from ..registry import Value, operator
from .movement import axis_of

MAX_SORTED = 2**14
"""Elements that TopK orders: it compares each with each."""


@operator("TopK", since=10)
def top_k(w: NodeBuilder, X: MLOperand, K: Array, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> list[Any]:
    """Each element's place is the number of those before it: larger ones, and equal ones that come first."""
    axis, count = axis_of(w, axis, X.rank), int(K.item())
    size = X.shape[axis]
    w.require(0 < count <= size, f"K {count} must be from 1 to {size}")
    w.require(size <= MAX_SORTED, f"{size} elements are too many to order; at most {MAX_SORTED} are")
    last = [*(a for a in range(X.rank) if a != axis), axis]
    x = X if axis == X.rank - 1 else w.transpose(X, permutation=last)
    rows = list(x.shape[:-1])
    own, other = w.reshape(x, [*rows, size, 1]), w.reshape(x, [*rows, 1, size])
    places = np.arange(size, dtype=np.int32)
    earlier = w.lesser(w.operand(places), w.operand(places.reshape(-1, 1)))
    before = w.greater(other, own) if largest else w.lesser(other, own)
    before = w.logical_or(before, w.logical_and(w.equal(other, own), earlier))
    place = w.reduce_sum(w.cast(before, DataType.INT32), axes=[X.rank])
    wanted = w.operand(np.arange(count, dtype=np.int32).reshape(-1, 1))
    hits = w.cast(w.equal(w.reshape(place, [*rows, 1, size]), wanted), DataType.INT32)
    indices = w.arg_max(hits, X.rank, output_data_type="int64")
    values = w.gather_elements(x, indices, axis=X.rank - 1)
    if x is X:
        return [values, indices]
    back = [last.index(a) for a in range(X.rank)]
    return [w.transpose(values, permutation=back), w.transpose(indices, permutation=back)]


@operator("TopK")
def top_k_1(w: NodeBuilder, X: MLOperand, *, axis: int = -1, k: int) -> list[Any]:
    return top_k(w, X, np.asarray(k), axis=axis)


@operator("OneHot", since=9)
def one_hot(w: NodeBuilder, indices: MLOperand, depth: Array, values: MLOperand, *, axis: int = -1) -> Any:
    """The value for on where the index, counted from the end if negative, is the place along the new axis."""
    size, axis = int(depth.item()), axis_of(w, axis, indices.rank + 1)
    index = w.cast(indices, DataType.INT64) if indices.data_type is not DataType.INT64 else indices
    index = w.where(w.lesser(index, w.scalar(0, DataType.INT64)), w.add(index, w.scalar(size, DataType.INT64)), index)
    shape = list(index.shape)
    shape.insert(axis, 1)
    places = np.arange(size, dtype=np.int64).reshape([size if a == axis else 1 for a in range(len(shape))])
    off, on = (w.reshape(w.slice(values, [i], [1]), []) for i in (0, 1))
    return w.where(w.equal(w.reshape(index, shape), w.operand(places)), on, off)


@operator("EyeLike", since=9)
def eye_like(w: NodeBuilder, input: Value, *, dtype: int | None = None, k: int = 0) -> Any:
    w.require(len(input.shape) == 2, f"input has rank {len(input.shape)}; it must have 2")
    if dtype is not None:
        data_type = ir.DataType(dtype)
    elif isinstance(input, Known):
        data_type = input.data_type
    else:
        data_type = ir.DataType.from_numpy(input.data_type.numpy)
    return Known.of(np.eye(*input.shape, k, dtype=data_type.numpy()))


@operator("Compress", since=9)
def compress(w: NodeBuilder, input: MLOperand, condition: Array, *, axis: int | None = None) -> Any:
    """The elements along an axis, or of the flat input, where the condition holds; it must be known."""
    chosen = np.flatnonzero(condition)
    if axis is None:
        input, axis = w.reshape(input, [int(np.prod(input.shape))]), 0
    axis = axis_of(w, axis, input.rank)
    w.require(len(chosen) > 0, "no element is chosen: the result is empty, which WebNN has no tensors for")
    w.require(chosen[-1] < input.shape[axis], f"condition chooses {chosen[-1]} of {input.shape[axis]} elements")
    return w.gather(input, w.operand(chosen), axis=axis)


@operator("ReverseSequence", since=10)
def reverse_sequence(
    w: NodeBuilder, input: MLOperand, sequence_lens: MLOperand, *, batch_axis: int = 1, time_axis: int = 0
) -> Any:
    """Step t of a sequence is its step length - 1 - t, from its length on t."""
    batch, time = axis_of(w, batch_axis, input.rank, "batch_axis"), axis_of(w, time_axis, input.rank, "time_axis")
    w.require({batch, time} == {0, 1}, f"batch_axis {batch} and time_axis {time} must be 0 and 1")
    lengths = w.reshape(sequence_lens, [input.shape[a] if a == batch else 1 for a in range(2)])
    steps = w.operand(np.arange(input.shape[time], dtype=np.int64).reshape([-1 if a == time else 1 for a in range(2)]))
    lengths = w.cast(lengths, DataType.INT64) if lengths.data_type is not DataType.INT64 else lengths
    reversed_ = w.sub(w.sub(lengths, w.scalar(1, DataType.INT64)), steps)
    index = w.where(w.lesser(steps, lengths), reversed_, steps)
    index = w.reshape(index, [*input.shape[:2], *[1] * (input.rank - 2)])
    return w.gather_elements(input, w.expand(index, list(input.shape)), axis=time)


@operator("CumProd", since=26)
def cum_prod(w: NodeBuilder, x: MLOperand, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Any:
    """Each step multiplies with what is as far before as all earlier ones reached together."""
    along = axis_of(w, int(axis.item()), x.rank)
    result = w.reverse(x, axes=[along]) if reverse else x
    if exclusive:
        result = _moved(w, result, along, 1)
    distance = 1
    while distance < x.shape[along]:
        result = w.mul(result, _moved(w, result, along, distance))
        distance *= 2
    return w.reverse(result, axes=[along]) if reverse else result


def _moved(w: NodeBuilder, x: MLOperand, axis: int, distance: int) -> MLOperand:
    """x moved towards the end, with ones before it."""
    sizes, shape = list(x.shape), list(x.shape)
    sizes[axis] -= distance
    shape[axis] = distance
    ones = w.full(1, x.data_type, shape)
    if not sizes[axis]:
        return ones
    return w.concat([ones, w.slice(x, [0] * x.rank, sizes)], axis)


@operator("TensorScatter", since=24)
def tensor_scatter(
    w: NodeBuilder, past_cache: MLOperand, update: MLOperand, write_indices: MLOperand | None = None, *,
    axis: int = -2, mode: str = "linear",
) -> Any:  # fmt: skip
    """Place s of the cache is the update's s - write index, where the update has one; `circular` wraps around."""
    w.require(mode in ("linear", "circular"), f"mode {mode!r} must be linear or circular")
    rank, axis = past_cache.rank, axis_of(w, axis, past_cache.rank)
    size, length = past_cache.shape[axis], update.shape[axis]
    zero, wide = w.scalar(0, DataType.INT64), DataType.INT64
    places = w.operand(np.arange(size, dtype=np.int64).reshape([size if a == axis else 1 for a in range(rank)]))
    source = w.expand(places, [past_cache.shape[0] if a == 0 else d for a, d in enumerate(places.shape)])
    if write_indices is not None:
        starts = w.reshape(write_indices, [past_cache.shape[0] if a == 0 else 1 for a in range(rank)])
        source = w.sub(places, w.cast(starts, wide) if starts.data_type is not wide else starts)
    if mode == "circular":
        source = w.where(w.lesser(source, zero), w.add(source, w.scalar(size, wide)), source)
    written = w.logical_and(w.greater_or_equal(source, zero), w.lesser(source, w.scalar(length, wide)))
    index = w.expand(w.clamp(source, min_value=0, max_value=length - 1), list(past_cache.shape))
    return w.where(written, w.gather_elements(update, index, axis=axis), past_cache)
