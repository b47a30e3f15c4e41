"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-matmul"""

import math

from ..declaration import Descriptor, Emitter, OpView, Value, declare, operand
from ..shapes import broadcast
from ..types import FLOATS


def _infer(op: OpView) -> Descriptor:
    a, b = op.a.shape, op.b.shape
    op.require(a[-1] == b[-2], f"a has {a[-1]} columns and b has {b[-2]} rows; they must be as many")
    outer = broadcast(a[:-2], b[:-2])
    op.require(outer is not None, f"the outer dimensions {list(a[:-2])} of a and {list(b[:-2])} of b must broadcast")
    assert outer is not None
    return op.a.with_shape([*outer, a[-2], b[-1]])


def _stablehlo(b: Emitter, op: OpView) -> Value:
    return b.in_float32(lambda x, y: _product(b, x, y, op.results[0].shape), op.a, op.b)


def _product(b: Emitter, x: Value, y: Value, shape: tuple[int, ...]) -> Value:
    if y.rank == 2:
        # One matrix for all: the outer dimensions of a are rows.
        rows = b.reshape(x, [math.prod(x.shape[:-1]), x.shape[-1]])
        return b.reshape(b.dot_general(rows, y, ([], []), ([1], [0])), shape)
    outer = shape[:-2]
    x, y = (b.broadcast_to(t, [*outer, *t.shape[-2:]]) for t in (x, y))
    batch = list(range(len(outer)))
    return b.dot_general(x, y, (batch, batch), ([x.rank - 1], [y.rank - 2]))


declare(
    "matmul",
    operands=[operand("a", FLOATS, (2, None)), operand("b", FLOATS, (2, None), like="a")],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.matmul(x(2, 3), x(3, 4)),
)
