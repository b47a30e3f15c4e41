"""A value that a reduction uses may be used elsewhere, or be a result, too."""

from __future__ import annotations

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import GraphBuilder

X = np.random.default_rng(0).normal(size=(4, 100)).astype(np.float32)


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("also", ["result", "matmul", "transpose"])
def test_what_goes_into_softmax_is_used_elsewhere(run, also: str) -> None:
    w = GraphBuilder()
    logits = w.relu(w.input("x", "float32", X.shape))
    other = {"result": lambda: logits, "matmul": lambda: w.matmul(logits, w.transpose(logits)),
             "transpose": lambda: w.transpose(logits)}[also]()  # fmt: skip
    outputs = run(w.graph({"probabilities": w.softmax(logits, 1), "other": other}), {"x": X})
    relu = np.maximum(X, 0)
    expected = {"result": relu, "matmul": relu @ relu.T, "transpose": relu.T}[also]
    np.testing.assert_allclose(outputs["probabilities"], softmax(relu), rtol=1e-5)
    np.testing.assert_allclose(outputs["other"], expected, rtol=1e-4)


@pytest.mark.parametrize("reduction", ["argMax", "reduceMax", "reduceMean", "softmax"])
def test_what_softmax_gives_is_a_result_and_reduced(run, reduction: str) -> None:
    w = GraphBuilder()
    probabilities = w.softmax(w.input("x", "float32", X.shape), 1)
    make, expect = {
        "argMax": (lambda: w.arg_max(probabilities, 1), lambda p: p.argmax(1)),
        "reduceMax": (lambda: w.reduce_max(probabilities, axes=[1]), lambda p: p.max(1)),
        "reduceMean": (lambda: w.reduce_mean(probabilities, axes=[1]), lambda p: p.mean(1)),
        "softmax": (lambda: w.softmax(probabilities, 1), softmax),
    }[reduction]
    outputs = run(w.graph({"probabilities": probabilities, "reduced": make()}), {"x": X})
    np.testing.assert_allclose(outputs["probabilities"], softmax(X), rtol=1e-5)
    np.testing.assert_allclose(outputs["reduced"], expect(softmax(X)), rtol=1e-5)


def test_windows_of_one_shape_side_by_side(run) -> None:
    x = np.random.default_rng(0).normal(size=(1, 2, 6, 6)).astype(np.float32)
    w = GraphBuilder()
    image = w.input("x", "float32", x.shape)
    first, last = ({"window_dimensions": [2, 2], "padding": padding} for padding in ([0, 1, 0, 1], [1, 0, 1, 0]))
    pooled = {"first": w.max_pool2d(image, **first), "last": w.max_pool2d(w.neg(image), **last)}
    outputs = run(w.graph(pooled), {"x": x})
    for name, image, edges in [("first", x, (0, 1)), ("last", -x, (1, 0))]:
        padded = np.pad(image, ((0, 0), (0, 0), edges, edges), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 2), (2, 3))
        np.testing.assert_array_equal(outputs[name], windows.max((4, 5)))
