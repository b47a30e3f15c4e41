"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-triangular"""

from ..attributes import BOOLEAN, LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL


def _infer(op: OpView) -> Descriptor:
    return op.input


def _stablehlo(b: Emitter, op: OpView) -> Value:
    """Keeps column - row >= diagonal, or <= where the lower part is asked for."""
    rows, columns = op.input.shape[-2:]
    distance = b.subtract(b.iota((rows, columns), 1, "i32"), b.iota((rows, columns), 0, "i32"))
    kept = b.compare(distance, op.diagonal, "GE" if op.upper else "LE")
    return b.select(b.broadcast_to(kept, op.input.shape), op.input, 0)


declare(
    "triangular",
    operands=[operand("input", ALL, (2, None))],
    attributes=[attribute("upper", BOOLEAN, True), attribute("diagonal", LONG, 0)],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.triangular(x(3, 3)),
)
