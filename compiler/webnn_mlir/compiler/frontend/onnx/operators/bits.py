"""Operators on the bits of integers, which WebNN has none for: by sums of powers of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..importer import NodeBuilder
from ..registry import operator


@operator("BitShift", since=11)
def bit_shift(w: NodeBuilder, X: MLOperand, Y: MLOperand, *, direction: str) -> Any:
    """X · 2^Y without what does not fit, or X / 2^Y without the fraction; 0 where nothing of X is left."""
    w.require(direction in ("LEFT", "RIGHT"), f"direction {direction!r} must be LEFT or RIGHT")
    w.require(X.data_type.is_unsigned, f"X has data type {X.data_type}; it must be an unsigned integer")
    bits = X.data_type.bits
    limit = w.scalar(bits, Y.data_type)
    places = w.cast(w.min(Y, w.scalar(bits - 1, Y.data_type)), DataType.INT32)
    powers = w.gather(w.operand(_powers(X.data_type)), places)
    result = w.mul(X, powers) if direction == "LEFT" else w.div(X, powers)
    return w.where(w.lesser(Y, limit), result, w.scalar(0, X.data_type))


def _powers(data_type: DataType) -> Any:
    return (2 ** np.arange(data_type.bits, dtype=np.uint64)).astype(data_type.numpy)


@operator("BitwiseNot", since=18)
def bitwise_not(w: NodeBuilder, X: MLOperand) -> Any:
    """-1 - x, of unsigned integers the greatest one - x"""
    return w.sub(w.scalar(X.data_type.range[1] if X.data_type.is_unsigned else -1, X.data_type), X)


@operator("BitwiseAnd", since=18)
def bitwise_and(w: NodeBuilder, A: MLOperand, B: MLOperand) -> Any:
    """The sum of 2^i · aᵢ · bᵢ, of bits that are taken from unsigned integers."""
    w.require(not A.data_type.is_float, f"A has data type {A.data_type}; it must be an integer")
    unsigned = DataType(f"uint{A.data_type.bits}")
    powers = w.operand(_powers(unsigned))
    two = w.scalar(2, unsigned)

    def bits(x: MLOperand) -> MLOperand:
        wide = w.reshape(w.cast(x, unsigned) if x.data_type is not unsigned else x, [*x.shape, 1])
        shifted = w.div(wide, powers)
        return w.sub(shifted, w.mul(w.div(shifted, two), two))

    products = w.mul(w.mul(bits(A), bits(B)), powers)
    # Each bit is in one product: their sum is within the type, which reduceSum need not take.
    parts = w.split(products, len(_powers(unsigned)), axis=products.rank - 1)
    total = parts[0]
    for part in parts[1:]:
        total = w.add(total, part)
    result = w.reshape(total, list(products.shape[:-1]))
    return result if unsigned is A.data_type else w.cast(result, A.data_type)


@operator("BitwiseOr", since=18)
def bitwise_or(w: NodeBuilder, A: MLOperand, B: MLOperand) -> Any:
    """a + b - (a and b)"""
    return w.sub(w.add(A, B), bitwise_and(w, A, B))


@operator("BitwiseXor", since=18)
def bitwise_xor(w: NodeBuilder, A: MLOperand, B: MLOperand) -> Any:
    """a + b - 2 (a and b)"""
    both = bitwise_and(w, A, B)
    return w.sub(w.add(A, B), w.add(both, both))
