"""What fails while graphs run: it reaches the program, as an error, and reaches no one else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from webnn_mlir import ML, ExecutionError, MLContext, MLGraph, compile, load
from webnn_mlir.dialects.webnn.diagnostics import InvalidStateError
from webnn_mlir.runtime import ArtifactError, MLGraphBuilder, OutOfMemoryError

ONES = np.ones(256, np.float32)


def double(context: MLContext, label: str = "double") -> MLGraph:
    b = context.create_graph_builder()
    x = b.input("x", "float32", [256])
    return b.build({"y": b.add(x, x)}, label=label)


def pair(context: MLContext):
    x, y = (context.create_tensor([256], "float32") for _ in range(2))
    context.write_tensor(x, ONES)
    return x, y


def fail_on_the_device(context: MLContext, reason: str, *, label: str):
    """Enqueues work that waits until `fail` is called, and then fails on the device."""
    gate = context._device.hal.create_semaphore(0)
    source, target = (context.create_tensor([256], "float32")._memory for _ in range(2))
    queue_copy = context._device.hal.queue_copy
    context._timeline.enqueue(label, (source, target), lambda _, signal: queue_copy(
        source.buffer, target.buffer, [(gate, 1)], signal))  # fmt: skip
    return lambda: gate.fail(reason)


def test_what_fails_on_the_device_reaches_the_reader_with_label_and_cause():
    with ML().create_context() as context, ML().create_context() as other:
        graph = double(context)
        x, y = pair(context)
        fail = fail_on_the_device(context, "the device caught fire", label="culprit")
        context.dispatch(graph, {"x": x}, {"y": y})
        later = context.read_tensor_async(y)
        fail()
        with pytest.raises(ExecutionError, match=r"^\[culprit\] the device caught fire$"):
            context.read_tensor(y)
        with pytest.raises(ExecutionError, match="the device caught fire"):
            asyncio.run(wait_for(later))
        np.testing.assert_array_equal(context.read_tensor(x), ONES, "only what would have been written is poisoned")
        context.dispatch(graph, {"x": x}, {"y": y})
        np.testing.assert_array_equal(context.read_tensor(y), 2 * ONES, "what is enqueued later goes on")
        graph, (x, y) = double(other), pair(other)
        other.dispatch(graph, {"x": x}, {"y": y})
        np.testing.assert_array_equal(other.read_tensor(y), 2 * ONES)


def test_a_context_is_lost_with_its_device():
    context, other = ML().create_context(), ML().create_context()
    (x, y), graph = pair(context), double(context)
    fail = fail_on_the_device(context, "VK_ERROR_DEVICE_LOST", label="culprit")
    context.dispatch(graph, {"x": x}, {"y": y})
    fail()
    assert not context.lost.done()
    with pytest.raises(ExecutionError, match="DEVICE_LOST"):
        context.read_tensor(y)
    assert "DEVICE_LOST" in context.lost.result(0).message
    with pytest.raises(InvalidStateError, match="DEVICE_LOST"):
        context.create_tensor([1], "float32")
    assert not other.lost.done()
    graph, (x, y) = double(other), pair(other)
    other.dispatch(graph, {"x": x}, {"y": y})
    np.testing.assert_array_equal(other.read_tensor(y), 2 * ONES)


async def wait_for(awaitable):
    return await awaitable


def test_poison_spreads_to_what_is_computed_from_it_and_a_write_heals():
    with ML().create_context(max_bytes=200_000) as context:
        good, x, y = double(context), *pair(context)
        z = context.create_tensor([256], "float32")
        b = context.create_graph_builder()
        wide = b.expand(b.reshape(b.input("x", "float32", [256]), [256, 1]), [256, 256])
        bad = b.build({"y": b.reduce_sum(b.softmax(b.matmul(wide, wide), 0), axes=[0])}, label="hungry")
        context.dispatch(bad, {"x": x}, {"y": y})
        context.dispatch(good, {"x": y}, {"y": z})
        for tensor in (y, z):
            rule = r"^\[hungry\] out of memory: \d+ bytes needed, .* max_bytes=200000"
            with pytest.raises(OutOfMemoryError, match=rule):
                context.read_tensor(tensor)
        context.write_tensor(y, ONES)
        context.dispatch(good, {"x": y}, {"y": z})
        np.testing.assert_array_equal(context.read_tensor(z), 2 * ONES)
        with pytest.raises(OutOfMemoryError, match=r"\[hungry\] out of memory"):
            context.compute(bad, {"x": ONES})


def test_out_of_memory_is_an_error_of_each_call():
    with ML().create_context(max_bytes=5000) as context:
        _, y = pair(context)
        assert context.bytes_in_use == 2048
        with pytest.raises(MemoryError, match="8000 bytes needed, 2048 of max_bytes=5000 are in use"):
            context.create_tensor([2000], "float32")
        with pytest.raises(OutOfMemoryError):
            context.create_constant_tensor({"dataType": "float32", "shape": [2000]}, np.zeros(2000, np.float32))
        with pytest.raises(OutOfMemoryError):
            double(context)
        y.destroy()
        assert context.bytes_in_use == 1024
        context.create_tensor([900], "float32")
    with ML().create_context() as context, pytest.raises(OutOfMemoryError):
        context._transient_memory(2**46)


def test_a_write_that_fails_poisons_the_tensor():
    """While work uses its memory, a tensor gets other memory, for which there may be none."""
    with ML().create_context(max_bytes=6000) as context:
        x, _ = pair(context)
        finish = fail_on_the_device(context, "end of the test", label="slow")
        context._copy(x, context.create_tensor([256], "float32"))
        context.write_tensor(x, ONES)
        with pytest.raises(OutOfMemoryError, match=r"\[writeTensor\] out of memory"):
            context.read_tensor(x)
        finish()
        context.write_tensor(x, 3 * ONES)
        np.testing.assert_array_equal(context.read_tensor(x), 3 * ONES)


def test_use_after_destroy():
    with ML().create_context() as context:
        graph, (x, y) = double(context), pair(context)
        later = context.read_tensor_async(x)
        context.dispatch(graph, {"x": x}, {"y": y})
        graph.destroy()
        graph.destroy()
        np.testing.assert_array_equal(context.read_tensor(y), 2 * ONES, "what was enqueued before is done")
        for call in (
            lambda: context.dispatch(graph, {"x": x}, {"y": y}),
            lambda: context.compute(graph, {"x": ONES}),
            lambda: context.save_graph("k", graph),
        ):
            with pytest.raises(InvalidStateError, match="'double' has been destroyed"):
                call()
        x.destroy()
        with pytest.raises(InvalidStateError):
            asyncio.run(wait_for(later))
        for call in (lambda: context.read_tensor(x), lambda: context.write_tensor(x, ONES)):
            with pytest.raises(TypeError, match="destroyed"):
                call()


# Weights


@pytest.fixture(scope="module")
def weighted(tmp_path_factory):
    """An artifact whose weights lie in an archive."""
    path = tmp_path_factory.mktemp("weights") / "model.vmfb"
    b = MLGraphBuilder()
    weights = b.constant(np.full((256, 2048), 0.5, np.float32), name="w")
    compile(b.graph({"y": b.matmul(b.input("x", "float32", [1, 256]), weights)}), weights="external").save(path)
    return path


def truncate(archive: Path) -> None:
    os.truncate(archive, 4096)


def replace(archive: Path) -> None:
    other = archive.with_suffix(".other")
    other.write_bytes(bytes(archive.stat().st_size))
    other.replace(archive)


def overwrite(archive: Path) -> None:
    with archive.open("r+b") as file:
        file.write(bytes(archive.stat().st_size))


@pytest.mark.parametrize("change", [truncate, replace, overwrite, Path.unlink])
def test_weights_that_change_after_loading_are_an_error_and_no_signal(weighted, tmp_path, change):
    path = Path(tmp_path / "model.vmfb")
    for source in (weighted, weighted.with_suffix(".irpa")):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    artifact = load(path)
    x = ONES.reshape(1, 256)
    np.testing.assert_array_equal(artifact.run(x=x)["y"], np.full((1, 2048), 128))
    with ML().create_context() as context:
        graph = context.load(path, label="loaded")
        source, target = context.create_tensor([1, 256], "float32"), context.create_tensor([1, 2048], "float32")
        context.write_tensor(source, x)
        context.dispatch(graph, {"x": source}, {"y": target})
        change(path.with_suffix(".irpa"))
        np.testing.assert_array_equal(context.read_tensor(target), 128, "what was enqueued before is done")
        context.dispatch(graph, {"x": source}, {"y": target})
        with pytest.raises(ExecutionError, match=r"\[loaded\] .*model\.irpa: the weights"):
            context.read_tensor(target)
    with pytest.raises(ExecutionError, match=r"model\.irpa: the weights"):
        artifact.run(x=x)
    with pytest.raises(ArtifactError):
        load(path)


def test_an_artifact_that_is_truncated_after_loading_goes_on(weighted, tmp_path):
    """Its code and constants are in memory of the process."""
    path = tmp_path / "double.vmfb"
    b = MLGraphBuilder()
    big = b.constant(np.arange(2**18, dtype=np.float32))
    b.build({"y": b.add(b.input("x", "float32", [2**18]), big)}).save(path)
    artifact = load(path)
    os.truncate(path, 100)
    np.testing.assert_array_equal(artifact.run(x=np.ones(2**18, np.float32))["y"], np.arange(1, 2**18 + 1))


# The end of the process


def test_everything_may_be_alive_when_the_process_ends():
    """The order in which Python lets go of modules and globals is its own."""
    code = """
import numpy as np
from webnn_mlir import ML, MLGraphBuilder
context = ML().create_context()
b = context.create_graph_builder()
x = b.input("x", "float32", [2**16])
graph = b.build({"y": b.add(x, x)})
source, target = context.create_tensor([2**16], "float32"), context.create_tensor([2**16], "float32")
array = context.compute(graph, {"x": np.ones(2**16, np.float32)})["y"]
for _ in range(20):
    context.dispatch(graph, {"x": source}, {"y": target})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
