"""Operators of the domain com.microsoft on weights that are quantized in blocks: MatMulNBits and GatherBlockQuantized.

Their weights are packed as WebNN's uint4 and uint8 are, so that the file's bytes are taken as they are;
dequantizeLinear and matmul then say what is computed, and `webnn-fuse-dequantize` makes one loop of the two.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np

from webnn_mlir.dialects.webnn import DataType, Descriptor, MLOperand

from ..constants import Known
from ..importer import NodeBuilder
from ..registry import MICROSOFT, Value, operator
from .movement import axis_of

PACKED = {4: DataType.UINT4, 8: DataType.UINT8}


@operator("MatMulNBits", domain=MICROSOFT)
def mat_mul_n_bits(
    w: NodeBuilder,
    A: MLOperand,
    B: Known,
    scales: MLOperand,
    zero_points: Value | None = None,
    g_idx: Known | None = None,
    bias: MLOperand | None = None,
    *,
    K: int,
    N: int,
    block_size: int,
    bits: int = 4,
    accuracy_level: int = 0,
    weight_prepacked: int = 0,
) -> Any:
    """A Wᵀ + bias, where W = (B - zero point) · scale, for each block of a row; [N, K], its blocks whole in B.

    The accuracy level allows to compute with less than A's precision, which is not made use of.
    """
    w.require(bits in PACKED, f"{bits} bits are not supported; 4 and 8 are")
    w.require(not weight_prepacked, "weight_prepacked is not supported: its layout is a GPU's")
    w.require(A.shape[-1] == K, f"A has {A.shape[-1]} columns; K is {K}")
    blocks = math.ceil(K / block_size)
    w.require(math.prod(B.shape) * 8 == N * blocks * block_size * bits,
              f"B has shape {list(B.shape)}; it must be {[N, blocks, block_size * bits // 8]}")  # fmt: skip
    if g_idx is not None:
        in_order = np.array_equal(g_idx.array.ravel(), np.arange(K) // block_size)
        w.require(in_order, "columns in another order (g_idx) are not supported")
    padded = blocks * block_size
    if padded > K:
        A = w.pad(A, [0] * A.rank, [0] * (A.rank - 1) + [padded - K])
    scales = w.reshape(scales, [N, blocks])
    steps = w.adopt_known(B, Descriptor(PACKED[bits], (N, padded)))
    zero, offset = _zero_points(w, zero_points, (N, blocks), bits)
    weights = w.dequantize_linear(steps, scales, zero)
    result = w.matmul(A, w.transpose(weights, permutation=[1, 0]))
    if offset is not None:
        # A (S · scale - zero · scale)ᵀ, the latter the same for the elements of a block.
        sums = w.reduce_sum(w.reshape(A, [*A.shape[:-1], blocks, block_size]), axes=[A.rank])
        result = w.sub(result, w.matmul(sums, w.transpose(w.mul(offset, scales), permutation=[1, 0])))
    return result if bias is None else w.add(result, bias)


def _zero_points(
    w: NodeBuilder, zero_points: Value | None, shape: tuple[int, int], bits: int
) -> tuple[MLOperand, MLOperand | None]:
    """Zero points of the weights' type, and those that are floating-point numbers, which need not be whole."""
    data_type, (rows, blocks) = PACKED[bits], shape
    if zero_points is None:
        return same_everywhere(w, 2 ** (bits - 1), data_type, shape), None
    given = zero_points.data_type if isinstance(zero_points, MLOperand) else zero_points.descriptor.data_type
    if given.is_float:
        return same_everywhere(w, 0, data_type, shape), w.reshape(w.operand(zero_points), list(shape))
    w.require(isinstance(zero_points, Known), "zero points must be known at import; they are computed")
    assert isinstance(zero_points, Known)
    row_bytes = math.ceil(blocks * bits / 8)
    w.require(math.prod(zero_points.shape) == rows * row_bytes,
              f"zero_points have shape {list(zero_points.shape)}; it must be {[rows, row_bytes]}")  # fmt: skip
    if blocks * bits % 8 == 0:
        return w.adopt_known(zero_points, Descriptor(data_type, shape)), None
    # Each row fills up its last byte; WebNN's rows do not.
    nibbles = np.stack([zero_points.array & 15, zero_points.array >> 4], -1).reshape(rows, -1)[:, :blocks]
    return w.constant(Descriptor(data_type, shape), np.ascontiguousarray(nibbles)), None


def same_everywhere(w: NodeBuilder, value: int, data_type: DataType, shape: tuple[int, ...]) -> MLOperand:
    """A stored constant of one value, which the kernels for quantized weights know; one for all nodes of a shape."""
    return w.operand(_same_everywhere(value, data_type, shape))


@lru_cache(maxsize=32)
def _same_everywhere(value: int, data_type: DataType, shape: tuple[int, ...]) -> Known:
    return Known.of(np.full(shape, value, ml_dtypes.uint4 if data_type is DataType.UINT4 else np.uint8))


@operator("GatherBlockQuantized", domain=MICROSOFT)
def gather_block_quantized(
    w: NodeBuilder,
    data: Known,
    indices: MLOperand,
    scales: MLOperand,
    zero_points: Known | None = None,
    *,
    gather_axis: int = 0,
    quantize_axis: int = 1,
    block_size: int = 128,
    bits: int = 4,
) -> Any:
    """gather of (data - zero point) · scale; of all three first, where the axis of gathering is not cut into blocks."""
    packed = data.descriptor.data_type is DataType.UINT8
    w.require(not packed or bits in PACKED, f"{bits} bits are not supported; 4 and 8 are")
    per_byte = 8 // bits if packed else 1
    data_type = PACKED[bits] if packed else data.descriptor.data_type
    shape = (*data.shape[:-1], data.shape[-1] * per_byte)
    gathered, quantized = axis_of(w, gather_axis, len(shape)), axis_of(w, quantize_axis, len(shape))
    expected = [math.ceil(n / block_size) if i == quantized else n for i, n in enumerate(shape)]
    w.require(list(scales.shape) == expected, f"scales have shape {list(scales.shape)}; it must be {expected}")
    w.require(shape[quantized] % block_size == 0, f"{shape[quantized]} elements are no multiple of {block_size}")
    steps = w.adopt_known(data, Descriptor(data_type, shape))
    if zero_points is None:
        zero = w.full(2 ** (bits - 1) if packed else 0, data_type, scales.shape)
    else:
        fits = math.prod(zero_points.shape) * per_byte == math.prod(expected)
        w.require(fits, f"zero_points have shape {list(zero_points.shape)}, not one for each of {expected} blocks")
        zero = w.adopt_known(zero_points, Descriptor(data_type, tuple(expected)))
    if gathered == quantized:
        return w.gather(w.dequantize_linear(steps, scales, zero), indices, axis=gathered)
    rows, scale, offset = (w.gather(x, indices, axis=gathered) for x in (steps, scales, zero))
    return w.dequantize_linear(rows, scale, offset)
