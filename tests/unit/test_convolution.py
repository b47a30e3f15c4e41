"""webnn-convolution: convolutions and what follows them, against ONNX Runtime or NumPy in float64."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.kernels import convolution, winograd
from webnn_mlir.dialects.webnn import GraphBuilder

MACHINES = ("avx512vnni", "avx2")


@pytest.fixture(autouse=True)
def of_all_sizes(monkeypatch):
    monkeypatch.setattr(convolution, "SMALLEST", 1)


def run(tmp_path, graph, machine, kernels=1, **inputs):
    """Runs a graph of which so many dispatches of these kernels must be made."""
    program = lowered(graph, machine=machine)
    assert len(re.findall("flow.dispatch @(convolution|depthwise|transposed|winograd)_", program.text())) == kernels
    assert "stablehlo.convolution" not in program.text()
    return run_program(program, tmp_path, inputs)


def convolve(x, w, strides, dilations, padding, groups=1):
    """nhwc by ohwi, in float64."""
    top, bottom, left, right = padding
    x = np.pad(x.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)))
    (kh, kw), (sh, sw), (dh, dw) = w.shape[1:3], strides, dilations
    height, width = (x.shape[1] - (kh - 1) * dh - 1) // sh + 1, (x.shape[2] - (kw - 1) * dw - 1) // sw + 1
    y = 0
    for i, j in product(range(kh), range(kw)):
        part = x[:, i * dh :, j * dw :][:, : (height - 1) * sh + 1 : sh, : (width - 1) * sw + 1 : sw]
        split = part.reshape(*part.shape[:3], groups, -1)
        filters = w[:, i, j].astype(np.float64).reshape(groups, -1, w.shape[3])
        y = y + np.einsum("nhwgi,goi->nhwgo", split, filters).reshape(*part.shape[:3], -1)
    return y


def layer(b, x, w, **options):
    weights = b.constant(np.ascontiguousarray(w))
    return b.conv2d(x, weights, input_layout="nhwc", filter_layout="ohwi", **options)


def random(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("seed", range(16))
def test_random_sizes(tmp_path, seed):
    rng = np.random.default_rng(seed)

    def pick(*values):
        return int(rng.choice(values))

    kh, kw, strides, dilations = pick(1, 2, 3, 5), pick(1, 3, 7), [pick(1, 2), pick(1, 2, 3)], [pick(1, 2), pick(1, 3)]
    padding = [pick(0, 1, 2) for _ in range(4)]
    kind = seed % 4
    each = pick(4, 5, 32, 40)
    channels, outputs, groups = [(pick(1, 3, 17), pick(1, 5, 24, 50), 1), (16 * pick(1, 2) + 3, 0, 0),
                                 (pick(8, 33), pick(16, 100, 130), 1), (6, 2 * each, 2)][kind]  # fmt: skip
    if kind == 1:
        outputs = groups = channels
    batch, height, width = pick(1, 4), pick(7, 14, 15) + 2 * kh, pick(5, 13, 30) + 3 * kw
    x, w = random(rng, batch, height, width, channels), random(rng, outputs, kh, kw, channels // groups)
    b = GraphBuilder()
    given = b.input("x", "float32", x.shape)
    options = {"strides": strides, "dilations": dilations, "padding": padding, "groups": groups}
    graph = b.graph({"y": layer(b, given, w, **options)})
    y = run(tmp_path, graph, MACHINES[seed // 4 % 2], x=x)["y"]
    expected = convolve(x, w, **options)
    magnitude = convolve(np.abs(x), np.abs(w), **options)
    assert y.shape == expected.shape
    assert (np.abs(y - expected) <= 1e-6 * magnitude + 1e-30).all()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("places", [1, 7, 29, 49, 196])
def test_pointwise(tmp_path, machine, places):
    rng = np.random.default_rng(places)
    x, w = random(rng, 2, places, 1, 40), random(rng, 72, 1, 1, 40)
    b = GraphBuilder()
    y = layer(b, b.input("x", "float32", x.shape), w)
    out = run(tmp_path, b.graph({"y": y}), machine, x=x)["y"]
    np.testing.assert_allclose(out, convolve(x, w, (1, 1), (1, 1), (0,) * 4), atol=2e-5)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("strides", [(2, 2), (1, 3), (4, 1)])
@pytest.mark.parametrize("outputs", [1, 3, 24])
def test_transposed(tmp_path, machine, strides, outputs):
    """Filters as large as their strides, the channels first, and what follows each channel."""
    rng = np.random.default_rng(outputs)
    x, w = random(rng, 2, 10, 5, 33), random(rng, 10, outputs, *strides)
    bias, scale, b = random(rng, outputs), random(rng, outputs), GraphBuilder()
    y = b.conv_transpose2d(b.input("x", "float32", x.shape), b.constant(w), bias=b.constant(bias), strides=strides)
    s = random(rng, *y.shape)
    y = b.add(b.mul(y, b.constant(scale.reshape(-1, 1, 1))), b.input("s", "float32", s.shape))
    out = run(tmp_path, b.graph({"y": b.sigmoid(y)}), machine, x=x, s=s)["y"]
    product = np.einsum("nchw,coij->nohiwj", x.astype(np.float64), w).reshape(s.shape)
    expected = (product + bias[:, None, None]) * scale[:, None, None] + s
    np.testing.assert_allclose(out, 1 / (1 + np.exp(-expected)), atol=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_winograd(tmp_path, monkeypatch, seed):
    """Rows of any width, blocks that overlap, and one place far from the others in size."""
    monkeypatch.setattr(winograd, "SMALLEST", 1)
    monkeypatch.setattr(winograd, "MEMORY", 2**14)
    rng = np.random.default_rng(seed)
    batch, kh, channels, outputs = [int(rng.choice(n)) for n in ([1, 1, 3], [1, 3, 5], [16, 20, 33, 64], [16, 24, 70])]
    height, width = int(rng.integers(kh + 1, 20)), [16, 27, 34, 40][seed % 4]
    options = {"strides": [1, 1], "dilations": [1, 1], "padding": [int(n) for n in rng.integers(0, 3, 4)]}
    x, w = random(rng, batch, height, width, channels), random(rng, outputs, kh, 3, channels)
    x[0, height // 2, width // 2] *= 100
    bias, b = random(rng, outputs), GraphBuilder()
    y = layer(b, b.input("x", "float32", x.shape), w, bias=b.constant(bias), **options)
    s = random(rng, *y.shape)
    y = b.relu(b.add(y, b.input("s", "float32", s.shape)))
    out = run(tmp_path, b.graph({"y": y}), MACHINES[seed // 4 % 2], x=x, s=s)["y"]
    expected = np.maximum(convolve(x, w, **options) + bias + s, 0)
    magnitude = convolve(np.abs(x), np.abs(w), **options).max((-1, -2), keepdims=True) + np.abs(bias) + np.abs(s)
    assert (np.abs(out - expected) / magnitude).max() <= 1e-6


def activations(b, x):
    return {
        "relu": b.relu(x), "relu6": b.clamp(x, min_value=0, max_value=6), "hardSwish": b.hard_swish(x),
        "silu": b.mul(x, b.sigmoid(x)), "leakyRelu": b.leaky_relu(x, alpha=0.2), "hardSigmoid": b.hard_sigmoid(x),
    }  # fmt: skip


EXPECTED = {
    "relu": lambda x: np.maximum(x, 0), "relu6": lambda x: np.clip(x, 0, 6),
    "hardSwish": lambda x: x * np.clip(x + 3, 0, 6) / 6, "silu": lambda x: x / (1 + np.exp(-x)),
    "leakyRelu": lambda x: np.where(x < 0, 0.2 * x, x), "hardSigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
}  # fmt: skip


@pytest.mark.parametrize(("name", "depthwise"), [(name, n % 2 > 0) for n, name in enumerate(EXPECTED)])
def test_what_follows(tmp_path, name, depthwise):
    rng = np.random.default_rng(0)
    x, w = random(rng, 1, 9, 10, 20), random(rng, 20, 3, 3, 1 if depthwise else 20)
    bias, scale, shift, shortcut = random(rng, 20), random(rng, 20), random(rng, 20), random(rng, 1, 9, 10, 20)
    options = {"strides": [1, 1], "dilations": [1, 1], "padding": [1] * 4, "groups": 20 if depthwise else 1}
    b = GraphBuilder()
    s = b.input("s", "float32", shortcut.shape)
    y = layer(b, b.input("x", "float32", x.shape), w, bias=b.constant(bias), **options)
    y = b.add(b.sub(b.mul(y, b.constant(scale)), b.constant(shift)), s)
    out = run(tmp_path, b.graph({"y": activations(b, y)[name]}), "avx512vnni", x=x, s=shortcut)["y"]
    expected = (convolve(x, w, **options) + bias) * scale - shift + shortcut
    np.testing.assert_allclose(out, EXPECTED[name](expected), atol=1e-4)


def test_nets_of_nchw(tmp_path):
    """Batch normalization, a shortcut over two layers, and results that are used twice."""
    rng = np.random.default_rng(0)
    x, b = random(rng, 1, 16, 12, 12), GraphBuilder()
    w = [random(rng, 16, 16, 3, 3) / 12 for _ in range(3)]
    mean, variance = random(rng, 16), rng.random(16).astype(np.float32) + 0.5

    def block(value, weights):
        value = b.conv2d(value, b.constant(weights), padding=[1] * 4)
        return b.batch_normalization(value, b.constant(mean), b.constant(variance))

    def expected(value, weights):
        y = convolve(value, weights.transpose(0, 2, 3, 1), (1, 1), (1, 1), (1,) * 4)
        return (y - mean) / np.sqrt(variance + 1e-5)

    first = b.relu(block(b.input("x", "float32", x.shape), w[0]))
    y = b.relu(b.add(block(b.relu(block(first, w[1])), w[2]), block(first, w[1])))
    out = run(tmp_path, b.graph({"y": y}), "avx512vnni", 4, x=x)["y"]
    one = np.maximum(expected(x.transpose(0, 2, 3, 1), w[0]), 0)
    two = expected(one, w[1])
    last = np.maximum(expected(np.maximum(two, 0), w[2]) + two, 0)
    np.testing.assert_allclose(out, last.transpose(0, 3, 1, 2), atol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number(tmp_path, value):
    x, w, b = np.full((1, 5, 5, 16), value, np.float32), np.ones((16, 1, 1, 16), np.float32), GraphBuilder()
    y = b.relu(layer(b, b.input("x", "float32", x.shape), w))
    out = run(tmp_path, b.graph({"y": y}), "avx512vnni", x=x)["y"]
    np.testing.assert_array_equal(out, np.maximum(np.float32(value), 0))


def test_layers_that_are_alike_share_an_executable():
    rng, b = np.random.default_rng(0), GraphBuilder()
    y = b.input("x", "float32", [1, 8, 8, 16])
    for _ in range(3):
        y = b.relu(layer(b, y, random(rng, 16, 3, 3, 16), padding=[1] * 4))
    program = lowered(b.graph({"y": y}), machine="avx512vnni")
    assert program.text().count("flow.dispatch @") == 3
    assert program.text().count("stream.executable private") == 1
