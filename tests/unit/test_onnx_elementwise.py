"""Element-wise operators of ONNX where their meaning is easily missed, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto
from onnx_models import Case, Draw, Run, case, compare, fixed, problem_of

NAN, INF = np.nan, np.inf


@pytest.fixture
def x() -> Draw:
    return Draw()


def floats(*values: float) -> np.ndarray:
    return np.asarray(values, np.float32)


def integers(*values: int, dtype: Any = np.int32) -> np.ndarray:
    return np.asarray(values, dtype)


def test_division_and_remainder(run: Run, tmp_path: Path) -> None:
    a, b = integers(7, -7, 7, -7, 6, -6), integers(3, 3, -3, -3, 3, -3)
    u, v = floats(7, -7, 7, -7, 5.5, -0.5), floats(3, 3, -3, -3, 1.5, 2)
    compare(run, tmp_path, {
        "div": case("Div", a, b),
        "div-wide": case("Div", a.astype(np.int64), b.astype(np.int64)),
        "mod": case("Mod", a, b),
        "mod-unsigned": case("Mod", integers(7, 200, dtype=np.uint8), integers(3, 7, dtype=np.uint8)),
        "fmod": case("Mod", a, b, fmod=1),
        "fmod-floats": case("Mod", u, v, fmod=1),
        "mod-floats": case("Mod", u, v, expected=[np.mod(u, v)]),
    })  # fmt: skip


def test_power_of_mixed_types(run: Run, tmp_path: Path) -> None:
    compare(run, tmp_path, {
        "floats": case("Pow", floats(1, 2, 9, 0.5), floats(2, 3, 0.5, -1)),
        "integer-exponent": case("Pow", floats(1.5, -2, 3), integers(2, 3, -1, dtype=np.int64)),
        "integer-base": case("Pow", integers(1, 2, 3), floats(2, 3, 2)),
        "integers": case("Pow", integers(1, 2, -3), integers(2, 5, 3)),
        "broadcast": case("Pow", np.arange(6, dtype=np.float32).reshape(2, 3), floats(2)),
    })  # fmt: skip


def test_casts(run: Run, tmp_path: Path) -> None:
    v = floats(1.9, -1.9, 0, 127.4, -128, 0.5)
    wide = integers(300, -1, 256, -129, 7, dtype=np.int64)
    compare(run, tmp_path, {
        "integer": case("Cast", v, to=TensorProto.INT32),
        "wide": case("Cast", v, to=TensorProto.INT64),
        "byte": case("Cast", v, to=TensorProto.INT8),
        "truth": case("Cast", v, to=TensorProto.BOOL),
        "from-truth": case("Cast", np.asarray([True, False]), to=TensorProto.FLOAT),
        "half": case("Cast", v, to=TensorProto.FLOAT16),
        "low-bits": case("Cast", wide, to=TensorProto.INT8),
        "low-bits-unsigned": case("Cast", wide, to=TensorProto.UINT8),
        "like": case("CastLike", wide, floats(0)),
    })  # fmt: skip


def test_nan_and_infinity(run: Run, tmp_path: Path) -> None:
    a, b = floats(1, NAN, 3, -INF, INF), floats(NAN, 2, 4, 0, -INF)
    compare(run, tmp_path, {
        "max": case("Max", a, b),
        "min": case("Min", a, b),
        "sign": case("Sign", floats(-3, 0, 2, INF, -INF)),
        "nan": case("IsNaN", a),
        "infinite": case("IsInf", a),
        "positive": case("IsInf", a, detect_negative=0),
        "negative": case("IsInf", a, detect_positive=0),
        "none": case("IsInf", a, detect_negative=0, detect_positive=0),
        "equal": case("Equal", a, a.copy()),
        "relu": case("Relu", floats(-1, 2, -INF, INF)),
    })  # fmt: skip


def test_rounding(run: Run, tmp_path: Path) -> None:
    halves = floats(0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.4, -0.6)
    compare(run, tmp_path, {op: case(op, halves) for op in ("Round", "Floor", "Ceil")})


def test_broadcasting(run: Run, tmp_path: Path, x: Draw) -> None:
    condition = np.asarray([[True], [False]])
    compare(run, tmp_path, {
        "where": case("Where", condition, x(3, 1, 4), x(2, 4)),
        "where-integers": case("Where", condition, integers(1, 2), integers(3, 4)),
        "max": case("Max", x(2, 1), x(3), x(1, 1, 1)),
        "sum": case("Sum", x(2, 1), x(3)),
        "mean": case("Mean", x(2, 3), x(2, 3), x(3)),
        "one": case("Max", x(2, 3)),
        "and": case("And", condition, np.asarray([True, False, True])),
        "xor": case("Xor", condition, np.asarray([True, False, True])),
        "not": case("Not", condition),
    })  # fmt: skip


def test_clip(run: Run, tmp_path: Path, x: Draw) -> None:
    v = 3 * x(3, 4)
    low, high = np.asarray(-0.5, np.float32), np.asarray(1.5, np.float32)
    compare(run, tmp_path, {
        "known": case("Clip", v, fixed(-0.5, np.float32), fixed(1.5, np.float32)),
        "low": case("Clip", v, fixed(-0.5, np.float32)),
        "high": case("Clip", v, None, fixed(1.5, np.float32)),
        "computed": case("Clip", v, low, high),
        "neither": case("Clip", v),
        "crossed": case("Clip", v, fixed(1.5, np.float32), fixed(-0.5, np.float32)),
        "integers": case("Clip", x.integers(-9, 9, 5), fixed(-3, np.int32), fixed(4, np.int32)),
        "bytes": case("Clip", x.integers(-9, 9, 5, dtype=np.int8), fixed(-3, np.int8)),
    })  # fmt: skip
    infinite = floats(-INF, INF, 0)
    compare(run, tmp_path, {"attributes": case("Clip", v, min=-1.0, max=0.5), "none": case("Clip", infinite)}, opset=7)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (case("Cast", floats(1), to=TensorProto.STRING), "data type STRING is none of WebNN's"),
        (case("Add", np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32)), "must broadcast with"),
    ],
)
def test_what_elementwise_operators_are_not(tmp_path: Path, given: Case, problem: str) -> None:
    assert problem in problem_of(tmp_path, given)
