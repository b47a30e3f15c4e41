"""Scattering, gathering and selection of ONNX, against ONNX Runtime."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from onnx_models import Case, Draw, Run, case, compare, fixed, problem_of


@pytest.fixture
def x() -> Draw:
    return Draw()


def test_scatter_elements(run: Run, tmp_path: Path, x: Draw) -> None:
    data = x(4, 5)
    rows, columns = np.asarray([[1, 0, 2, -1, 3], [0, 3, -3, 2, 1]]), np.asarray([[1], [-2], [0], [4]])
    twice = np.asarray([[1, 1, -4], [0, 3, 3]])
    reductions = ["add", "mul", "max", "min"]
    compare(run, tmp_path, {
        "rows": case("ScatterElements", data, rows, x(2, 5)),
        "columns": case("ScatterElements", data, columns, x(4, 1), axis=-1),
        "fewer": case("ScatterElements", data, np.asarray([[1, 3], [0, 2]]), x(2, 2), axis=0),
        "integers": case("ScatterElements", x.integers(0, 9, 4, 5), fixed(rows), x.integers(0, 9, 2, 5)),
        **{r: case("ScatterElements", data, twice, x(2, 3), axis=1, reduction=r) for r in reductions},
        **{f"{r}0": case("ScatterElements", data, twice, x(2, 3), axis=0, reduction=r) for r in reductions},
    }, opset=18)  # fmt: skip
    compare(run, tmp_path, {"old": case("Scatter", data, rows, x(2, 5))}, opset=9)


def test_scatter_nd(run: Run, tmp_path: Path, x: Draw) -> None:
    data, pairs, rows = x(4, 5, 3), np.asarray([[0, 1], [3, -1]]), np.asarray([[[1]], [[1]]])
    compare(run, tmp_path, {
        "pairs": case("ScatterND", data, pairs, x(2, 3)),
        "rows": case("ScatterND", data, fixed([[0], [2]]), x(2, 5, 3)),
        **{r: case("ScatterND", data, rows, x(2, 1, 5, 3), reduction=r) for r in ("add", "mul", "max", "min")},
    }, opset=18)  # fmt: skip


def test_gather_nd(run: Run, tmp_path: Path, x: Draw) -> None:
    data = x(2, 3, 4, 5)
    compare(run, tmp_path, {
        "whole": case("GatherND", data, x.integers(-2, 2, 3, 2, dtype=np.int64)),
        "batch": case("GatherND", data, x.integers(-3, 3, 2, 4, 2, dtype=np.int64), batch_dims=1),
        "batches": case("GatherND", data, x.integers(-4, 4, 2, 3, 1, dtype=np.int64), batch_dims=2),
        "fewer": case("GatherElements", x(4, 5), np.asarray([[1, -1, 3]]), axis=0),
        "bytes": case("GatherND", x.integers(0, 9, 2, 3, dtype=np.uint8), x.integers(-2, 2, 3, 1, dtype=np.int64)),
    })  # fmt: skip


def test_one_hot(run: Run, tmp_path: Path, x: Draw) -> None:
    indices, values = np.asarray([[1, -2, 4], [7, 0, -9]]), np.asarray([0.5, 2.5], np.float32)
    compare(run, tmp_path, {
        "last": case("OneHot", indices, fixed(5), values),
        "first": case("OneHot", indices, fixed([5]), values, axis=0),
        "middle": case("OneHot", indices, fixed(5), fixed([3, 4]), axis=-2),
        "floats": case("OneHot", indices.astype(np.float32), fixed(5, np.float32), values),
    })  # fmt: skip


def test_reverse_sequence(run: Run, tmp_path: Path, x: Draw) -> None:
    compare(run, tmp_path, {
        "time": case("ReverseSequence", x(4, 3, 2), np.asarray([1, 4, 2])),
        "batch": case("ReverseSequence", x(3, 4), fixed([1, 4, 2]), batch_axis=0, time_axis=1),
    })  # fmt: skip


def test_trilu(run: Run, tmp_path: Path, x: Draw) -> None:
    compare(run, tmp_path, {
        f"{upper}-{k}": case("Trilu", x(2, 4, 5), None if k is None else fixed(k), upper=upper)
        for upper, k in product([0, 1], [None, 1, -2, 9, -9, 2**40])
    } | {"integers": case("Trilu", x.integers(1, 9, 3, 3, dtype=np.int64))})  # fmt: skip


def test_eye_like(run: Run, tmp_path: Path, x: Draw) -> None:
    compare(run, tmp_path, {
        "plain": case("EyeLike", x(3, 4)),
        "k": case("EyeLike", x(3, 4), k=-1, dtype=6),
        "bool": case("EyeLike", x.integers(0, 9, 3, 3), dtype=9, expected=[np.eye(3, dtype=bool)]),
    })  # fmt: skip


@pytest.mark.parametrize("op", ["TopK"])
def test_top_k(run: Run, tmp_path: Path, x: Draw, op: str) -> None:
    ties = x.integers(0, 4, 3, 7, 2).astype(np.float32)
    ties[0, 2] = -np.inf
    compare(run, tmp_path, {
        "ties": case(op, ties, fixed([4]), axis=1, outputs=2),
        "smallest": case(op, ties, fixed([7]), axis=1, largest=0, outputs=2),
        "one": case(op, ties, fixed([1]), axis=1, outputs=2),
        "all": case(op, x(2, 9), fixed([9]), outputs=2),
        "integers": case(op, x.integers(-9, 9, 2, 9, dtype=np.int64), fixed([3]), outputs=2),
        "long": case(op, x(2, 10000), fixed([5]), outputs=2),
        "long-smallest": case(op, x(10000, 2), fixed([5]), axis=0, largest=0, outputs=2),
    })  # fmt: skip
    compare(run, tmp_path, {"old": case(op, x(2, 9), fixed([3]), outputs=2)}, opset=10)


def test_blocks(run: Run, tmp_path: Path, x: Draw) -> None:
    deep, wide = x(2, 12, 3, 4), x(2, 3, 4, 6)
    compare(run, tmp_path, {
        "dcr": case("DepthToSpace", deep, blocksize=2),
        "crd": case("DepthToSpace", deep, blocksize=2, mode="CRD"),
        "depth": case("SpaceToDepth", wide, blocksize=2),
    })  # fmt: skip
    expected = deep.reshape(2, 3, 4, 3, 4)  # [n, c, b², h, w]: CRD's channels
    image = expected.reshape(2, 3, 2, 2, 3, 4).transpose(0, 1, 4, 2, 5, 3).reshape(2, 3, 6, 8)
    compare(run, tmp_path, {"back": case("SpaceToDepth", image, blocksize=2, mode="CRD", expected=[deep])}, opset=28)


def test_known_choices(run: Run, tmp_path: Path, x: Draw) -> None:
    mask = fixed([0, 1, 1, 0, 1], np.bool_)
    compare(run, tmp_path, {
        "flat": case("Compress", x(3, 4), mask),
        "axis": case("Compress", x(3, 5), mask, axis=-1),
        "nonzero": case("NonZero", fixed([[0, 1], [2, 0]])),
        "many": case("NonZero", fixed(np.arange(2**18) % 2**17 == 5)),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (case("NonZero", np.zeros(3, np.int64)), "input 'X' must be known at import; it is computed"),
        (case("TopK", np.zeros(3, np.float32), fixed([4]), outputs=2), "K 4 must be from 1 to 3"),
        (case("TopK", np.zeros(10000, np.float32), fixed([100]), outputs=2), "at most 64 are supported"),
        (case("Compress", np.zeros(3, np.float32), fixed([0, 0, 0, 1], np.bool_)), "chooses element 3 of 3"),
        (case("DepthToSpace", np.zeros((1, 6, 2, 2), np.float32), blocksize=2), "must divide the 6 channels"),
        (
            case("ScatterND", np.zeros(9, np.float32), np.zeros((500, 1), np.int64), np.zeros(500, np.float32),
                 reduction="add"),
            "reduction 'add' of 500 updates; at most 256",
        ),
        (
            case("GatherND", np.zeros((2, 3), np.float32), np.zeros((3, 1), np.int64), batch_dims=1),
            "the first 1 sizes of [2, 3] and [3, 1] must be equal",
        ),
    ],
)  # fmt: skip
def test_what_selection_is_not(tmp_path: Path, given: Case, problem: str) -> None:
    assert problem in problem_of(tmp_path, given)
