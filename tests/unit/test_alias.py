"""An output that takes over an input's memory: a cache is updated in place, and only where that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from webnn_mlir import GraphError, MLGraphBuilder, compile, load
from webnn_mlir.dialects.webnn import Graph
from webnn_mlir.runtime import ML

HEADS, LENGTH, SIZE = 2, 5, 3


def _cache() -> Graph:
    """present: past with the new rows at a position; sum: over all its rows."""
    b = MLGraphBuilder()
    past = b.input("past", "float32", [1, HEADS, LENGTH, SIZE])
    new = b.input("new", "float32", [1, HEADS, 1, SIZE])
    position = b.input("position", "int32", [1])
    heads = b.constant(np.arange(HEADS, dtype=np.int32).reshape(HEADS, 1) * LENGTH)
    rows = b.reshape(past, [HEADS * LENGTH, SIZE])
    updated = b.scatter_nd(rows, b.add(heads, b.reshape(position, [1, 1])), b.reshape(new, [HEADS, SIZE]))
    present = b.reshape(updated, [1, HEADS, LENGTH, SIZE])
    return b.graph({"present": present, "sum": b.reduce_sum(present, axes=[2])})


@pytest.mark.parametrize("aliases", [{}, {"present": "past"}])
def test_a_cache_on_the_device(tmp_path: Path, aliases: dict[str, str]) -> None:
    compile(_cache(), aliases=aliases, cache=False).save(tmp_path / "cache.vmfb")
    with ML().create_context() as context:
        graph = context.load(tmp_path / "cache.vmfb")
        assert graph.aliases == aliases
        tensors = {name: context.create_tensor(d) for name, d in (graph.inputs | graph.outputs).items()}
        past = tensors["past"]
        expected = np.zeros(past.shape, np.float32)
        for position in (3, 0):
            new = np.random.default_rng(position).standard_normal((1, HEADS, 1, SIZE)).astype(np.float32)
            expected[:, :, position : position + 1] = new
            context.write_tensor(tensors["new"], new)
            context.write_tensor(tensors["position"], np.array([position], np.int32))
            inputs = {"past": past, "new": tensors["new"], "position": tensors["position"]}
            present = past if aliases else tensors["present"]
            context.dispatch(graph, inputs, {"present": present, "sum": tensors["sum"]})
            if not aliases:
                past, tensors["present"] = present, past
        np.testing.assert_array_equal(context.read_tensor(past), expected)
        np.testing.assert_allclose(context.read_tensor(tensors["sum"]), expected.sum(2), rtol=1e-6)


def test_an_artifact_waits_for_what_is_before_it(tmp_path: Path) -> None:
    """What it allocates for its results is not there while it waits."""
    compile(_cache(), cache=False).save(tmp_path / "cache.vmfb")
    with ML().create_context() as context:
        graph = context.load(tmp_path / "cache.vmfb")
        tensors = {name: context.create_tensor(d) for name, d in (graph.inputs | graph.outputs).items()}
        context.write_tensor(tensors["new"], np.ones(tensors["new"].shape, np.float32))
        hal = context._device.hal
        gate, (one, other) = hal.create_semaphore(0), (context.create_tensor([4], "float32")._memory for _ in range(2))
        context._timeline.enqueue(
            "gate", (one, other), lambda _, signal: hal.queue_copy(one.buffer, other.buffer, [(gate, 1)], signal)
        )
        context.dispatch(
            graph, {name: tensors[name] for name in graph.inputs}, {name: tensors[name] for name in graph.outputs}
        )
        gate.signal(1)
        np.testing.assert_array_equal(context.read_tensor(tensors["sum"]), np.ones((1, HEADS, SIZE)))


def test_arrays_of_the_caller_stay_as_they_are() -> None:
    compiled = compile(_cache(), aliases={"present": "past"})
    past = np.zeros((1, HEADS, LENGTH, SIZE), np.float32)
    outputs = compiled.run(past=past, new=np.ones((1, HEADS, 1, SIZE), np.float32), position=np.array([2], np.int32))
    assert not past.any()
    assert outputs["present"][:, :, 2].all()


@pytest.mark.parametrize(
    ("aliases", "rule"),
    [
        ({"absent": "past"}, "there is no output 'absent'; there are: present, sum"),
        ({"present": "absent"}, "there is no such input; there are: past, new, position"),
        ({"present": "new"}, "their types are"),
        ({"sum": "past"}, "their types are"),
    ],
)
def test_rules(aliases: dict[str, str], rule: str) -> None:
    with pytest.raises(GraphError, match=rule):
        compile(_cache(), aliases=aliases)


def test_artifacts_share_an_archive(tmp_path: Path) -> None:
    def graph(rows: int, value: float) -> Graph:
        b = MLGraphBuilder()
        weights = b.constant(np.full((64, 64), value, np.float32), name="w")
        return b.graph({"y": b.matmul(b.input("x", "float32", [rows, 64]), weights)})

    archive = tmp_path / "shared.irpa"
    times = set()
    for rows in (1, 4):
        compiled = compile(graph(rows, 0.5), weights="external", cache=False)
        assert compiled.save(tmp_path / f"{rows}.vmfb", archive=archive) == [tmp_path / f"{rows}.vmfb", archive]
        times.add(archive.stat().st_mtime_ns)
    assert len(times) == 1, "what was there is used"
    for rows in (1, 4):
        y = load(tmp_path / f"{rows}.vmfb", parameters=archive).run(x=np.ones((rows, 64), np.float32))["y"]
        np.testing.assert_allclose(y, np.full((rows, 64), 32.0))
    other = compile(graph(1, 2.0), weights="external", cache=False)
    with pytest.raises(ValueError, match=r"holds another weight under the key 'w\.weights'"):
        other.save(tmp_path / "other.vmfb", archive=archive)
    assert not (tmp_path / "other.vmfb").exists()
