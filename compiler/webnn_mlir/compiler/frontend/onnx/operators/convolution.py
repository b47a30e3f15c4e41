"""Conv, and ConvTranspose along one or two axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import MLOperand

from ..importer import NodeBuilder
from ..registry import operator
from .windows import Ints, Windows, back, halves, in_two, windows_of


def _windows(
    w: NodeBuilder, X: MLOperand, W: MLOperand, kernel_shape: Ints | None, strides: Ints | None,
    dilations: Ints | None, pads: Ints | None, auto_pad: str,
) -> Windows:  # fmt: skip
    w.require(X.rank == W.rank, f"X has rank {X.rank} and W has {W.rank}; they must be equal")
    kernel = list(W.shape[2:])
    w.require(kernel_shape in (None, [], kernel), f"kernel_shape {kernel_shape} must be that of W, {kernel}")
    return windows_of(w, X.shape[2:], kernel, strides, dilations, pads, auto_pad)


@operator("Conv")
def conv(
    w: NodeBuilder,
    X: MLOperand,
    W: MLOperand,
    B: MLOperand | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Any:
    windows = _windows(w, X, W, kernel_shape, strides, dilations, pads, auto_pad)
    return _convolved(w, X, W, group, windows, {} if B is None else {"bias": B})


def _convolved(
    w: NodeBuilder, x: MLOperand, weights: MLOperand, group: int, windows: Windows, bias: dict[str, MLOperand]
) -> MLOperand:
    """Beyond two axes, what a window covers along the first becomes channels, and the windows along it a batch."""
    if len(windows.inputs) <= 2:
        return back(w, w.conv2d(in_two(w, x), in_two(w, weights), groups=group, **bias, **windows.options), x.rank)
    before, after = windows.padding[0]
    rest = [0] * (x.rank - 3)
    padded = w.pad(x, [0, 0, before, *rest], [0, 0, after, *rest]) if before or after else x
    [count, *_], kernel = windows.counts(), windows.kernel[0]
    w.require(count > 0, f"kernel_shape {windows.kernel}, dilated, must fit in the padded input")
    places = np.arange(count)[:, None] * windows.strides[0] + np.arange(kernel) * windows.dilations[0]
    columns = w.gather(padded, w.operand(places.astype(np.int32)), axis=2)
    columns = w.transpose(columns, permutation=[0, 2, 1, 3, *range(4, columns.rank)])
    n, c, *sizes = x.shape[0] * count, x.shape[1] * kernel, *x.shape[3:]
    flat = w.reshape(weights, [weights.shape[0], weights.shape[1] * kernel, *weights.shape[3:]])
    y = _convolved(w, w.reshape(columns, [n, c, *sizes]), flat, group, windows[1:], bias)
    y = w.reshape(y, [x.shape[0], count, *y.shape[1:]])
    result: MLOperand = w.transpose(y, permutation=[0, 2, 1, *range(3, y.rank)])
    return result


@operator("ConvTranspose")
def conv_transpose(
    w: NodeBuilder,
    X: MLOperand,
    W: MLOperand,
    B: MLOperand | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    output_padding: Ints | None = None,
    output_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Any:
    valid = "VALID" if auto_pad == "VALID" else "NOTSET"
    windows = _windows(w, X, W, kernel_shape, strides, dilations, pads, valid)
    rank = len(windows.inputs)
    w.require(rank <= 2, f"{rank} spatial axes are not supported; 1 and 2 are")
    extra = output_padding or [0] * rank
    w.require(len(extra) == rank and min(extra) >= 0, f"output_padding {extra} must be {rank} numbers, none below 0")
    if auto_pad.startswith("SAME") and not output_shape:
        output_shape = [size * stride for size, stride in zip(windows.inputs, windows.strides, strict=True)]
    padding = windows.padding
    if output_shape:
        w.require(len(output_shape) >= rank, f"output_shape {output_shape} must have {rank} entries")
        # What is more than the asked for size goes: with an odd number, one more before than after unless SAME_UPPER.
        sizes = zip(windows.inputs, windows.strides, windows.reach, extra, output_shape[-rank:], strict=True)
        totals = [(size - 1) * stride + reach + e - asked for size, stride, reach, e, asked in sizes]
        padding = [halves(max(0, total), upper=auto_pad == "SAME_UPPER") for total in totals]
        extra = [e + max(0, -total) for e, total in zip(extra, totals, strict=True)]
    # Padding after the output and more of it cancel out.
    ends = [after - e for (_, after), e in zip(padding, extra, strict=True)]
    padding = [(before, max(0, end)) for (before, _), end in zip(padding, ends, strict=True)]
    windows = Windows(windows.inputs, windows.kernel, windows.strides, windows.dilations, padding)
    more = [0] * (2 - rank) + [max(0, -end) for end in ends]
    bias = {} if B is None else {"bias": B}
    result = w.conv_transpose2d(
        in_two(w, X), in_two(w, W), groups=group, output_padding=more, **bias, **windows.options
    )
    return back(w, result, X.rank)
