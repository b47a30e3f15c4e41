"""Running products, and caches that are written at places that a graph computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array
from ..importer import NodeBuilder
from ..registry import operator
from .movement import axis_of


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
