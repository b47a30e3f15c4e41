"""averagePool2d, l2Pool2d and maxPool2d: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-pool2d."""

import math
from fractions import Fraction
from typing import Any

from ..attributes import UNSIGNED_LONGS, enum
from ..declaration import Builder, Descriptor, Emitter, OpView, Value, attribute, declare, operand, snake_case
from ..types import ALL, FLOATS, DataType
from . import _windows
from ._float32 import in_float32


def _infer(op: OpView) -> Descriptor:
    sizes = dict(zip(op.layout, op.input.shape, strict=True))
    if op.window_dimensions is None:
        op.window_dimensions = (sizes["h"], sizes["w"])
    window = list(op.window_dimensions)
    op.require(len(window) == 2 and 0 not in window, f"windowDimensions {window} must be two numbers above 0")
    if op.output_sizes is not None and op.compatibility is None:
        op.padding = (0, 0, 0, 0)
    _windows.require_options(op)
    exact = _exact_sizes(op)
    if op.output_sizes is not None:
        op.output_shape_rounding, op.output_sizes = _rounding(op, exact), None
    output = _sizes(op)
    op.require(min(output) > 0, f"windowDimensions {window}, dilated, must fit in the padded input")
    return op.input.with_shape(_windows.shaped(op.layout, sizes["n"], sizes["c"], output))


def _exact_sizes(op: OpView) -> list[Fraction]:
    return [
        _windows.output_size(op.input.shape[axis], op.window_dimensions[i], padding, op.strides[i], op.dilations[i])
        for i, (axis, padding) in enumerate(
            zip(_windows.spatial_axes(op.layout), _windows.pairs(op.padding), strict=True)
        )
    ]


def _rounding(op: OpView, exact: list[Fraction]) -> str:
    """The rounding that gives outputSizes: with it the sizes themselves are not needed any more."""
    floor, ceil = [math.floor(n) for n in exact], [math.ceil(n) for n in exact]
    op.require(list(op.output_sizes) in (floor, ceil), f"outputSizes {list(op.output_sizes)} must be {floor} or {ceil}")
    return "floor" if list(op.output_sizes) == floor else "ceil"


def _sizes(op: OpView) -> list[int]:
    """Height and width of the output."""
    return [(math.ceil if op.output_shape_rounding == "ceil" else math.floor)(n) for n in _exact_sizes(op)]


def _padding(op: OpView) -> list[tuple[int, int]]:
    """Padding an axis, at its end up to where the last window reaches, or cut to there."""
    result = []
    for i, axis in enumerate(_windows.spatial_axes(op.layout)):
        before = _windows.pairs(op.padding)[i][0]
        reach = _windows.effective_size(op.window_dimensions[i], op.dilations[i])
        end = (_sizes(op)[i] - 1) * op.strides[i] + reach
        result.append((before, max(0, end - before - op.input.shape[axis])))
    return result


def _counts(op: OpView) -> list[list[int]]:
    """How many elements of the input each window covers, along height and along width."""
    result = []
    for i, axis in enumerate(_windows.spatial_axes(op.layout)):
        before, size = _windows.pairs(op.padding)[i][0], op.input.shape[axis]
        starts = [place * op.strides[i] - before for place in range(_sizes(op)[i])]
        steps = [k * op.dilations[i] for k in range(op.window_dimensions[i])]
        result.append([sum(0 <= start + step < size for step in steps) for start in starts])
    return result


def _fold(b: Emitter, op: OpView, x: Value, method: str, initial: float) -> Value:
    """Folds each window with a binary method of the emitter from its neutral value."""
    shape = [1] * 4
    window, strides, dilations, padding = list(shape), list(shape), list(shape), [(0, 0)] * 4
    for i, axis in enumerate(_windows.spatial_axes(op.layout)):
        window[axis], strides[axis], dilations[axis] = op.window_dimensions[i], op.strides[i], op.dilations[i]
        padding[axis] = _padding(op)[i]
    output = _windows.shaped(op.layout, x.shape[op.layout.index("n")], x.shape[op.layout.index("c")], _sizes(op))
    return b.reduce_window(
        x, method, initial, output, window=window, strides=strides, dilations=dilations, padding=padding
    )


def _average(b: Emitter, op: OpView) -> Value:
    def average(x: Value) -> Value:
        total = _fold(b, op, x, "add", 0.0)
        height, width = _counts(op)
        if len({*height}) == len({*width}) == 1:
            return b.divide(total, float(max(1, height[0] * width[0])))
        counts = [[float(max(1, h * w)) for w in width] for h in height]
        return b.divide(
            total, b.broadcast_in_dim(b.array(counts, "f32"), total.shape, _windows.spatial_axes(op.layout))
        )

    return b.in_float32(average, op.input)


def _max(b: Emitter, op: OpView) -> Value:
    data_type = op.input.data_type
    least = -math.inf if data_type.is_float else data_type.range[0]
    return _fold(b, op, op.input, "maximum", least)


@in_float32
def _l2(w: Builder, op: OpView) -> Value:
    """The root of each window's sum of squares: of their average with the zeros of the padding, times the window."""
    before, after = [0] * 4, [0] * 4
    for axis, (low, high) in zip(_windows.spatial_axes(op.layout), _padding(op), strict=True):
        before[axis], after[axis] = low, high
    squares = w.pad(w.mul(op.input, op.input), before, after)
    options = {name: getattr(op, name) for name in ("window_dimensions", "strides", "dilations", "layout")}
    average = w.average_pool2d(squares, **options)
    return w.sqrt(w.mul(average, w.scalar(math.prod(op.window_dimensions), op.input.data_type)))


def _declare(name: str, types: tuple[DataType, ...], **lowering: Any) -> None:
    declare(
        name,
        operands=[operand("input", types, 4)],
        attributes=[
            attribute("windowDimensions", UNSIGNED_LONGS, None),
            _windows.PADDING,
            _windows.STRIDES,
            _windows.DILATIONS,
            _windows.layout_attribute("layout"),
            attribute("outputShapeRounding", enum("MLRoundingType", "floor", "ceil"), "floor", formerly="roundingType"),
            attribute("outputSizes", UNSIGNED_LONGS, None),
        ],
        infer=_infer,
        example=lambda w, x: getattr(w, snake_case(name))(x(1, 2, 4, 4), window_dimensions=[2, 2], strides=[2, 2]),
        **lowering,
    )


_declare("averagePool2d", FLOATS, stablehlo=_average)
_declare("l2Pool2d", FLOATS, decompose=_l2)
_declare("maxPool2d", ALL, stablehlo=_max)
