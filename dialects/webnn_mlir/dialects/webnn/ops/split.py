"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-split"""

from ..attributes import SPLITS, UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand, result
from ..types import ALL_AND_INT4S, MAX_TENSORS


def _infer(op: OpView) -> list[Descriptor]:
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    length = op.input.shape[op.axis]
    if isinstance(op.splits, int):
        op.require(0 < op.splits <= MAX_TENSORS, f"splits {op.splits} must be from 1 to {MAX_TENSORS}")
        op.require(length % op.splits == 0, f"splits {op.splits} must divide the input's dimension {length}")
        op.splits = (length // op.splits,) * op.splits
    sizes = list(op.splits)
    op.require(0 < len(sizes) <= MAX_TENSORS, f"splits has {len(sizes)} entries; it must have 1 to {MAX_TENSORS}")
    op.require(0 not in sizes, f"splits {sizes} must not hold 0")
    op.require(sum(sizes) == length, f"splits {sizes} must add up to the input's dimension {length}")
    shape = op.input.shape
    return [op.input.with_shape([*shape[: op.axis], size, *shape[op.axis + 1 :]]) for size in sizes]


def _stablehlo(b: Emitter, op: OpView) -> list[Value]:
    parts, start = [], 0
    for size in op.splits:
        starts, limits = [0] * op.input.rank, list(op.input.shape)
        starts[op.axis], limits[op.axis] = start, start + size
        parts.append(b.slice(op.input, starts, limits))
        start += size
    return parts


declare(
    "split",
    operands=[operand("input", ALL_AND_INT4S, (1, None))],
    attributes=[attribute("splits", SPLITS), attribute("axis", UNSIGNED_LONG, 0)],
    results=[result("outputs", like="input", variadic=True)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.split(x(4, 3), [1, 3]),
    sequence=True,
)
