"""webnn-dense: products with constant weights and what follows them, against NumPy in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from programs import lowered, run_program

import webnn_mlir
from webnn_mlir.compiler.passes import webnn_dense
from webnn_mlir.dialects.webnn import GraphBuilder


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(webnn_dense, "SMALLEST", 1)

    def compile_and_run(graph, machine, kernel, inputs):
        program = lowered(graph, machine=machine)
        assert f"flow.dispatch @dense_{kernel}::" in program.text()
        assert program.text().count("stablehlo.dot_general") == 0
        return run_program(program, tmp_path, inputs)["y"]

    return compile_and_run


def arrays(rows, depth, columns):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns), columns)]


def error(y, x, w, expected):
    """Relative to the sum of the absolute products."""
    return np.max(np.abs(y - expected) / (np.abs(x.astype(np.float64)) @ np.abs(w) + 1))


@pytest.mark.parametrize("machine", ["zen5", "avx512vnni", "avx2"])
@pytest.mark.parametrize(
    ("rows", "depth", "columns"),
    [(1, 1, 8), (1, 700, 333), (3, 64, 128), (5, 33, 20), (30, 1024, 50), (100, 1026, 48), (300, 640, 16)],
)
def test_products(run, machine, rows, depth, columns):
    x, w, _ = arrays(rows, depth, columns)
    b = GraphBuilder()
    y = b.matmul(b.input("x", "float32", x.shape), b.constant(w))
    y = run(b.graph({"y": y}), machine, f"{rows}x{depth}x{columns}", {"x": x})
    assert error(y, x, w, x.astype(np.float64) @ w) < 1e-6


def gelu(x):
    with np.errstate(invalid="ignore"):
        return x / 2 * (1 + np.frompyfunc(math.erf, 1, 1)(x / math.sqrt(2)).astype(np.float64))


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize("depth", [48, 1100])
@pytest.mark.parametrize("activation", ["", "relu", "gelu"])
def test_what_follows(run, machine, depth, activation):
    """A bias, a sum with another tensor, and an activation, after one panel of the depth and after several."""
    x, w, bias = arrays(20, depth, 37)
    added = np.random.default_rng(1).standard_normal((20, 37)).astype(np.float32)
    b = GraphBuilder()
    y = b.add(b.constant(bias), b.matmul(b.input("x", "float32", x.shape), b.constant(w)))
    y = b.add(y, b.input("added", "float32", added.shape))
    y = getattr(b, activation)(y) if activation else y
    kernel = "_".join([f"20x{depth}x37_bias_added", *[activation] * bool(activation)])
    y = run(b.graph({"y": y}), machine, kernel, {"x": x, "added": added})
    sums = x.astype(np.float64) @ w + bias + added
    expected = {"": lambda s: s, "relu": lambda s: np.maximum(s, 0), "gelu": gelu}[activation](sums)
    assert error(y, x, w, expected) < 1e-6


def test_activations_of_extremes(run):
    x = np.array([[-np.inf, -100, -5, -1e-20, 0, 1e-20, 5, 1e30, np.inf, np.nan]], np.float32).T
    for activation, expected in (("relu", np.maximum(x, 0)), ("gelu", gelu(x.astype(np.float64)))):
        b = GraphBuilder()
        y = getattr(b, activation)(b.matmul(b.input("x", "float32", x.shape), b.constant(np.ones((1, 8), np.float32))))
        y = run(b.graph({"y": y}), "avx512vnni", f"10x1x8_{activation}", {"x": x})
        np.testing.assert_allclose(y, np.broadcast_to(expected, y.shape), rtol=2e-6, atol=1e-5)


def test_gemm_transposes_and_batches(run):
    x, w, bias = arrays(6, 40, 24)
    turned = np.ascontiguousarray(w.T)
    b = GraphBuilder()
    y = b.gemm(b.input("x", "float32", x.shape), b.constant(turned), c=b.constant(bias), b_transpose=True)
    y = run(b.graph({"y": y}), "avx512vnni", "6x40x24_bias", {"x": x})
    assert error(y, x, w, x.astype(np.float64) @ w + bias) < 1e-6
    b = GraphBuilder()
    y = b.matmul(b.input("x", "float32", [2, 3, 40]), b.transpose(b.constant(turned), permutation=[1, 0]))
    y = run(b.graph({"y": y}), "avx2", "6x40x24", {"x": x.reshape(2, 3, 40)})
    assert error(y.reshape(6, 24), x, w, x.astype(np.float64) @ w) < 1e-6


@pytest.mark.parametrize("machine", ["zen5", "avx512vnni", "avx2"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("batch", "rows", "depth", "columns"),
    [(1, 40, 1026, 50), (1, 700, 900, 32), (1, 140, 1024, 32), (3, 17, 33, 77), (5, 64, 64, 64), (70, 16, 48, 16)],
)
def test_weights_that_come_with_a_call(run, monkeypatch, machine, turned, batch, rows, depth, columns):
    """Of one or several panels, blocks of rows, and products of a batch; with what follows."""
    monkeypatch.setattr(webnn_dense, "SMALLEST_GIVEN", 1)
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal((batch, *shape)).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    bias, added = (rng.standard_normal(shape).astype(np.float32) for shape in ((columns,), (batch, rows, columns)))
    laid = np.ascontiguousarray(w.swapaxes(1, 2)) if turned else w
    b = GraphBuilder()
    weights = b.input("w", "float32", laid.shape)
    weights = b.transpose(weights, permutation=[0, 2, 1]) if turned else weights
    y = b.add(b.matmul(b.input("x", "float32", x.shape), weights), b.constant(bias))
    y = b.relu(b.add(y, b.input("added", "float32", added.shape)))
    kernel = f"{rows}x{depth}x{columns}_bias_added_relu_{'turned' if turned else 'given'}"
    kernel += f"_batch{batch}" if batch > 1 else ""
    y = run(b.graph({"y": y}), machine, kernel, {"x": x, "w": laid, "added": added})
    assert error(y, x, w, np.maximum(x.astype(np.float64) @ w + bias + added, 0)) < 1e-6


def test_gemm_of_given_weights(run, monkeypatch):
    monkeypatch.setattr(webnn_dense, "SMALLEST_GIVEN", 1)
    x, w, bias = arrays(20, 40, 24)
    for turned in (False, True):
        b = GraphBuilder()
        laid = np.ascontiguousarray(w.T) if turned else w
        y = b.gemm(b.input("x", "float32", x.shape), b.input("w", "float32", laid.shape), c=b.constant(bias),
                   b_transpose=turned)  # fmt: skip
        kernel = f"20x40x24_bias_{'turned' if turned else 'given'}"
        y = run(b.graph({"y": y}), "avx512vnni", kernel, {"x": x, "w": laid})
        assert error(y, x, w, x.astype(np.float64) @ w + bias) < 1e-6


def test_weights_that_a_long_chain_computes():
    """Whether they are constant is found without recursion."""
    b = GraphBuilder()
    w = b.input("w", "float32", [64, 64])
    for _ in range(2000):
        w = b.neg(w)
    graph = b.graph({"y": b.matmul(b.input("x", "float32", [64, 64]), w)})
    assert "flow.dispatch @dense_64x64x64_given::" in lowered(graph, machine="avx2").text()


def test_one_matrix_for_a_batch_of_rows(run, monkeypatch):
    monkeypatch.setattr(webnn_dense, "SMALLEST_GIVEN", 1)
    x, w, _ = arrays(60, 40, 24)
    b = GraphBuilder()
    y = b.matmul(b.input("x", "float32", [3, 20, 40]), b.input("w", "float32", w.shape))
    y = run(b.graph({"y": y}), "avx512vnni", "60x40x24_given", {"x": x.reshape(3, 20, 40), "w": w})
    assert error(y.reshape(60, 24), x, w, x.astype(np.float64) @ w) < 1e-6


def test_two_products_that_are_added(run):
    """One of them is what is added to the other."""
    x, w, _ = arrays(6, 40, 24)
    b = GraphBuilder()
    given = b.input("x", "float32", x.shape)
    y = b.add(b.matmul(given, b.constant(w)), b.matmul(b.neg(given), b.constant(2 * w)))
    y = run(b.graph({"y": y}), "avx512vnni", "6x40x24_added", {"x": x})
    assert error(y, x, w, -(x.astype(np.float64) @ w)) < 1e-6


def test_what_is_used_elsewhere_is_not_swallowed(run):
    x, w, bias = arrays(6, 40, 24)
    b = GraphBuilder()
    product = b.matmul(b.input("x", "float32", x.shape), b.constant(w))
    graph = b.graph({"y": product, "z": b.relu(b.add(product, b.constant(bias)))})
    y = run(graph, "avx512vnni", "6x40x24", {"x": x})
    assert error(y, x, w, x.astype(np.float64) @ w) < 1e-6


def test_weights_in_an_archive(tmp_path):
    x, w, bias = arrays(6, 256, 96)
    b = GraphBuilder()
    y = b.add(b.matmul(b.input("x", "float32", x.shape), b.constant(w)), b.constant(bias))
    paths = webnn_mlir.compile(b.graph({"y": y}), weights="external").save(tmp_path / "g.vmfb")
    assert len(paths) == 2
    y = webnn_mlir.load(paths[0]).run(x=x)["y"]
    assert error(y, x, w, x.astype(np.float64) @ w + bias) < 1e-6


def product(x_shape, w, data_type="float32", **options):
    b = GraphBuilder()
    x = b.input("x", data_type, x_shape)
    w = b.constant(w) if isinstance(w, np.ndarray) else b.input("w", data_type, w)
    return b.graph({"y": b.gemm(x, w, **options) if options else b.matmul(x, w)})


ONES = np.ones((256, 256), np.float32)


@pytest.mark.parametrize(
    ("graph", "machine"),
    [
        (product([64, 256], ONES), None),
        (product([12, 256], [256, 64]), None),
        (product([64, 16], ONES[:16, :16]), "avx2"),
        (product([64, 256], np.ones((256, 256), np.float16), "float16"), "avx2"),
        (product([2, 64, 256], np.ones((2, 256, 256), np.float32)), "avx2"),
        (product([64, 8192], np.ones((8192, 3), np.float32)), "avx2"),
        (product([256, 64], ONES, a_transpose=True), "avx2"),
        (product([64, 256], ONES, alpha=2.0), "avx2"),
    ],
)
def test_left_alone(graph, machine):
    assert "flow.dispatch" not in lowered(graph, machine=machine).text()
