"""Activations, and softmax and its kin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..importer import NodeBuilder
from ..registry import operator
from .movement import axis_of

# Over an axis


def _log_softmax(w: NodeBuilder, x: MLOperand, axis: int) -> MLOperand:
    """x - max(x) - log(sum(exp(x - max(x))))"""
    wide = x.data_type is DataType.FLOAT16
    value = w.cast(x, "float32") if wide else x
    value = w.sub(value, w.reduce_max(value, axes=[axis], keep_dimensions=True))
    total = w.log(w.reduce_sum(w.exp(value), axes=[axis], keep_dimensions=True))
    result: MLOperand = w.sub(value, total)
    return w.cast(result, "float16") if wide else result


def _hardmax(w: NodeBuilder, x: MLOperand, axis: int) -> MLOperand:
    """1 where the first greatest value is, else 0."""
    first = w.arg_max(x, axis, keep_dimensions=True)
    shape = [-1 if a == axis else 1 for a in range(x.rank)]
    places = np.arange(x.shape[axis], dtype=np.int32).reshape(shape)
    result: MLOperand = w.cast(w.equal(w.operand(places), first), x.data_type)
    return result


def _softmax(w: NodeBuilder, x: MLOperand, axis: int) -> MLOperand:
    result: MLOperand = w.softmax(x, axis)
    return result


Softmax = Callable[[NodeBuilder, MLOperand, int], MLOperand]
_SOFTMAXES: dict[str, Softmax] = {"Softmax": _softmax, "LogSoftmax": _log_softmax, "Hardmax": _hardmax}


def _register(name: str, over: Softmax) -> None:
    @operator(name)
    def flattened(w: NodeBuilder, input: MLOperand, *, axis: int = 1) -> Any:
        """Over all axes from `axis` on, as one."""
        axis = axis_of(w, axis, input.rank)
        rows = [math.prod(input.shape[:axis]), math.prod(input.shape[axis:])]
        if axis == input.rank - 1:
            return over(w, input, axis)
        return w.reshape(over(w, w.reshape(input, rows), 1), list(input.shape))

    @operator(name, since=13)
    def along(w: NodeBuilder, input: MLOperand, *, axis: int = -1) -> Any:
        return over(w, input, axis_of(w, axis, input.rank))


for _name, _over in _SOFTMAXES.items():
    _register(_name, _over)


# Element by element


@operator("Elu")
def elu(w: NodeBuilder, X: MLOperand, *, alpha: float = 1.0) -> Any:
    return w.elu(X, alpha=alpha)


@operator("Selu", since=6)
def selu(w: NodeBuilder, X: MLOperand, *, alpha: float = 1.67326319, gamma: float = 1.05070102) -> Any:
    return w.mul(w.elu(X, alpha=alpha), w.scalar(gamma, X.data_type))


@operator("Celu", since=12)
def celu(w: NodeBuilder, X: MLOperand, *, alpha: float = 1.0) -> Any:
    """max(0, x) + alpha · (exp(min(0, x) / alpha) - 1)"""
    below = w.min(X, w.scalar(0, X.data_type))
    factor = w.scalar(alpha, X.data_type)
    return w.add(w.relu(X), w.mul(factor, w.elu(w.div(below, factor))))


@operator("LeakyRelu")
def leaky_relu(w: NodeBuilder, X: MLOperand, *, alpha: float = 0.01) -> Any:
    return w.leaky_relu(X, alpha=alpha)


@operator("ThresholdedRelu", since=10)
def thresholded_relu(w: NodeBuilder, X: MLOperand, *, alpha: float = 1.0) -> Any:
    return w.where(w.greater(X, w.scalar(alpha, X.data_type)), X, w.scalar(0, X.data_type))


@operator("PRelu")
def prelu_1(w: NodeBuilder, X: MLOperand, slope: MLOperand) -> Any:
    """One slope for all, or one for each channel."""
    return w.prelu(X, slope if slope.shape == (1,) else w.reshape(slope, [*slope.shape, *[1] * max(0, X.rank - 2)]))


@operator("PRelu", since=7)
def prelu(w: NodeBuilder, X: MLOperand, slope: MLOperand) -> Any:
    return w.prelu(X, slope)


@operator("HardSigmoid")
def hard_sigmoid(w: NodeBuilder, X: MLOperand, *, alpha: float = 0.2, beta: float = 0.5) -> Any:
    return w.hard_sigmoid(X, alpha=alpha, beta=beta)


@operator("Gelu", since=20)
def gelu(w: NodeBuilder, X: MLOperand, *, approximate: str = "none") -> Any:
    """The approximation: x / 2 · (1 + tanh(sqrt(2 / pi) · (x + 0.044715 · x³)))"""
    w.require(approximate in ("none", "tanh"), f"approximate {approximate!r} must be none or tanh")
    if approximate == "none":
        return w.gelu(X)
    half, one, scale, cubic = (w.scalar(v, X.data_type) for v in (0.5, 1, math.sqrt(2 / math.pi), 0.044715))
    inner = w.mul(scale, w.add(X, w.mul(cubic, w.mul(X, w.mul(X, X)))))
    return w.mul(w.mul(X, half), w.add(one, w.tanh(inner)))


@operator("Mish", since=18)
def mish(w: NodeBuilder, X: MLOperand) -> Any:
    return w.mul(X, w.tanh(w.softplus(X)))


@operator("Swish", since=24)
def swish(w: NodeBuilder, X: MLOperand, *, alpha: float = 1.0) -> Any:
    return w.mul(X, w.sigmoid(X if alpha == 1 else w.mul(X, w.scalar(alpha, X.data_type))))


@operator("Shrink", since=9)
def shrink(w: NodeBuilder, input: MLOperand, *, bias: float = 0.0, lambd: float = 0.5) -> Any:
    """Moved toward zero by `bias` where it is beyond `lambd`, else 0."""
    x = input if input.data_type.is_float else w.cast(input, "float32")
    limit, below, shift, zero = (w.scalar(v, x.data_type) for v in (lambd, -lambd, bias, 0))
    low = w.where(w.lesser(x, below), w.add(x, shift), zero)
    result = w.where(w.greater(x, limit), w.sub(x, shift), low)
    return result if x is input else w.cast(result, input.data_type)
