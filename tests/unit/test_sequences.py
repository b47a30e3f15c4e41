"""webnn-sequences: kernels in one dispatch compute what they compute one by one, with any number of threads."""

import subprocess
import sys

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir import ML, compile
from webnn_mlir.compiler import pipeline
from webnn_mlir.compiler.iree import compile_to_file
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.runtime.artifact import Artifact

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
