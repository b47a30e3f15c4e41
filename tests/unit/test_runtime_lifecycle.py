"""What is made goes again, and what is saved comes back."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from webnn_mlir import ML, ArtifactError, MLContext, MLGraph, compile
from webnn_mlir.runtime import MLGraphBuilder
from webnn_mlir.tools.module_file import read_module

ROUNDS = int(os.environ.get("WEBNN_MLIR_ROUNDS", "150"))
"""How often the test of leaks builds, dispatches and destroys. 10,000 rounds take some minutes."""

X = np.arange(64, dtype=np.float32)


def exponential(context: MLContext) -> MLGraph:
    b = context.create_graph_builder()
    return b.build({"y": b.mul(b.constant("float32", 2), b.exp(b.input("x", "float32", [64])))}, label="exponential")


def resident() -> float:
    """MiB of memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_rounds_of_build_dispatch_and_destroy_keep_memory_flat():
    with ML().create_context() as context:
        before = (0.0, 0)
        for number in range(ROUNDS):
            graph = exponential(context)
            x, y = (context.create_tensor([64], "float32") for _ in range(2))
            context.write_tensor(x, X)
            context.dispatch(graph, {"x": x}, {"y": y})
            if number % 2:
                np.testing.assert_allclose(context.read_tensor(y), 2 * np.exp(X), rtol=1e-5)
                context.compute(graph, {"x": X})
            for thing in (x, y, graph):
                thing.destroy()
            if number == ROUNDS // 3:
                gc.collect()
                before = resident(), len(os.listdir("/proc/self/fd"))
        gc.collect()
        assert context.bytes_in_use < 1024
        assert resident() < before[0] + 3
        assert len(os.listdir("/proc/self/fd")) == before[1]


def test_destroy_frees_at_once():
    with ML().create_context() as context:
        graph = exponential(context)
        assert context.bytes_in_use > 1000
        graph.destroy()
        assert context.bytes_in_use == 0
        forgotten = exponential(context)
        assert context.bytes_in_use > 1000
        del forgotten
        gc.collect()
        assert context.bytes_in_use == 0
        tensor = context.create_tensor([2**24], "float32")
        held = resident() if Path("/proc/self/statm").exists() else None
        tensor.destroy()
        assert context.bytes_in_use == 0
        if held is not None:
            assert resident() < held - 60


# Saved graphs


@pytest.fixture
def context(tmp_path):
    with ML().create_context(cache_dir=tmp_path / "cache", application="test") as made:
        yield made


def test_graphs_are_saved_for_an_application(context, tmp_path):
    graph = exponential(context)
    assert context.list_graphs() == []
    assert context.load_graph("a") is None
    for key in ("a", "a", "../b\n"):
        context.save_graph(key, graph)
    assert context.list_graphs() == ["../b\n", "a"]
    with ML().create_context(cache_dir=tmp_path / "cache", application="test") as later:
        found = later.load_graph("a")
        assert (found.label, found.inputs, found.outputs) == (graph.label, graph.inputs, graph.outputs)
        np.testing.assert_allclose(later.compute(found, {"x": X})["y"], 2 * np.exp(X), rtol=1e-5)
        assert later.delete_graph("a")
        assert not later.delete_graph("a")
        assert later.load_graph("a") is None
    assert context.list_graphs() == ["../b\n"]
    with ML().create_context(cache_dir=tmp_path / "cache", application="another") as other:
        assert other.list_graphs() == []
    assert len(list((tmp_path / "cache").rglob("graph.vmfb"))) == 1, "what was replaced or deleted is gone"


def test_weights_in_an_archive_are_saved_too(context):
    b = context.create_graph_builder()
    weights = b.constant(np.full((64, 64), 0.5, np.float32), name="w")
    graph = b.build({"y": b.matmul(b.input("x", "float32", [1, 64]), weights)}, weights="external")
    context.save_graph("k", graph)
    graph.destroy()
    found = context.load_graph("k")
    np.testing.assert_array_equal(context.compute(found, {"x": X.reshape(1, 64)})["y"], np.full((1, 64), X.sum() / 2))


@pytest.mark.parametrize("damage", ["truncate", "change", "remove", "record"])
def test_damaged_entries_are_reported(context, tmp_path, damage):
    context.save_graph("k", exponential(context))
    [vmfb] = (tmp_path / "cache").rglob("graph.vmfb")
    [record] = (tmp_path / "cache").rglob("*.json")
    if damage == "truncate":
        os.truncate(vmfb, 500)
    elif damage == "change":
        data = bytearray(vmfb.read_bytes())
        data[len(data) // 2] ^= 1
        vmfb.write_bytes(data)
    elif damage == "remove":
        vmfb.unlink()
    else:
        record.write_text(record.read_text().replace('"folder": "', '"folder": "../'))
    with pytest.raises(ArtifactError, match="damaged"):
        context.load_graph("k")
    assert context.delete_graph("k")
    assert context.load_graph("k") is None
    context.save_graph("k", exponential(context))
    assert context.load_graph("k") is not None


def test_graphs_of_another_processor_are_none(context, tmp_path):
    context.save_graph("k", exponential(context))
    [record] = (tmp_path / "cache").rglob("*.json")
    about = json.loads(record.read_text())
    record.write_text(json.dumps(about | {"machine": "another"}))
    assert context.load_graph("k") is None


def test_two_processes_save_and_load_under_one_key(context, tmp_path):
    code = f"""
import numpy as np
from webnn_mlir import ML
context = ML().create_context(cache_dir={str(tmp_path / "cache")!r}, application="test")
b = context.create_graph_builder()
graph = b.build({{"y": b.mul(b.constant("float32", 2), b.exp(b.input("x", "float32", [64])))}})
for _ in range(40):
    context.save_graph("k", graph)
    assert context.load_graph("k") is not None
"""
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [p.returncode for p in processes] == [0, 0], errors
    assert context.load_graph("k") is not None
    assert context.list_graphs() == ["k"]


# Memory that only a run needs


def test_the_peak_of_transient_memory_is_the_same_whoever_brings_it(tmp_path):
    found = {}
    for memory in ("artifact", "caller"):
        b = MLGraphBuilder()
        x = b.input("x", "float32", [64, 64])
        y = b.matmul(b.softmax(b.matmul(x, x), 1), x)
        path = tmp_path / f"{memory}.vmfb"
        compile(b.graph({"y": b.matmul(y, y), "s": b.reduce_sum(y, axes=[0])}), memory=memory).save(path)
        found[memory] = read_module(path).transient_bytes
    assert found["artifact"] == found["caller"] > 64 * 64 * 4
