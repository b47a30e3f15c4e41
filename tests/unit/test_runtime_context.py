"""Contexts, tensors and graphs: what the specification says of them, and what runs on them."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from webnn_mlir import ML, MLContext, MLGraph, MLGraphBuilder
from webnn_mlir.dialects.webnn import OPS
from webnn_mlir.dialects.webnn.diagnostics import InvalidStateError
from webnn_mlir.runtime.device import ALIGNMENT
from webnn_mlir.runtime.devices import DRIVERS, choose, present

X, Y = np.arange(4, dtype=np.float32), np.full(4, 2, np.float32)


@pytest.fixture(scope="module")
def context():
    with ML().create_context(accelerated=False) as made:
        yield made


@pytest.fixture(scope="module")
def add(context: MLContext) -> MLGraph:
    b = context.create_graph_builder()
    return b.build({"z": b.add(b.input("x", "float32", [4]), b.input("y", [4], "float32"))}, label="adder")


def tensors(context: MLContext, *arrays):
    made = []
    for array in arrays:
        made.append(context.create_tensor(list(array.shape), str(array.dtype)))
        context.write_tensor(made[-1], array)
    return made


# Contexts


def test_preferences_are_hints_and_the_context_says_what_it_got():
    here = any(not d.is_software for name in ("cuda", "metal", "vulkan") for d in present(name)[:1])
    for power in ("default", "high-performance", "low-power"):
        context = ML().create_context(power_preference=power, accelerated=False)
        assert (context.power_preference, context.accelerated, context.target) == (power, False, "cpu")
        context = ML().create_context(power_preference=power, device_type="gpu")
        assert context.accelerated == (context.target != "cpu") == here
    with pytest.raises(TypeError, match="power_preference 'auto' must be one of default, high-performance"):
        ML().create_context(power_preference="auto")
    with pytest.raises(TypeError, match="device_type 'xpu' must be one of"):
        ML().create_context(device_type="xpu")


def test_limits_come_from_the_declarations(context):
    limits = context.op_support_limits()
    assert limits == ML().op_support_limits()
    assert limits.keys() == OPS.keys() | {"preferredInputLayout", "maxTensorByteLength", "input", "constant", "output"}
    assert limits["relu"]["input"]["dataTypes"] == ["float32", "float16", "int64", "int32", "int8"]
    assert limits["conv2d"]["filter"]["rankRange"] == {"min": 4, "max": 4}
    assert limits["equal"]["output"]["dataTypes"] == ["uint8"]
    assert limits["input"]["dataTypes"][-2:] == ["int4", "uint4"]
    limits["relu"].clear()
    assert context.op_support_limits()["relu"], "what one is given is one's own"
    assert ML().op_support_limits("vmvx")["relu"]["input"]["dataTypes"] == ["float32", "int64", "int32", "int8"]
    with pytest.raises(TypeError, match="'abacus' must be one of cpu"):
        ML().op_support_limits("abacus")


def test_what_a_lost_context_does():
    context = ML().create_context()
    builder = context.create_graph_builder()
    tensor = context.create_tensor([1], "float32")
    assert not context.lost.done()
    context.destroy()
    context.destroy()
    assert context.lost.result(0).message == "the context has been destroyed"
    assert asyncio.run(awaited(context.lost)) == context.lost.result()
    assert tensor.destroyed
    assert context.bytes_in_use == 0
    for call in (
        lambda: builder.input("x", "float32", [1]),
        lambda: MLGraphBuilder(context),
        lambda: context.create_tensor([1], "float32"),
        lambda: context.create_constant_tensor({"dataType": "float32", "shape": [1]}, bytes(4)),
        lambda: context.read_tensor(tensor),
        lambda: context.write_tensor(tensor, bytes(4)),
        lambda: context.load_graph("x"),
    ):
        with pytest.raises(InvalidStateError):
            call()


async def awaited(awaitable):
    return await awaitable


# Running


@pytest.mark.parametrize("device", ["local-sync", "vmvx", "vulkan"])
def test_the_other_devices(device):
    if not present(choose(tuple(DRIVERS), device)[1] if device != "vulkan" else device):
        pytest.skip(f"no {device} device is here")
    with ML().create_context(device=device) as context:
        assert device in (context.target, context.driver)
        b = context.create_graph_builder()
        constant = b.constant(context.create_constant_tensor({"dataType": "float32", "shape": [4]}, Y))
        graph = b.build({"z": b.mul(b.input("x", "float32", [4]), constant)})
        x, z = tensors(context, X, X)
        assert context.read_tensor(context.create_tensor([3], "int8")).tolist() == [0, 0, 0]
        for _ in range(5):
            context.dispatch(graph, {"x": x}, {"z": z})
            x, z = z, x
        np.testing.assert_array_equal(context.read_tensor(x), X * 2**5)
        np.testing.assert_array_equal(context.compute(graph, {"x": X})["z"], X * 2)
        np.testing.assert_array_equal(asyncio.run(context.compute_async(graph, {"x": X}))["z"], X * 2)


def test_dispatch_and_compute(context, add):
    x, y, z = tensors(context, X, Y, np.zeros(4, np.float32))
    context.dispatch(add, {"x": x, "y": y}, {"z": z})
    np.testing.assert_array_equal(context.read_tensor(z), X + Y)
    output = np.empty(4, np.float32)
    np.testing.assert_array_equal(context.compute(add, {"x": X, "y": Y}, {"z": output})["z"], X + Y)
    np.testing.assert_array_equal(output, X + Y)
    assert (add.get_input_names(), add.get_output_names(), add.label) == (["x", "y"], ["z"], "adder")
    assert str(add.inputs["x"]) == "float32[4]"


def test_order_is_kept_without_waiting(context, add):
    """Each step reads what the one before it wrote, and writes come between; nothing is read until the end."""
    x, y, z = tensors(context, X, Y, np.zeros(4, np.float32))
    for step in range(50):
        context.write_tensor(y, np.full(4, step, np.float32))
        context.dispatch(add, {"x": x, "y": y}, {"z": z})
        x, z = z, x
    np.testing.assert_array_equal(context.read_tensor(x), X + sum(range(50)))


def test_reading_in_an_event_loop_gives_what_was_there_when_it_was_asked(context, add):
    x, y, z = tensors(context, X, Y, np.zeros(4, np.float32))

    async def read():
        context.dispatch(add, {"x": x, "y": y}, {"z": z})
        first = context.read_tensor_async(z)
        context.write_tensor(z, np.full(4, 9, np.float32))
        output = np.empty(4, np.float32)
        second = context.read_tensor_async(z, output)
        third = await context.compute_async(add, {"x": Y, "y": Y})
        return await first, await second, output, third["z"]

    first, second, output, third = asyncio.run(read())
    for found, wanted in ((first, X + Y), (second, 9), (output, 9), (third, Y + Y)):
        np.testing.assert_array_equal(found, np.broadcast_to(wanted, 4))


def test_the_other_awaitable_forms():
    async def all_of_them():
        context = await ML().create_context_async(accelerated=False)
        b = context.create_graph_builder()
        x = b.input("x", "int32", [2])
        graph = await b.build_async({"y": b.neg(x)})
        tensor = await context.create_tensor_async([2], "int32")
        constant = await context.create_constant_tensor_async({"dataType": "int32", "shape": [2]}, bytes(8))
        assert constant.constant
        context.write_tensor(tensor, np.array([1, 2], np.int32))
        return await context.compute_async(graph, {"x": await context.read_tensor_async(tensor)})

    np.testing.assert_array_equal(asyncio.run(all_of_them())["y"], [-1, -2])


def test_a_dispatch_returns_while_the_graph_runs(context):
    b = context.create_graph_builder()
    y = x = b.input("x", "float32", [512, 512])
    for _ in range(60):
        y = b.matmul(y, x)
    graph = b.build({"y": y})
    eye = np.eye(512, dtype=np.float32)
    source, target = tensors(context, eye, eye)
    context.dispatch(graph, {"x": source}, {"y": target})
    context.read_tensor(target)
    running = []
    for _ in range(5):
        context.dispatch(graph, {"x": source}, {"y": target})
        running.append(not target._last.over())
        np.testing.assert_array_equal(context.read_tensor(target), eye)
    # Once is enough: the scheduler may keep the caller away for longer than the graph takes.
    assert any(running)


def test_threads_share_a_context(context, add):
    wrong = []

    def work(value):
        x, y, z = tensors(context, np.full(4, value, np.float32), Y, Y)
        for _ in range(100):
            context.dispatch(add, {"x": x, "y": y}, {"z": z})
            if (context.read_tensor(z) != value + 2).any():
                wrong.append(value)
            if (context.compute(add, {"x": np.full(4, value, np.float32), "y": Y})["z"] != value + 2).any():
                wrong.append(-value)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("data_type", ["float16", "int64", "uint64", "uint32", "int8", "uint8", "int4", "uint4"])
def test_every_data_type_passes_through(context, data_type):
    b = context.create_graph_builder()
    graph = b.build({"y": b.identity(b.input("x", data_type, [5]))})
    x = np.array([1, 2, 3, 7, 5]).astype({"int4": "int8", "uint4": "uint8"}.get(data_type, data_type))
    source, target = (context.create_tensor([5], data_type) for _ in range(2))
    context.write_tensor(source, x)
    context.dispatch(graph, {"x": source}, {"y": target})
    assert context.read_tensor(target).dtype == x.dtype
    np.testing.assert_array_equal(context.read_tensor(target), x)
    np.testing.assert_array_equal(context.compute(graph, {"x": x})["y"], x)


def test_aligned_arrays_are_used_where_they_lie_and_results_outlive_everything():
    b = (context := ML().create_context()).create_graph_builder()
    graph = b.build({"y": b.neg(b.input("x", "float32", [2**16]))})
    raw = np.zeros(2**16 + ALIGNMENT, np.float32)
    skip = -raw.ctypes.data % ALIGNMENT // 4
    for start in (skip, skip + 1):
        x = raw[start : start + 2**16]
        x[:] = 3
        y = context.compute(graph, {"x": x})["y"]
        first = y[:8]
        del y
        graph.inputs  # noqa: B018
        np.testing.assert_array_equal(first, -3)
    context.destroy()
    np.testing.assert_array_equal(first, -3)


@pytest.mark.parametrize("limit", [None, 10**8])
def test_runs_keep_their_memory_for_the_next_but_no_results(limit):
    rng = np.random.default_rng(0)
    # Not aligned, so they must be copied.
    given = [rng.random(2**18 + 1, np.float32)[1:].reshape(512, 512) for _ in range(4)]
    with ML().create_context(accelerated=False, max_bytes=limit) as context:
        b = context.create_graph_builder()
        graph = b.build({"y": b.cumulative_sum(b.input("x", "float32", [512, 512]), 1)})
        context.compute(graph, {"x": given[0]})
        used = context._account.used
        results = [context.compute(graph, {"x": x})["y"] for x in given]
        assert (used > graph._share.count + 2**20) == (limit is None)
        assert context._account.used == used
    for x, y in zip(given, results, strict=True):
        np.testing.assert_allclose(y, np.cumsum(x.astype(np.float64), 1), rtol=1e-5)


def test_an_output_in_place_of_an_input():
    with ML().create_context() as context:
        b = context.create_graph_builder()
        past, new = b.input("past", "float32", [8, 2]), b.input("new", "float32", [1, 2])
        at = b.input("at", "int32", [1, 1])
        now = b.scatter_nd(past, at, new)
        graph = b.build({"now": now, "sum": b.reduce_sum(now)}, aliases={"now": "past"})
        assert graph.aliases == {"now": "past"}
        cache, other, total = (context.create_tensor(shape, "float32") for shape in ([8, 2], [8, 2], []))
        place, row = context.create_tensor([1, 1], "int32"), context.create_tensor([1, 2], "float32")
        lies_at = cache._memory.array().ctypes.data
        for step in range(8):
            context.write_tensor(place, np.array([[step]], np.int32))
            context.write_tensor(row, np.full((1, 2), step + 1, np.float32))
            inputs = {"past": cache, "at": place, "new": row}
            context.dispatch(graph, inputs, {"now": cache, "sum": total})
        np.testing.assert_array_equal(context.read_tensor(cache), np.repeat(np.arange(1, 9)[:, None], 2, 1))
        assert context.read_tensor(total) == 72
        assert cache._memory.array().ctypes.data == lies_at
        context.write_tensor(row, np.zeros((1, 2), np.float32))
        context.dispatch(graph, inputs, {"now": other, "sum": total})
        assert context.read_tensor(cache).sum() == 72, "with a tensor of its own for the output, the input stays"
        assert context.read_tensor(other).sum() == 56
        arrays = {n: context.read_tensor(t) for n, t in inputs.items()}
        assert context.compute(graph, arrays)["sum"] == 56
        assert arrays["past"].sum() == 72
        with pytest.raises(TypeError, match="given twice"):
            context.dispatch(graph, inputs | {"new": total}, {"now": cache, "sum": total})


# Rules


def test_rules_of_tensors(context, add):
    for call, rule in (
        (lambda: context.create_tensor([2, 0], "float32"), "dimension 0"),
        (lambda: context.create_tensor([2**29], "int32"), "at most 2147483647 are allowed"),
        (lambda: context.create_tensor([2], "float33"), "float33"),
        (lambda: context.create_tensor({"dataType": "int8"}), "shape is required"),
        (lambda: context.create_constant_tensor({"dataType": "int8", "shape": [3]}, bytes(4)), "4 bytes given"),
    ):
        with pytest.raises(TypeError, match=rule):
            call()
    default = context.create_tensor({"dataType": "float32", "shape": [4]})
    assert (default.readable, default.writable, default.constant) == (False, False, False)
    (whole,) = tensors(context, X)
    assert (whole.readable, whole.writable, whole.shape, whole.size) == (True, True, (4,), 4)
    with ML().create_context() as other:
        (foreign,) = tensors(other, X)
        for call, rule in (
            (lambda: context.read_tensor(default), "not readable"),
            (lambda: context.write_tensor(default, X), "not writable"),
            (lambda: context.write_tensor(whole, X[:3]), "12 bytes given"),
            (lambda: context.write_tensor(whole, X.astype(np.int32)), "int32 is no float32"),
            (lambda: context.write_tensor(whole, object()), "object is no buffer"),
            (lambda: context.read_tensor(whole, bytearray(17)), "17 bytes"),
            (lambda: context.read_tensor(whole, bytes(16)), "cannot be written"),
            (lambda: context.read_tensor(foreign), "another context"),
            (lambda: context.write_tensor(foreign, X), "another context"),
        ):
            with pytest.raises(TypeError, match=rule):
                call()
    context.write_tensor(whole, bytes(16))
    buffer = bytearray(b"x" * 16)
    np.testing.assert_array_equal(context.read_tensor(whole, buffer), 0)
    assert buffer == bytes(16)


def test_rules_of_dispatch(context, add):
    x, y, z = tensors(context, X, Y, Y)
    (small,) = tensors(context, X[:3])
    constant = context.create_constant_tensor({"dataType": "float32", "shape": [4]}, X)
    with ML().create_context() as other:
        (foreign,) = tensors(other, X)
        for inputs, outputs, rule in (
            ({"x": x, "y": x}, {"z": z}, "given twice"),
            ({"x": x, "y": y}, {"z": y}, "given twice"),
            ({"x": x}, {"z": z}, "the inputs given are x; the graph has x, y"),
            ({"x": x, "y": y}, {"other": z}, "the outputs given are other; the graph has z"),
            ({"x": x, "y": small}, {"z": z}, r"float32\[3\]; the graph has float32\[4\]"),
            ({"x": x, "y": constant}, {"z": z}, "constant"),
            ({"x": x, "y": foreign}, {"z": z}, "another context"),
            ({"x": x, "y": X}, {"z": z}, "not of type 'MLTensor'"),
        ):
            with pytest.raises(TypeError, match=rule):
                context.dispatch(add, inputs, outputs)
        with pytest.raises(TypeError, match="another context"):
            other.dispatch(add, {}, {})
    z.destroy()
    for error in (TypeError, InvalidStateError):
        with pytest.raises(error, match="destroyed"):
            context.dispatch(add, {"x": x, "y": y}, {"z": z})
    for given, rule in (({"x": X}, "'y' is missing"), ({"x": X, "y": Y, "w": Y}, "unknown input 'w'")):
        with pytest.raises(TypeError, match=rule):
            context.compute(add, given)
    with pytest.raises(TypeError, match=r"input 'y' must be float32\[4\], not float64\[4\]"):
        context.compute(add, {"x": X, "y": Y.astype(np.float64)})


def test_constant_tensors(context):
    tensor = context.create_constant_tensor({"dataType": "float32", "shape": [4]}, Y)
    b = context.create_graph_builder()
    product = b.mul(b.input("x", "float32", [4]), b.constant(tensor))
    tensor.destroy()
    graph = b.build({"y": product})
    np.testing.assert_array_equal(context.compute(graph, {"x": X})["y"], X * 2)
    (plain,) = tensors(context, X)
    b = context.create_graph_builder()
    with pytest.raises(TypeError, match="not constant"):
        b.constant(plain)
    with pytest.raises(TypeError, match="destroyed"):
        b.constant(tensor)
    with pytest.raises(TypeError, match="takes no tensors"):
        MLGraphBuilder().constant(plain)
