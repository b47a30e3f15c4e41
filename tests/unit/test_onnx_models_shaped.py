"""Small graphs, each written as an exporter writes a well-known model, give what ONNX Runtime gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs the extra 'onnx'")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs ONNX Runtime to compare with")

from onnx_exports import FLOAT, INT64, MODELS, Arrays, Build, Exported  # noqa: E402

import webnn_mlir  # noqa: E402


def compiled(path: Path, inputs: Arrays):
    return webnn_mlir.compile(path, input_shapes={name: array.shape for name, array in inputs.items()})


@pytest.mark.parametrize(("build", "opset", "tolerance"), MODELS, ids=[f"{m[0].__name__}-{m[1]}" for m in MODELS])
def test_the_answers_are_onnx_runtimes(build: Build, opset: int, tolerance: float, tmp_path: Path) -> None:
    g = Exported()
    inputs = build(g)
    path = tmp_path / "model.onnx"
    onnx.save(g.model(build.__name__, opset), path)

    names = [output.name for output in g.outputs]
    expected = dict(zip(names, onnxruntime.InferenceSession(path).run(names, inputs), strict=True))
    # WebNN has truth values as uint8.
    given = {name: array.view(np.uint8) if array.dtype == bool else array for name, array in inputs.items()}
    outputs = compiled(path, inputs).run(given)
    assert outputs.keys() == expected.keys()
    for name, array in expected.items():
        assert outputs[name].shape == array.shape
        assert np.isfinite(array).all()
        assert abs(outputs[name] - array).max() <= tolerance * max(abs(array).max(), 1e-6), name


def test_what_webnn_lacks_is_listed_at_once(tmp_path: Path) -> None:
    g = Exported()
    boxes, scores = g.input("boxes", FLOAT, [1, 9, 4]), g.input("scores", FLOAT, [1, 2, 9])
    g.scope = "/head"
    chosen = g.op("NonMaxSuppression", boxes, scores, g.constant([5]))
    g.output("chosen", chosen, INT64, [None, 3])
    g.output("where", g.op("NonZero", scores), INT64, [3, None])
    path = tmp_path / "model.onnx"
    onnx.save(g.model("head"), path)
    with pytest.raises(webnn_mlir.GraphError) as error:
        webnn_mlir.compile(path)
    for op_type in ("NonMaxSuppression", "NonZero"):
        assert f"/head/{op_type}_0" in str(error.value)
