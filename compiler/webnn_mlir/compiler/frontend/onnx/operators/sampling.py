"""Sampling an image between its elements: GridSample and RoiAlign; and Col2Im, which adds up what blocks overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array
from ..importer import NodeBuilder
from ..registry import operator
from .convolution import conv_transpose

Tap = tuple[MLOperand, MLOperand]
"""Places along an axis, which may lie outside of the image, and the weights of the elements there."""

CUBIC = -0.75
"""The slope of the cubic kernel."""


def _number(w: NodeBuilder, value: float) -> MLOperand:
    return w.scalar(value, DataType.FLOAT32)


@operator("GridSample", since=16)
def grid_sample(
    w: NodeBuilder, X: MLOperand, grid: MLOperand, *, align_corners: int = 0, mode: str = "linear",
    padding_mode: str = "zeros",
) -> Any:  # fmt: skip
    """Places in the grid run from -1 to 1 over the image, from its last axis to its first spatial one."""
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    w.require(mode in ("linear", "nearest", "cubic"), f"mode {mode!r} must be linear, nearest or cubic")
    w.require(padding_mode in ("zeros", "border", "reflection"),
              f"padding_mode {padding_mode!r} must be zeros, border or reflection")  # fmt: skip
    sizes, batch = X.shape[2:], X.shape[0]
    w.require(grid.rank == X.rank and grid.shape[-1] == len(sizes),
              f"grid has shape {list(grid.shape)}; it must be of rank {X.rank} and end in {len(sizes)}")  # fmt: skip
    points = [batch, math.prod(grid.shape[1:-1])]
    parts = w.split(w.cast(grid, DataType.FLOAT32), len(sizes), axis=grid.rank - 1)
    taps = []
    for size, part in zip(sizes, reversed(parts), strict=True):
        low, high = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
        # From -1 … 1 to low … high.
        place = w.add(w.mul(w.reshape(part, points), _number(w, (high - low) / 2)), _number(w, (high + low) / 2))
        taps.append([
            (_inside(w, places, size, low, high, padding_mode), weights)
            for places, weights in _taps(w, _inside(w, place, size, low, high, padding_mode), mode)
        ])  # fmt: skip
    images = w.operand(np.arange(batch, dtype=np.int32).reshape(-1, 1))
    values = _sampled(w, X, images, taps)
    return w.reshape(w.transpose(values, permutation=[0, 2, 1]), [*X.shape[:2], *grid.shape[1:-1]])


def _inside(w: NodeBuilder, place: MLOperand, size: int, low: float, high: float, padding_mode: str) -> MLOperand:
    """A place as the padding moves it."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        place = _reflected(w, place, low, high) if high > low else w.mul(place, _number(w, 0))
    return w.clamp(place, min_value=0, max_value=size - 1)


def _reflected(w: NodeBuilder, x: MLOperand, low: float, high: float) -> MLOperand:
    """Folded at the ends: of the distance from the lower one, what is over a multiple of twice the length."""
    length = high - low
    distance = w.abs(w.sub(x, _number(w, low)))
    turns = w.floor(w.div(distance, _number(w, 2 * length)))
    over = w.sub(distance, w.mul(turns, _number(w, 2 * length)))
    return w.add(w.min(over, w.sub(_number(w, 2 * length), over)), _number(w, low))


def _taps(w: NodeBuilder, place: MLOperand, mode: str) -> list[Tap]:
    if mode == "nearest":
        return [(w.round_even(place), w.add(w.mul(place, _number(w, 0)), _number(w, 1)))]
    first, one = w.floor(place), _number(w, 1)
    t = w.sub(place, first)
    if mode == "linear":
        return [(first, w.sub(one, t)), (w.add(first, one), t)]
    return [
        (w.add(first, _number(w, offset)), _cubic(w, w.abs(w.sub(t, _number(w, offset))), far=offset in (-1, 2)))
        for offset in (-1, 0, 1, 2)
    ]


def _cubic(w: NodeBuilder, d: MLOperand, *, far: bool) -> MLOperand:
    """The kernel at a distance d: (a + 2) d³ - (a + 3) d² + 1 up to 1, a d³ - 5 a d² + 8 a d - 4 a up to 2."""
    a = CUBIC
    coefficients = (a, -5 * a, 8 * a, -4 * a) if far else (a + 2, -(a + 3), 0, 1)
    total = _number(w, coefficients[0])
    for coefficient in coefficients[1:]:
        total = w.add(w.mul(total, d), _number(w, coefficient))
    return total


def _sampled(
    w: NodeBuilder, X: MLOperand, images: MLOperand, taps: Sequence[Sequence[Tap]], join: str = "add"
) -> MLOperand:
    """[points…, C]: the elements at every combination of taps, joined; those outside of the image are 0."""
    channels, sizes = X.shape[1], X.shape[2:]
    channels_last = w.transpose(X, permutation=[0, *range(2, X.rank), 1])
    rows = w.reshape(channels_last, [X.shape[0] * math.prod(sizes), channels])
    total: MLOperand | None = None
    for combination in product(*taps):
        index: MLOperand = images
        weight: MLOperand | None = None
        for size, (places, weights) in zip(sizes, combination, strict=True):
            last = size - 1
            clamped = w.clamp(places, min_value=0, max_value=last)
            own = w.where(w.equal(places, clamped), weights, _number(w, 0))
            weight = own if weight is None else w.mul(weight, own)
            step = w.cast(clamped, DataType.INT32)
            index = w.add(w.mul(index, w.scalar(size, DataType.INT32)), step)
        assert weight is not None
        values = w.gather(rows, index)
        scaled = w.mul(values, w.cast(w.reshape(weight, [*weight.shape, 1]), X.data_type))
        total = scaled if total is None else getattr(w, join)(total, scaled)
    assert total is not None
    return total


@operator("RoiAlign", since=16)
def roi_align(
    w: NodeBuilder, X: MLOperand, rois: MLOperand, batch_indices: MLOperand, *,
    coordinate_transformation_mode: str = "half_pixel", mode: str = "avg", output_height: int = 1,
    output_width: int = 1, sampling_ratio: int = 0, spatial_scale: float = 1.0,
) -> Any:  # fmt: skip
    """Each region [x1, y1, x2, y2] in as many cells as the output has, each of sampling_ratio² points."""
    w.require(sampling_ratio > 0, "sampling_ratio must be above 0: with 0, the regions decide on the number of points")
    w.require(mode in ("avg", "max"), f"mode {mode!r} must be avg or max")
    modes = ("half_pixel", "output_half_pixel")
    w.require(coordinate_transformation_mode in modes,
              f"coordinate_transformation_mode {coordinate_transformation_mode!r} must be one of {modes}")  # fmt: skip
    half = coordinate_transformation_mode == "half_pixel"
    count = rois.shape[0]
    scaled = w.mul(w.cast(rois, DataType.FLOAT32), _number(w, spatial_scale))
    corners = w.split(w.sub(scaled, _number(w, 0.5)) if half else scaled, 4, axis=1)
    taps = []
    for axis, cells in enumerate((output_height, output_width)):
        start, end = (w.reshape(corners[i], [count, 1, 1]) for i in (1 - axis, 3 - axis))
        length = w.sub(end, start) if half else w.max(w.sub(end, start), _number(w, 1))
        points = (np.arange(cells * sampling_ratio, dtype=np.float32) + 0.5) / (cells * sampling_ratio)
        place = w.add(start, w.mul(length, w.operand(points.reshape((1, -1, 1) if axis == 0 else (1, 1, -1)))))
        near = w.clamp(place, min_value=-1, max_value=X.shape[2 + axis])
        inside = w.clamp(place, min_value=0, max_value=X.shape[2 + axis] - 1)
        # Up to an element's width outside of the image, its border counts; beyond, nothing does.
        counts = w.cast(w.equal(place, near), DataType.FLOAT32)
        taps.append([(places, w.mul(weights, counts)) for places, weights in _taps(w, inside, "linear")])
    images = w.reshape(w.cast(batch_indices, DataType.INT32), [count, 1, 1])
    values = _sampled(w, X, images, taps, "add" if mode == "avg" else "max")
    grid = [count, output_height, sampling_ratio, output_width, sampling_ratio, X.shape[1]]
    reduce = w.reduce_mean if mode == "avg" else w.reduce_max
    return w.transpose(reduce(w.reshape(values, grid), axes=[2, 4]), permutation=[0, 3, 1, 2])


@operator("RoiAlign", since=10)
def roi_align_10(
    w: NodeBuilder, X: MLOperand, rois: MLOperand, batch_indices: MLOperand, *, mode: str = "avg",
    output_height: int = 1, output_width: int = 1, sampling_ratio: int = 0, spatial_scale: float = 1.0,
) -> Any:  # fmt: skip
    return roi_align(w, X, rois, batch_indices, coordinate_transformation_mode="output_half_pixel", mode=mode,
                     output_height=output_height, output_width=output_width, sampling_ratio=sampling_ratio,
                     spatial_scale=spatial_scale)  # fmt: skip


@operator("Col2Im", since=18)
def col2im(
    w: NodeBuilder, input: MLOperand, image_shape: Array, block_shape: Array, *, dilations: list[int] | None = None,
    pads: list[int] | None = None, strides: list[int] | None = None,
) -> Any:  # fmt: skip
    """A transposed convolution, with a filter for each element of a block that puts it into its place."""
    image, block = image_shape.tolist(), block_shape.tolist()
    rank, size = len(image), math.prod(block)
    w.require(rank in (1, 2), f"{rank} spatial axes are not supported; 1 and 2 are")
    w.require(input.rank == 3 and input.shape[1] % size == 0,
              f"input has shape {list(input.shape)}; the second dimension must be a multiple of {size}")  # fmt: skip
    steps, spread, padding = strides or [1] * rank, dilations or [1] * rank, pads or [0] * 2 * rank
    spans = [s + padding[a] + padding[a + rank] - (b - 1) * d - 1
             for a, (s, b, d) in enumerate(zip(image, block, spread, strict=True))]  # fmt: skip
    counts = [span // step + 1 for span, step in zip(spans, steps, strict=True)]
    w.require(math.prod(counts) == input.shape[2], f"{input.shape[2]} blocks are given; the image has {counts}")
    channels = input.shape[1] // size
    filters = np.tile(np.eye(size, dtype=np.float32), (channels, 1)).reshape(channels * size, 1, *block)
    return conv_transpose(
        w, w.reshape(input, [*input.shape[:2], *counts]), w.cast(w.operand(filters), input.data_type),
        dilations=spread, group=channels, pads=padding, strides=steps,
        output_padding=[span % step for span, step in zip(spans, steps, strict=True)],
    )  # fmt: skip
