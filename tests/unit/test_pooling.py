"""webnn-pooling: maxima and averages of windows, against their definition in NumPy."""

import itertools

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.kernels import pooling
from webnn_mlir.dialects.webnn import GraphBuilder

RNG = np.random.default_rng(0)


def windows(x, result, window, strides, padding, dilations):
    """The elements of x, with the channels last, in the window of each place of the result, padding left out."""
    for y, z in itertools.product(*map(range, result[1:3])):
        starts = [place * strides[i] - padding[2 * i] for i, place in enumerate((y, z))]
        covered = [[start + k * dilations[i] for k in range(window[i])] for i, start in enumerate(starts)]
        rows, columns = ([p for p in places if 0 <= p < x.shape[1 + i]] for i, places in enumerate(covered))
        yield y, z, x[:, rows][:, :, columns].reshape(x.shape[0], -1, x.shape[3])


def expected(kind, x, result, *options):
    found = np.empty(result, np.float64)
    for y, z, elements in windows(x.astype(np.float64), result, *options):
        found[:, y, z] = elements.max(1) if kind == "max_pool2d" else elements.mean(1)
    return found


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize("kind", ["max_pool2d", "average_pool2d"])
@pytest.mark.parametrize(
    ("shape", "window", "strides", "padding", "dilations", "rounding"),
    [((1, 9, 40, 16), (3, 3), (2, 2), (0, 0, 0, 0), (1, 1), "floor"),
     ((2, 13, 17, 24), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), "floor"),
     ((1, 12, 30, 40), (3, 3), (2, 2), (0, 1, 0, 1), (1, 1), "ceil"),
     ((1, 12, 12, 5), (2, 3), (3, 2), (1, 0, 2, 1), (1, 1), "ceil"),
     ((1, 11, 11, 33), (3, 2), (1, 2), (2, 2, 1, 1), (2, 3), "floor"),
     ((3, 7, 7, 48), (7, 7), (1, 1), (0, 0, 0, 0), (1, 1), "floor"),
     ((1, 4, 4, 20), (5, 5), (1, 1), (2, 2, 2, 2), (1, 1), "floor")],
)  # fmt: skip
def test_any_window(tmp_path, monkeypatch, machine, kind, shape, window, strides, padding, dilations, rounding):
    monkeypatch.setattr(pooling, "SMALLEST", 1)
    x, b = (RNG.random(shape, np.float32) - 0.5), GraphBuilder()
    y = getattr(b, kind)(
        b.input("x", "float32", shape), window_dimensions=window, strides=strides, padding=padding,
        dilations=dilations, layout="nhwc", output_shape_rounding=rounding,
    )  # fmt: skip
    program = lowered(b.graph({"y": y}), machine=machine)
    assert "flow.dispatch @" in program.text()
    found = run_program(program, tmp_path, {"x": x})["y"]
    np.testing.assert_allclose(
        found, expected(kind, x, y.shape, window, strides, padding, dilations), rtol=1e-6, atol=1e-7
    )


def test_what_follows(tmp_path):
    """A scale and a bias for each channel, another tensor, and a bound."""
    x, b = RNG.random((1, 16, 16, 32), np.float32), GraphBuilder()
    other, factors = RNG.random((1, 8, 8, 32), np.float32), RNG.random((2, 32), np.float32)
    y = b.max_pool2d(b.input("x", "float32", x.shape), window_dimensions=[2, 2], strides=[2, 2], layout="nhwc")
    y = b.add(b.mul(y, b.constant(factors[0])), b.constant(factors[1]))
    y = b.relu(b.sub(y, b.input("other", "float32", other.shape)))
    program = lowered(b.graph({"y": y}), machine="avx2")
    assert program.text().count("flow.dispatch @") == 1
    found = run_program(program, tmp_path, {"x": x, "other": other})["y"]
    greatest = x.reshape(1, 8, 2, 8, 2, 32).max((2, 4))
    np.testing.assert_allclose(found, np.maximum(greatest * factors[0] + factors[1] - other, 0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number(tmp_path, value):
    x, b = np.full((1, 16, 16, 32), -1, np.float32), GraphBuilder()
    x[0, 5, 6, 7] = value
    y = b.max_pool2d(b.input("x", "float32", x.shape), window_dimensions=[2, 2], strides=[2, 2], layout="nhwc")
    found = run_program(lowered(b.graph({"y": y}), machine="avx2"), tmp_path, {"x": x})["y"]
    np.testing.assert_array_equal(found, x.reshape(1, 8, 2, 8, 2, 32).max((2, 4)))
