"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-reverse-method"""

from ..attributes import UNSIGNED_LONGS
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL_AND_INT4S


def _infer(op: OpView) -> Descriptor:
    axes, rank = list(op.axes), op.input.rank
    op.require(len(set(axes)) == len(axes), f"axes {axes} must be distinct")
    op.require(all(a < rank for a in axes), f"axes {axes} must be below the rank {rank}")
    return op.input


def _stablehlo(b: Emitter, op: OpView) -> Value:
    return b.reverse(op.input, op.axes)


declare(
    "reverse",
    operands=[operand("input", ALL_AND_INT4S)],
    attributes=[attribute("axes", UNSIGNED_LONGS, lambda op: range(op.input.rank))],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.reverse(x(2, 3), axes=[1]),
)
