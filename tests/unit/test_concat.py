"""webnn-concat: what kernels have stored, next to each other, and what follows."""

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.passes import webnn_concat
from webnn_mlir.dialects.webnn import GraphBuilder

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize(
    ("shapes", "axis"),
    [([(1, 6, 7, 16), (1, 6, 7, 33)], 3), ([(70, 5), (70, 40), (70, 1)], 1), ([(2, 3, 50), (2, 1, 50), (2, 9, 50)], 1),
     ([(100, 300), (30, 300)], 0), ([(1, 9000), (1, 5000)], 1), ([(17,), (4,), (60,)], 0)],
)  # fmt: skip
@pytest.mark.parametrize("followed", [False, True])
def test_any_axis(tmp_path, monkeypatch, machine, shapes, axis, followed):
    monkeypatch.setattr(webnn_concat, "SMALLEST", 1)
    given, b = {f"x{i}": RNG.random(shape, np.float32) for i, shape in enumerate(shapes)}, GraphBuilder()
    y = b.concat([b.input(name, "float32", x.shape) for name, x in given.items()], axis)
    expected = np.concatenate(list(given.values()), axis)
    if followed:
        factors, other = RNG.random((2, expected.shape[-1]), np.float32), RNG.random(expected.shape, np.float32)
        y = b.add(b.mul(y, b.constant(factors[0])), b.constant(factors[1]))
        y = b.max(b.sub(y, b.input("other", "float32", other.shape)), b.constant(np.array(0.25, np.float32)))
        expected, given["other"] = np.maximum(expected * factors[0] + factors[1] - other, 0.25), other
    program = lowered(b.graph({"y": y}), machine=machine)
    assert program.text().count("flow.dispatch @concat") == 1
    assert "stablehlo.m" not in program.text()
    np.testing.assert_allclose(run_program(program, tmp_path, given)["y"], expected, rtol=1e-6)


def test_one_after_another(tmp_path):
    """Each takes what the one before gives, as in a dense net."""
    x, b = RNG.random((64, 64), np.float32), GraphBuilder()
    y, expected = b.input("x", "float32", x.shape), x
    for _ in range(3):
        y, expected = b.relu(b.concat([y, y], 1)), np.concatenate([expected, expected], 1)
    program = lowered(b.graph({"y": y}), machine="avx2")
    assert program.text().count("flow.dispatch @concat") == 3
    np.testing.assert_array_equal(run_program(program, tmp_path, {"x": x})["y"], expected)
