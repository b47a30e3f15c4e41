"""Activations that are formulas, relu to softplus: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-relu-method."""

import math

from ..attributes import DOUBLE
from ..declaration import (
    AttributeSpec,
    Builder,
    Descriptor,
    Emitter,
    OpView,
    Value,
    attribute,
    declare,
    operand,
    snake_case,
)  # fmt: skip
from ..types import FLOATS, SIGNED, DataType, cast_number
from ._float32 import Formula, in_float32
from .elementwise_binary import broadcast_shape


def _infer(op: OpView) -> Descriptor:
    return op.input


def _declare(name: str, formula: Formula, types: tuple[DataType, ...] = FLOATS, *attributes: AttributeSpec) -> None:
    declare(
        name,
        operands=[operand("input", types)],
        attributes=attributes,
        infer=_infer,
        decompose=formula,
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3)),
    )


def _relu(w: Builder, op: OpView) -> Value:
    """max(0, x)"""
    return w.max(w.scalar(0, op.input.data_type), op.input)


def _leaky(w: Builder, x: Value, slope: Value) -> Value:
    """max(0, x) + slope · min(0, x)"""
    zero = w.scalar(0, x.data_type)
    return w.add(w.max(zero, x), w.mul(slope, w.min(zero, x)))


def _leaky_relu(w: Builder, op: OpView) -> Value:
    return _leaky(w, op.input, w.scalar(op.alpha, op.input.data_type))


@in_float32
def _linear(w: Builder, op: OpView) -> Value:
    """alpha · x + beta"""
    alpha, beta = (w.scalar(v, op.input.data_type) for v in (op.alpha, op.beta))
    return w.add(w.mul(op.input, alpha), beta)


@in_float32
def _hard_sigmoid(w: Builder, op: OpView) -> Value:
    """max(0, min(1, alpha · x + beta))"""
    return w.clamp(_linear(w, op), min_value=0, max_value=1)


@in_float32
def _hard_swish(w: Builder, op: OpView) -> Value:
    """x · max(0, min(6, x + 3)) / 6"""
    three, six = (w.scalar(v, op.input.data_type) for v in (3, 6))
    return w.div(w.mul(op.input, w.clamp(w.add(op.input, three), min_value=0, max_value=6)), six)


@in_float32
def _gelu(w: Builder, op: OpView) -> Value:
    """x / 2 · (1 + erf(x / sqrt(2)))"""
    half, one, scale = (w.scalar(v, op.input.data_type) for v in (0.5, 1, math.sqrt(0.5)))
    return w.mul(w.mul(op.input, half), w.add(one, w.erf(w.mul(op.input, scale))))


@in_float32
def _softsign(w: Builder, op: OpView) -> Value:
    """x / (1 + |x|)"""
    return w.div(op.input, w.add(w.scalar(1, op.input.data_type), w.abs(op.input)))


_ALPHA = attribute("alpha", DOUBLE, 1.0)

_declare("relu", _relu, SIGNED)
_declare("leakyRelu", _leaky_relu, FLOATS, attribute("alpha", DOUBLE, 0.01))
_declare("linear", _linear, FLOATS, _ALPHA, attribute("beta", DOUBLE, 0.0))
_declare("hardSigmoid", _hard_sigmoid, FLOATS, attribute("alpha", DOUBLE, 0.2), attribute("beta", DOUBLE, 0.5))
_declare("hardSwish", _hard_swish)
_declare("gelu", _gelu)
_declare("softsign", _softsign)


def _infer_prelu(op: OpView) -> Descriptor:
    return op.input.with_shape(broadcast_shape(op, "input", "slope"))


declare(
    "prelu",
    operands=[operand("input", SIGNED), operand("slope", SIGNED, like="input")],
    infer=_infer_prelu,
    decompose=lambda w, op: _leaky(w, op.input, op.slope),
    example=lambda w, x: w.prelu(x(2, 3), x(3)),
)


# WebNN has neither exp(x) - 1 nor log(1 + x); built from exp and log, these two lose all digits near 0 and below it.


def _elu(b: Emitter, op: OpView) -> Value:
    """max(0, x) + alpha · (exp(min(0, x)) - 1)"""
    alpha = cast_number(op.alpha, op.input.data_type)

    def formula(x: Value) -> Value:
        return b.add(b.maximum(x, 0.0), b.multiply(b.exponential_minus_one(b.minimum(x, 0.0)), alpha))

    return b.in_float32(formula, op.input)


def _softplus(b: Emitter, op: OpView) -> Value:
    """log(1 + exp(x)) = max(0, x) + log(1 + exp(-|x|)), which does not overflow"""

    def formula(x: Value) -> Value:
        return b.add(b.maximum(x, 0.0), b.log_plus_one(b.exponential(b.negate(b.abs(x)))))

    return b.in_float32(formula, op.input)


declare(
    "elu",
    operands=[operand("input", FLOATS)],
    attributes=[_ALPHA],
    infer=_infer,
    stablehlo=_elu,
    example=lambda w, x: w.elu(x(2, 3)),
)

declare(
    "softplus",
    operands=[operand("input", FLOATS)],
    infer=_infer,
    stablehlo=_softplus,
    example=lambda w, x: w.softplus(x(2, 3)),
)
