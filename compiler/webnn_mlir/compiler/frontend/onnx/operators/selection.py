"""Operators that choose elements by value or by place, and those that rearrange blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array, Known
from ..importer import NodeBuilder
from ..registry import Value, operator
from .movement import axis_of

MAX_RANKED = 2**13
"""Elements along an axis of which each is compared with every other one."""

MAX_ROUNDS = 64


@operator("Trilu", since=14)
def trilu(w: NodeBuilder, input: MLOperand, k: Array | None = None, *, upper: int = 1) -> Any:
    w.require(k is None or k.size == 1, "k must have one element")
    diagonal = 0 if k is None else int(k.item())
    # Beyond the corners nothing changes any more.
    rows, columns = input.shape[-2:] if input.rank > 1 else (0, 0)
    return w.triangular(input, upper=bool(upper), diagonal=max(-rows - 1, min(columns + 1, diagonal)))


@operator("EyeLike", since=9)
def eye_like(w: NodeBuilder, input: Value, *, dtype: int | None = None, k: int = 0) -> Array:
    w.require(len(input.shape) == 2, f"the input has rank {len(input.shape)}; it must be 2")
    rows, columns = input.shape[0], input.shape[1]
    w.require(rows * columns <= 2**26, f"{rows} by {columns} elements are more than {2**26}")
    element: Any = input.data_type.numpy() if isinstance(input, Known) else input.data_type.numpy
    element = element if dtype is None else ir.DataType(dtype).numpy()
    return np.eye(rows, columns, max(-rows, min(columns, k)), dtype=element)


@operator("NonZero", since=9)
def non_zero(w: NodeBuilder, X: Array) -> Array:
    """The result's size depends on the values: they must be known."""
    return np.stack(np.nonzero(X)).astype(np.int64)


@operator("Compress", since=9)
def compress(w: NodeBuilder, input: MLOperand, condition: Array, *, axis: int | None = None) -> Any:
    chosen = np.flatnonzero(condition.reshape(-1))
    w.require(chosen.size > 0, "the result is empty, which WebNN has no tensors for")
    if axis is None:
        input, axis = w.reshape(input, [math.prod(input.shape)]), 0
    axis = axis_of(w, axis, input.rank)
    fits = chosen[-1] < input.shape[axis]
    w.require(fits, f"condition chooses element {chosen[-1]} of {input.shape[axis]}")
    return w.gather(input, w.operand(chosen.astype(np.int32)), axis=axis)


@operator("TopK")
def top_k_1(w: NodeBuilder, X: MLOperand, *, axis: int = -1, k: int) -> Any:
    return _top_k(w, X, k, axis, largest=True)


@operator("TopK", since=10)
def top_k_10(w: NodeBuilder, X: MLOperand, K: Array, *, axis: int = -1) -> Any:
    return top_k(w, X, K, axis=axis)


@operator("TopK", since=11)
def top_k(w: NodeBuilder, X: MLOperand, K: Array, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> Any:
    """Always sorted, which any order allows."""
    w.require(K.size == 1, f"K has {K.size} elements; it must have one")
    return _top_k(w, X, int(K.item()), axis, largest=bool(largest))


def _top_k(w: NodeBuilder, x: MLOperand, k: int, axis: int, *, largest: bool) -> list[MLOperand]:
    axis = axis_of(w, axis, x.rank)
    size = x.shape[axis]
    w.require(1 <= k <= size, f"K {k} must be from 1 to {size}")
    if k == 1:
        method = w.arg_max if largest else w.arg_min
        indices = method(x, axis, keep_dimensions=True, output_data_type="int64")
    elif size <= MAX_RANKED:
        indices = _by_rank(w, x, k, axis, largest)
    else:
        w.require(k <= MAX_ROUNDS, f"K {k} of {size} elements; beyond {MAX_RANKED} at most {MAX_ROUNDS} are supported")
        indices = _by_rounds(w, x, k, axis, largest)
    return [w.gather_elements(x, indices, axis=axis), indices]


def _by_rank(w: NodeBuilder, x: MLOperand, k: int, axis: int, largest: bool) -> MLOperand:
    """An element's rank is how many go before it: the greater ones, and equal ones with a lower index."""
    size = x.shape[axis]
    before, after = list(x.shape[:axis]), list(x.shape[axis + 1 :])
    own, other = w.reshape(x, [*before, size, 1, *after]), w.reshape(x, [*before, 1, size, *after])
    beats = w.greater(other, own) if largest else w.lesser(other, own)
    ones = [1] * len(after)
    index = np.arange(size, dtype=np.int32)
    lower = w.lesser(w.operand(index.reshape([1, size, *ones])), w.operand(index.reshape([size, 1, *ones])))
    first = w.logical_or(beats, w.logical_and(w.equal(other, own), lower))
    rank = w.reduce_sum(w.cast(first, "int32"), axes=[axis + 1])
    # The index of the element that has each of the ranks: the only one, so a sum finds it.
    wanted = w.operand(index[:k].reshape([k, 1, *ones]))
    found = w.equal(w.reshape(rank, [*before, 1, size, *after]), wanted)
    at = w.where(found, w.operand(index.reshape([size, *ones])), w.scalar(0, DataType.INT32))
    result: MLOperand = w.cast(w.reduce_sum(at, axes=[axis + 1]), "int64")
    return result


def _by_rounds(w: NodeBuilder, x: MLOperand, k: int, axis: int, largest: bool) -> MLOperand:
    """The best, then the best of the rest, …: what has been taken is replaced by the worst value there is."""
    method = w.arg_max if largest else w.arg_min
    low, high = (-math.inf, math.inf) if x.data_type.is_float else x.data_type.range
    worst = w.scalar(low if largest else high, x.data_type)
    places = w.operand(np.arange(x.shape[axis], dtype=np.int64).reshape([-1] + [1] * (x.rank - 1 - axis)))
    found = []
    for _ in range(k):
        found.append(method(x, axis, keep_dimensions=True, output_data_type="int64"))
        x = w.where(w.equal(places, found[-1]), worst, x)
    result: MLOperand = w.concat(found, axis)
    return result


def _require_blocks(w: NodeBuilder, input: MLOperand, blocksize: int, mode: str) -> None:
    w.require(input.rank == 4 and blocksize > 0, f"the input must have rank 4 and blocksize {blocksize} be above 0")
    w.require(mode in ("DCR", "CRD"), f"mode {mode!r} must be DCR or CRD")


@operator("DepthToSpace")
def depth_to_space(w: NodeBuilder, input: MLOperand, *, blocksize: int, mode: str = "DCR") -> Any:
    """[n, c · b², h, w] -> [n, c, h · b, w · b]; the channels are blocks of c, or in mode CRD c of blocks."""
    _require_blocks(w, input, blocksize, mode)
    n, c, height, width = input.shape
    b = blocksize
    w.require(c % (b * b) == 0, f"blocksize {b} squared must divide the {c} channels")
    depth = c // (b * b)
    if mode == "DCR":
        parts, order = [n, b, b, depth, height, width], [0, 3, 4, 1, 5, 2]
    else:
        parts, order = [n, depth, b, b, height, width], [0, 1, 4, 2, 5, 3]
    return w.reshape(w.transpose(w.reshape(input, parts), permutation=order), [n, depth, height * b, width * b])


@operator("SpaceToDepth")
def space_to_depth_1(w: NodeBuilder, input: MLOperand, *, blocksize: int) -> Any:
    return space_to_depth(w, input, blocksize=blocksize)


@operator("SpaceToDepth", since=28)
def space_to_depth(w: NodeBuilder, input: MLOperand, *, blocksize: int, mode: str = "DCR") -> Any:
    """The inverse of DepthToSpace."""
    _require_blocks(w, input, blocksize, mode)
    n, c, height, width = input.shape
    b = blocksize
    w.require(height % b == 0 and width % b == 0, f"blocksize {b} must divide height {height} and width {width}")
    blocks = w.reshape(input, [n, c, height // b, b, width // b, b])
    order = [0, 3, 5, 1, 2, 4] if mode == "DCR" else [0, 1, 3, 5, 2, 4]
    return w.reshape(w.transpose(blocks, permutation=order), [n, c * b * b, height // b, width // b])
