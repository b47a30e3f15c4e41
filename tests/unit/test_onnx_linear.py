"""MatMul, Gemm and Einsum of ONNX, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import Draw, Run, case, compare, problem_of


@pytest.fixture
def x() -> Draw:
    return Draw()


def test_mat_mul(run: Run, tmp_path: Path, x: Draw) -> None:
    shapes = {
        "matrices": [(3, 4), (4, 5)], "row": [(4,), (4, 5)], "column": [(3, 4), (4,)], "vectors": [(4,), (4,)],
        "outer": [(2, 1, 3, 4), (5, 4, 2)], "row-outer": [(4,), (2, 4, 5)], "outer-column": [(2, 3, 4), (4,)],
    }  # fmt: skip
    compare(run, tmp_path, {name: case("MatMul", *(x(*s) for s in pair)) for name, pair in shapes.items()})


def test_gemm(run: Run, tmp_path: Path, x: Draw) -> None:
    a, b = x(3, 4), x(4, 5)
    compare(run, tmp_path, {
        "plain": case("Gemm", a, b),
        "transposed": case("Gemm", a.T.copy(), b.T.copy(), transA=1, transB=1, alpha=0.5),
        **{f"c{s}": case("Gemm", a, b, x(*s), alpha=0.25, beta=0.35) for s in [(), (5,), (3, 1), (1, 5), (3, 5)]},
    })  # fmt: skip
    compare(run, tmp_path, {"old": case("Gemm", a, b, x(5))}, opset=7)


@pytest.mark.parametrize("equation", [
    ["ij,jk->ik", (2, 3), (3, 4)], ["ij->ji", (2, 3)], ["ij->", (2, 3)], ["ij->i", (2, 3)], ["ii->i", (3, 3)],
    ["ii", (3, 3)], ["i,i", (3,), (3,)], ["i,j->ji", (3,), (4,)], ["bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)],
    ["bij,bjk", (2, 3, 4), (2, 4, 5)], ["...ij,...jk->...ik", (2, 3, 4), (4, 5)],
    ["ij,jk,kl->il", (2, 3), (3, 4), (4, 5)],
    ["...i,...i->...", (2, 3, 4), (3, 4)], ["ij,kl->ik", (2, 3), (4, 5)], ["ijk,ij->k", (2, 3, 4), (2, 3)],
    ["iij,jk->ik", (3, 3, 2), (2, 4)], ["b...d->d...b", (2, 3, 4, 5)], [" ij , jk -> ki ", (2, 3), (3, 4)],
    ["...ij,...ij->...ij", (2, 1, 3, 4), (5, 3, 4)], ["ba,c", (2, 3), (4,)],
], ids=lambda e: e[0])  # fmt: skip
def test_einsum(run: Run, tmp_path: Path, x: Draw, equation: list) -> None:
    text, *shapes = equation
    arrays = [x(*shape) for shape in shapes]
    integers = [x.integers(-9, 9, *shape) for shape in shapes]
    compare(run, tmp_path, {
        "floats": case("Einsum", *arrays, equation=text, expected=[np.einsum(text, *arrays)]),
        "integers": case("Einsum", *integers, equation=text, expected=[np.einsum(text, *integers)]),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("op", "shapes", "attributes", "problem"),
    [
        ("MatMul", [(2, 3), (2, 3)], {}, "a has 3 columns and b has 2 rows"),
        ("MatMul", [(), (2, 3)], {}, "A and B must not be scalars"),
        ("Gemm", [(2, 3), (3, 4), (5,)], {}, "c has shape [5]; it must broadcast to [2, 4]"),
        ("Einsum", [(2, 3), (4, 3)], {"equation": "ij,jk"}, "axis 'j' has sizes 3 and 4"),
        ("Einsum", [(2, 3)], {"equation": "ij,jk"}, "is of 2 inputs; 1 are given"),
        ("Einsum", [(2, 3)], {"equation": "ijk->i"}, "term 'ijk' of equation 'ijk->i' does not fit rank 2"),
        ("Einsum", [(2, 3)], {"equation": "ij->k"}, "must name axes of its inputs, each once"),
    ],
)
def test_what_linear_operators_are_not(
    tmp_path: Path, x: Draw, op: str, shapes: list[tuple[int, ...]], attributes: dict, problem: str
) -> None:
    assert problem in problem_of(tmp_path, case(op, *(x(*shape) for shape in shapes), **attributes))
