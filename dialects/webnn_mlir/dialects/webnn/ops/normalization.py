"""batchNormalization, instanceNormalization and layerNormalization.

All are scale · (x - mean) / sqrt(variance + epsilon) + bias; they differ in what mean and variance are taken over.
"""

from collections.abc import Sequence

from ..attributes import DOUBLE, UNSIGNED_LONG, UNSIGNED_LONGS
from ..declaration import Builder, Descriptor, OpView, Value, attribute, declare, operand
from ..types import FLOATS
from . import _windows
from ._float32 import in_float32

_EPSILON = attribute("epsilon", DOUBLE, 1e-5)


def _normalized(w: Builder, op: OpView, mean: Value, variance: Value, axes: Sequence[int]) -> Value:
    """The formula; scale and bias lie along `axes` of the input."""
    x = op.input
    deviation = w.sqrt(w.add(variance, w.scalar(op.epsilon, x.data_type)))
    value = w.div(w.sub(x, mean), deviation)
    if op.scale is not None:
        value = w.mul(value, _along(w, op.scale, axes, x.rank))
    return value if op.bias is None else w.add(value, _along(w, op.bias, axes, x.rank))


def _along(w: Builder, x: Value, axes: Sequence[int], rank: int) -> Value:
    """Dimension i of x as dimension axes[i] of a tensor that broadcasts to `rank` dimensions."""
    order = sorted(range(len(axes)), key=lambda i: axes[i])
    x = w.transpose(x, permutation=order)
    sizes = dict(zip(sorted(axes), x.shape, strict=True))
    return w.reshape(x, [sizes.get(axis, 1) for axis in range(rank)])


def _moments(w: Builder, x: Value, axes: Sequence[int]) -> tuple[Value, Value]:
    """Mean and variance over axes."""
    mean = w.reduce_mean(x, axes=axes, keep_dimensions=True)
    difference = w.sub(x, mean)
    return mean, w.reduce_mean(w.mul(difference, difference), axes=axes, keep_dimensions=True)


def _require_shapes(op: OpView, names: Sequence[str], expected: Sequence[int]) -> None:
    for name in names:
        value = getattr(op, name)
        if value is not None:
            op.require(
                value.shape == tuple(expected), f"{name} has shape {list(value.shape)}; it must be {list(expected)}"
            )


def _infer_batch(op: OpView) -> Descriptor:
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    _require_shapes(op, ("mean", "variance", "scale", "bias"), [op.input.shape[op.axis]])
    return op.input


@in_float32
def _batch(w: Builder, op: OpView) -> Value:
    mean, variance = (_along(w, v, [op.axis], op.input.rank) for v in (op.mean, op.variance))
    return _normalized(w, op, mean, variance, [op.axis])


declare(
    "batchNormalization",
    operands=[
        operand("input", FLOATS, (1, None)),
        operand("mean", FLOATS, 1, like="input"),
        operand("variance", FLOATS, 1, like="input"),
        operand("scale", FLOATS, 1, like="input", optional=True),
        operand("bias", FLOATS, 1, like="input", optional=True),
    ],
    attributes=[attribute("axis", UNSIGNED_LONG, 1), _EPSILON],
    infer=_infer_batch,
    decompose=_batch,
    example=lambda w, x: w.batch_normalization(x(1, 3, 2, 2), x(3), x(3), scale=x(3), bias=x(3)),
)


def _infer_instance(op: OpView) -> Descriptor:
    _require_shapes(op, ("scale", "bias"), [op.input.shape[op.layout.index("c")]])
    return op.input


@in_float32
def _instance(w: Builder, op: OpView) -> Value:
    mean, variance = _moments(w, op.input, _windows.spatial_axes(op.layout))
    return _normalized(w, op, mean, variance, [op.layout.index("c")])


declare(
    "instanceNormalization",
    operands=[
        operand("input", FLOATS, 4),
        operand("scale", FLOATS, 1, like="input", optional=True),
        operand("bias", FLOATS, 1, like="input", optional=True),
    ],
    attributes=[_EPSILON, _windows.layout_attribute("layout")],
    infer=_infer_instance,
    decompose=_instance,
    example=lambda w, x: w.instance_normalization(x(1, 3, 2, 2), scale=x(3), bias=x(3)),
)


def _infer_layer(op: OpView) -> Descriptor:
    axes, rank = list(op.axes), op.input.rank
    op.require(len(set(axes)) == len(axes), f"axes {axes} must be distinct")
    op.require(all(a < rank for a in axes), f"axes {axes} must be below the rank {rank}")
    _require_shapes(op, ("scale", "bias"), [op.input.shape[a] for a in axes])
    return op.input


@in_float32
def _layer(w: Builder, op: OpView) -> Value:
    mean, variance = _moments(w, op.input, op.axes)
    return _normalized(w, op, mean, variance, op.axes)


declare(
    "layerNormalization",
    operands=[
        operand("input", FLOATS),
        operand("scale", FLOATS, like="input", optional=True),
        operand("bias", FLOATS, like="input", optional=True),
    ],
    attributes=[attribute("axes", UNSIGNED_LONGS, lambda op: range(1, op.input.rank)), _EPSILON],
    infer=_infer_layer,
    decompose=_layer,
    example=lambda w, x: w.layer_normalization(x(2, 3), scale=x(3), bias=x(3)),
)
