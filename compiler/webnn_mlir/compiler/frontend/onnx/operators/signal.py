"""Fourier transforms, by products with matrices of cosines and sines."""

from __future__ import annotations

from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import MLOperand

from ..constants import Array
from ..importer import NodeBuilder
from ..registry import operator
from .movement import axis_of

MAX_MATRIX = 2**26
"""Elements that a transform's matrix may have."""


@operator("DFT", since=20)
def dft(
    w: NodeBuilder, input: MLOperand, dft_length: Array | None = None, axis: Array | None = None, *,
    inverse: int = 0, onesided: int = 0,
) -> Any:  # fmt: skip
    """Along an axis of real numbers (the last axis is of 1) or complex ones (of 2)."""
    along = axis_of(w, -2 if axis is None else int(axis.item()), input.rank)
    w.require(along < input.rank - 1, "axis must not be the last one, of the parts of numbers")
    size, parts = input.shape[along], input.shape[-1]
    real_result = bool(onesided and inverse)
    length = int(dft_length.item()) if dft_length is not None else 2 * (size - 1) if real_result else size
    taken = length // 2 + 1 if real_result else length
    matrix = _matrix(w, taken, length, parts, inverse=bool(inverse), onesided=bool(onesided))
    order = [*(a for a in range(input.rank - 1) if a != along), along, input.rank - 1]
    x = w.transpose(_resized(w, input, along, taken), permutation=order)
    rows = list(x.shape[:-2])
    result = w.matmul(_matrix_of(w, x, rows, taken * parts), w.cast(w.operand(matrix), x.data_type))
    outputs = 1 if real_result else 2
    result = w.reshape(result, [*rows, matrix.shape[1] // outputs, outputs])
    return w.transpose(result, permutation=[order.index(a) for a in range(input.rank)])


def _matrix_of(w: NodeBuilder, x: MLOperand, rows: list[int], columns: int) -> MLOperand:
    return w.reshape(x, [*rows, columns] if rows else [1, columns])


@operator("DFT", since=17)
def dft_17(
    w: NodeBuilder, input: MLOperand, dft_length: Array | None = None, *, axis: int = 1, inverse: int = 0,
    onesided: int = 0,
) -> Any:  # fmt: skip
    return dft(w, input, dft_length, np.asarray(axis), inverse=inverse, onesided=onesided)


def _resized(w: NodeBuilder, x: MLOperand, axis: int, size: int) -> MLOperand:
    """Cut off, or with zeros behind, along an axis."""
    sizes = [size if a == axis else d for a, d in enumerate(x.shape)]
    if size < x.shape[axis]:
        return w.slice(x, [0] * x.rank, sizes)
    if size > x.shape[axis]:
        return w.pad(x, [0] * x.rank, [s - d for s, d in zip(sizes, x.shape, strict=True)])
    return x


def _matrix(w: NodeBuilder, taken: int, length: int, parts: int, *, inverse: bool, onesided: bool) -> Array:
    """[taken · parts, results · 2], or · 1 for real results: rows of numbers' parts, times exp(∓2πi j k / length).

    A one-sided inverse takes each number but the first, and the middle one, for its conjugate too.
    """
    results = length // 2 + 1 if onesided and not inverse else length
    w.require(taken * parts * results * 2 <= MAX_MATRIX, f"a transform of length {length} is too large")
    w.require(parts in (1, 2), f"the last axis has size {parts}; it must be 1 or 2")
    # Exact products modulo the length, for the angle to keep its digits.
    turns = np.outer(np.arange(taken), np.arange(results)) % length / length
    waves = np.exp((2j if inverse else -2j) * np.pi * turns) / (length if inverse else 1)
    if onesided and inverse:
        k = np.arange(taken)
        waves *= np.where((k == 0) | (2 * k == length), 1, 2)[:, None]
        rows = np.stack([waves.real, -waves.imag][:parts], 1)
    else:
        rows = np.stack([np.stack([waves.real, waves.imag], -1), np.stack([-waves.imag, waves.real], -1)][:parts], 1)
    return rows.reshape(taken * parts, -1).astype(np.float32)


@operator("STFT", since=17)
def stft(
    w: NodeBuilder, signal: MLOperand, frame_step: Array, window: MLOperand | None = None,
    frame_length: Array | None = None, *, onesided: int = 1,
) -> Any:  # fmt: skip
    """The transforms of frames of a signal [batch, length, parts], times the window."""
    step = int(frame_step.item())
    w.require(frame_length is not None or window is not None, "neither frame_length nor a window is given")
    size = int(frame_length.item()) if frame_length is not None else window.shape[0]  # type: ignore[union-attr]
    batch, length, parts = signal.shape
    w.require(step > 0 and 0 < size <= length, f"frames of {size} by {step} do not fit a signal of {length}")
    count = (length - size) // step + 1
    places = np.arange(count)[:, None] * step + np.arange(size)
    frames = w.gather(signal, w.operand(places), axis=1)
    if window is not None:
        frames = w.mul(frames, w.reshape(window, [size, 1]))
    matrix = _matrix(w, size, size, parts, inverse=False, onesided=bool(onesided))
    result = w.matmul(w.reshape(frames, [batch, count, size * parts]), w.cast(w.operand(matrix), signal.data_type))
    return w.reshape(result, [batch, count, matrix.shape[1] // 2, 2])
