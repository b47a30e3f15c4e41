"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-transpose"""

from ..attributes import UNSIGNED_LONGS
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL_AND_INT4S


def _infer(op: OpView) -> Descriptor:
    rank = op.input.rank
    rule = f"permutation {list(op.permutation)} must be a permutation of 0..{rank - 1}"
    op.require(sorted(op.permutation) == list(range(rank)), rule)
    return op.input.with_shape([op.input.shape[p] for p in op.permutation])


def _stablehlo(b: Emitter, op: OpView) -> Value:
    return b.transpose(op.input, op.permutation)


declare(
    "transpose",
    operands=[operand("input", ALL_AND_INT4S)],
    attributes=[attribute("permutation", UNSIGNED_LONGS, lambda op: range(op.input.rank)[::-1])],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.transpose(x(2, 3)),
)
