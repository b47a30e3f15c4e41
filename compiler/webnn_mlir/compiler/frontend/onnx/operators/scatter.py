"""Operators that take and put elements by computed indices: scattering, GatherND, and what comes down to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array
from ..importer import NodeBuilder
from ..registry import Value, operator
from .movement import axis_of, gather_elements

Ints = list[int]

REDUCTIONS = {"add": "add", "mul": "mul", "max": "max", "min": "min"}
MAX_ROUNDS = 256
"""Updates that may meet one element are applied one after the other: there may be this many."""


@operator("Scatter", since=9)
@operator("ScatterElements", since=11)
def scatter_elements_11(
    w: NodeBuilder, data: MLOperand, indices: MLOperand, updates: MLOperand, *, axis: int = 0
) -> Any:
    return _put(w, data, indices, updates, axis_of(w, axis, data.rank))


def _put(w: NodeBuilder, data: MLOperand, indices: MLOperand, updates: MLOperand, axis: int) -> MLOperand:
    """Where the indices are of fewer places along the other axes than the data, by all their coordinates."""
    w.require(indices.rank == data.rank, f"data has rank {data.rank} and indices have {indices.rank}")
    shape = [*indices.shape, 1]
    result: MLOperand
    if all(a == axis or n == data.shape[a] for a, n in enumerate(indices.shape)):
        result = w.scatter_elements(data, indices, updates, axis=axis)
    else:
        w.require(all(a == axis or n <= data.shape[a] for a, n in enumerate(indices.shape)),
                  f"indices of shape {list(indices.shape)} do not fit data of {list(data.shape)}")  # fmt: skip
        parts = [w.reshape(indices, shape) if a == axis else _places(w, indices, shape, a) for a in range(data.rank)]
        result = w.scatter_nd(data, w.concat(parts, data.rank), updates)
    return result


@operator("ScatterElements", since=16)
def scatter_elements(
    w: NodeBuilder, data: MLOperand, indices: MLOperand, updates: MLOperand, *, axis: int = 0, reduction: str = "none"
) -> Any:
    """With a reduction, one index along the axis at a time: those at one place have different targets."""
    axis = axis_of(w, axis, data.rank)
    if reduction == "none":
        return _put(w, data, indices, updates, axis)
    method = _method(w, reduction, indices.shape[axis])
    for row in range(indices.shape[axis]):
        own, update = (_row(w, x, axis, row) for x in (indices, updates))
        data = _put(w, data, own, method(gather_elements(w, data, own, axis=axis), update), axis)
    return data


def _method(w: NodeBuilder, reduction: str, rounds: int) -> Any:
    w.require(reduction in REDUCTIONS, f"reduction {reduction!r} must be one of none, {', '.join(REDUCTIONS)}")
    w.require(rounds <= MAX_ROUNDS, f"reduction {reduction!r} of {rounds} updates; at most {MAX_ROUNDS} are supported")
    return getattr(w, REDUCTIONS[reduction])


def _row(w: NodeBuilder, x: MLOperand, axis: int, row: int) -> MLOperand:
    starts, sizes = [0] * x.rank, list(x.shape)
    starts[axis], sizes[axis] = row, 1
    result: MLOperand = w.slice(x, starts, sizes)
    return result


@operator("ScatterND", since=11)
def scatter_nd_11(w: NodeBuilder, data: MLOperand, indices: MLOperand, updates: MLOperand) -> Any:
    return w.scatter_nd(data, indices, updates)


@operator("ScatterND", since=16)
def scatter_nd(
    w: NodeBuilder, data: MLOperand, indices: MLOperand, updates: MLOperand, *, reduction: str = "none"
) -> Any:
    """With a reduction, one slice at a time."""
    if reduction == "none":
        return w.scatter_nd(data, indices, updates)
    count, depth = math.prod(indices.shape[:-1]), indices.shape[-1]
    method = _method(w, reduction, count)
    flat = w.reshape(indices, [count, depth])
    rows = w.reshape(updates, [count, *updates.shape[indices.rank - 1 :]])
    for row in range(count):
        own, update = (_row(w, x, 0, row) for x in (flat, rows))
        data = w.scatter_nd(data, own, method(w.gather_nd(data, own), update))
    return data


@operator("GatherND", since=11)
def gather_nd(w: NodeBuilder, data: MLOperand, indices: MLOperand, *, batch_dims: int = 0) -> Any:
    """The leading axes that both share are indices too: each its own place."""
    shape = indices.shape
    w.require(0 <= batch_dims < min(data.rank, indices.rank), f"batch_dims {batch_dims} must be below the ranks")
    w.require(data.shape[:batch_dims] == shape[:batch_dims],
              f"the first {batch_dims} sizes of {list(data.shape)} and {list(shape)} must be equal")  # fmt: skip
    parts = [_places(w, indices, [*shape[:-1], 1], axis) for axis in range(batch_dims)]
    return w.gather_nd(data, w.concat([*parts, indices], indices.rank - 1) if parts else indices)


def _places(w: NodeBuilder, like: MLOperand, shape: Ints, axis: int) -> MLOperand:
    """Each element's place along an axis."""
    along = np.arange(shape[axis], dtype=like.data_type.numpy).reshape([-1] + [1] * (len(shape) - 1 - axis))
    result: MLOperand = w.expand(w.operand(along), shape)
    return result


@operator("OneHot", since=9)
def one_hot(w: NodeBuilder, indices: MLOperand, depth: Array, values: MLOperand, *, axis: int = -1) -> Any:
    """`values` are what stands elsewhere, and what stands at the index; none of its rows has an index out of range."""
    w.require(depth.size == 1, f"depth has {depth.size} elements; it must have one")
    count = int(depth.item())
    w.require(0 < count <= 2**24, f"depth {count} must be from 1 to {2**24}")
    axis = axis_of(w, axis, indices.rank + 1)
    whole = indices
    if indices.data_type not in (DataType.INT32, DataType.INT64):
        whole = w.cast(indices, DataType.INT64 if indices.data_type.bits > 16 else DataType.INT32)
    zero, length = (w.scalar(v, whole.data_type) for v in (0, count))
    whole = w.where(w.lesser(whole, zero), w.add(whole, length), whole)
    shape = list(indices.shape)
    shape.insert(axis, 1)
    places = np.arange(count, dtype=whole.data_type.numpy).reshape([-1] + [1] * (indices.rank - axis))
    hot = w.equal(w.reshape(whole, shape), w.operand(places))
    off, on = (w.reshape(part, []) for part in w.split(values, 2))
    return w.where(hot, on, off)


@operator("ReverseSequence", since=10)
def reverse_sequence(
    w: NodeBuilder, input: MLOperand, sequence_lens: Value, *, batch_axis: int = 1, time_axis: int = 0
) -> Any:
    """Takes element length - 1 - t where t is below the length, else t."""
    w.require({batch_axis, time_axis} == {0, 1} and input.rank >= 2, "batch_axis and time_axis must be 0 and 1")
    steps, batch = input.shape[time_axis], input.shape[batch_axis]
    found = list(sequence_lens.shape)
    w.require(found == [batch], f"sequence_lens has shape {found}; it must be [{batch}]")
    lengths = w.reshape(w.cast(w.operand(sequence_lens), "int32"), [batch, 1] if batch_axis == 0 else [1, batch])
    places = w.operand(np.arange(steps, dtype=np.int32).reshape([1, steps] if time_axis == 1 else [steps, 1]))
    backward = w.sub(w.sub(lengths, w.scalar(1, DataType.INT32)), places)
    taken = w.where(w.lesser(places, lengths), backward, places)
    shape = list(input.shape)
    taken = w.expand(w.reshape(taken, [*taken.shape, *[1] * (input.rank - 2)]), shape)
    return w.gather_elements(input, taken, axis=time_axis)
