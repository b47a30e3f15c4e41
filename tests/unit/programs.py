"""Graphs as the passes leave them for IREE, and run from there."""

import tempfile
from pathlib import Path

from webnn_mlir.compiler import pipeline
from webnn_mlir.compiler.iree import compile_to_file
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.compiler.program import from_graph
from webnn_mlir.runtime.artifact import Artifact

APART = CompileOptions(sequences=False)


def lowered(graph, **options):
    """The program of a graph with a dispatch for each kernel, and options of the passes (`machine`: kernels for it)."""
    program = from_graph(graph)
    program.options.update(options)
    for passes in (*pipeline.STAGES.values(), pipeline.for_iree(APART)):
        pipeline.run(program, passes)
    return program


def run_program(program, folder, inputs):
    """The outputs of a lowered program, its kernels in sequences."""
    pipeline.run(program, ["webnn-sequences"])
    path = Path(tempfile.mkdtemp(dir=folder)) / "g.vmfb"
    compile_to_file(program, CompileOptions().flags(), str(path))
    return Artifact(path, device="local-sync").run(inputs)
