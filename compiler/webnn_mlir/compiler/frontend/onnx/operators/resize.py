"""Resize and Upsample.

Along each axis, an output is a sum of inputs with weights that only depend on sizes: nearest takes one input by a
gathering, the other modes are products with the matrix of the weights. Where WebNN's resample2d has the same weights,
it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array
from ..importer import NodeBuilder
from ..registry import operator
from .movement import axis_of

Ints = list[int]
Floats = list[float]

MAX_WEIGHTS = 2**26
"""Elements that a matrix of weights may have."""


@dataclass(frozen=True)
class _Method:
    """A node's attributes. `simple` is Resize's nearest mode before opset 11: floor, but ceil where it shrinks."""

    mode: str
    coordinates: str = "asymmetric"
    nearest: str = "floor"
    a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    extrapolation: float = 0.0


@dataclass(frozen=True)
class _Axis:
    """One axis: sizes, the scale (which need not be their quotient) and the range that is cropped."""

    number: int
    size: int
    output: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    def coordinates(self, w: NodeBuilder, mode: str) -> Any:
        """Where each output lies among the inputs, computed in float32."""
        f = np.float32
        modes = ", ".join(_COORDINATES)
        w.require(mode in _COORDINATES, f"coordinate_transformation_mode {mode!r} must be one of {modes}")
        return _COORDINATES[mode](self, np.arange(self.output, dtype=f), f(self.scale), f(self.size - 1)).astype(f)


def _half_pixel(axis: _Axis, i: Any, scale: Any, last: Any) -> Any:
    return (i + np.float32(0.5)) / scale - np.float32(0.5)


def _pytorch_half_pixel(axis: _Axis, i: Any, scale: Any, last: Any) -> Any:
    return _half_pixel(axis, i, scale, last) if axis.output > 1 else np.zeros(1)


def _half_pixel_symmetric(axis: _Axis, i: Any, scale: Any, last: Any) -> Any:
    """Centers of input and output coincide, though the output is cut to a whole number."""
    length = np.float32(axis.size)
    return length / 2 * (1 - np.float32(axis.output) / (scale * length)) + _half_pixel(axis, i, scale, last)


def _align_corners(axis: _Axis, i: Any, scale: Any, last: Any) -> Any:
    length = scale * np.float32(axis.size)
    return i * last / (length - 1) if length != 1 else np.zeros(axis.output)


def _crop(axis: _Axis, i: Any, scale: Any, last: Any) -> Any:
    start, end = np.float32(axis.start), np.float32(axis.end)
    if axis.output == 1:
        return np.full(1, (start + end) * last / 2)
    return start * last + i * (end - start) * last / (scale * np.float32(axis.size) - 1)


_COORDINATES: dict[str, Callable[[_Axis, Any, Any, Any], Any]] = {
    "half_pixel": _half_pixel,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "align_corners": _align_corners,
    "asymmetric": lambda axis, i, scale, last: i / scale,
    "tf_crop_and_resize": _crop,
}

_NEAREST: dict[str, Callable[[Any, float], Any]] = {
    "round_prefer_floor": lambda c, scale: np.ceil(c - np.float32(0.5)),
    "round_prefer_ceil": lambda c, scale: np.floor(c + np.float32(0.5)),
    "floor": lambda c, scale: np.floor(c),
    "ceil": lambda c, scale: np.ceil(c),
    "simple": lambda c, scale: np.ceil(c) if scale < 1 else np.floor(c),
}


def _indices(w: NodeBuilder, axis: _Axis, coordinates: Any, nearest: str) -> Any:
    w.require(nearest in _NEAREST, f"nearest_mode {nearest!r} must be one of {', '.join(list(_NEAREST)[:-1])}")
    return np.clip(_NEAREST[nearest](coordinates, axis.scale), 0, axis.size - 1).astype(np.int32)


def _matrix(axis: _Axis, coordinates: Any, method: _Method) -> Any:
    """[output, size]: the weight of each input in each output; what lies outside counts as the input at the edge."""
    shrink = min(axis.scale, 1.0) if method.antialias else 1.0
    reach = (1 if method.mode == "linear" else 2) / shrink
    low = np.floor(coordinates).astype(np.int64)
    taps = low[:, None] + np.arange(int(np.floor(-reach)) + 1, 1 - int(np.floor(-reach)))
    distance = np.abs(taps - coordinates[:, None].astype(np.float64)) * shrink
    weights = np.maximum(0, 1 - distance) if method.mode == "linear" else _cubic(distance, method.a)
    if method.exclude_outside:
        weights = np.where((taps < 0) | (taps >= axis.size), 0, weights)
    if method.exclude_outside or method.antialias:
        weights = weights / weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((axis.output, axis.size))
    np.add.at(matrix, (np.arange(axis.output)[:, None], np.clip(taps, 0, axis.size - 1)), weights)
    return matrix.astype(np.float32)


def _cubic(x: Any, a: float) -> Any:
    """Keys' kernel of the distance."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _resized(w: NodeBuilder, x: MLOperand, axes: list[_Axis], method: _Method) -> MLOperand:
    w.require(method.mode in ("nearest", "linear", "cubic"), f"mode {method.mode!r} must be nearest, linear or cubic")
    for axis in axes:
        shape = [axis.output, axis.size]
        fits = axis.output >= 1 and axis.output * axis.size <= MAX_WEIGHTS
        w.require(fits, f"axis {axis.number} of {axis.size} cannot get {axis.output} elements: a matrix {shape}")
    coordinates = [axis.coordinates(w, method.coordinates) for axis in axes]
    tables = [_table(w, axis, c, method) for axis, c in zip(axes, coordinates, strict=True)]
    result = _resample2d(w, x, axes, tables, method) or _each(w, x, axes, tables)
    if method.coordinates == "tf_crop_and_resize":
        for axis, c in zip(axes, coordinates, strict=True):
            outside = (c < 0) | (c > axis.size - 1)
            if outside.any():
                mask = outside.astype(np.uint8).reshape([-1] + [1] * (x.rank - 1 - axis.number))
                result = w.where(w.operand(mask), w.scalar(method.extrapolation, x.data_type), result)
    return w.identity(result) if result is x else result


def _table(w: NodeBuilder, axis: _Axis, coordinates: Any, method: _Method) -> Any:
    """Indices for nearest, a matrix otherwise."""
    if method.mode == "nearest":
        return _indices(w, axis, coordinates, method.nearest)
    return _matrix(axis, coordinates, method)


def _is_same(table: Any) -> bool:
    """Whether a table takes every input as it is."""
    if table.ndim == 1:
        return np.array_equal(table, np.arange(len(table)))
    return table.shape[0] == table.shape[1] and np.array_equal(table, np.eye(len(table)))


def _each(w: NodeBuilder, x: MLOperand, axes: list[_Axis], tables: list[Any]) -> MLOperand:
    for axis, table in zip(axes, tables, strict=True):
        if axis.output == axis.size and _is_same(table):
            continue
        x = w.gather(x, w.operand(table), axis=axis.number) if table.ndim == 1 else _product(w, x, axis, table)
    return x


def _product(w: NodeBuilder, x: MLOperand, axis: _Axis, matrix: Any) -> MLOperand:
    shape = [axis.output if a == axis.number else size for a, size in enumerate(x.shape)]
    before, after = (int(np.prod(part)) for part in (x.shape[: axis.number], x.shape[axis.number + 1 :]))
    if after == 1:
        weights = w.operand(np.ascontiguousarray(matrix.T))
        product = w.matmul(w.reshape(x, [before, axis.size]), w.cast(weights, x.data_type))
    else:
        weights = w.cast(w.operand(matrix), x.data_type)
        product = w.matmul(weights, w.reshape(x, [before, axis.size, after]))
    result: MLOperand = w.reshape(product, shape)
    return result


def _resample2d(
    w: NodeBuilder, x: MLOperand, axes: list[_Axis], tables: list[Any], method: _Method
) -> MLOperand | None:
    """By WebNN's operator, where it gives the same; None otherwise."""
    changed = [(a, t) for a, t in zip(axes, tables, strict=True) if a.output != a.size or not _is_same(t)]
    types = (DataType.FLOAT32, DataType.FLOAT16, DataType.UINT8, DataType.INT8)
    if x.rank != 4 or not 1 <= len(changed) <= 2 or method.mode == "cubic" or x.data_type not in types:
        return None
    own = _Method(method.mode, "half_pixel", "round_prefer_floor")
    for axis, table in changed:
        # WebNN's scale is the quotient of the sizes.
        plain = _Axis(axis.number, axis.size, axis.output, axis.output / axis.size)
        if not np.allclose(_table(w, plain, plain.coordinates(w, own.coordinates), own), table, rtol=0, atol=2e-6):
            return None
    sizes = {axis.number: axis.output for axis, _ in changed}
    if len(sizes) == 1:
        sizes.setdefault(2 if 3 in sizes else 3, x.shape[2 if 3 in sizes else 3])
    numbers = sorted(sizes)
    mode = "nearest-neighbor" if method.mode == "nearest" else "linear"
    result: MLOperand = w.resample2d(x, mode=mode, sizes=[sizes[n] for n in numbers], axes=numbers)
    return result


def _scaled(w: NodeBuilder, x: MLOperand, scales: Floats) -> list[_Axis]:
    w.require(len(scales) == x.rank, f"scales {scales} must have an entry for each of {x.rank} axes")
    w.require(all(s > 0 for s in scales), f"scales {scales} must be above 0")
    outputs = [int(np.floor(np.float32(n) * np.float32(s))) for n, s in zip(x.shape, scales, strict=True)]
    return [_Axis(i, n, o, s) for i, (n, o, s) in enumerate(zip(x.shape, outputs, scales, strict=True))]


@operator("Upsample", since=7)
def upsample_7(w: NodeBuilder, X: MLOperand, *, mode: str = "nearest", scales: Floats) -> Any:
    return _resized(w, X, _scaled(w, X, scales), _Method(mode))


@operator("Upsample", since=9)
def upsample(w: NodeBuilder, X: MLOperand, scales: Array, *, mode: str = "nearest") -> Any:
    return _resized(w, X, _scaled(w, X, scales.tolist()), _Method(mode))


@operator("Resize", since=10)
def resize_10(w: NodeBuilder, X: MLOperand, scales: Array, *, mode: str = "nearest") -> Any:
    return _resized(w, X, _scaled(w, X, scales.tolist()), _Method(mode, nearest="simple"))


@operator("Resize", since=11)
def resize(
    w: NodeBuilder,
    X: MLOperand,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
    *,
    antialias: int = 0,
    axes: Ints | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Any:
    method = _Method(mode, coordinate_transformation_mode, nearest_mode, cubic_coeff_a, bool(exclude_outside),
                     bool(antialias), extrapolation_value)  # fmt: skip
    numbers = list(range(X.rank)) if axes is None else [axis_of(w, a, X.rank) for a in axes]
    lengths = [X.shape[a] for a in numbers]
    if sizes is not None and sizes.size:
        factors, outputs = _by_sizes(w, lengths, sizes.tolist(), keep_aspect_ratio_policy)
    else:
        factors = [] if scales is None else scales.astype(float).tolist()
        w.require(len(factors) == len(numbers), f"scales or sizes of {len(numbers)} axes are needed")
        w.require(all(f > 0 for f in factors), f"scales {factors} must be above 0")
        outputs = [int(np.floor(np.float32(n) * np.float32(f))) for n, f in zip(lengths, factors, strict=True)]
    count = len(numbers)
    crop = [0.0] * count + [1.0] * count
    if coordinate_transformation_mode == "tf_crop_and_resize":
        w.require(roi is not None and roi.size == 2 * count, f"roi of {count} axes is needed")
        crop = crop if roi is None else roi.astype(float).tolist()
    rows = zip(numbers, lengths, outputs, factors, crop[:count], crop[count:], strict=True)
    return _resized(w, X, [_Axis(*row) for row in rows], method)


def _by_sizes(w: NodeBuilder, lengths: Ints, sizes: Ints, policy: str) -> tuple[Floats, Ints]:
    """Scales and sizes of the output."""
    w.require(len(sizes) == len(lengths), f"sizes {sizes} must have an entry for each of {len(lengths)} axes")
    w.require(all(s > 0 for s in sizes), f"sizes {sizes} must be above 0")
    scales = [size / length for size, length in zip(sizes, lengths, strict=True)]
    if policy == "stretch":
        return scales, sizes
    policies = ("not_larger", "not_smaller")
    w.require(policy in policies, f"keep_aspect_ratio_policy {policy!r} must be one of stretch, {', '.join(policies)}")
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [scale] * len(lengths), [int(np.floor(scale * length + 0.5)) for length in lengths]
