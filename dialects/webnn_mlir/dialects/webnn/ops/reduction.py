"""Reductions: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-reduce."""

import math
from collections.abc import Callable
from typing import Any

from ..attributes import BOOLEAN, UNSIGNED_LONGS
from ..declaration import Builder, Descriptor, Emitter, OpView, Value, attribute, declare, operand, snake_case
from ..types import ALL, FLOATS, WIDE, DataType
from ._float32 import Formula, in_float32


def reduced_shape(op: OpView, axes: tuple[int, ...]) -> tuple[int, ...]:
    """https://www.w3.org/TR/webnn/#mlgraphbuilder-calculate-reduction-output-sizes"""
    rank = op.input.rank
    op.require(len(set(axes)) == len(axes), f"axes {list(axes)} must be distinct")
    op.require(all(a < rank for a in axes), f"axes {list(axes)} must be below the rank {rank}")
    if op.keep_dimensions:
        return tuple(1 if i in axes else n for i, n in enumerate(op.input.shape))
    return tuple(n for i, n in enumerate(op.input.shape) if i not in axes)


def _infer(op: OpView) -> Descriptor:
    return op.input.with_shape(reduced_shape(op, op.axes))


def _declare(name: str, types: tuple[DataType, ...], **lowering: Any) -> None:
    declare(
        name,
        operands=[operand("input", types)],
        attributes=[
            attribute("axes", UNSIGNED_LONGS, lambda op: range(op.input.rank)),
            attribute("keepDimensions", BOOLEAN, False),
        ],
        infer=_infer,
        example=lambda w, x: getattr(w, snake_case(name))(x(2, 3), axes=[1]),
        **lowering,
    )


def _fold(method: str, neutral: Callable[[DataType], float]) -> Callable[[Emitter, OpView], Value]:
    """Folds with an emitter's method from the neutral value of a data type; float16 is summed up in float32."""

    def stablehlo(b: Emitter, op: OpView) -> Value:
        start = neutral(op.input.data_type)
        return b.in_float32(lambda x: b.reduce(x, op.axes, method, start, keep=op.keep_dimensions), op.input)

    return stablehlo


def _options(op: OpView) -> dict[str, Any]:
    return {"axes": op.axes, "keep_dimensions": op.keep_dimensions}


def _sum(w: Builder, op: OpView, x: Value) -> Value:
    return w.reduce_sum(x, **_options(op))


def _l1(w: Builder, op: OpView) -> Value:
    return _sum(w, op, op.input if op.input.data_type.is_unsigned else w.abs(op.input))


def _sum_square(w: Builder, op: OpView) -> Value:
    return _sum(w, op, w.mul(op.input, op.input))


def _l2(w: Builder, op: OpView) -> Value:
    return w.sqrt(_sum_square(w, op))


def _log_sum(w: Builder, op: OpView) -> Value:
    return w.log(_sum(w, op, op.input))


def _log_sum_exp(w: Builder, op: OpView) -> Value:
    """m + log(sum(exp(x - m))): m is the greatest value, or 0 where it is infinite, so that nothing overflows."""
    greatest = w.reduce_max(op.input, axes=op.axes, keep_dimensions=True)
    m = w.where(w.is_infinite(greatest), w.scalar(0, op.input.data_type), greatest)
    total = w.log(_sum(w, op, w.exp(w.sub(op.input, m))))
    return w.add(w.reshape(m, total.shape), total)


def _mean(w: Builder, op: OpView) -> Value:
    count = math.prod(op.input.shape[a] for a in op.axes)
    return w.div(_sum(w, op, op.input), w.scalar(count, op.input.data_type))


_FORMULAS: list[tuple[str, tuple[DataType, ...], Formula]] = [
    ("reduceL1", WIDE, _l1),
    ("reduceL2", FLOATS, _l2),
    ("reduceLogSum", FLOATS, _log_sum),
    ("reduceLogSumExp", FLOATS, _log_sum_exp),
    ("reduceMean", FLOATS, _mean),
    ("reduceSumSquare", WIDE, _sum_square),
]
for _name, _types, _formula in _FORMULAS:
    _declare(_name, _types, decompose=in_float32(_formula))

_declare("reduceSum", WIDE, stablehlo=_fold("add", lambda t: 0))
_declare("reduceProduct", WIDE, stablehlo=_fold("multiply", lambda t: 1))
_declare("reduceMax", ALL, stablehlo=_fold("maximum", lambda t: -math.inf if t.is_float else t.range[0]))
_declare("reduceMin", ALL, stablehlo=_fold("minimum", lambda t: math.inf if t.is_float else t.range[1]))
