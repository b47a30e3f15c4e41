"""webnn-benchmark: checked answers, percentiles, profiles, and one line for what cannot be."""

import json

import numpy as np
import pytest

from webnn_mlir.runtime import compile
from webnn_mlir.tools.benchmark import main
from webnn_mlir.tools.measuring import rivals

GRAPH = """webnn_graph "g" v1 {
  inputs { x: f32[4, 8]; n: i32[4]; }
  consts { w: f32[8] @scalar(2.0); }
  nodes { a = mul(x, w); y = softmax(a, 1); z = add(n, n); }
  outputs { y; z; }
}
"""
SHORT = ["--rounds", "2", "--seconds", "0.002", "--threads", "1"]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "g.webnn"
    path.write_text(GRAPH)
    return path


@pytest.fixture
def onnx_model(tmp_path):
    helper = pytest.importorskip("onnx").helper
    nodes = [helper.make_node("Where", ["c", "x", "y"], ["w"]), helper.make_node("Neg", ["w"], ["z"])]
    types = {"c": 9, "x": 1, "y": 1}
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(name, number, ["n", 3]) for name, number in types.items()],
        [helper.make_tensor_value_info("z", 1, ["n", 3])],
    )  # fmt: skip
    path = tmp_path / "g.onnx"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(made.SerializeToString())
    return path


def test_times_and_profile_without_a_reference(model, capfd):
    assert main([str(model), *SHORT, "--profile", "--json"]) == 0
    data = json.loads(capfd.readouterr().out)
    [result] = data["results"]
    assert result["reference"] is None
    times = result["timings"]["ours"]
    assert 0 < times["least"] <= times["p50"] <= times["p90"] <= times["p99"]
    dispatches = result["profile"]["dispatches"]
    assert any("softmax" in d["name"] for d in dispatches)
    assert all(d["count"] >= 1 and 0 < d["wall"] <= result["profile"]["run"] for d in dispatches)
    assert data["machine"]["versions"]["numpy"] == np.__version__


def test_against_a_rival(onnx_model, capfd, tmp_path):
    pytest.importorskip("onnxruntime")
    assert main([str(onnx_model), "--against", "onnxruntime", "--dim", "n=5", *SHORT]) == 0
    printed = capfd.readouterr().out
    assert "largest difference from onnxruntime: 0 of" in printed
    assert "p99" in printed
    np.save(tmp_path / "y.npy", np.full((5, 3), 2, np.float32))
    options = ["--against", "onnxruntime", "--dim", "n=5", "--const", f"y={tmp_path / 'y.npy'}"]
    assert main([str(onnx_model), *options, *SHORT]) == 0
    assert "largest difference from onnxruntime: 0 of" in capfd.readouterr().out


def test_wrong_answers_are_an_error(onnx_model, capfd, monkeypatch, tmp_path):
    """The rival gets another input than we do."""
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(rivals, "inputs_of_onnx", lambda path, inputs, _: {
        "c": np.ones((5, 3), bool), "x": inputs["x"] + 1, "y": inputs["y"],
    })  # fmt: skip
    assert main([str(onnx_model), "--against", "onnxruntime", "--dim", "n=5", *SHORT, "--one", "1"]) == 1
    printed = capfd.readouterr()
    assert "differs from onnxruntime by" in printed.err
    assert not printed.out


def test_an_artifact(model, tmp_path, capfd):
    path = tmp_path / "g.vmfb"
    compile(model).save(path)
    assert main([str(path), *SHORT, "--input", "n=fill:3"]) == 0
    assert "no reference" in capfd.readouterr().out


def test_one_line_for_what_cannot_be(model, capfd, monkeypatch, tmp_path):
    def error(*arguments):
        assert main(list(map(str, arguments))) == 1
        [line] = capfd.readouterr().err.splitlines()
        return line

    assert "--against 'tf' must be of onnxruntime, openvino, xla" in error(model, "--against", "tf")
    assert "onnxruntime reads .onnx" in error(model, "--against", "onnxruntime")
    assert "no such file" in error(tmp_path / "none.onnx")
    assert "must be numbers from 1 to" in error(model, "--threads", "0")
    assert "must be NAME=VALUE with the name of an input" in error(model, *SHORT, "--input", "q=fill:1")
    monkeypatch.setattr(rivals, "find_spec", lambda name: None)
    wanted = "--against xla needs jax; pip install 'webnn-mlir[benchmark]' has it"
    assert wanted in error(model, "--against", "xla")
