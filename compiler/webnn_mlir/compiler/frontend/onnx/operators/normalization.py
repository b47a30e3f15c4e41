"""Normalizations."""

from __future__ import annotations

import functools
import math
from typing import Any

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..importer import NodeBuilder
from ..registry import operator
from .movement import axis_of

Ints = list[int]

MOST_SLICES = 16
"""Of a sum of slices."""


@operator("BatchNormalization", since=6)
def batch_normalization_6(
    w: NodeBuilder,
    X: MLOperand,
    scale: MLOperand,
    B: MLOperand,
    mean: MLOperand,
    var: MLOperand,
    *,
    epsilon: float = 1e-5,
    is_test: int = 0,
    momentum: float = 0.9,
    spatial: int = 1,
) -> Any:
    w.require(is_test != 0, "is_test must be 1: the node trains")
    return batch_normalization_7(w, X, scale, B, mean, var, epsilon=epsilon, spatial=spatial)


@operator("BatchNormalization", since=7)
def batch_normalization_7(
    w: NodeBuilder,
    X: MLOperand,
    scale: MLOperand,
    B: MLOperand,
    mean: MLOperand,
    var: MLOperand,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
) -> Any:
    w.require(spatial == 1, "spatial must be 1")
    return w.batch_normalization(X, mean, var, scale=scale, bias=B, epsilon=epsilon)


@operator("BatchNormalization", since=9)
def batch_normalization_9(
    w: NodeBuilder,
    X: MLOperand,
    scale: MLOperand,
    B: MLOperand,
    mean: MLOperand,
    var: MLOperand,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
) -> Any:
    return w.batch_normalization(X, mean, var, scale=scale, bias=B, epsilon=epsilon)


@operator("BatchNormalization", since=14)
def batch_normalization(
    w: NodeBuilder,
    X: MLOperand,
    scale: MLOperand,
    B: MLOperand,
    input_mean: MLOperand,
    input_var: MLOperand,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Any:
    """In training, by the batch's own mean and variance, which the running ones move toward."""
    mean, variance = input_mean, input_var
    running = []
    if training_mode:
        axes = [axis for axis in range(X.rank) if axis != 1]
        mean, variance = (w.reshape(v, [X.shape[1]]) for v in _moments(w, X, axes))
        old, new = (w.scalar(v, X.data_type) for v in (momentum, 1 - momentum))
        pairs = ((input_mean, mean), (input_var, variance))
        running = [w.add(w.mul(before, old), w.mul(own, new)) for before, own in pairs]
    return [w.batch_normalization(X, mean, variance, scale=scale, bias=B, epsilon=epsilon), *running]


def _moments(w: NodeBuilder, x: MLOperand, axes: Ints) -> tuple[MLOperand, MLOperand]:
    """Mean and variance over axes, which stay."""
    mean = w.reduce_mean(x, axes=axes, keep_dimensions=True)
    difference = w.sub(x, mean)
    return mean, w.reduce_mean(w.mul(difference, difference), axes=axes, keep_dimensions=True)


@operator("InstanceNormalization")
def instance_normalization(
    w: NodeBuilder, input: MLOperand, scale: MLOperand, B: MLOperand, *, epsilon: float = 1e-5
) -> Any:
    w.require(input.rank >= 3, f"the input has rank {input.rank}; it must be at least 3")
    shape = list(input.shape)
    x = input if input.rank == 4 else w.reshape(input, [*shape[:2], math.prod(shape[2:]), 1])
    y = w.instance_normalization(x, scale=scale, bias=B, epsilon=epsilon)
    return y if input.rank == 4 else w.reshape(y, shape)


@operator("LayerNormalization", since=17)
def layer_normalization(
    w: NodeBuilder,
    X: MLOperand,
    Scale: MLOperand,
    B: MLOperand | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> list[Any]:
    """Scale and B are options of WebNN's operator where they have the shape of the normalized axes."""
    axes = list(range(axis_of(w, axis, X.rank), X.rank))
    shape = X.shape[axes[0] :]
    options = {"axes": axes, "epsilon": epsilon}
    if Scale.shape == shape and (B is None or B.shape == shape):
        y = w.layer_normalization(X, scale=Scale, bias=B, **options)
    else:
        y = w.mul(w.layer_normalization(X, **options), Scale)
        y = y if B is None else w.add(y, B)
    if not any(w.wanted[1:]):
        return [y]
    wide = w.cast(X, "float32") if stash_type == 1 and X.data_type is DataType.FLOAT16 else X
    mean, variance = _moments(w, wide, axes)
    return [y, mean, w.reciprocal(w.sqrt(w.add(variance, w.scalar(epsilon, wide.data_type))))]


@operator("GroupNormalization", since=18)
def group_normalization_18(
    w: NodeBuilder, X: MLOperand, scale: MLOperand, bias: MLOperand, *, epsilon: float = 1e-5, num_groups: int
) -> Any:
    """Scale and bias are the groups'."""
    return w.reshape(_by_group(w, X, num_groups, scale=scale, bias=bias, epsilon=epsilon), list(X.shape))


@operator("GroupNormalization", since=21)
def group_normalization(
    w: NodeBuilder,
    X: MLOperand,
    scale: MLOperand,
    bias: MLOperand,
    *,
    epsilon: float = 1e-5,
    num_groups: int,
    stash_type: int = 1,
) -> Any:
    """Scale and bias are the channels'."""
    y = w.reshape(_by_group(w, X, num_groups, epsilon=epsilon), list(X.shape))
    along = [X.shape[1], *[1] * (X.rank - 2)]
    return w.add(w.mul(y, w.reshape(scale, along)), w.reshape(bias, along))


def _by_group(w: NodeBuilder, x: MLOperand, groups: int, **options: Any) -> MLOperand:
    """Each group of channels normalized as if it were one: [n, groups, rest, 1]"""
    channels = x.shape[1] if x.rank > 1 else 0
    w.require(groups > 0 and channels % groups == 0, f"num_groups {groups} must divide the {channels} channels")
    rest = math.prod(x.shape[1:]) // groups
    result: MLOperand = w.instance_normalization(w.reshape(x, [x.shape[0], groups, rest, 1]), **options)
    return result


@operator("LRN")
def lrn(
    w: NodeBuilder, X: MLOperand, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Any:
    """x / (bias + alpha · a)^beta, a being the average of the squares of `size` channels around, zeros beyond them."""
    w.require(X.rank >= 2 and size > 0, f"X must have channels, and size {size} must be above 0")
    base, factor = (w.scalar(v, X.data_type) for v in (bias, alpha / size))
    scale = w.add(w.mul(_sums_around(w, w.mul(X, X), size), factor), base)
    if beta == 0.75:  # the default: roots are faster
        root = w.sqrt(scale)
        return w.div(X, w.mul(root, w.sqrt(root)))
    return w.div(X, w.pow(scale, w.scalar(beta, X.data_type)))


def _sums_around(w: NodeBuilder, x: MLOperand, size: int) -> Any:
    """The sums of `size` channels around each, zeros beyond them; of few as sums of slices, which vectorize."""
    shape, before = list(x.shape), (size - 1) // 2
    if size > MOST_SLICES:
        flat = w.reshape(x, [shape[0], 1, shape[1], math.prod(shape[2:])])
        padded = w.pad(flat, [0, 0, before, 0], [0, 0, size - 1 - before, 0])
        average = w.average_pool2d(padded, window_dimensions=[size, 1])
        return w.mul(w.reshape(average, shape), w.scalar(size, x.data_type))
    rest = [0] * (len(shape) - 2)
    padded = w.pad(x, [0, before, *rest], [0, size - 1 - before, *rest])
    slices = [w.slice(padded, [0, start, *rest], shape) for start in range(size)]
    return functools.reduce(w.add, slices)


@operator("LpNormalization")
def lp_normalization(w: NodeBuilder, input: MLOperand, *, axis: int = -1, p: int = 2) -> Any:
    """x over its norm; zeros, whose norm is 0, stay."""
    w.require(p in (1, 2), f"p {p} must be 1 or 2")
    reduce = w.reduce_l1 if p == 1 else w.reduce_l2
    norm = reduce(input, axes=[axis_of(w, axis, input.rank)], keep_dimensions=True)
    zero, one = (w.scalar(v, input.data_type) for v in (0, 1))
    return w.div(input, w.where(w.equal(norm, zero), one, norm))


@operator("MeanVarianceNormalization", since=9)
def mean_variance_normalization(w: NodeBuilder, X: MLOperand, *, axes: Ints = [0, 2, 3]) -> Any:  # noqa: B006
    """(x - mean) / (deviation + 1e-9)"""
    mean, variance = _moments(w, X, [axis_of(w, axis, X.rank) for axis in axes])
    return w.div(w.sub(X, mean), w.add(w.sqrt(variance), w.scalar(1e-9, X.data_type)))
