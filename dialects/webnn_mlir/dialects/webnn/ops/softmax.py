"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-softmax-method"""

import math
from typing import Any

from ..attributes import UNSIGNED_LONG
from ..declaration import Builder, Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import FLOATS


def _infer(op: OpView) -> Descriptor:
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    return op.input


def _stablehlo(b: Emitter, op: OpView) -> Value:
    """exp(x - max(x)) over its sum, apart from what else uses x or the result: IREE fails on loops that give both, and
    computes x anew for the maximum, the sum and the quotient."""

    def softmax(x: Value) -> Value:
        (x,) = b.barrier(x)
        rest = [axis for axis in range(x.rank) if axis != op.axis]

        def along(reduced: Value) -> Value:
            return b.broadcast_in_dim(reduced, x.shape, rest)

        greatest = b.stabilizer(b.reduce(x, [op.axis], "maximum", -math.inf))
        powers = b.exponential(b.subtract(x, along(greatest)))
        (result,) = b.barrier(b.divide(powers, along(b.reduce(powers, [op.axis], "add", 0.0))))
        return result

    return b.in_float32(softmax, op.input)


def _add_axis(w: Builder, arguments: dict[str, Any]) -> dict[str, Any]:
    """The older form, for matrices: without an axis, along the rows."""
    matrix = getattr(arguments.get("input"), "rank", 0) == 2
    return {"axis": 1} | arguments if matrix else arguments


declare(
    "softmax",
    operands=[operand("input", FLOATS, (1, None))],
    attributes=[attribute("axis", UNSIGNED_LONG)],
    infer=_infer,
    stablehlo=_stablehlo,
    modernize=_add_axis,
    example=lambda w, x: w.softmax(x(2, 3), 1),
)
