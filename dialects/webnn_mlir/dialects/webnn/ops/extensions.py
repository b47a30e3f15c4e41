"""Operators that the specification does not have, which other frameworks do. Layouts are ncw, nchw and ncdhw."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from ..attributes import UNSIGNED_LONG, UNSIGNED_LONGS
from ..declaration import Builder, Descriptor, Emitter, OpView, Value, attribute, declare, operand, snake_case
from ..types import ALL, FLOATS, DataType
from .elementwise_binary import broadcast_shape

INTEGERS = tuple(t for t in ALL if not t.is_float)


def _binary(name: str, types: tuple[DataType, ...], function: Callable[[Emitter, Value, Value], Value]) -> None:
    declare(
        name,
        operands=[operand("a", types), operand("b", types, like="a")],
        infer=lambda op: op.a.with_shape(broadcast_shape(op, "a", "b")),
        stablehlo=lambda b, op: function(b, op.a, op.b),
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3), x(3)),
        extension=True,
    )


def _unary(name: str, types: tuple[DataType, ...], function: Callable[[Emitter, Value], Value]) -> None:
    declare(
        name,
        operands=[operand("input", types)],
        infer=lambda op: op.input,
        stablehlo=lambda b, op: function(b, op.input),
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3)),
        extension=True,
    )


def _modulus(b: Emitter, x: Value, y: Value) -> Value:
    """x - floor(x / y) · y, which has the sign of y; of integers, x modulo 0 is 0."""
    data_type = x.data_type
    if data_type.is_float:
        return b.in_float32(lambda s, t: b.subtract(s, b.multiply(b.floor(b.divide(s, t)), t)), x, y)
    zero = b.compare(y, 0, "EQ")
    if data_type.is_unsigned:
        return b.select(zero, 0, b.remainder(x, b.select(zero, 1, y)))
    # Modulo -1 everything is 0, and the least integer must not be divided by it.
    rest = b.remainder(x, b.select(b.or_(zero, b.compare(y, -1, "EQ")), 1, y))
    other = b.compare(b.xor(rest, y), 0, "LT")
    return b.select(b.and_(other, b.compare(rest, 0, "NE")), b.add(rest, y), rest)


def _shift_right(b: Emitter, x: Value, y: Value) -> Value:
    """Of signed integers, the sign moves in from the left."""
    return b.shift_right_logical(x, y) if x.data_type.is_unsigned else b.shift_right_arithmetic(x, y)


def _truncate(b: Emitter, x: Value) -> Value:
    return b.select(b.compare(x, 0.0, "LT"), b.ceil(x), b.floor(x))


def _round_half_away(b: Emitter, x: Value) -> Value:
    """|x| cut, and one more where at least a half was cut off: adding a half first would round it."""
    size = b.abs(x)
    whole = b.floor(size)
    rounded = b.select(b.compare(b.subtract(size, whole), 0.5, "GE"), b.add(whole, 1.0), whole)
    return b.select(b.compare(x, 0.0, "LT"), b.negate(rounded), b.select(b.compare(x, 0.0, "EQ"), x, rounded))


_binary("modulus", ALL, _modulus)
_binary("bitwiseAnd", INTEGERS, lambda b, x, y: b.and_(x, y))
_binary("bitwiseOr", INTEGERS, lambda b, x, y: b.or_(x, y))
_binary("bitwiseXor", INTEGERS, lambda b, x, y: b.xor(x, y))
_binary("shiftLeft", INTEGERS, lambda b, x, y: b.shift_left(x, y))
_binary("shiftRight", INTEGERS, _shift_right)
_unary("bitwiseNot", INTEGERS, lambda b, x: b.not_(x))
_unary("truncate", FLOATS, _truncate)
_unary("roundHalfAwayFromZero", FLOATS, _round_half_away)


# Windows in one, two and three dimensions


def _options(op: OpView, count: int) -> None:
    """Makes strides, dilations and padding explicit and checks them."""
    for name, default in (("strides", 1), ("dilations", 1)):
        if getattr(op, name) is None:
            setattr(op, name, (default,) * count)
        values = list(getattr(op, name))
        op.require(len(values) == count and 0 not in values, f"{name} {values} must be {count} numbers above 0")
    if op.padding is None:
        op.padding = (0,) * (2 * count)
    op.require(len(op.padding) == 2 * count, f"padding {list(op.padding)} must have {2 * count} entries")


def _output_sizes(op: OpView, sizes: tuple[int, ...], window: tuple[int, ...]) -> list[int]:
    result = []
    for i, (size, k) in enumerate(zip(sizes, window, strict=True)):
        room = size + op.padding[2 * i] + op.padding[2 * i + 1] - (k - 1) * op.dilations[i] - 1
        op.require(k > 0 and room >= 0, f"a window of {k}, dilated, must fit in the padded input's {size}")
        result.append(room // op.strides[i] + 1)
    return result


def _attributes() -> list[Any]:
    return [attribute(name, UNSIGNED_LONGS, None) for name in ("padding", "strides", "dilations")]


def _window(op: OpView, axes: range) -> dict[str, Any]:
    """The options of two of the spatial axes, as operators in two dimensions take them."""
    return {
        "padding": [p for axis in axes for p in op.padding[2 * axis : 2 * axis + 2]],
        "strides": [op.strides[axis] for axis in axes],
        "dilations": [op.dilations[axis] for axis in axes],
    }


NONE = {"padding": [0, 0], "strides": [1], "dilations": [1]}


def _pool(name: str, method: str, count: int, types: tuple[DataType, ...]) -> None:
    """A pooling over `count` axes by one over two: what it computes can be done for some axes after others."""

    def infer(op: OpView) -> Descriptor:
        sizes = op.input.shape[2:]
        if op.window_dimensions is None:
            op.window_dimensions = sizes
        window = list(op.window_dimensions)
        op.require(len(window) == count, f"windowDimensions {window} must be {count} numbers above 0")
        _options(op, count)
        return op.input.with_shape((*op.input.shape[:2], *_output_sizes(op, sizes, op.window_dimensions)))

    def over(w: Builder, op: OpView, x: Value, axes: range) -> Value:
        """Pools the last axes but those behind them; `x` has them last, or before a single one."""
        given = _window(op, axes)
        pad = len(axes) == 1
        options = {key: [*given[key], *NONE[key]] if pad else given[key] for key in given}
        window = [*(op.window_dimensions[axis] for axis in axes), *([1] if pad else [])]
        return getattr(w, method)(x, window_dimensions=window, **options)

    def decompose(w: Builder, op: OpView) -> Value:
        batches, channels, *sizes = op.input.shape
        x = op.input
        if count == 1:
            x = over(w, op, w.reshape(x, [batches, channels, *sizes, 1]), range(1))
            return w.reshape(x, x.shape[:3])
        x = over(w, op, w.reshape(x, [batches, channels * sizes[0], *sizes[1:]]), range(1, 3))
        inner = x.shape[2:]
        x = over(w, op, w.reshape(x, [batches, channels, sizes[0], inner[0] * inner[1]]), range(1))
        return w.reshape(x, [batches, channels, x.shape[2], *inner])

    declare(
        name,
        operands=[operand("input", types, count + 2)],
        attributes=[attribute("windowDimensions", UNSIGNED_LONGS, None), *_attributes()],
        infer=infer,
        decompose=decompose,
        example=lambda w, x: getattr(w, snake_case(name))(x(1, 2, *[4] * count), window_dimensions=[2] * count),
        extension=True,
    )


def _sum_pool2d(w: Builder, op: OpView) -> Value:
    """The average with the padding's zeros counted in, times the window's size."""
    low = [0, 0, op.padding[0], op.padding[2]]
    high = [0, 0, op.padding[1], op.padding[3]]
    options = {name: getattr(op, name) for name in ("window_dimensions", "strides", "dilations")}
    average = w.average_pool2d(w.pad(op.input, low, high), **options)
    height, width = op.window_dimensions
    return w.mul(average, w.scalar(height * width, op.input.data_type))


def _infer_sum_pool2d(op: OpView) -> Descriptor:
    sizes = op.input.shape[2:]
    if op.window_dimensions is None:
        op.window_dimensions = sizes
    window = list(op.window_dimensions)
    op.require(len(window) == 2, f"windowDimensions {window} must be 2 numbers above 0")
    _options(op, 2)
    return op.input.with_shape((*op.input.shape[:2], *_output_sizes(op, sizes, op.window_dimensions)))


declare(
    "sumPool2d",
    operands=[operand("input", FLOATS, 4)],
    attributes=[attribute("windowDimensions", UNSIGNED_LONGS, None), *_attributes()],
    infer=_infer_sum_pool2d,
    decompose=_sum_pool2d,
    example=lambda w, x: w.sum_pool2d(x(1, 2, 4, 4), window_dimensions=[2, 2]),
    extension=True,
)
for _count in (1, 3):
    _pool(f"averagePool{_count}d", "average_pool2d", _count, FLOATS)
    _pool(f"maxPool{_count}d", "max_pool2d", _count, ALL)
    _pool(f"l2Pool{_count}d", "l2_pool2d", _count, FLOATS)
    _pool(f"sumPool{_count}d", "sum_pool2d", _count, FLOATS)


def _conv(count: int) -> None:
    """In one dimension it is one in two, of width 1; in three a sum of such over the depth of the filter."""

    def infer(op: OpView) -> Descriptor:
        _options(op, count)
        channels, (filters, inner, *window) = op.input.shape[1], op.filter.shape
        divides = op.groups > 0 and channels % op.groups == 0
        op.require(divides, f"groups {op.groups} must divide the input's {channels} channels")
        op.require(channels // op.groups == inner, f"the filter has {inner} input channels of {channels // op.groups}")
        op.require(filters % op.groups == 0, f"groups {op.groups} must divide the filter's {filters} output channels")
        if op.bias is not None:
            op.require(op.bias.shape == (filters,), f"bias has shape {list(op.bias.shape)}; it must be [{filters}]")
        sizes = _output_sizes(op, op.input.shape[2:], tuple(window))
        return op.input.with_shape((op.input.shape[0], filters, *sizes))

    def flat(w: Builder, op: OpView) -> Value:
        x, filter_ = (w.reshape(t, [*t.shape, 1]) for t in (op.input, op.filter))
        given = _window(op, range(1))
        options = {key: [*given[key], *NONE[key]] for key in given}
        result = w.conv2d(x, filter_, bias=op.bias, groups=op.groups, **options)
        return w.reshape(result, result.shape[:3])

    def deep(w: Builder, op: OpView) -> Value:
        (low, high), stride, dilation = op.padding[:2], op.strides[0], op.dilations[0]
        x = w.pad(op.input, [0, 0, low, 0, 0], [0, 0, high, 0, 0]) if low or high else op.input
        batches, channels, depth, *sizes = x.shape
        filters, inner, reach, *window = op.filter.shape
        count_ = (depth - (reach - 1) * dilation - 1) // stride + 1
        parts = []
        for k in range(reach):
            begin, length = k * dilation, (count_ - 1) * stride + 1
            part = w.slice(x, [0, 0, begin, 0, 0], [batches, channels, length, *sizes], strides=[1, 1, stride, 1, 1])
            part = w.reshape(w.transpose(part, permutation=[0, 2, 1, 3, 4]), [batches * count_, channels, *sizes])
            weights = w.slice(op.filter, [0, 0, k, 0, 0], [filters, inner, 1, *window])
            weights = w.reshape(weights, [filters, inner, *window])
            parts.append(w.conv2d(part, weights, groups=op.groups, **_window(op, range(1, 3))))
        total = reduce(w.add, parts)
        if op.bias is not None:
            total = w.add(total, w.reshape(op.bias, [filters, 1, 1]))
        inner_sizes = total.shape[2:]
        total = w.reshape(total, [batches, count_, filters, *inner_sizes])
        return w.transpose(total, permutation=[0, 2, 1, 3, 4])

    declare(
        f"conv{count}d",
        operands=[
            operand("input", FLOATS, count + 2),
            operand("filter", FLOATS, count + 2, like="input"),
            operand("bias", FLOATS, 1, like="input", optional=True),
        ],
        attributes=[*_attributes(), attribute("groups", UNSIGNED_LONG, 1)],
        infer=infer,
        decompose=flat if count == 1 else deep,
        example=lambda w, x: getattr(w, f"conv{count}d")(x(1, 2, *[5] * count), x(3, 2, *[3] * count), bias=x(3)),
        extension=True,
    )


_conv(1)
_conv(3)
