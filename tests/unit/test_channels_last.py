"""What follows a convolution gives NumPy's answer, whichever layout it is computed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from webnn_mlir import MLGraphBuilder, compile

Array = np.ndarray[Any, np.dtype[np.float32]]
RNG = np.random.default_rng(5)
X, FILTER = (RNG.standard_normal(s).astype(np.float32) for s in ((2, 3, 6, 5), (4, 3, 3, 3)))
OTHER, LINE, SCALE = (RNG.standard_normal(s).astype(np.float32) for s in ((2, 4, 4, 3), (3,), (4, 1, 1)))


def _convolved() -> Array:
    """X with FILTER in NumPy, stride 1, no padding: sums over channels and the window."""
    windows = np.lib.stride_tricks.sliding_window_view(X, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, FILTER).astype(np.float32)


FOLLOWERS: dict[str, tuple[Callable[..., Any], Callable[[Array], Array]]] = {
    "clamp": (lambda b, y: b.clamp(y, min_value=0), lambda y: np.maximum(y, 0)),
    "add an operand of the other layout": (lambda b, y: b.add(y, b.constant(OTHER)), lambda y: y + OTHER),
    "broadcast along rows": (lambda b, y: b.mul(b.constant(LINE), y), lambda y: LINE * y),
    "broadcast along channels": (lambda b, y: b.sub(y, b.constant(SCALE)), lambda y: y - SCALE),
    "scalar": (lambda b, y: b.mul(y, b.constant("float32", 3)), lambda y: y * 3),
    "concat": (lambda b, y: b.concat([y, b.constant(OTHER), y], 1), lambda y: np.concatenate([y, OTHER, y], 1)),
    "concat rows": (lambda b, y: b.concat([y, b.constant(OTHER)], 2), lambda y: np.concatenate([y, OTHER], 2)),
    "split": (lambda b, y: b.sub(*b.split(y, 2, axis=1)), lambda y: y[:, :2] - y[:, 2:]),
    "pad": (lambda b, y: b.pad(y, [0, 1, 2, 0], [0, 0, 1, 3]), lambda y: np.pad(y, [(0, 0), (1, 0), (2, 1), (0, 3)])),
    "slice": (
        lambda b, y: b.slice(y, [0, 1, 0, 1], [2, 2, 4, 2], strides=[1, 1, 2, 1]),
        lambda y: y[:, 1:3, 0:4:2, 1:3],
    ),
    "reverse": (lambda b, y: b.reverse(y, axes=[1, 3]), lambda y: y[:, ::-1, :, ::-1]),
    "softmax": (lambda b, y: b.softmax(y, 1), lambda y: np.exp(y) / np.exp(y).sum(1, keepdims=True)),
    "expand": (
        lambda b, y: b.expand(b.reduce_sum(y, axes=[1], keep_dimensions=True), [2, 4, 4, 3]),
        lambda y: np.broadcast_to(y.sum(1, keepdims=True), y.shape),
    ),
    "means of places": (lambda b, y: b.reduce_mean(y, axes=[2, 3]), lambda y: y.mean((2, 3))),
    "means of rows": (lambda b, y: b.reduce_mean(y, axes=[2]), lambda y: y.mean(2)),
    "means of channels": (lambda b, y: b.reduce_mean(y, axes=[1]), lambda y: y.mean(1)),
    "sum of all": (lambda b, y: b.reduce_sum(y), lambda y: np.asarray(y.sum())),
    "pool": (
        lambda b, y: b.max_pool2d(y, window_dimensions=[2, 2], strides=[2, 1]),
        lambda y: np.lib.stride_tricks.sliding_window_view(y, (2, 2), axis=(2, 3)).max((4, 5))[:, :, ::2],
    ),
    "resample": (lambda b, y: b.resample2d(y, scales=[2, 3]), lambda y: y.repeat(2, 2).repeat(3, 3)),
    "normalize": (
        lambda b, y: b.instance_normalization(y),
        lambda y: (y - y.mean((2, 3), keepdims=True)) / np.sqrt(y.var((2, 3), keepdims=True) + 1e-5),
    ),
    "reshape": (lambda b, y: b.reshape(y, [8, 12]), lambda y: y.reshape(8, 12)),
    "transpose": (lambda b, y: b.transpose(y, permutation=[2, 0, 1, 3]), lambda y: y.transpose(2, 0, 1, 3)),
    "where": (
        lambda b, y: b.where(b.greater(y, b.constant("float32", 0)), y, b.constant(SCALE)),
        lambda y: np.where(y > 0, y, SCALE),
    ),
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, Array]:
    """All followers in one graph: the convolution has many users."""
    b = MLGraphBuilder()
    y = b.conv2d(b.input("x", "float32", X.shape), b.constant(FILTER))
    graph = b.graph({"convolution": y, **{name: build(b, y) for name, (build, _) in FOLLOWERS.items()}})
    return compile(graph).run(x=X)


@pytest.mark.parametrize("name", FOLLOWERS)
def test_followers(outputs: dict[str, Array], name: str) -> None:
    expected = FOLLOWERS[name][1](_convolved())
    np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-5)


def test_the_convolution_itself(outputs: dict[str, Array]) -> None:
    np.testing.assert_allclose(outputs["convolution"], _convolved(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("strides", "dilations"), [((1, 1), (1, 1)), ((2, 1), (1, 2))])
def test_a_convolution_of_large_weights_and_few_places(strides: tuple[int, int], dilations: tuple[int, int]) -> None:
    x = RNG.standard_normal((2, 192, 9, 8)).astype(np.float32)
    weights = RNG.standard_normal((200, 192, 3, 3)).astype(np.float32)
    b = MLGraphBuilder()
    y = b.conv2d(
        b.input("x", "float32", x.shape), b.constant(weights),
        padding=[1, 2, 0, 1], strides=strides, dilations=dilations,
    )  # fmt: skip
    found = compile(b.graph({"y": y})).run(x=x)["y"]
    padded = np.pad(x, [(0, 0), (0, 0), (1, 2), (0, 1)])
    reach = [2 * d + 1 for d in dilations]
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    windows = windows[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]
    expected = np.einsum("nchwij,ocij->nohw", windows.astype(np.float64), weights)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
