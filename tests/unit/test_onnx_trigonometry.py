"""How near the formulas of inverse and hyperbolic functions come, over the ranges where they change."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx, of the extra 'onnx'", exc_type=ImportError)

from onnx import helper

from webnn_mlir.tools import onnx_backend

rng = np.random.default_rng(0)
NEAR, WIDE, UNIT = rng.uniform(-3, 3, 500), 10 ** rng.uniform(-6, 30, 200), rng.uniform(-1, 1, 500)
POINTS = {
    "Acos": (np.arccos, [*UNIT, 0, 1, -1, 1.5]),
    "Acosh": (np.arccosh, [*(1 + np.abs(NEAR)), *(1 + WIDE), 1, 0.5]),
    "Asin": (np.arcsin, [*UNIT, 0, 1, -1, 1e-5, -2]),
    "Asinh": (np.arcsinh, [*NEAR, *WIDE, -1e30, 0]),
    "Atan": (np.arctan, [*NEAR, *WIDE, 0, 1, -1, np.inf, -np.inf]),
    "Atanh": (np.arctanh, [*UNIT, 0, 1e-6, 1, -1, 2]),
    "Cosh": (np.cosh, [*NEAR, *rng.uniform(-89, 89, 200), 0, 100]),
    "Sinh": (np.sinh, [*NEAR, *rng.uniform(-89, 89, 200), 0, 1e-5, 1, -1, -100]),
}


@pytest.mark.parametrize("op", POINTS)
def test_within_four_units_in_the_last_place(op):
    function, points = POINTS[op]
    x = np.array(points, np.float32)
    [result] = onnx_backend.run_node(helper.make_node(op, ["x"], ["y"]), [x])
    with np.errstate(all="ignore"):
        expected = function(x.astype(np.float64))
        finite = np.isfinite(expected.astype(np.float32))
        np.testing.assert_array_equal(result[~finite], expected.astype(np.float32)[~finite])
    distance = np.abs(result[finite] - expected[finite]) / np.spacing(np.abs(expected[finite]).astype(np.float32))
    assert distance.max() < 4


def test_half_precision():
    x = np.linspace(-1, 1, 101, dtype=np.float16)
    [result] = onnx_backend.run_node(helper.make_node("Asin", ["x"], ["y"]), [x])
    assert result.dtype == np.float16
    np.testing.assert_array_equal(result, np.arcsin(x.astype(np.float32)).astype(np.float16))
