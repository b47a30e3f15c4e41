"""Graphs as the passes leave them for IREE, and run from there."""

import tempfile
from pathlib import Path

from webnn_mlir.compiler import pipeline
from webnn_mlir.compiler.iree import compile_to_file
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.compiler.program import from_graph
from webnn_mlir.runtime.artifact import Artifact

PASSES = [name for passes in (*pipeline.STAGES.values(), pipeline.FOR_IREE) for name in passes]


def lowered(graph, **options):
    """The program of a graph after all passes, with their options (`machine`: that kernels are for)."""
    program = from_graph(graph)
    program.options.update(options)
    pipeline.run(program, PASSES)
    return program


def run_program(program, folder, inputs):
    """The outputs of a lowered program."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "g.vmfb"
    compile_to_file(program, CompileOptions().flags(), str(path))
    return Artifact(path, device="local-sync").run(inputs)
