"""webnn-matvec: products of few rows with weights that are given, against NumPy in float64."""

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.passes import webnn_matvec
from webnn_mlir.dialects.webnn import GraphBuilder


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("x_shape", "w_shape"),
    [
        ((1, 64), (64, 128)),
        ((3, 37), (37, 61)),
        ((1, 3), (3, 5)),
        ((2, 2, 24), (24, 40)),
        ((5, 1, 20), (5, 20, 33)),
        ((2, 3, 2, 16), (2, 3, 16, 9)),
        ((1, 1000), (1000, 700)),
    ],
)
def test_products(tmp_path, monkeypatch, machine, turned, x_shape, w_shape):
    monkeypatch.setattr(webnn_matvec, "SMALLEST", 1)
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in (x_shape, w_shape))
    given = np.ascontiguousarray(np.swapaxes(w, -1, -2)) if turned else w
    b = GraphBuilder()
    weights = b.input("w", "float32", given.shape)
    rank = w.ndim
    if turned:
        weights = b.transpose(weights, permutation=[*range(rank - 2), rank - 1, rank - 2])
    program = lowered(b.graph({"y": b.matmul(b.input("x", "float32", x_shape), weights)}), machine=machine)
    assert ("matvec_turned" if turned else "matvec_plain") in program.text()
    y = run_program(program, tmp_path, {"x": x, "w": given})["y"]
    wide = x.astype(np.float64), w.astype(np.float64)
    assert np.all(np.abs(y - wide[0] @ wide[1]) <= 1e-5 * (np.abs(wide[0]) @ np.abs(wide[1])))


def product(x_shape, w_shape, data_type="float32"):
    b = GraphBuilder()
    return b.graph({"y": b.matmul(b.input("x", data_type, x_shape), b.input("w", data_type, w_shape))})


@pytest.mark.parametrize(
    ("graph", "machine"),
    [
        (product((1, 256), (256, 256)), None),
        (product((11, 256), (256, 256)), "avx2"),
        (product((1, 256), (256, 255)), "avx2"),
        (product((1, 256), (256, 256), "float16"), "avx2"),
        (product((1, 1, 256), (2, 256, 256)), "avx2"),
    ],
)
def test_left_alone(graph, machine):
    assert "@matvec" not in lowered(graph, machine=machine).text()


def test_constants_are_left_to_data_tiling():
    b = GraphBuilder()
    w = b.neg(b.constant(np.ones((256, 256), np.float32)))
    graph = b.graph({"y": b.matmul(b.input("x", "float32", [1, 256]), w)})
    assert "flow.dispatch" not in lowered(graph, machine="avx512vnni").text()
