"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-resample2d-method"""

import math
from typing import Any

from ..attributes import FLOAT_LIST, UNSIGNED_LONGS, enum
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import FLOATS, DataType


def _infer(op: OpView) -> Descriptor:
    scales, axes = list(op.scales), list(op.axes)
    op.require(len(scales) == 2 and min(scales) > 0, f"scales {scales} must be two numbers above 0")
    op.require(len(axes) == 2 and axes[0] != axes[1] and max(axes) < 4, f"axes {axes} must be two of 0 to 3")
    if op.sizes is None:
        # floor(input's dimension · scale), scales being float
        op.sizes = [math.floor(op.input.shape[a] * s) for a, s in zip(axes, scales, strict=True)]
    sizes = list(op.sizes)
    op.require(len(sizes) == 2 and min(sizes) > 0, f"sizes {sizes} must be two numbers above 0")
    shape = list(op.input.shape)
    for axis, size in zip(axes, sizes, strict=True):
        shape[axis] = size
    return op.input.with_shape(shape)


def _coordinates(size: int, output: int) -> tuple[Any, int]:
    """Numerators and denominator of clamp((i + 0.5) · size / output - 0.5, 0, size - 1) for i < output.

    That is clamp(((2i + 1) · size - output) / (2 · output), …), exact in 64 bits.
    """
    import numpy as np

    unit = 2 * output
    return np.clip((2 * np.arange(output, dtype=np.int64) + 1) * size - output, 0, unit * (size - 1)), unit


def _stablehlo(b: Emitter, op: OpView) -> Value:
    along = _nearest if op.mode == "nearest-neighbor" else _linear
    data_type = op.input.data_type
    wide = op.mode == "linear" and data_type is not DataType.FLOAT32
    value = b.convert(op.input, "f32") if wide else op.input
    # Along x, the second of the axes, first.
    for axis, size in reversed(list(zip(op.axes, op.sizes, strict=True))):
        if value.shape[axis] != size:
            value = along(b, value, axis, size)
    if wide and not data_type.is_float:
        value = b.round_nearest_even(value)
    return b.convert(value, data_type.mlir)


def _nearest(b: Emitter, x: Value, axis: int, size: int) -> Value:
    """The value at ceil(coordinate - 0.5)."""
    length = x.shape[axis]
    if size % length == 0:
        # A whole factor repeats each value: [n] -> [n, factor] -> [n · factor].
        pair = [*x.shape[: axis + 1], size // length, *x.shape[axis + 1 :]]
        repeated = b.broadcast_in_dim(x, pair, [i for i in range(x.rank + 1) if i != axis + 1])
        return b.reshape(repeated, [size if i == axis else n for i, n in enumerate(x.shape)])
    coordinates, unit = _coordinates(length, size)
    return b.take(x, b.array(_ceil(coordinates - unit // 2, unit), "i32"), axis)


def _linear(b: Emitter, x: Value, axis: int, size: int) -> Value:
    """v(floor c) · (1 - t) + v(ceil c) · t, t being the fraction of the coordinate c"""
    coordinates, unit = _coordinates(x.shape[axis], size)
    low = b.take(x, b.array(coordinates // unit, "i32"), axis)
    high = b.take(x, b.array(_ceil(coordinates, unit), "i32"), axis)
    weights = coordinates % unit / unit
    t, rest = (b.broadcast_in_dim(b.array(w, "f32"), low.shape, [axis]) for w in (weights, 1 - weights))
    return b.add(b.multiply(low, rest), b.multiply(high, t))


def _ceil(numerators: Any, denominator: int) -> Any:
    return -(-numerators // denominator)


declare(
    "resample2d",
    operands=[operand("input", (*FLOATS, DataType.UINT8, DataType.INT8), 4)],
    attributes=[
        attribute("mode", enum("MLInterpolationMode", "nearest-neighbor", "linear"), "nearest-neighbor"),
        attribute("scales", FLOAT_LIST, (1.0, 1.0)),
        attribute("sizes", UNSIGNED_LONGS, None),
        attribute("axes", UNSIGNED_LONGS, (2, 3)),
    ],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.resample2d(x(1, 1, 2, 3), sizes=[4, 5], mode="linear"),
)
