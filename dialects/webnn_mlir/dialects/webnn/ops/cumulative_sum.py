"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-cumulativesum"""

from collections.abc import Callable

from ..attributes import BOOLEAN, WRAPPING_UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import WIDE


def _infer(op: OpView) -> Descriptor:
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    return op.input


def _reversed(b: Emitter, op: OpView, scan: Callable[[Value], Value]) -> Value:
    """A forward scan in the direction that is asked for; float16 is summed up in float32."""
    axes = [op.axis] if op.reversed else []
    return b.reverse(b.in_float32(scan, b.reverse(op.input, axes)), axes)


def _stablehlo(b: Emitter, op: OpView) -> Value:
    """Adds the value 1, 2, 4, … places before: after step k, each is the sum of the 2^k up to it."""
    axis, size = op.axis, op.input.shape[op.axis]

    def shifted(x: Value, places: int) -> Value:
        low, high = [0] * x.rank, [0] * x.rank
        low[axis], high[axis] = places, -places
        return b.pad(x, 0, low, high)

    def scan(x: Value) -> Value:
        places = 1
        if op.exclusive:
            x = shifted(x, 1)
        while places < size:
            x = b.add(x, shifted(x, places))
            places *= 2
        return x

    return _reversed(b, op, scan)


def _linalg(b: Emitter, op: OpView) -> Value:
    """One pass over the axis."""
    return _reversed(b, op, lambda x: b.scan(x, op.axis, inclusive=not op.exclusive))


declare(
    "cumulativeSum",
    operands=[operand("input", WIDE, (1, None))],
    attributes=[
        attribute("axis", WRAPPING_UNSIGNED_LONG),
        attribute("exclusive", BOOLEAN, False),
        attribute("reversed", BOOLEAN, False),
    ],
    infer=_infer,
    stablehlo=_stablehlo,
    linalg=_linalg,
    example=lambda w, x: w.cumulative_sum(x(2, 3), 1),
)
