"""Quantization: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-dequantizelinear and -quantizelinear."""

from typing import Any

from ..declaration import Builder, Descriptor, OpView, Value, declare, operand, result
from ..shapes import blockwise_broadcasts_to
from ..types import FLOATS, QUANTIZED


def _require_blocks(op: OpView) -> None:
    """Scale and zero point have one shape, whose dimensions divide the input's."""
    for name, shape in (("scale", op.scale.shape), ("zeroPoint", op.zero_point.shape)):
        op.require(
            len(shape) == op.input.rank, f"{name} has rank {len(shape)}; it must be that of the input, {op.input.rank}"
        )
    op.require(
        op.scale.shape == op.zero_point.shape,
        f"zeroPoint has shape {list(op.zero_point.shape)}; it must be that of scale, {list(op.scale.shape)}",
    )
    op.require(
        blockwise_broadcasts_to(op.scale.shape, op.input.shape),
        f"scale has shape {list(op.scale.shape)}; each dimension must divide that of the input, {list(op.input.shape)}",
    )


def _align_ranks(w: Builder, arguments: dict[str, Any]) -> dict[str, Any]:
    """The older form, where scale and zeroPoint align with the input at the end: leading dimensions of 1 are added."""
    rank = getattr(arguments.get("input"), "rank", 0)
    aligned = dict(arguments)
    for name in ("scale", "zero_point"):
        value = arguments.get(name)
        missing = rank - getattr(value, "rank", rank)
        if value is not None and missing > 0:
            aligned[name] = w.reshape(value, [1] * missing + list(value.shape))
    return aligned


def _blockwise_expand(w: Builder, value: Value, shape: tuple[int, ...]) -> Value:
    """Repeats each element to fill its block: the specification's `blockwiseExpand`, all axes at once."""
    if value.shape == shape:
        return value
    blocks = [(n, to // n) for n, to in zip(value.shape, shape, strict=True)]
    ones = [n for count, _ in blocks for n in (count, 1)]
    expanded = w.expand(w.reshape(value, ones), [n for pair in blocks for n in pair])
    return w.reshape(expanded, shape)


def _infer_dequantize(op: OpView) -> Descriptor:
    _require_blocks(op)
    return Descriptor(op.scale.data_type, op.input.shape)


def _dequantize(w: Builder, op: OpView) -> Value:
    """(input - zeroPoint) * scale."""
    float_type, shape = op.scale.data_type, op.input.shape
    zero_point = _blockwise_expand(w, w.cast(op.zero_point, float_type), shape)
    return w.mul(w.sub(w.cast(op.input, float_type), zero_point), _blockwise_expand(w, op.scale, shape))


def _infer_quantize(op: OpView) -> Descriptor:
    _require_blocks(op)
    return Descriptor(op.zero_point.data_type, op.input.shape)


def _quantize(w: Builder, op: OpView) -> Value:
    """clamp(roundEven(input / scale) + zeroPoint, least, greatest), of the zero point's type."""
    shape, data_type = op.input.shape, op.zero_point.data_type
    zero_point = _blockwise_expand(w, w.cast(op.zero_point, op.scale.data_type), shape)
    steps = w.round_even(w.div(op.input, _blockwise_expand(w, op.scale, shape)))
    low, high = data_type.range
    # The limits of 32-bit integers round up in floating point: there, cast is what saturates.
    return w.cast(w.clamp(w.add(steps, zero_point), min_value=low, max_value=high), data_type)


declare(
    "dequantizeLinear",
    operands=[operand("input", QUANTIZED), operand("scale", FLOATS), operand("zeroPoint", QUANTIZED, like="input")],
    results=[result("output", like="scale")],
    infer=_infer_dequantize,
    decompose=_dequantize,
    modernize=_align_ranks,
    example=lambda w, x: w.dequantize_linear(x(4, 6), x(2, 6, data_type="float32"), x(2, 6)),
)

declare(
    "quantizeLinear",
    operands=[operand("input", FLOATS), operand("scale", FLOATS, like="input"), operand("zeroPoint", QUANTIZED)],
    results=[result("output", like="zeroPoint")],
    infer=_infer_quantize,
    decompose=_quantize,
    modernize=_align_ranks,
    example=lambda w, x: w.quantize_linear(x(4, 6), x(2, 6), x(2, 6, data_type="int8")),
)
