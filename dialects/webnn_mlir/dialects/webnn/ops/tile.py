"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-tile"""

from ..attributes import WRAPPING_UNSIGNED_LONGS
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL_AND_INT4S


def _infer(op: OpView) -> Descriptor:
    times, rank = list(op.repetitions), op.input.rank
    op.require(len(times) == rank, f"repetitions {times} must have as many entries as the input's rank, {rank}")
    op.require(0 not in times, f"repetitions {times} must not hold 0")
    return op.input.with_shape([n * t for n, t in zip(op.input.shape, times, strict=True)])


def _stablehlo(b: Emitter, op: OpView) -> Value:
    """[n] -> [t, n] by broadcasting -> [t · n]"""
    pairs = [n for pair in zip(op.repetitions, op.input.shape, strict=True) for n in pair]
    tiled = b.broadcast_in_dim(op.input, pairs, range(1, len(pairs), 2))
    return b.reshape(tiled, op.results[0].shape)


declare(
    "tile",
    operands=[operand("input", ALL_AND_INT4S)],
    attributes=[attribute("repetitions", WRAPPING_UNSIGNED_LONGS)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.tile(x(2, 3), [2, 1]),
)
