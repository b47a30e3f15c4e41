"""Pooling by windows, and over all axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import MLOperand

from ..importer import NodeBuilder
from ..registry import operator
from .windows import Ints, Windows, back, in_two, windows_of

MAX_GATHERED = 2**24
"""Elements of all windows of an image, of which an index is stored."""


def _pool_windows(
    w: NodeBuilder, X: MLOperand, kernel: Ints, strides: Ints | None, dilations: Ints | None, pads: Ints | None,
    auto_pad: str, ceil_mode: int = 0,
) -> Windows:  # fmt: skip
    """With ceil_mode, the padding reaches to the end of the last window that begins in the input or before it."""
    windows = windows_of(w, X.shape[2:], kernel, strides, dilations, pads, auto_pad)
    if not ceil_mode or auto_pad != "NOTSET":
        return windows
    padding = []
    for size, (before, after), stride, reach in zip(
        windows.inputs, windows.padding, windows.strides, windows.reach, strict=True
    ):
        last = -(-(size + before + after - reach) // stride)
        if last * stride >= size + before:
            last -= 1
        padding.append((before, max(0, last * stride + reach - size - before)))
    return Windows(windows.inputs, windows.kernel, windows.strides, windows.dilations, padding)


def _pool(w: NodeBuilder, method: str, X: MLOperand, windows: Windows) -> MLOperand:
    """Beyond two axes, the last two first, then the others: a window's part along some axes is the same everywhere."""
    if len(windows.inputs) > 2:
        n, c, *lead = X.shape[:-2]
        planes = _pool(w, method, w.reshape(X, [n, c * math.prod(lead), *X.shape[-2:]]), windows[-2:])
        own = math.prod(planes.shape[2:])
        single = Windows([own], [1], [1], [1], [(0, 0)])
        columns = _pool(w, method, w.reshape(planes, [n, c, *lead, own]), _joined(windows[:-2], single))
        spread: MLOperand = w.reshape(columns, [*columns.shape[:-1], *planes.shape[2:]])
        return spread
    pooled = getattr(w, method)(in_two(w, X), window_dimensions=windows.two.kernel, **windows.options)
    return back(w, pooled, X.rank)


def _joined(first: Windows, last: Windows) -> Windows:
    """Windows along the axes of both."""
    return Windows(first.inputs + last.inputs, first.kernel + last.kernel, first.strides + last.strides,
                   first.dilations + last.dilations, first.padding + last.padding)  # fmt: skip


def _padded(w: NodeBuilder, X: MLOperand, windows: Windows, value: float = 0) -> tuple[MLOperand, Windows]:
    """The input with its padding, and the windows on that."""
    padding = windows.padding
    if not any(map(any, padding)):
        return X, windows
    before, after = ([0, 0, *(pair[i] for pair in padding)] for i in (0, 1))
    padded = w.pad(X, before, after, value=value)
    rest = [(0, 0)] * len(padding)
    return padded, Windows(list(padded.shape[2:]), windows.kernel, windows.strides, windows.dilations, rest)


@operator("AveragePool")
def average_pool(
    w: NodeBuilder,
    X: MLOperand,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Ints | None = None,
    kernel_shape: Ints,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Any:
    """WebNN counts elements of its input: so what is counted of the padding is put there before."""
    windows = _pool_windows(w, X, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    if count_include_pad:
        counted = windows_of(w, X.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
        after = [max(0, full[1] - own[1]) for full, own in zip(windows.padding, counted.padding, strict=True)]
        X, padded = _padded(w, X, counted)
        windows = Windows(padded.inputs, padded.kernel, padded.strides, padded.dilations, [(0, a) for a in after])
    return _pool(w, "average_pool2d", X, windows)


@operator("MaxPool")
def max_pool(
    w: NodeBuilder,
    X: MLOperand,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Ints | None = None,
    kernel_shape: Ints,
    pads: Ints | None = None,
    storage_order: int = 0,
    strides: Ints | None = None,
) -> list[Any]:
    windows = _pool_windows(w, X, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    result = _pool(w, "max_pool2d", X, windows)
    indices = _max_indices(w, X, windows, storage_order) if len(w.wanted) > 1 and w.wanted[1] else None
    return [result, indices]


def _max_indices(w: NodeBuilder, X: MLOperand, windows: Windows, storage_order: int) -> MLOperand:
    """Where each greatest value lies in the flat input, by argMax of the elements of each window side by side."""
    w.require(X.data_type.is_float, "Indices are supported for floating-point inputs only")
    padded, _ = _padded(w, X, windows, -math.inf)
    places = [_places(windows, axis) for axis in range(len(windows.inputs))]
    elements = math.prod(place.size for place in places)
    w.require(elements <= MAX_GATHERED, f"Indices of {elements} elements; at most {MAX_GATHERED} are supported")
    columns, targets = np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64)
    targets_of = windows.inputs if not storage_order else windows.inputs[::-1]
    for axis, place in enumerate(places):
        (before, _), size = windows.padding[axis], padded.shape[2 + axis]
        stride = math.prod(targets_of[axis + 1 :]) if not storage_order else math.prod(windows.inputs[:axis])
        columns = _outer(columns * size, place)
        targets = _outer(targets, (place - before) * stride)
    outputs, taps = columns.shape
    flat = w.reshape(padded, [math.prod(X.shape[:2]), math.prod(padded.shape[2:])])
    tap = w.arg_max(w.gather(flat, w.operand(columns), axis=1), 2, output_data_type="int64")
    own = w.gather(w.operand(targets.reshape(-1)), w.add(tap, w.operand(np.arange(outputs) * taps)))
    first = np.arange(math.prod(X.shape[:2])).reshape(-1, 1) * math.prod(windows.inputs)
    return w.reshape(w.add(own, w.operand(first)), [*X.shape[:2], *(len(p) for p in places)])


def _places(windows: Windows, axis: int) -> Any:
    """[windows, elements] -> place along an axis of the padded input."""
    before, after = windows.padding[axis]
    stride = windows.strides[axis]
    count = (windows.inputs[axis] + before + after - windows.reach[axis]) // stride + 1
    elements = np.arange(windows.kernel[axis]) * windows.dilations[axis]
    return np.arange(count, dtype=np.int64)[:, None] * stride + elements


def _outer(a: Any, b: Any) -> Any:
    """Sums of each element of `a` with each of `b`, along both axes."""
    return (a[:, None, :, None] + b[None, :, None, :]).reshape(a.shape[0] * b.shape[0], -1)


@operator("LpPool", since=2)
def lp_pool(
    w: NodeBuilder,
    X: MLOperand,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Ints | None = None,
    kernel_shape: Ints,
    p: int = 2,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Any:
    """The root of a window's sum of powers: of their average, padding included, times the window's size."""
    windows = _pool_windows(w, X, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    if p == 2:
        return _pool(w, "l2_pool2d", X, windows)
    powers, windows = _padded(w, _power(w, w.abs(X), p), windows)
    total = w.mul(_pool(w, "average_pool2d", powers, windows), w.scalar(math.prod(kernel_shape), X.data_type))
    return _power(w, total, 1 / p)


def _power(w: NodeBuilder, x: MLOperand, exponent: float) -> MLOperand:
    result: MLOperand = x if exponent == 1 else w.pow(x, w.scalar(exponent, x.data_type))
    return result


def _over_all(w: NodeBuilder, method: str, X: MLOperand) -> Any:
    return getattr(w, method)(X, axes=list(range(2, X.rank)), keep_dimensions=True)


@operator("GlobalAveragePool")
def global_average_pool(w: NodeBuilder, X: MLOperand) -> Any:
    return _over_all(w, "reduce_mean", X)


@operator("GlobalMaxPool")
def global_max_pool(w: NodeBuilder, X: MLOperand) -> Any:
    return _over_all(w, "reduce_max", X)


@operator("GlobalLpPool", since=2)
def global_lp_pool(w: NodeBuilder, X: MLOperand, *, p: int = 2) -> Any:
    if p in (1, 2):
        return _over_all(w, f"reduce_l{p}", X)
    return _power(w, _over_all(w, "reduce_sum", _power(w, w.abs(X), p)), 1 / p)
