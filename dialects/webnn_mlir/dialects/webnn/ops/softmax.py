"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-softmax-method"""

from typing import Any

from ..attributes import UNSIGNED_LONG
from ..declaration import Builder, Descriptor, OpView, Value, attribute, declare, operand
from ..types import FLOATS
from ._float32 import in_float32


def _infer(op: OpView) -> Descriptor:
    op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
    return op.input


@in_float32
def _decompose(w: Builder, op: OpView) -> Value:
    """exp(x - max(x)) over its sum."""
    greatest = w.reduce_max(op.input, axes=[op.axis], keep_dimensions=True)
    powers = w.exp(w.sub(op.input, greatest))
    return w.div(powers, w.reduce_sum(powers, axes=[op.axis], keep_dimensions=True))


def _add_axis(w: Builder, arguments: dict[str, Any]) -> dict[str, Any]:
    """The older form, for matrices: without an axis, along the rows."""
    matrix = getattr(arguments.get("input"), "rank", 0) == 2
    return {"axis": 1} | arguments if matrix else arguments


declare(
    "softmax",
    operands=[operand("input", FLOATS, (1, None))],
    attributes=[attribute("axis", UNSIGNED_LONG)],
    infer=_infer,
    decompose=_decompose,
    modernize=_add_axis,
    example=lambda w, x: w.softmax(x(2, 3), 1),
)
