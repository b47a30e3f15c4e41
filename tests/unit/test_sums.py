"""webnn-sums: sums over places, against NumPy in float64."""

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.passes import webnn_sums
from webnn_mlir.dialects.webnn import GraphBuilder


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 8, 1, 16), [1, 2]), ((2, 9, 5, 5), [1, 2]), ((3, 13, 27, 24), [1, 2]), ((2, 5, 5, 100), [1, 2]),
     ((700, 33), [0]), ((2, 3, 9, 1, 17), [1, 2]), ((1, 160, 160, 96), [1, 2])],
)  # fmt: skip
def test_any_shape(tmp_path, monkeypatch, machine, shape, axes):
    monkeypatch.setattr(webnn_sums, "SMALLEST", 1)
    x, b = np.random.default_rng(0).random(shape, np.float32), GraphBuilder()
    graph = b.graph({"y": b.reduce_mean(b.input("x", "float32", shape), axes=axes)})
    program = lowered(graph, machine=machine)
    assert "flow.dispatch @sums" in program.text()
    y = run_program(program, tmp_path, {"x": x})["y"]
    np.testing.assert_allclose(y, x.mean(tuple(axes), np.float64), rtol=1e-6)
