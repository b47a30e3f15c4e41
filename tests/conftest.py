"""What the tests share."""

from itertools import count

import pytest

from webnn_mlir.compiler import pipeline
from webnn_mlir.compiler.iree import compile_to_file
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.compiler.program import from_graph
from webnn_mlir.runtime.artifact import Artifact

LOWERING = [name for passes in (*pipeline.STAGES.values(), pipeline.for_iree(CompileOptions())) for name in passes]


@pytest.fixture
def run(tmp_path):
    """run(graph, inputs, **CompileOptions) compiles in this process, runs, and returns arrays by output name."""

    numbers = count()

    def compile_and_run(graph, inputs, *, without=(), **options):
        program = from_graph(graph)
        pipeline.run(program, [name for name in LOWERING if name not in without])
        # Another file each time: an artifact that is still alive maps its own.
        path = tmp_path / f"graph{next(numbers)}.vmfb"
        compile_to_file(program, CompileOptions(**options).flags(), str(path))
        return Artifact(path, device="local-sync").run(inputs)

    return compile_and_run
