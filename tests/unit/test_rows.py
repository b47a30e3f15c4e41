"""webnn-rows: softmax and layer normalization of rows, against NumPy in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.passes import webnn_rows
from webnn_mlir.dialects.webnn import GraphBuilder


@pytest.fixture(params=["avx512vnni", "avx2"])
def run(request, tmp_path, monkeypatch):
    monkeypatch.setattr(webnn_rows, "SMALLEST", 1)

    def compile_and_run(graph, kernel, **inputs):
        program = lowered(graph, machine=request.param)
        assert kernel in program.text()
        return run_program(program, tmp_path, inputs)["y"]

    return compile_and_run


def softmax_graph(shape, axis):
    b = GraphBuilder()
    return b.graph({"y": b.softmax(b.input("x", "float32", shape), axis)})


def softmax(x):
    with np.errstate(invalid="ignore"):
        powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (5, 3), (2, 3, 16), (7, 37), (3, 333), (40, 1000), (1, 64)])
def test_softmax(run, shape):
    x = np.random.default_rng(0).normal(scale=5, size=shape).astype(np.float32)
    y = run(softmax_graph(shape, len(shape) - 1), "@softmax", x=x)
    np.testing.assert_allclose(y, softmax(x.astype(np.float64)), rtol=3e-6)


def test_softmax_of_dimensions_of_one_after_its_axis(run):
    x = np.random.default_rng(0).normal(size=(3, 20, 1, 1)).astype(np.float32)
    y = run(softmax_graph(x.shape, 1), "@softmax", x=x)
    np.testing.assert_allclose(y[..., 0, 0], softmax(x[..., 0, 0].astype(np.float64)), rtol=3e-6)


@pytest.mark.parametrize("shape", [(1,), (7, 37), (2, 3, 16), (40, 1000)])
def test_gelu(run, shape):
    x = np.random.default_rng(0).normal(scale=3, size=shape).astype(np.float32)
    x.flat[0] = -30
    b = GraphBuilder()
    y = run(b.graph({"y": b.gelu(b.input("x", "float32", shape))}), "@gelu", x=x)
    erf = np.vectorize(math.erf, otypes=[np.float64])
    np.testing.assert_allclose(y, x / 2 * (1 + erf(x.astype(np.float64) / math.sqrt(2))), rtol=1e-6, atol=1e-6)


def test_softmax_of_extremes(run):
    """Masked elements, large ones, and rows that have no answer."""
    x = np.random.default_rng(0).normal(size=(9, 45)).astype(np.float32)
    x[0, ::2] = -np.inf
    x[1, 1:] = -np.inf
    x[2] *= 1e30
    x[3] = np.finfo(np.float32).max
    x[4] = np.linspace(-200, 0, 45)
    x[5] = -np.inf
    x[6, 44] = np.inf
    x[7, 3] = np.nan
    x[8] = np.nan
    y = run(softmax_graph(x.shape, 1), "@softmax", x=x)
    expected = softmax(x.astype(np.float64))
    assert np.isnan(expected[5:]).any(1).all()
    assert np.array_equal(np.isnan(y).any(1), np.isnan(expected).any(1))
    assert np.all(y[0, ::2] == 0)
    np.testing.assert_allclose(y[:5], expected[:5], rtol=3e-6, atol=np.finfo(np.float32).tiny)


@pytest.mark.parametrize("given", [(), ("scale",), ("bias",), ("scale", "bias")])
@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 1), [1]), ((4, 7), [1]), ((2, 3, 64), [2]), ((5, 6, 35), [1, 2]), ((20, 1000), [1])]
)
def test_layer_normalization(run, shape, axes, given):
    rng = np.random.default_rng(0)
    x = rng.normal(loc=3, size=shape).astype(np.float32)
    kept = [shape[axis] for axis in axes]
    inputs = {name: rng.normal(size=kept).astype(np.float32) for name in given}
    b = GraphBuilder()
    operands = {name: b.input(name, "float32", kept) for name in given}
    value = b.layer_normalization(b.input("x", "float32", shape), axes=axes, epsilon=1e-3, **operands)
    y = run(b.graph({"y": value}), "@layer_norm", x=x, **inputs)
    wide = x.astype(np.float64)
    deviation = np.sqrt(wide.var(tuple(axes), keepdims=True) + 1e-3)
    expected = (wide - wide.mean(tuple(axes), keepdims=True)) / deviation
    expected = expected * inputs.get("scale", 1.0) + inputs.get("bias", 0.0)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def layer_norm_graph(axes, data_type="float32"):
    b = GraphBuilder()
    return b.graph({"y": b.layer_normalization(b.input("x", data_type, [40, 40, 40]), axes=axes)})


@pytest.mark.parametrize(
    ("graph", "machine"),
    [
        (softmax_graph([64, 64], 1), None),
        (softmax_graph([64, 64], 0), "avx2"),
        (softmax_graph([2, 64], 1), "avx2"),
        (layer_norm_graph([0, 1]), "avx2"),
        (layer_norm_graph([]), "avx2"),
        (layer_norm_graph([2, 1]), "avx2"),
        (layer_norm_graph([2], "float16"), "avx2"),
    ],
)
def test_left_alone(graph, machine):
    text = lowered(graph, machine=machine).text()
    assert "flow.dispatch @softmax" not in text
    assert "flow.dispatch @layer_norm" not in text
