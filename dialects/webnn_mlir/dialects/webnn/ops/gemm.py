"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gemm"""

from ..attributes import BOOLEAN, DOUBLE
from ..declaration import Builder, Descriptor, OpView, Value, attribute, declare, operand
from ..shapes import broadcasts_to
from ..types import FLOATS
from ._float32 import in_float32


def _infer(op: OpView) -> Descriptor:
    rows, inner = op.a.shape[::-1] if op.a_transpose else op.a.shape
    depth, columns = op.b.shape[::-1] if op.b_transpose else op.b.shape
    op.require(inner == depth, f"a has {inner} columns and b has {depth} rows; they must be as many")
    if op.c is not None:
        rule = f"c has shape {list(op.c.shape)}; it must broadcast to {[rows, columns]}"
        op.require(broadcasts_to(op.c.shape, (rows, columns)), rule)
    return op.a.with_shape([rows, columns])


@in_float32
def _decompose(w: Builder, op: OpView) -> Value:
    """alpha · a · b + beta · c"""

    def scaled(x: Value, factor: float) -> Value:
        return x if factor == 1 else w.mul(x, w.scalar(factor, x.data_type))

    a = w.transpose(op.a) if op.a_transpose else op.a
    b = w.transpose(op.b) if op.b_transpose else op.b
    product = scaled(w.matmul(a, b), op.alpha)
    return product if op.c is None else w.add(product, scaled(op.c, op.beta))


declare(
    "gemm",
    operands=[
        operand("a", FLOATS, 2),
        operand("b", FLOATS, 2, like="a"),
        operand("c", FLOATS, (0, 2), like="a", optional=True),
    ],
    attributes=[
        attribute("alpha", DOUBLE, 1.0),
        attribute("beta", DOUBLE, 1.0),
        attribute("aTranspose", BOOLEAN, False),
        attribute("bTranspose", BOOLEAN, False),
    ],
    infer=_infer,
    decompose=_decompose,
    example=lambda w, x: w.gemm(x(2, 3), x(3, 4), c=x(4)),
)
