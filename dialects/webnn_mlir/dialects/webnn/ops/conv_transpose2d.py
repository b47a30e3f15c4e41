"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-convtranspose2d"""

from ..attributes import UNSIGNED_LONG, UNSIGNED_LONGS, enum
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import FLOATS
from . import _windows


def _infer(op: OpView) -> Descriptor:
    _windows.require_options(op)
    op.require(op.groups > 0, "groups must not be 0")
    extra = list(op.output_padding)
    op.require(len(extra) == 2, f"outputPadding {extra} must have 2 entries")
    sizes = dict(zip(op.input_layout, op.input.shape, strict=True))
    filters = dict(zip(op.filter_layout, op.filter.shape, strict=True))
    rule = f"the filter has {filters['i']} input channels; it must have the input's {sizes['c']}"
    op.require(sizes["c"] == filters["i"], rule)
    channels = filters["o"] * op.groups
    if op.bias is not None:
        op.require(op.bias.shape == (channels,), f"bias has shape {list(op.bias.shape)}; it must be [{channels}]")
    least = [
        (sizes[axis] - 1) * op.strides[i] + _windows.effective_size(filters[axis], op.dilations[i]) - sum(padding)
        for i, (axis, padding) in enumerate(zip("hw", _windows.pairs(op.padding), strict=True))
    ]
    if op.output_sizes is not None:
        # What outputSizes asks for is outputPadding beyond the least sizes.
        output = list(op.output_sizes)
        op.require(len(output) == 2, f"outputSizes {output} must have 2 entries")
        extra = [n - start for n, start in zip(output, least, strict=True)]
        rule = f"outputSizes {output} must be from {least}, by less than the strides {list(op.strides)}"
        op.require(all(0 <= p < s for p, s in zip(extra, op.strides, strict=True)), rule)
        op.output_padding, op.output_sizes = extra, None
    rule = f"outputPadding {extra} must be below strides {list(op.strides)}"
    op.require(all(p < s for p, s in zip(extra, op.strides, strict=True)), rule)
    output = [n + p for n, p in zip(least, extra, strict=True)]
    op.require(min(output) > 0, f"the output has sizes {output}; they must be above 0")
    return op.input.with_shape(_windows.shaped(op.input_layout, sizes["n"], channels, output))


def _stablehlo(b: Emitter, op: OpView) -> Value:
    # The specification's steps let this through, but say of no channel to which group it belongs.
    channels = op.input.shape[op.input_layout.index("c")]
    op.require(channels % op.groups == 0, f"groups {op.groups} must divide the input's {channels} channels")

    def convolution(x: Value, weights: Value, *bias: Value) -> Value:
        weights = _mirrored(b, op, weights)
        value = b.convolution(
            _spread(b, op, x), weights, op.input_layout, "oihw", op.results[0].shape, strides=(1, 1),
            padding=[(0, 0), (0, 0)], dilations=op.dilations, groups=op.groups,
        )  # fmt: skip
        channels = [op.input_layout.index("c")]
        return b.add(value, b.broadcast_in_dim(bias[0], value.shape, channels)) if bias else value

    bias = [] if op.bias is None else [op.bias]
    return b.in_float32(convolution, op.input, op.filter, *bias)


def _spread(b: Emitter, op: OpView, x: Value) -> Value:
    """The input with stride - 1 zeros between its values, and around them as many as make the output's size."""
    low, high, interior = [0] * 4, [0] * 4, [0] * 4
    for i, axis in enumerate(_windows.spatial_axes(op.input_layout)):
        reach = _windows.effective_size(op.filter.shape[op.filter_layout.index("hw"[i])], op.dilations[i]) - 1
        interior[axis] = op.strides[i] - 1
        low[axis] = reach - _windows.pairs(op.padding)[i][0]
        high[axis] = reach - _windows.pairs(op.padding)[i][1] + op.output_padding[i]
    return b.pad(x, 0.0, low, high, interior)


def _mirrored(b: Emitter, op: OpView, weights: Value) -> Value:
    """The filter, mirrored in height and width, as oihw: [groups · i, o, h, w] -> [groups · o, i, h, w]."""
    weights = b.transpose(weights, [op.filter_layout.index(axis) for axis in "iohw"])
    i, o, h, w = weights.shape
    grouped = b.reshape(weights, [op.groups, i // op.groups, o, h, w])
    swapped = b.reshape(b.transpose(grouped, [0, 2, 1, 3, 4]), [op.groups * o, i // op.groups, h, w])
    return b.reverse(swapped, [2, 3])


declare(
    "convTranspose2d",
    operands=[
        operand("input", FLOATS, 4),
        operand("filter", FLOATS, 4, like="input"),
        operand("bias", FLOATS, 1, like="input", optional=True),
    ],
    attributes=[
        _windows.PADDING,
        _windows.STRIDES,
        _windows.DILATIONS,
        attribute("outputPadding", UNSIGNED_LONGS, (0, 0)),
        attribute("outputSizes", UNSIGNED_LONGS, None),
        attribute("groups", UNSIGNED_LONG, 1),
        _windows.layout_attribute("inputLayout"),
        attribute("filterLayout", enum("MLConvTranspose2dFilterOperandLayout", "iohw", "hwoi", "ohwi"), "iohw"),
    ],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.conv_transpose2d(x(1, 2, 3, 3), x(2, 1, 3, 3), strides=[2, 2]),
)
