"""Resize and Upsample.

Along each axis, an output is a sum of a few inputs, whose places and weights only depend on sizes: so they are gathered
and added up. Where WebNN's resample2d takes the same ones, it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array
from ..importer import NodeBuilder
from ..registry import operator
from .movement import axis_of

Ints = list[int]
Floats = list[float]

MAX_WEIGHTS = 2**24
"""Elements that go into the outputs along an axis, all together."""


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
class _Taps:
    """[outputs, elements]: the places of the inputs that each output is the sum of, and their weights; 1 by default."""

    places: Any
    weights: Any = None

    @property
    def are_all(self) -> bool:
        """Whether each output is the input of its place."""
        own = np.arange(len(self.places))[:, None]
        if self.weights is None:
            return bool((self.places == own).all())
        return bool(((self.weights == 0) | (self.places == own)).all() and (self.weights.sum(axis=1) == 1).all())


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


def _nearest_taps(w: NodeBuilder, axis: _Axis, coordinates: Any, method: _Method) -> _Taps:
    modes = ", ".join(list(_NEAREST)[:-1])
    w.require(method.nearest in _NEAREST, f"nearest_mode {method.nearest!r} must be one of {modes}")
    return _Taps(np.clip(_NEAREST[method.nearest](coordinates, axis.scale), 0, axis.size - 1).astype(np.int32)[:, None])


def _weighted_taps(w: NodeBuilder, axis: _Axis, coordinates: Any, method: _Method) -> _Taps:
    """What lies outside counts as the input at the edge, or not at all."""
    shrink = min(axis.scale, 1.0) if method.antialias else 1.0
    count = math.ceil((1 if method.mode == "linear" else 2) / shrink)
    w.require(2 * count * axis.output <= MAX_WEIGHTS, f"{axis.output} sums of {2 * count} elements along one axis are "
                                                      f"too many: more than {MAX_WEIGHTS}")  # fmt: skip
    low = np.floor(coordinates).astype(np.int64)
    taps = low[:, None] + np.arange(1 - count, 1 + count)
    distance = np.abs(taps - coordinates[:, None].astype(np.float64)) * shrink
    weights = np.maximum(0, 1 - distance) if method.mode == "linear" else _cubic(distance, method.a)
    if method.exclude_outside:
        weights = np.where((taps < 0) | (taps >= axis.size), 0, weights)
    if method.exclude_outside or method.antialias:
        total = weights.sum(axis=1, keepdims=True)
        weights = weights / np.where(total == 0, 1, total)
    return _Taps(np.clip(taps, 0, axis.size - 1).astype(np.int32), weights.astype(np.float32))


def _cubic(x: Any, a: float) -> Any:
    """Keys' kernel of the distance."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _resized(w: NodeBuilder, x: MLOperand, axes: list[_Axis], method: _Method) -> MLOperand:
    w.require(method.mode in ("nearest", "linear", "cubic"), f"mode {method.mode!r} must be nearest, linear or cubic")
    for axis in axes:
        fits = 1 <= axis.output <= MAX_WEIGHTS
        w.require(fits, f"axis {axis.number} would get {axis.output} elements; it must get 1 to {MAX_WEIGHTS}")
    coordinates = [axis.coordinates(w, method.coordinates) for axis in axes]
    make = _nearest_taps if method.mode == "nearest" else _weighted_taps
    taps = [make(w, axis, c, method) for axis, c in zip(axes, coordinates, strict=True)]
    changed = [i for i, axis in enumerate(axes) if axis.output != axis.size or not taps[i].are_all]
    result = x
    if _is_resample2d(w, x, [axes[i] for i in changed], [coordinates[i] for i in changed], method):
        result = _resample2d(w, x, [axes[i] for i in changed], method.mode)
    else:
        for i in changed:
            result = _added_up(w, result, axes[i].number, taps[i])
    if method.coordinates == "tf_crop_and_resize":
        for axis, c in zip(axes, coordinates, strict=True):
            outside = (c < 0) | (c > axis.size - 1)
            if outside.any():
                mask = outside.astype(np.uint8).reshape([-1] + [1] * (x.rank - 1 - axis.number))
                result = w.where(w.operand(mask), w.scalar(method.extrapolation, x.data_type), result)
    return w.identity(result) if result is x else result


def _added_up(w: NodeBuilder, x: MLOperand, axis: int, taps: _Taps) -> MLOperand:
    columns = [w.operand(np.ascontiguousarray(column)) for column in taps.places.T]
    if taps.weights is None:
        nearest: MLOperand = w.gather(x, columns[0], axis=axis)
        return nearest
    w.require(x.data_type.is_float, f"data type {x.data_type} cannot be interpolated; floating-point ones can")
    wide = w.cast(x, "float32") if x.data_type is DataType.FLOAT16 else x
    shape = [-1] + [1] * (x.rank - 1 - axis)
    parts = [
        w.mul(w.gather(wide, column, axis=axis), w.operand(weights.reshape(shape)))
        for column, weights in zip(columns, taps.weights.T, strict=True)
    ]
    result: MLOperand = reduce(w.add, parts)
    return result if wide is x else w.cast(result, x.data_type)


_RESAMPLED = (DataType.FLOAT32, DataType.FLOAT16, DataType.UINT8, DataType.INT8)


def _is_resample2d(w: NodeBuilder, x: MLOperand, axes: list[_Axis], coordinates: list[Any], method: _Method) -> bool:
    """Whether WebNN's operator takes the same inputs: its scale is the quotient of the sizes."""
    if x.rank != 4 or not 1 <= len(axes) <= 2 or method.mode == "cubic" or method.antialias:
        return False
    if x.data_type not in (_RESAMPLED if method.mode == "nearest" else _RESAMPLED[:2]):
        return False
    own = _Method("nearest", "half_pixel", "round_prefer_floor")
    for axis, c in zip(axes, coordinates, strict=True):
        plain = _Axis(axis.number, axis.size, axis.output, axis.output / axis.size)
        theirs = plain.coordinates(w, own.coordinates)
        if method.mode == "nearest":
            here, there = _nearest_taps(w, axis, c, method).places, _nearest_taps(w, plain, theirs, own).places
        else:
            here, there = (np.clip(v, 0, axis.size - 1) for v in (c, theirs))
        if not np.allclose(here, there, rtol=1e-6, atol=1e-6):
            return False
    return True


def _resample2d(w: NodeBuilder, x: MLOperand, axes: list[_Axis], mode: str) -> MLOperand:
    sizes = {axis.number: axis.output for axis in axes}
    if len(sizes) == 1:
        other = 2 if 3 in sizes else 3
        sizes[other] = x.shape[other]
    numbers = sorted(sizes)
    spelled = "nearest-neighbor" if mode == "nearest" else mode
    result: MLOperand = w.resample2d(x, mode=spelled, sizes=[sizes[n] for n in numbers], axes=numbers)
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
