"""A product with weights of 4 bits, its dequantization fused, against the same graph without `webnn-fuse-dequantize`:
then weights are made float32 at each call. Memory is what a run needs beside its weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..engines import artifact, ours, temporary_folder
from ..row import Array, Contender, Row, Runner, Work
from .int4 import EXACT, Weights, webnn_graph


def unfused(graph: Any, inputs: dict[str, Array]) -> Contender:
    def prepare(threads: int) -> Runner:
        from webnn_mlir.compiler import pipeline
        from webnn_mlir.runtime.compiled import compiler, save

        driver = compiler()
        passes = [p for stage in pipeline.STAGES.values() for p in stage if p != "webnn-fuse-dequantize"]
        options = driver.CompileOptions(opt_level=3, memory="caller", pass_pipeline=",".join(passes))
        folder = temporary_folder()
        path, *_ = save(driver.compile_source(graph, options), folder / "graph.vmfb")
        return artifact(path, inputs)(threads)

    return prepare


def work(rows: int, depth: int, columns: int, block: int) -> Work:
    weights = Weights(depth, columns, block)
    x = np.random.default_rng(1).standard_normal((rows, depth)).astype(np.float32)
    wide, values = x.astype(np.float64), weights.values()
    graph = webnn_graph(weights, rows)
    rivals = {"unfused": unfused(graph, {"x": x})}
    return Work(ours(graph, {"x": x}), rivals, wide @ values.T, np.abs(wide) @ np.abs(values).T)


ROWS = [
    Row("dequantization", f"{rows}x{size}x{size}-{what}", partial(work, rows, size, size, 32), EXACT, goal, unit=unit)
    for rows, size in ((1, 2048), (1, 4096))
    for what, unit, goal in (("time", "µs", 0.2), ("memory", "bytes", 0.3))
]
