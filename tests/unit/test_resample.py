"""webnn-resample: places that are repeated, against NumPy."""

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.dialects.webnn import GraphBuilder

RNG = np.random.default_rng(0)


def resampled(x, sizes, followed, machine="avx2"):
    b, (batch, _, _, channels) = GraphBuilder(), x.shape
    y = b.resample2d(b.input("x", "float32", x.shape), sizes=sizes, axes=[1, 2])
    if followed:
        scale = b.constant(np.arange(channels, dtype=np.float32))
        y = b.add(b.mul(y, scale), b.input("s", "float32", [batch, *sizes, channels]))
    return lowered(b.graph({"y": y}), machine=machine)


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize(
    ("shape", "times"),
    [((1, 14, 20, 24), (2, 2)), ((2, 5, 7, 96), (3, 1)), ((3, 9, 5, 5), (1, 4)), ((1, 6, 6, 16), (1, 8))],
)
@pytest.mark.parametrize("followed", [False, True])
def test_whole_times(tmp_path, machine, shape, times, followed):
    x = RNG.random(shape, np.float32)
    expected = x.repeat(times[0], 1).repeat(times[1], 2)
    program, given = resampled(x, expected.shape[1:3], followed, machine), {"x": x}
    assert program.text().count("flow.dispatch @nearest") == 1
    if followed:
        given["s"] = RNG.random(expected.shape, np.float32)
        expected = expected * np.arange(shape[-1], dtype=np.float32) + given["s"]
    np.testing.assert_allclose(run_program(program, tmp_path, given)["y"], expected, rtol=1e-6)


@pytest.mark.parametrize("sizes", [(21, 40), (7, 20), (28, 180)])
def test_others_are_left(sizes):
    assert "flow.dispatch" not in resampled(RNG.random((1, 14, 20, 24), np.float32), sizes, False).text()
