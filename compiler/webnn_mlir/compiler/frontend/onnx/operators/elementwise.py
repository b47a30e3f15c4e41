"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import onnx_ir as ir

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array, Known, webnn_type
from ..importer import NodeBuilder
from ..registry import Value, add, operator

UNARY = {
    "Abs": "abs", "Ceil": "ceil", "Cos": "cos", "Erf": "erf", "Exp": "exp", "Floor": "floor", "HardSwish": "hard_swish",
    "IsNaN": "is_nan", "Log": "log", "Neg": "neg", "Not": "logical_not", "Reciprocal": "reciprocal", "Relu": "relu",
    "Round": "round_even", "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin", "Softplus": "softplus",
    "Softsign": "softsign", "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh",
}  # fmt: skip

BINARY = {
    "Add": "add", "And": "logical_and", "Div": "div", "Equal": "equal", "Greater": "greater",
    "GreaterOrEqual": "greater_or_equal", "Less": "lesser", "LessOrEqual": "lesser_or_equal", "Mul": "mul",
    "Or": "logical_or", "Sub": "sub", "Xor": "logical_xor",
}  # fmt: skip

_GREATEST = np.finfo(np.float32).max

VARIADIC = {"Max": "max", "Min": "min", "Sum": "add"}


def _unary(method: str) -> Callable[..., MLOperand]:
    def build(w: NodeBuilder, X: MLOperand) -> MLOperand:
        return getattr(w, method)(X)

    return build


def _binary(method: str) -> Callable[..., MLOperand]:
    def build(w: NodeBuilder, A: MLOperand, B: MLOperand) -> MLOperand:
        return getattr(w, method)(A, B)

    return build


def _binary_1(method: str) -> Callable[..., MLOperand]:
    def build(w: NodeBuilder, A: MLOperand, B: MLOperand, *, axis: int | None = None, broadcast: int = 0) -> MLOperand:
        """`axis` is where in A the dimensions of B begin."""
        if broadcast and axis is not None:
            B = w.reshape(B, [*B.shape, *[1] * max(0, A.rank - axis % max(1, A.rank) - B.rank)])
        return getattr(w, method)(A, B)

    return build


def _variadic(method: str) -> Callable[..., MLOperand]:
    def build(w: NodeBuilder, *data_0: MLOperand) -> MLOperand:
        result = reduce(getattr(w, method), data_0)
        return w.identity(result) if len(data_0) == 1 else result

    return build


for table, make, since in ((UNARY, _unary, 1), (BINARY, _binary_1, 1), (BINARY, _binary, 7), (VARIADIC, _variadic, 1)):
    for name, method in table.items():
        add(name, make(method), since=since)


@operator("Mean")
def mean(w: NodeBuilder, *data_0: MLOperand) -> Any:
    return w.div(reduce(w.add, data_0), w.scalar(len(data_0), data_0[0].data_type))


@operator("Pow")
def pow_(w: NodeBuilder, X: MLOperand, Y: MLOperand) -> Any:
    """The result has the base's type; an integer base with a fraction as exponent is raised in float32."""
    if X.data_type == Y.data_type:
        return w.pow(X, Y)
    if X.data_type.is_float:
        return w.pow(X, w.cast(Y, X.data_type))
    if Y.data_type.is_float:
        return w.cast(w.pow(w.cast(X, Y.data_type), Y), X.data_type)
    return w.pow(X, w.cast(Y, X.data_type))


@operator("Mod")
def mod(w: NodeBuilder, A: MLOperand, B: MLOperand, *, fmod: int = 0) -> Any:
    """a - b * trunc(a / b), as C's fmod; without `fmod` moved by b where its sign is not b's."""
    quotient = w.div(A, B)
    if A.data_type.is_float:
        zero = w.scalar(0, A.data_type)
        quotient = w.where(w.lesser(quotient, zero), w.ceil(quotient), w.floor(quotient))
    remainder = w.sub(A, w.mul(B, quotient))
    if A.data_type.is_float:
        # An infinite b times 0 is no number.
        remainder = w.where(w.equal(quotient, zero), A, remainder)
    if fmod or A.data_type.is_unsigned:
        return remainder
    zero = w.scalar(0, A.data_type)
    moved = w.logical_and(w.not_equal(remainder, zero), w.not_equal(w.lesser(remainder, zero), w.lesser(B, zero)))
    return w.where(moved, w.add(remainder, B), remainder)


@operator("Where")
def where(w: NodeBuilder, condition: MLOperand, X: MLOperand, Y: MLOperand) -> Any:
    return w.where(condition, X, Y)


@operator("IsInf")
def is_inf(w: NodeBuilder, X: MLOperand, *, detect_negative: int = 1, detect_positive: int = 1) -> Any:
    if detect_negative and detect_positive:
        return w.is_infinite(X)
    sign = w.greater if detect_positive else w.lesser
    side = sign(X, w.scalar(0, X.data_type))
    # None of the two: no element is found.
    return w.logical_and(w.is_infinite(X), side if detect_positive or detect_negative else w.logical_xor(side, side))


@operator("Identity")
def identity(w: NodeBuilder, input: Value) -> Value:
    return input


@operator("Dropout")
def dropout(
    w: NodeBuilder,
    data: Value,
    ratio: Value | None = None,
    training_mode: Array | None = None,
    *,
    seed: int = 0,
) -> list[Any]:
    """Passes its input on; the mask is all true."""
    w.require(training_mode is None or not training_mode.item(), "training_mode must be false")
    mask = w.full(1, DataType.UINT8, data.shape) if len(w.wanted) > 1 and w.wanted[1] else None
    return [data, mask]


@operator("Dropout", since=7)
def dropout_7(w: NodeBuilder, data: Value, *, ratio: float = 0.5) -> list[Any]:
    return dropout(w, data)


add("Dropout", dropout, since=12)


@operator("Cast")
def cast(w: NodeBuilder, input: Value, *, to: int, saturate: int = 1, round_mode: str = "up") -> Any:
    """Truth values are what is not zero. Both attributes concern float8 alone, which WebNN does not have."""
    return cast_to(w, input, ir.DataType(to))


@operator("CastLike")
def cast_like(w: NodeBuilder, input: Value, target_type: Value, *, saturate: int = 1, round_mode: str = "up") -> Any:
    if isinstance(target_type, Known):
        return cast_to(w, input, target_type.data_type)
    return w.cast(w.operand(input), target_type.data_type)


def cast_to(w: NodeBuilder, value: Value, to: ir.DataType) -> Value:
    """A value in another of ONNX's data types."""
    if isinstance(value, Known) and value.data_type == to:
        return value
    operand = w.operand(value)
    if to is ir.DataType.BOOL:
        result: MLOperand = w.not_equal(operand, w.scalar(0, operand.data_type))
        return result
    target = webnn_type(to)
    if target is operand.data_type:
        return operand
    if operand.data_type.is_float and not target.is_float and target.bits < 32:
        # Narrow integers take the low bits of a wide one, as a cast in C does by way of int32.
        operand = w.cast(operand, DataType.INT32)
    cast: MLOperand = w.cast(operand, target)
    return cast


@operator("Clip")
def clip_6(
    w: NodeBuilder, input: MLOperand, *, min: float = -float(_GREATEST), max: float = float(_GREATEST)
) -> Any:
    return w.clamp(input, min_value=float(np.float32(min)), max_value=float(np.float32(max)))


@operator("Clip", since=11)
def clip(w: NodeBuilder, input: MLOperand, min: Value | None = None, max: Value | None = None) -> Any:
    """clamp for known bounds; min and max of operands otherwise."""
    if isinstance(min, MLOperand) or isinstance(max, MLOperand):
        result = input if min is None else w.max(input, w.operand(min))
        return w.identity(input) if result is input and max is None else (
            result if max is None else w.min(result, w.operand(max))
        )
    bounds = {}
    if min is not None:
        bounds["min_value"] = min.array.item()
    if max is not None:
        bounds["max_value"] = max.array.item()
    if bounds.get("min_value", -np.inf) > bounds.get("max_value", np.inf):
        # All elements are the upper bound then.
        bounds["min_value"] = bounds["max_value"]
    return w.clamp(input, **bounds) if bounds else w.identity(input)
