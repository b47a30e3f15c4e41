"""Operators on the bits of integers, which WebNN has none for: by sums of powers of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..importer import NodeBuilder
from ..registry import operator


@operator("BitShift", since=11)
def bit_shift(w: NodeBuilder, X: MLOperand, Y: MLOperand, *, direction: str) -> Any:
    """X · 2^Y without what does not fit, or X / 2^Y rounded down; for Y beyond the bits what is left by all of them.

    To the right, a negative X is -1 - (-1 - X) / 2^Y.
    """
    w.require(direction in ("LEFT", "RIGHT"), f"direction {direction!r} must be LEFT or RIGHT")
    w.require(not X.data_type.is_float, f"X has data type {X.data_type}; it must be an integer")
    unsigned = DataType(f"uint{X.data_type.bits}")
    if unsigned is X.data_type:
        return _shifted(w, X, Y, direction)
    if direction == "LEFT":
        return w.cast(_shifted(w, w.cast(X, unsigned), Y, direction), X.data_type)
    negative, all_ones = w.lesser(X, w.scalar(0, X.data_type)), w.scalar(-1, X.data_type)
    magnitude = w.cast(w.where(negative, w.sub(all_ones, X), X), unsigned)
    shifted = w.cast(_shifted(w, magnitude, Y, direction), X.data_type)
    return w.where(negative, w.sub(all_ones, shifted), shifted)


def _shifted(w: NodeBuilder, x: MLOperand, places: MLOperand, direction: str) -> MLOperand:
    """An unsigned integer moved by so many places; by a number of them that it does not have, 0."""
    inside = w.clamp(places, min_value=0, max_value=x.data_type.bits - 1)
    powers = w.gather(w.operand(_powers(x.data_type)), w.cast(inside, DataType.INT32))
    moved = w.mul(x, powers) if direction == "LEFT" else w.div(x, powers)
    result: MLOperand = w.where(w.equal(places, inside), moved, w.scalar(0, x.data_type))
    return result


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
