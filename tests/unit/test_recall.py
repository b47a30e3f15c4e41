"""A file that is as it was is not read again; whatever its graph depended on is looked at."""

import os

import numpy as np
import pytest

from webnn_mlir.compiler import frontend
from webnn_mlir.compiler.driver import Controls, compile_source
from webnn_mlir.compiler.frontend import write_graph
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.compiler.specialization import Specialization
from webnn_mlir.dialects.webnn import GraphBuilder

GRAPH = """webnn_graph "g" v1 {
  inputs { x: f32[dyn("n", 8), 3]; }
  consts { w: f32[3] @scalar(2.0); }
  nodes { y = add(x, w); }
  outputs { y; }
}
"""
SIZED = Specialization({"n": 4})


@pytest.fixture
def compile_file(tmp_path, monkeypatch):
    """Compiles with a cache of its own; tells whether the file was read, and whether the artifact was cached."""
    reads = []
    original = frontend.read_graph
    monkeypatch.setattr(frontend, "read_graph", lambda *args, **kwargs: reads.append(1) or original(*args, **kwargs))

    def run(path, specialization=SIZED, **options):
        reads.clear()
        controls = Controls(cache_dir=tmp_path / "cache")
        compilation = compile_source(path, CompileOptions(**options), controls, specialization=specialization)
        assert compilation.vmfb.stat().st_size > 0
        return bool(reads), compilation.cached

    return run


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "g.webnn"
    path.write_text(GRAPH)
    return path


def test_the_second_compile_reads_nothing(compile_file, model):
    assert compile_file(model) == (True, False)
    assert compile_file(model) == (False, True)


def test_what_is_fixed_and_the_options_belong_to_it(compile_file, model):
    compile_file(model)
    assert compile_file(model, Specialization({"n": 5})) == (True, False)
    assert compile_file(model, opt_level=1) == (True, False)
    assert compile_file(model) == (False, True)


def test_a_changed_file_is_read(compile_file, model):
    compile_file(model)
    status = model.stat()
    model.write_text(GRAPH.replace("2.0", "3.0"))
    os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert compile_file(model) == (True, False)
    # The same graph again, in another file than before: read, and found in the cache.
    model.write_text(GRAPH)
    assert compile_file(model) == (True, True)
    assert compile_file(model) == (False, True)


def test_weights_are_looked_at_and_those_that_come_first(compile_file, tmp_path):
    def write(name, value):
        b = GraphBuilder()
        w = b.constant(np.full((64, 64), value, np.float32))
        write_graph(b.graph({"y": b.matmul(b.input("x", "float32", [1, 64]), w)}), tmp_path / name)

    write("g.webnn", 1)
    none = Specialization()
    assert compile_file(tmp_path / "g.webnn", none) == (True, False)
    assert compile_file(tmp_path / "g.webnn", none) == (False, True)
    write("other.webnn", 2)
    (tmp_path / "other.safetensors").replace(tmp_path / "g.safetensors")
    assert compile_file(tmp_path / "g.webnn", none) == (True, False)
    write("other.webnn", 3)
    (tmp_path / "other.safetensors").replace(tmp_path / "model.safetensors")
    assert compile_file(tmp_path / "g.webnn", none) == (True, False)


def test_an_artifact_that_is_gone_is_made_again(compile_file, model, tmp_path):
    compile_file(model)
    for entry in (tmp_path / "cache").glob("*/module.vmfb"):
        entry.write_bytes(b"damaged")
    assert compile_file(model) == (True, False)


def test_what_warns_warns_each_time(compile_file, tmp_path):
    helper = pytest.importorskip("onnx").helper
    infos = [helper.make_tensor_value_info(name, 1, ["n", 3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", infos[:1], infos[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "g.onnx").write_bytes(made.SerializeToString())
    for _ in range(2):
        with pytest.warns(UserWarning, match="n"):
            assert compile_file(tmp_path / "g.onnx", Specialization())[0]
    assert compile_file(tmp_path / "g.onnx")[0]
    assert compile_file(tmp_path / "g.onnx") == (False, True)


def test_external_weights_are_read(compile_file, tmp_path):
    """Their archive is made from where they lie."""
    b = GraphBuilder()
    w = b.constant(np.ones((64, 64), np.float32))
    write_graph(b.graph({"y": b.matmul(b.input("x", "float32", [1, 64]), w)}), tmp_path / "g.webnn")
    assert compile_file(tmp_path / "g.webnn", Specialization(), weights="external") == (True, False)
    assert compile_file(tmp_path / "g.webnn", Specialization(), weights="external") == (True, True)
