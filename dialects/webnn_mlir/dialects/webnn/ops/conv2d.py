"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-conv2d"""

import math
from collections.abc import Callable

from ..attributes import UNSIGNED_LONG, enum
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import FLOATS
from . import _windows


def _infer(op: OpView) -> Descriptor:
    _windows.require_options(op)
    op.require(op.groups > 0, "groups must not be 0")
    sizes = dict(zip(op.input_layout, op.input.shape, strict=True))
    filters = dict(zip(op.filter_layout, op.filter.shape, strict=True))
    channels = sizes["c"]
    op.require(channels % op.groups == 0, f"groups {op.groups} must divide the input's {channels} channels")
    rule = f"the filter has {filters['i']} input channels; it must have {channels} / groups {op.groups}"
    op.require(channels // op.groups == filters["i"], rule)
    op.require(
        filters["o"] % op.groups == 0, f"groups {op.groups} must divide the filter's {filters['o']} output channels"
    )
    if op.bias is not None:
        op.require(
            op.bias.shape == (filters["o"],), f"bias has shape {list(op.bias.shape)}; it must be [{filters['o']}]"
        )
    output = []
    for i, (axis, padding) in enumerate(zip("hw", _windows.pairs(op.padding), strict=True)):
        size = _windows.output_size(sizes[axis], filters[axis], padding, op.strides[i], op.dilations[i])
        name = "height" if axis == "h" else "width"
        op.require(size >= 1, f"the filter's {name} {filters[axis]}, dilated, must fit in the padded input's")
        output.append(math.floor(size))
    return op.input.with_shape(_windows.shaped(op.input_layout, sizes["n"], filters["o"], output))


def _stablehlo(b: Emitter, op: OpView) -> Value:
    def convolution(x: Value, weights: Value) -> Value:
        return b.convolution(
            x, weights, op.input_layout, op.filter_layout, op.results[0].shape, strides=op.strides,
            padding=_windows.pairs(op.padding), dilations=op.dilations, groups=op.groups,
        )  # fmt: skip

    return _biased(b, op, convolution)


UNROLLED_WEIGHTS, UNROLLED_PLACES = 2**18, 400
"""IREE's direct convolution reads all weights once for a few places. Where they exceed a core's second cache, and few
places share them, a product of matrices is quicker: 3.2 ms against 4.6 with 256 channels at 14x14, 5.2 against 10.6
with 512 at 7x7. At 28x28 and above it is slower."""


def _linalg(b: Emitter, op: OpView) -> Value | None:
    shape = op.results[0].shape
    direct = op.groups > 1 or (op.input_layout, op.filter_layout) != ("nhwc", "hwio") or op.filter.shape[:2] == (1, 1)
    if direct or math.prod(op.filter.shape) <= UNROLLED_WEIGHTS or math.prod(shape[:3]) > UNROLLED_PLACES:
        return None

    def convolution(x: Value, weights: Value) -> Value:
        options = {"strides": op.strides, "padding": _windows.pairs(op.padding), "dilations": op.dilations}
        return b.unrolled_convolution(x, weights, shape, **options)

    return _biased(b, op, convolution)


def _biased(b: Emitter, op: OpView, convolution: Callable[[Value, Value], Value]) -> Value:
    """The convolution in float32, with the bias added."""

    def function(x: Value, weights: Value, *bias: Value) -> Value:
        value = convolution(x, weights)
        channels = [op.input_layout.index("c")]
        return b.add(value, b.broadcast_in_dim(bias[0], value.shape, channels)) if bias else value

    bias = [] if op.bias is None else [op.bias]
    return b.in_float32(function, op.input, op.filter, *bias)


declare(
    "conv2d",
    operands=[
        operand("input", FLOATS, 4),
        operand("filter", FLOATS, 4, like="input"),
        operand("bias", FLOATS, 1, like="input", optional=True),
    ],
    attributes=[
        _windows.PADDING,
        _windows.STRIDES,
        _windows.DILATIONS,
        attribute("groups", UNSIGNED_LONG, 1),
        _windows.layout_attribute("inputLayout"),
        attribute("filterLayout", enum("MLConv2dFilterOperandLayout", "oihw", "hwio", "ohwi", "ihwo"), "oihw"),
    ],
    infer=_infer,
    stablehlo=_stablehlo,
    linalg=_linalg,
    example=lambda w, x: w.conv2d(x(1, 2, 5, 5), x(3, 2, 3, 3), bias=x(3)),
)
