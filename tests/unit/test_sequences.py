"""webnn-sequences: kernels in one dispatch compute what they compute one by one, with any number of threads, and when
the calling thread takes part."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import iree.runtime as rt
import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir import ML, compile
from webnn_mlir.compiler import pipeline
from webnn_mlir.compiler.iree import compile_to_file
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.runtime import executable, fastest
from webnn_mlir.runtime.artifact import Artifact, open_module
from webnn_mlir.runtime.device import instance, open_device
from webnn_mlir.runtime.errors import ExecutionError
from webnn_mlir.runtime.team import Team

RNG = np.random.default_rng(0)


def weights(b, *shape):
    return b.constant((RNG.random(shape, np.float32) - 0.5) / np.float32(shape[0] ** 0.5))


def net(b, numbers):
    """Layers that use some of the layers before, some as they are, some in other shapes, some through what is no
    kernel."""
    values = [b.input("x", "float32", [64, 256])]
    for number in range(14):
        x = values[numbers.integers(max(0, len(values) - 3), len(values))]
        kind = numbers.integers(6)
        if kind == 0:
            x = b.softmax(x, 1)
        elif kind == 1:
            x = b.layer_normalization(x, axes=[1], scale=weights(b, 256), bias=weights(b, 256))
        elif kind == 2:
            x = b.reshape(b.matmul(b.reshape(x, [32, 512]), weights(b, 512, 512)), [64, 256])
        elif kind == 3:
            x = b.abs(x) if number % 2 else b.matmul(x, weights(b, 256, 256))
        elif kind == 4:
            # Becomes an operation that uses x from inside of its region.
            x = b.gather(x, b.constant(numbers.permutation(64).astype(np.int32)), axis=0)
        else:
            x = b.gelu(b.matmul(x, weights(b, 256, 256)))
        values.append(x)
    return {"y": values[-1], "z": values[-2], "early": values[3]}


def graph_of(seed):
    b = GraphBuilder()
    return b.graph(net(b, np.random.default_rng(seed)))


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize("seed", range(6))
def test_any_net(tmp_path, seed, machine):
    graph = graph_of(seed)
    x = {"x": RNG.random((64, 256), np.float32)}
    program = lowered(graph, machine=machine)
    assert program.text().count("flow.dispatch @") > 2
    apart = tmp_path / "apart.vmfb"
    compile_to_file(program, CompileOptions().flags(), str(apart))
    together = run_program(lowered(graph, machine=machine), tmp_path, x)
    for name, expected in Artifact(apart, device="local-sync").run(x).items():
        np.testing.assert_array_equal(together[name], expected)


@pytest.mark.parametrize(("options", "there"), [({}, True), ({"opt_level": 1}, False), ({"sequences": False}, False)])
def test_who_gets_them(tmp_path, options, there):
    files = compile(graph_of(1), cache=False, **options).save(tmp_path / "g.vmfb")
    assert (b"sequence_0" in files[0].read_bytes()) == there


MANY_RUNS = """
import sys
from pathlib import Path
import iree.runtime as rt
import numpy as np
rt.flags.parse_flags("--task_topology_group_count=" + sys.argv[2])
from webnn_mlir.runtime.artifact import Artifact
x = {"x": np.random.default_rng(0).random((64, 256), np.float32)}
path = Path(sys.argv[1])
expected = Artifact(path, device="local-sync").run(x)
artifact = Artifact(path, device="local-task")
for _ in range(200):
    for name, y in artifact.run(x).items():
        np.testing.assert_array_equal(y, expected[name])
print("equal")
"""


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 40])
def test_any_number_of_threads(tmp_path, threads):
    """Each time threads come to the stages in another order, and there may be more than cores."""
    program = lowered(graph_of(1), machine="avx2")
    pipeline.run(program, ["webnn-sequences"])
    path = tmp_path / "g.vmfb"
    compile_to_file(program, CompileOptions().flags(), str(path))
    done = subprocess.run(
        [sys.executable, "-c", MANY_RUNS, str(path), str(threads)], capture_output=True, text=True, timeout=600
    )
    assert done.stdout == "equal\n", done.stderr


def test_their_memory_is_what_others_left_there():
    """The graphs of a context run in the same memory, one after the other."""
    x = RNG.random((64, 256), np.float32)
    with ML().create_context(accelerated=False) as context:
        graphs = []
        for seed in range(3):
            b = context.create_graph_builder()
            graphs.append(b.build(net(b, np.random.default_rng(seed))))
        first = [context.compute(graph, {"x": x}) for graph in graphs]
        for _ in range(20):
            for graph, expected in zip(graphs, first, strict=True):
                for name, y in context.compute(graph, {"x": x}).items():
                    np.testing.assert_array_equal(y, expected[name])


def kernels_only(b):
    x = b.input("x", "float32", [64, 256])
    y = b.softmax(b.matmul(x, b.constant(np.eye(256, dtype=np.float32) * 3)), 1)
    return {"y": b.layer_normalization(y, axes=[1]), "early": y}


def one_kernel(b):
    return {"y": b.softmax(b.input("x", "float32", [64, 256]), 1)}


def another_operation(b):
    return {"y": b.softmax(b.cumulative_sum(b.input("x", "float32", [64, 256]), 0), 1)}


def twice_the_same(b):
    y = b.softmax(b.input("x", "float32", [64, 256]), 1)
    return {"y": y, "z": b.identity(y)}


def opened(tmp_path, net, **options):
    b = GraphBuilder()
    files = compile(b.graph(net(b)), cache=False, opt_level=3, **options).save(tmp_path / "g.vmfb")
    return open_module(files[0], instance())


@pytest.mark.parametrize(
    ("net", "memory", "shared"),
    [
        (kernels_only, "caller", True),
        (one_kernel, "caller", True),
        (one_kernel, "artifact", False),
        (another_operation, "caller", False),
        (twice_the_same, "caller", False),
    ],
)
def test_which_runs_can_be_shared(tmp_path, net, memory, shared):
    module, name, _ = opened(tmp_path, net, memory=memory)
    assert (executable.SHARED in module.lookup_function(name).reflection) == shared


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def expected_of(x):
    """What kernels_only computes, in float64."""
    early = softmax(3 * x.astype(np.float64))
    centred = early - early.mean(1, keepdims=True)
    return {"early": early, "y": centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)}


@pytest.fixture
def many_cores(monkeypatch):
    """Cores enough for helpers, and no choice but to run with them."""
    monkeypatch.setattr(executable, "cores", lambda: 4)
    monkeypatch.setattr(fastest, "LONG", 0.0)


def built(context, net):
    b = context.create_graph_builder()
    return b.build(net(b))


def check(results, x):
    for name, wanted in expected_of(x).items():
        np.testing.assert_allclose(results[name], wanted, rtol=1e-4, atol=1e-6)


def test_the_calling_thread_and_helpers_share_runs(many_cores):
    with ML().create_context(accelerated=False) as context:
        graph = built(context, kernels_only)
        with patch.object(Team, "run", autospec=True, side_effect=Team.run) as together:
            for _ in range(300):
                x = RNG.random((64, 256), np.float32)
                check(context.compute(graph, {"x": x}), x)
        assert together.call_count == 300


def test_a_tiny_one_is_the_calling_threads():
    x = RNG.random((8, 128), np.float32)
    with ML().create_context(accelerated=False) as context:
        b = context.create_graph_builder()
        graph = b.build({"y": b.softmax(b.input("x", "float32", [8, 128]), 1)})
        assert graph._executable.shared
        assert graph._inline
        for _ in range(20):
            np.testing.assert_allclose(context.compute(graph, {"x": x})["y"], softmax(x), rtol=1e-5)


def test_several_threads_call_at_once(many_cores):
    """One of them has the helpers; the others' runs are the device's."""
    with ML().create_context(accelerated=False) as context:
        graph = built(context, kernels_only)

        def run(seed):
            x = np.random.default_rng(seed).random((64, 256), np.float32)
            for _ in range(50):
                check(context.compute(graph, {"x": x}), x)

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(run, range(5)))


@pytest.mark.parametrize("which", ["_caller", "_helpers"])
def test_a_run_that_failed_leaves_nothing_behind(tmp_path, monkeypatch, which):
    """The next run in the same memory does all of its work."""
    module, name, signature = opened(tmp_path, kernels_only, memory="caller")
    device = open_device("local-sync")
    program = executable.Executable(device, module, name, signature, None, 0)
    team = Team(program, 2)
    x, outputs = RNG.random((64, 256), np.float32), [np.zeros((64, 256), np.float32) for _ in range(2)]
    arrays = [x, *outputs, np.zeros(program.transient_bytes, np.uint8)]
    buffers = [rt.asdevicearray(device.hal, array) for array in arrays]
    views = [buffer._buffer_view for buffer in buffers]

    def fail(*_, **__):
        raise RuntimeError("file.c:1: UNKNOWN; no more")

    with monkeypatch.context() as patched:
        patched.setattr(getattr(team, which), "start", fail)
        with pytest.raises(ExecutionError, match="no more"):
            team.run(views, "net")
    for buffer in buffers[1:3]:
        buffer._buffer_view.get_buffer().fill_zero(0, x.nbytes)
    program.start(views, rt.HalFence(0), rt.HalFence(0))
    check(dict(zip(signature.outputs, (b.to_host() for b in buffers[1:3]), strict=True)), x)
