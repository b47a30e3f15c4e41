"""Operators of ONNX that make, move, join and part tensors, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import Case, Draw, Run, case, compare, fixed, problem_of


@pytest.fixture
def x() -> Draw:
    return Draw()


def test_shapes(run: Run, tmp_path: Path, x: Draw) -> None:
    v = x(2, 3, 4)
    compare(run, tmp_path, {
        "reshape": case("Reshape", v, fixed([4, -1])),
        "reshape-kept": case("Reshape", v, fixed([0, -1, 2, 1])),
        "reshape-scalar": case("Reshape", x(1), fixed([])),
        "flatten": case("Flatten", v),
        "flatten-first": case("Flatten", v, axis=0),
        "flatten-last": case("Flatten", v, axis=-1),
        "squeeze": case("Squeeze", x(1, 3, 1)),
        "squeeze-axes": case("Squeeze", x(1, 3, 1), fixed([-1])),
        "unsqueeze": case("Unsqueeze", v, fixed([0, -1])),
        "transpose": case("Transpose", v),
        "transpose-order": case("Transpose", v, perm=[1, 2, 0]),
        "expand": case("Expand", x(3, 1), fixed([2, 1, 4])),
        "tile": case("Tile", v, fixed([1, 2, 3])),
        "shape": case("Shape", v, start=-2),
        "size": case("Size", v),
    })  # fmt: skip


def test_joining_and_parting(run: Run, tmp_path: Path, x: Draw) -> None:
    v = x(2, 7, 4)
    compare(run, tmp_path, {
        "concat": case("Concat", v, x(2, 1, 4), v, axis=-2),
        "concat-one": case("Concat", v, axis=0),
        "split": case("Split", v, fixed([2, 5]), axis=1, outputs=2),
        "split-equal": case("Split", v, axis=-1, num_outputs=2, outputs=2),
        "split-rest": case("Split", v, axis=1, num_outputs=3, outputs=3),
    })  # fmt: skip
    compare(run, tmp_path, {"split": case("Split", v, split=[3, 4], axis=1, outputs=2)}, opset=11)


def test_slices(run: Run, tmp_path: Path, x: Draw) -> None:
    v = x(6, 7)
    slices = {
        "plain": ([1, 2], [3, 5], None, None), "negative": ([-3], [-1], [1], None), "beyond": ([2], [2**62], [0], None),
        "strided": ([0, 1], [6, 7], [0, 1], [2, 3]), "backward": ([5], [-(2**62)], [1], [-1]),
        "backward-strided": ([-1, 4], [-7, 0], [0, 1], [-2, -3]), "axes": ([1], [4], [-1], [1]),
    }  # fmt: skip
    compare(run, tmp_path, {
        name: case("Slice", v, *(None if part is None else fixed(part) for part in parts))
        for name, parts in slices.items()
    })  # fmt: skip
    compare(run, tmp_path, {"attributes": case("Slice", v, starts=[1, 0], ends=[-1, 3])}, opset=9)


def test_gathering(run: Run, tmp_path: Path, x: Draw) -> None:
    v = x(4, 5, 6)
    compare(run, tmp_path, {
        "scalar": case("Gather", v, fixed(2), axis=1),
        "negative": case("Gather", v, np.asarray([[0, -1], [3, -4]])),
        "last": case("Gather", v, fixed([0, 5], np.int32), axis=-1),
        "elements": case("GatherElements", v, x.integers(-5, 5, 4, 3, 6, dtype=np.int64), axis=1),
    })  # fmt: skip


def test_what_is_known(run: Run, tmp_path: Path) -> None:
    compare(run, tmp_path, {
        "range": case("Range", fixed(1), fixed(11), fixed(3)),
        "range-down": case("Range", fixed(5.0, np.float32), fixed(0, np.float32), fixed(-1.5, np.float32)),
        "shape": case("ConstantOfShape", fixed([2, 3])),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (case("Reshape", np.zeros(6, np.float32), fixed([-1, -1])), "shape [-1, -1] has more than one -1"),
        (case("Reshape", np.zeros(6, np.float32), fixed([4, -1])), "shape [4, -1] does not divide 6 elements"),
        (case("Reshape", np.zeros(6, np.float32), np.zeros(2, np.int64)), "'shape' must be known at import"),
        (case("Transpose", np.zeros((2, 3), np.float32), perm=[0, 0]), "transpose: "),
        (case("Slice", np.zeros(3, np.float32), fixed([2]), fixed([1])), "dimension 0 of shape [0] must be from 1 to"),
        (case("Slice", np.zeros(3, np.float32), fixed([0]), fixed([1]), None, fixed([0])), "a step must not be 0"),
        (case("Concat", np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32), axis=0), "concat: "),
        (case("Squeeze", np.zeros((2, 3), np.float32), fixed([0])), "must be of size 1"),
    ],
)
def test_what_movement_is_not(tmp_path: Path, given: Case, problem: str) -> None:
    assert problem in problem_of(tmp_path, given)
