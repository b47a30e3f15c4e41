"""webnn-transpose: rows that become columns between kernels, against NumPy."""

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.passes import webnn_rows, webnn_transpose
from webnn_mlir.dialects.webnn import GraphBuilder

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize(
    ("shape", "permutation"),
    [((1, 3, 23, 41), (0, 2, 3, 1)), ((1, 7, 19, 4, 34), (0, 1, 2, 4, 3)), ((5, 70, 3), (0, 2, 1)),
     ((2, 64, 2), (0, 2, 1)), ((40, 5, 17), (2, 0, 1)), ((3, 50, 1, 33), (0, 3, 2, 1)),
     ((16, 1, 64), (2, 1, 0)), ((8, 300), (1, 0))],
)  # fmt: skip
def test_any_permutation(tmp_path, monkeypatch, machine, shape, permutation):
    monkeypatch.setattr(webnn_transpose, "SMALLEST", 1)
    monkeypatch.setattr(webnn_rows, "SMALLEST", 1)
    x, b = RNG.random(shape, np.float32), GraphBuilder()
    y = b.transpose(b.input("x", "float32", shape), permutation=permutation)
    y = b.softmax(b.reshape(y, [1, x.size]), 1)
    program = lowered(b.graph({"y": y}), machine=machine)
    assert "flow.dispatch @transpose" in program.text()
    logits = np.exp(x.transpose(permutation).reshape(1, -1).astype(np.float64))
    found = run_program(program, tmp_path, {"x": x})["y"]
    np.testing.assert_allclose(found, logits / logits.sum(1, keepdims=True), rtol=1e-5)


def test_what_others_need_is_left_to_them(tmp_path):
    x, b = RNG.random((64, 64), np.float32), GraphBuilder()
    y = b.transpose(b.input("x", "float32", x.shape))
    program = lowered(b.graph({"y": b.tanh(y)}), machine="avx2")
    assert "flow.dispatch @transpose" not in program.text()
    np.testing.assert_allclose(run_program(program, tmp_path, {"x": x})["y"], np.tanh(x.T), rtol=1e-5)
