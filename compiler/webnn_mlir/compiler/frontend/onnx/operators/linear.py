"""MatMul, Gemm and Einsum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from webnn_mlir.dialects.webnn import MLOperand

from ..importer import NodeBuilder
from ..registry import operator


@operator("MatMul")
def mat_mul(w: NodeBuilder, A: MLOperand, B: MLOperand) -> Any:
    """A vector is a row as A and a column as B, and the axis that it lacks is left out of the result."""
    w.require(A.rank > 0 and B.rank > 0, "A and B must not be scalars")
    a = w.reshape(A, [1, *A.shape]) if A.rank == 1 else A
    b = w.reshape(B, [*B.shape, 1]) if B.rank == 1 else B
    product = w.matmul(a, b)
    if A.rank > 1 and B.rank > 1:
        return product
    rows = product.shape[-2:-1] if A.rank > 1 else ()
    columns = product.shape[-1:] if B.rank > 1 else ()
    return w.reshape(product, [*product.shape[:-2], *rows, *columns])


@operator("Gemm")
def gemm_1(
    w: NodeBuilder,
    A: MLOperand,
    B: MLOperand,
    C: MLOperand,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    broadcast: int = 0,
    transA: int = 0,
    transB: int = 0,
) -> Any:
    """Without `broadcast` C has the result's shape, which broadcasts as well."""
    return gemm(w, A, B, C, alpha=alpha, beta=beta, transA=transA, transB=transB)


@operator("Gemm", since=7)
def gemm(
    w: NodeBuilder,
    A: MLOperand,
    B: MLOperand,
    C: MLOperand | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Any:
    bias = {} if C is None else {"c": C, "beta": beta}
    return w.gemm(A, B, alpha=alpha, a_transpose=bool(transA), b_transpose=bool(transB), **bias)


@operator("Einsum")
def einsum(w: NodeBuilder, *Inputs: MLOperand, equation: str) -> Any:
    """Operands are contracted from left to right: the axes of a pair that are needed no more, by a matrix product."""
    terms, output = _terms(w, equation, [x.rank for x in Inputs])
    sizes: dict[str, int] = {}
    for x, term in zip(Inputs, terms, strict=True):
        for axis, size in zip(term, x.shape, strict=True):
            known = sizes.setdefault(axis, size)
            w.require(1 in (known, size) or known == size, f"axis '{axis}' has sizes {known} and {size}")
            sizes[axis] = max(known, size)
    factors = [_Factor(x, term).distinct(w).without_ones(w, sizes) for x, term in zip(Inputs, terms, strict=True)]
    result = factors[0].only(w, {*output, *(a for f in factors[1:] for a in f.axes)})
    for number, factor in enumerate(factors[1:], 2):
        needed = {*output, *(axis for rest in factors[number:] for axis in rest.axes)}
        result = _contract(w, result.only(w, {*needed, *factor.axes}), factor.only(w, {*needed, *result.axes}), needed)
    present = [axis for axis in output if axis in result.axes]
    return w.expand(w.reshape(result.only(w, set(output)).ordered(w, present), [
        sizes[axis] if axis in present else 1 for axis in output
    ]), [sizes[axis] for axis in output])  # fmt: skip


def _terms(w: NodeBuilder, equation: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """The axes of each operand and of the result by name: an ellipsis is the axes 0, 1, … of the longest one."""
    text = "".join(equation.split())
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    w.require(len(inputs) == len(ranks), f"equation {equation!r} is of {len(inputs)} inputs; {len(ranks)} are given")
    counts = [rank - len(term.replace("...", "")) for term, rank in zip(inputs, ranks, strict=True)]
    for term, count, rank in zip(inputs, counts, ranks, strict=True):
        right_rank = count >= 0 if "..." in term else count == 0
        letters = term.replace("...", "", 1)
        w.require(right_rank and (not letters or letters.isalpha()),
                  f"term {term!r} of equation {equation!r} does not fit rank {rank}")  # fmt: skip
    longest = max((count for term, count in zip(inputs, counts, strict=True) if "..." in term), default=0)

    def axes(term: str, count: int) -> list[str]:
        before, dots, after = term.partition("...")
        numbers = [str(i) for i in range(longest - count, longest)] if dots else []
        return [*before, *numbers, *after]

    terms = [axes(term, count) for term, count in zip(inputs, counts, strict=True)]
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        right = "..." * ("..." in left) + "".join(sorted(a for a in set(letters) if letters.count(a) == 1))
    output = axes(right, longest)
    known = {axis for term in terms for axis in term}
    w.require(len(set(output)) == len(output) and set(output) <= known,
              f"the result of equation {equation!r} must name axes of its inputs, each once")  # fmt: skip
    return terms, output


class _Factor:
    """An operand whose axes have names."""

    def __init__(self, x: MLOperand, axes: Sequence[str]):
        self.x, self.axes = x, list(axes)

    def size(self, axes: Sequence[str]) -> int:
        return math.prod(self.x.shape[self.axes.index(a)] for a in axes)

    def sizes(self, axes: Sequence[str]) -> list[int]:
        return [self.size([a]) for a in axes]

    def ordered(self, w: NodeBuilder, axes: Sequence[str]) -> MLOperand:
        order = [self.axes.index(a) for a in axes]
        result: MLOperand = self.x if order == sorted(order) else w.transpose(self.x, permutation=order)
        return result

    def matrix(self, w: NodeBuilder, *groups: Sequence[str]) -> MLOperand:
        """Its axes in order, those of the first group each, those of another together."""
        ordered = self.ordered(w, [a for group in groups for a in group])
        result: MLOperand = w.reshape(ordered, [*self.sizes(groups[0]), *map(self.size, groups[1:])])
        return result

    def distinct(self, w: NodeBuilder) -> _Factor:
        """The diagonal along axes of the same name: every n + 1st of their n · n elements."""
        for name in self.axes:
            places = [i for i, a in enumerate(self.axes) if a == name]
            if len(places) > 1:
                n = self.x.shape[places[0]]
                w.require(self.x.shape[places[1]] == n, f"axes '{name}' of one input have different sizes")
                rest = [i for i in range(self.x.rank) if i not in places[:2]]
                shape = [self.x.shape[i] for i in rest]
                flat = w.reshape(w.transpose(self.x, permutation=[*rest, *places[:2]]), [*shape, n * n])
                taken = w.slice(flat, [0] * flat.rank, list(flat.shape), strides=[1] * len(rest) + [n + 1])
                return _Factor(taken, [*(self.axes[i] for i in rest), name]).distinct(w)
        return self

    def without_ones(self, w: NodeBuilder, sizes: dict[str, int]) -> _Factor:
        """Without the axes of size 1 that broadcast."""
        kept = [a for a in self.axes if self.size([a]) == sizes[a]]
        return self if kept == self.axes else _Factor(w.reshape(self.x, self.sizes(kept)), kept)

    def only(self, w: NodeBuilder, needed: set[str]) -> _Factor:
        """Summed over the axes that are not needed."""
        gone = [i for i, a in enumerate(self.axes) if a not in needed]
        if not gone:
            return self
        return _Factor(w.reduce_sum(self.x, axes=gone), [a for a in self.axes if a in needed])


def _contract(w: NodeBuilder, a: _Factor, b: _Factor, needed: set[str]) -> _Factor:
    both = [axis for axis in a.axes if axis in b.axes]
    batch, inner = [x for x in both if x in needed], [x for x in both if x not in needed]
    rows, columns = [x for x in a.axes if x not in both], [x for x in b.axes if x not in both]
    axes = [*batch, *rows, *columns]
    if inner and a.x.data_type.is_float:
        product = w.matmul(a.matrix(w, batch, rows, inner), b.matrix(w, batch, inner, columns))
        return _Factor(w.reshape(product, [*a.sizes([*batch, *rows]), *b.sizes(columns)]), axes)
    left = w.reshape(a.ordered(w, [*batch, *rows, *inner]), [
        *a.sizes([*batch, *rows]), *[1] * len(columns), *a.sizes(inner)
    ])  # fmt: skip
    right = w.reshape(b.ordered(w, [*batch, *columns, *inner]), [
        *b.sizes(batch), *[1] * len(rows), *b.sizes([*columns, *inner])
    ])  # fmt: skip
    return _Factor(w.mul(left, right), [*axes, *inner]).only(w, set(axes))
