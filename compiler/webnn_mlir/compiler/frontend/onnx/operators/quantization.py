"""Quantized operators, said by dequantizeLinear and quantizeLinear. Sums of integer products are exact."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Known, webnn_type
from ..importer import NodeBuilder
from ..registry import MICROSOFT, Value, add, operator
from .convolution import conv
from .linear import mat_mul
from .movement import axis_of, reshaped
from .pooling import average_pool

Product = Callable[[MLOperand, MLOperand], MLOperand]

EXACT = 2**24
"""float32 holds every integer up to this."""
SUMMED_AT_IMPORT = 2**26
"""Bytes of weights that are read to bound their sums."""


# Quantizing and dequantizing


def dequantized(
    w: NodeBuilder, x: MLOperand, scale: Value, zero_point: Value | None, axis: int = 1, block_size: int = 0
) -> MLOperand:
    """(x - zero point) · scale, of scale's type; per tensor, per slice of the axis, or per block along it."""
    data_type = scale.descriptor.data_type
    scales = _parameter(w, scale, x, axis, block_size)
    # 32-bit integers exceed float16.
    wide = data_type is DataType.FLOAT16 and x.data_type.bits == 32
    result = w.dequantize_linear(
        x,
        w.cast(scales, DataType.FLOAT32) if wide else scales,
        _zero_point(w, zero_point, x.data_type, scales, x, axis, block_size),
    )
    return w.cast(result, data_type) if wide else result


def quantized(
    w: NodeBuilder, x: MLOperand, scale: Value, zero_point: Value | None, data_type: DataType,
    axis: int = 1, block_size: int = 0,
) -> MLOperand:  # fmt: skip
    """saturate(roundEven(x / scale) + zero point), of the zero point's type, or of data_type where there is none."""
    scales = _parameter(w, scale, x, axis, block_size)
    zero = _zero_point(w, zero_point, data_type, scales, x, axis, block_size)
    result: MLOperand = w.quantize_linear(x, scales, zero)
    return result


def _zero_point(
    w: NodeBuilder, value: Value | None, data_type: DataType, scales: MLOperand, x: MLOperand, axis: int,
    block_size: int,
) -> MLOperand:  # fmt: skip
    if value is None:
        return w.full(0, data_type, scales.shape)
    zero = _parameter(w, value, x, axis, block_size)
    # One for all beside a scale a slice, or the other way round.
    return zero if zero.shape == scales.shape else w.expand(zero, list(scales.shape))


def _parameter(w: NodeBuilder, value: Value, x: MLOperand, axis: int, block_size: int) -> MLOperand:
    """A scale or zero point in the rank of x, whose dimensions its own divide."""
    if math.prod(value.shape) == 1:
        return w.operand(reshaped(w, value, [1] * x.rank))
    axis = axis_of(w, axis, x.rank)
    if not block_size:
        w.require(len(value.shape) == 1, f"a scale or zero point has rank {len(value.shape)}; it must have 0 or 1")
        return w.operand(reshaped(w, value, [value.shape[0] if a == axis else 1 for a in range(x.rank)]))
    w.require(len(value.shape) == x.rank, f"a scale or zero point of blocks has rank {len(value.shape)}, not {x.rank}")
    size, blocks = x.shape[axis], value.shape[axis]
    w.require(block_size > 0 and blocks == math.ceil(size / block_size),
              f"{size} elements in blocks of {block_size} need {math.ceil(size / max(block_size, 1))} scales; "
              f"{blocks} are given")  # fmt: skip
    operand = w.operand(value)
    return operand if size == blocks * block_size else _repeated(w, operand, axis, block_size, size)


def _repeated(w: NodeBuilder, value: MLOperand, axis: int, times: int, size: int) -> MLOperand:
    """Each element along an axis so many times, the last one fewer, so that there are `size`."""
    before, after = list(value.shape[:axis]), list(value.shape[axis + 1 :])
    count = value.shape[axis]
    expanded = w.expand(w.reshape(value, [*before, count, 1, *after]), [*before, count, times, *after])
    whole = w.reshape(expanded, [*before, count * times, *after])
    result: MLOperand = w.slice(whole, [0] * value.rank, [*before, size, *after])
    return result


@operator("DequantizeLinear", since=10)
@operator("DequantizeLinear", domain=MICROSOFT)
def dequantize_linear(
    w: NodeBuilder, x: MLOperand, x_scale: Value, x_zero_point: Value | None = None, *,
    axis: int = 1, block_size: int = 0, output_dtype: int = 0,
) -> Any:  # fmt: skip
    if output_dtype:
        x_scale = _cast(w, x_scale, webnn_type(ir.DataType(output_dtype)))
    return dequantized(w, x, x_scale, x_zero_point, axis, block_size)


@operator("QuantizeLinear", since=10)
@operator("QuantizeLinear", domain=MICROSOFT)
def quantize_linear(
    w: NodeBuilder, x: MLOperand, y_scale: Value, y_zero_point: Value | None = None, *,
    axis: int = 1, block_size: int = 0, output_dtype: int = 0, precision: int = 0, saturate: int = 1,
) -> Any:  # fmt: skip
    """`precision` is the type that x and the scale are divided in; `saturate` concerns float8 alone."""
    divided = webnn_type(ir.DataType(precision)) if precision else y_scale.descriptor.data_type
    data_type = webnn_type(ir.DataType(output_dtype)) if output_dtype else DataType.UINT8
    return quantized(w, w.operand(_cast(w, x, divided)), _cast(w, y_scale, divided), y_zero_point, data_type,
                     axis, block_size)  # fmt: skip


def _cast(w: NodeBuilder, value: Value, data_type: DataType) -> Value:
    if value.descriptor.data_type is data_type:
        return value
    if isinstance(value, Known):
        return Known.of(value.array.astype(data_type.numpy))
    result: MLOperand = w.cast(value, data_type)
    return result


@operator("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(w: NodeBuilder, x: MLOperand) -> Any:
    """scale = (greatest - least) / 255, zero point = saturate(roundEven(-least / scale)), 0 being in that range.

    Where x is all zero, the scale is 1.
    """
    zero = w.scalar(0, x.data_type)
    least, greatest = w.min(w.reduce_min(x), zero), w.max(w.reduce_max(x), zero)
    scale = w.div(w.sub(greatest, least), w.scalar(255, x.data_type))
    scale = w.where(w.equal(scale, zero), w.scalar(1, x.data_type), scale)
    zero_point = w.quantize_linear(w.neg(least), scale, w.full(0, DataType.UINT8, ()))
    return [quantized(w, x, scale, zero_point, DataType.UINT8), scale, zero_point]


# Integer products


def integer_product(
    w: NodeBuilder, product: Product, a: MLOperand, b: MLOperand, bound: int, sum_bound: int, terms: int
) -> MLOperand:
    """The int32 product of integers that are given as float32; `product` sums `terms` products in float32.

    `bound` is the greatest magnitude in a, `sum_bound` that of a sum of b's elements. A sum that could exceed what
    float32 holds is made of two or four that cannot: x = 16 · floor(x / 16) + rest, both of them within 16.
    """
    parts_a, parts_b = [(1, a)], [(1, b)]
    if bound * sum_bound > EXACT:
        parts_b, sum_bound = _digits(w, b), 16 * terms
    if bound * sum_bound > EXACT:
        parts_a, bound = _digits(w, a), 16
    w.require(bound * sum_bound <= EXACT, f"sums of {terms} products are not exact; at most {EXACT // 256} are")
    result: MLOperand | None = None
    for factor_a, part_a in parts_a:
        for factor_b, part_b in parts_b:
            part = w.cast(product(part_a, part_b), DataType.INT32)
            if factor_a * factor_b > 1:
                part = w.mul(part, w.scalar(factor_a * factor_b, DataType.INT32))
            result = part if result is None else w.add(result, part)
    assert result is not None
    return result


def _digits(w: NodeBuilder, x: MLOperand) -> list[tuple[int, MLOperand]]:
    """Integers within 255 as 16 · high + low, both within 16."""
    high = w.floor(w.mul(x, w.scalar(1 / 16, x.data_type)))
    return [(16, high), (1, w.sub(x, w.mul(high, w.scalar(16, x.data_type))))]


def _integers(w: NodeBuilder, x: MLOperand, zero_point: Value | None, axis: int) -> MLOperand:
    """x - zero point, as float32; a zero point may be of one for each slice of the axis, or of x's rank.

    dequantizeLinear would say the same, but what is made of its products is only as exact as float32's are.
    """
    integers: MLOperand = w.cast(x, DataType.FLOAT32)
    if zero_point is None or (isinstance(zero_point, Known) and not any(zero_point.array.flat)):
        return integers
    zeros = w.operand(zero_point) if len(zero_point.shape) > 1 else _parameter(w, zero_point, x, axis, 0)
    return w.sub(integers, w.cast(zeros, DataType.FLOAT32))


def _bound(value: Value, zero_point: Value | None) -> int:
    """The greatest magnitude of value - zero point that their types, and a known zero point, allow."""
    low, high = value.descriptor.data_type.range
    if zero_point is None:
        return max(-low, high)
    if isinstance(zero_point, Known):
        zeros = zero_point.array.astype(np.int64)
        return max(high - int(zeros.min()), int(zeros.max()) - low)
    return high - low


def _sum_bound(value: Value, zero_point: Value | None, axes: tuple[int, ...], terms: int) -> int:
    """The greatest sum of magnitudes of value - zero point over axes; weights are read for it."""
    known = isinstance(value, Known) and value.nbytes <= SUMMED_AT_IMPORT
    if known and (zero_point is None or (isinstance(zero_point, Known) and not any(zero_point.array.flat))):
        sums = np.abs(value.array.astype(np.int16)).sum(axes, dtype=np.int64)  # type: ignore[union-attr]
        return int(sums.max())
    return terms * _bound(value, zero_point)


def _matmul_integer(
    w: NodeBuilder, a: Value, b: Value, a_zero_point: Value | None, b_zero_point: Value | None
) -> MLOperand:
    """numpy.matmul of (a - its zero point) and (b - its zero point), int32; one a row of a and a column of b."""
    inner = max(0, len(b.shape) - 2)
    terms = b.shape[inner] if b.shape else 1
    return integer_product(
        w,
        lambda x, y: mat_mul(w, x, y),
        _integers(w, w.operand(a), a_zero_point, -2),
        _integers(w, w.operand(b), b_zero_point, -1),
        _bound(a, a_zero_point),
        _sum_bound(b, b_zero_point, (inner,), terms),
        terms,
    )


@operator("MatMulInteger", since=10)
def matmul_integer(
    w: NodeBuilder, A: Value, B: Value, a_zero_point: Value | None = None, b_zero_point: Value | None = None
) -> Any:
    return _matmul_integer(w, A, B, a_zero_point, b_zero_point)


def _conv_integer(
    w: NodeBuilder, x: Value, weights: Value, x_zero_point: Value | None, w_zero_point: Value | None, **options: Any
) -> MLOperand:
    """The convolution of (x - its zero point), whose padding is 0, and (weights - theirs, one each or one a filter)."""
    terms = math.prod(weights.shape[1:])
    return integer_product(
        w,
        lambda a, b: conv(w, a, b, **options),
        _integers(w, w.operand(x), x_zero_point, 1),
        _integers(w, w.operand(weights), w_zero_point, 0),
        _bound(x, x_zero_point),
        _sum_bound(weights, w_zero_point, tuple(range(1, len(weights.shape))), terms),
        terms,
    )


@operator("ConvInteger", since=10)
def conv_integer(
    w: NodeBuilder, x: Value, weights: Value, x_zero_point: Value | None = None, w_zero_point: Value | None = None, *,
    auto_pad: str = "NOTSET", dilations: list[int] | None = None, group: int = 1,
    kernel_shape: list[int] | None = None, pads: list[int] | None = None, strides: list[int] | None = None,
) -> Any:  # fmt: skip
    return _conv_integer(w, x, weights, x_zero_point, w_zero_point, auto_pad=auto_pad, dilations=dilations, group=group,
                         kernel_shape=kernel_shape, pads=pads, strides=strides)  # fmt: skip


def _requantized(
    w: NodeBuilder, sums: MLOperand, scales: list[MLOperand], y_scale: Value, y_zero_point: Value | None, like: Value
) -> MLOperand:
    """saturate(roundEven(sums · product of scales / y_scale) + zero point)."""
    factor = w.div(w.mul(*scales), w.operand(_cast(w, y_scale, DataType.FLOAT32)))
    steps = w.mul(w.cast(sums, DataType.FLOAT32), factor)
    return quantized(w, steps, Known.of(np.float32(1)), y_zero_point, like.descriptor.data_type)


def _scale(w: NodeBuilder, scale: Value, rank: int, axis: int) -> MLOperand:
    """A scale, as float32, in a rank: of one element, or of one for each slice of the axis, or of that rank already."""
    size = math.prod(scale.shape)
    shape = list(scale.shape)
    if len(shape) < 2:
        shape = [size if a == axis % rank else 1 for a in range(rank)] if rank else []
    return w.operand(reshaped(w, _cast(w, scale, DataType.FLOAT32), shape))


@operator("QLinearConv", since=10)
def qlinear_conv(
    w: NodeBuilder, x: Value, x_scale: Value, x_zero_point: Value, weights: Value, w_scale: Value, w_zero_point: Value,
    y_scale: Value, y_zero_point: Value, B: MLOperand | None = None, *,
    auto_pad: str = "NOTSET", dilations: list[int] | None = None, group: int = 1,
    kernel_shape: list[int] | None = None, pads: list[int] | None = None, strides: list[int] | None = None,
) -> Any:  # fmt: skip
    sums = _conv_integer(w, x, weights, x_zero_point, w_zero_point, auto_pad=auto_pad, dilations=dilations, group=group,
                         kernel_shape=kernel_shape, pads=pads, strides=strides)  # fmt: skip
    if B is not None:
        sums = w.add(sums, w.reshape(B, [B.shape[0] if a == 1 else 1 for a in range(sums.rank)]))
    scales = [_scale(w, s, sums.rank, 1) for s in (x_scale, w_scale)]
    return _requantized(w, sums, scales, y_scale, y_zero_point, x)


@operator("QLinearMatMul", since=10)
def qlinear_matmul(
    w: NodeBuilder, a: Value, a_scale: Value, a_zero_point: Value, b: Value, b_scale: Value, b_zero_point: Value,
    y_scale: Value, y_zero_point: Value,
) -> Any:  # fmt: skip
    sums = _matmul_integer(w, a, b, a_zero_point, b_zero_point)
    scales = [_scale(w, a_scale, sums.rank, -2), _scale(w, b_scale, sums.rank, -1)]
    return _requantized(w, sums, scales, y_scale, y_zero_point, a)


@operator("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_integer_to_float(
    w: NodeBuilder, A: Value, B: Value, a_scale: Value, b_scale: Value, a_zero_point: Value | None = None,
    b_zero_point: Value | None = None, bias: MLOperand | None = None,
) -> Any:  # fmt: skip
    """The integer product, times both scales; plus the bias."""
    data_type = a_scale.descriptor.data_type
    sums = _matmul_integer(w, A, B, a_zero_point, b_zero_point)
    scale = w.mul(_scale(w, a_scale, sums.rank, -2), _scale(w, b_scale, sums.rank, -1))
    result = w.operand(_cast(w, w.mul(w.cast(sums, DataType.FLOAT32), scale), data_type))
    return result if bias is None else w.add(result, bias)


@operator("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_quantize_matmul(
    w: NodeBuilder, A: MLOperand, B: Value, b_scale: Value, b_zero_point: Value | None = None,
    bias: MLOperand | None = None,
) -> Any:  # fmt: skip
    a, a_scale, a_zero_point = dynamic_quantize_linear(w, A)
    return matmul_integer_to_float(w, a, B, a_scale, b_scale, a_zero_point, b_zero_point, bias)


# Operators between dequantizing and quantizing


def _between(
    w: NodeBuilder, function: Callable[[MLOperand], Any], x: MLOperand, x_scale: Value, x_zero_point: Value | None,
    y_scale: Value, y_zero_point: Value | None,
) -> MLOperand:  # fmt: skip
    result = function(dequantized(w, x, x_scale, x_zero_point))
    return quantized(w, result, y_scale, y_zero_point, x.data_type)


@operator("QLinearSigmoid", domain=MICROSOFT)
def qlinear_sigmoid(
    w: NodeBuilder, X: MLOperand, X_scale: Value, X_zero_point: Value | None, Y_scale: Value,
    Y_zero_point: Value | None = None,
) -> Any:  # fmt: skip
    return _between(w, w.sigmoid, X, X_scale, X_zero_point, Y_scale, Y_zero_point)


@operator("QLinearLeakyRelu", domain=MICROSOFT)
def qlinear_leaky_relu(
    w: NodeBuilder, X: MLOperand, X_scale: Value, X_zero_point: Value | None, Y_scale: Value,
    Y_zero_point: Value | None = None, *, alpha: float = 0.01,
) -> Any:  # fmt: skip
    return _between(w, lambda x: w.leaky_relu(x, alpha=alpha), X, X_scale, X_zero_point, Y_scale, Y_zero_point)


@operator("QLinearSoftmax", domain=MICROSOFT)
def qlinear_softmax(
    w: NodeBuilder, X: MLOperand, X_scale: Value, x_zero_point: Value | None, y_scale: Value, y_zero_point: Value, *,
    axis: int = -1, opset: int,
) -> Any:  # fmt: skip
    """Before opset 13, over all axes from `axis` on."""
    axis = axis_of(w, axis, X.rank)

    def softmax(x: MLOperand) -> Any:
        if opset >= 13 or axis == x.rank - 1:
            return w.softmax(x, axis)
        rows = [math.prod(x.shape[:axis]), math.prod(x.shape[axis:])]
        return w.reshape(w.softmax(w.reshape(x, rows), 1), list(x.shape))

    return _between(w, softmax, X, X_scale, x_zero_point, y_scale, y_zero_point)


@operator("QLinearAveragePool", domain=MICROSOFT)
def qlinear_average_pool(
    w: NodeBuilder, X: MLOperand, x_scale: Value, x_zero_point: Value | None, y_scale: Value,
    y_zero_point: Value | None = None, *, auto_pad: str = "NOTSET", ceil_mode: int = 0, channels_last: int = 0,
    count_include_pad: int = 0, kernel_shape: list[int], pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Any:  # fmt: skip
    def pool(x: MLOperand) -> Any:
        return average_pool(
            w, x, auto_pad=auto_pad, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
            kernel_shape=kernel_shape, pads=pads, strides=strides,
        )  # fmt: skip

    return _between(w, _channels_first(w, pool, channels_last), X, x_scale, x_zero_point, y_scale, y_zero_point)


@operator("QLinearGlobalAveragePool", domain=MICROSOFT)
def qlinear_global_average_pool(
    w: NodeBuilder, X: MLOperand, x_scale: Value, x_zero_point: Value, y_scale: Value, y_zero_point: Value, *,
    channels_last: int = 0,
) -> Any:  # fmt: skip
    def pool(x: MLOperand) -> Any:
        return w.reduce_mean(x, axes=list(range(2, x.rank)), keep_dimensions=True)

    return _between(w, _channels_first(w, pool, channels_last), X, x_scale, x_zero_point, y_scale, y_zero_point)


def _channels_first(
    w: NodeBuilder, function: Callable[[MLOperand], MLOperand], channels_last: int
) -> Callable[[MLOperand], MLOperand]:
    """A function of [N, C, …] for an input that may be [N, …, C]."""

    def transposed(x: MLOperand) -> Any:
        result = function(w.transpose(x, permutation=[0, x.rank - 1, *range(1, x.rank - 1)]))
        return w.transpose(result, permutation=[0, *range(2, result.rank), 1])

    return transposed if channels_last else function


def _qlinear_binary(method: str) -> Callable[..., MLOperand]:
    def build(
        w: NodeBuilder, A: MLOperand, A_scale: Value, A_zero_point: Value | None, B: MLOperand, B_scale: Value,
        B_zero_point: Value | None, C_scale: Value, C_zero_point: Value | None = None,
    ) -> MLOperand:  # fmt: skip
        a, b = dequantized(w, A, A_scale, A_zero_point), dequantized(w, B, B_scale, B_zero_point)
        return quantized(w, getattr(w, method)(a, b), C_scale, C_zero_point, A.data_type)

    return build


for name, method in (("QLinearAdd", "add"), ("QLinearMul", "mul")):
    add(name, _qlinear_binary(method), domain=MICROSOFT)


@operator("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(w: NodeBuilder, Y_scale: Value, Y_zero_point: Value, *inputs: Value, axis: int) -> Any:
    """`inputs` are tensors, each with its scale and zero point."""
    w.require(len(inputs) % 3 == 0, f"{len(inputs)} inputs are given; they must be threes of tensor, scale, zero point")
    triples = zip(inputs[::3], inputs[1::3], inputs[2::3], strict=True)
    parts = [dequantized(w, w.operand(x), scale, zero_point) for x, scale, zero_point in triples]
    joined = w.concat(parts, axis_of(w, axis, parts[0].rank))
    return quantized(w, joined, Y_scale, Y_zero_point, Y_zero_point.descriptor.data_type)


@operator("QLinearWhere", domain=MICROSOFT)
def qlinear_where(
    w: NodeBuilder, condition: MLOperand, X: MLOperand, x_scale: Value, x_zero_point: Value, Y: MLOperand,
    y_scale: Value, y_zero_point: Value, z_scale: Value, z_zero_point: Value,
) -> Any:  # fmt: skip
    x, y = dequantized(w, X, x_scale, x_zero_point), dequantized(w, Y, y_scale, y_zero_point)
    return quantized(w, w.where(condition, x, y), z_scale, z_zero_point, X.data_type)
