"""Checks a batch of ONNX's backend tests; runs in a process that may die of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from onnx.backend.test.runner import Runner

from webnn_mlir.dialects.webnn import GraphError
from webnn_mlir.dialects.webnn.int4 import pack_int4

from ..onnx_backend import SizedModel, input_names, size_model
from .checking import Record, describe
from .corpus import Array
from .engines import Engine
from .onnx_cases import OnnxCase


@dataclass(frozen=True)
class _Run:
    """One run of a case: its model, sized for the run's inputs."""

    case: OnnxCase
    sized: SizedModel
    values: dict[str, Array]
    expected: list[Array]


def check_onnx(cases: list[OnnxCase], engine: Engine) -> list[Record]:
    """Imports, compiles and runs cases, and compares as ONNX's own runner does."""
    problems = dict.fromkeys((case.name for case in cases), "")
    seconds = dict.fromkeys(problems, 0.0)
    for name, problem, elapsed in _check(cases, engine):
        problems[name] = problems[name] or problem
        seconds[name] += elapsed
    return [record(c, "failed" if problems[c.name] else "passed", problems[c.name], seconds[c.name]) for c in cases]


def record(case: OnnxCase, status: str, message: str, seconds: float = 0.0) -> Record:
    """How a case ended, under the name of the operator that it tests."""
    return Record(case.name, "+".join(sorted(case.operators)[:3]), status, message, seconds)


def _check(cases: list[OnnxCase], engine: Engine) -> Iterator[tuple[str, str, float]]:
    """Each run's case with its problem, or none, and the seconds it took."""
    runs = []
    for case in cases:
        start = time.perf_counter()
        try:
            runs += _sized(case)
        except GraphError as error:
            yield case.name, f"not supported: {error.diagnostics[0].message}", time.perf_counter() - start
        except Exception as error:
            yield case.name, f"crash: {describe(error)}", time.perf_counter() - start
    yield from _run(runs, engine)


def _sized(case: OnnxCase) -> list[_Run]:
    runs, names = [], input_names(case.model)
    for inputs, expected in case.data:
        values = dict(zip(names, inputs, strict=False))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs.append(_Run(case, size_model(case.model, values, frozenset()), values, expected))
    return runs


def _run(runs: list[_Run], engine: Engine) -> Iterator[tuple[str, str, float]]:
    """Compiles graphs together; where that fails, in halves, so that a bad one fails alone."""
    if not runs:
        return
    start = time.perf_counter()
    graphs = {f"run{number}": run.sized.graph for number, run in enumerate(runs)}
    try:
        engine_run = engine.load(graphs, constant_folding=True)
    except Exception as error:
        if len(runs) == 1:
            yield runs[0].case.name, f"crash: {describe(error)}", time.perf_counter() - start
            return
        middle = len(runs) // 2
        yield from _run(runs[:middle], engine)
        yield from _run(runs[middle:], engine)
        return
    share = (time.perf_counter() - start) / len(runs)
    for name, run in zip(graphs, runs, strict=True):
        start = time.perf_counter()
        try:
            results = run.sized.results(engine_run(name, _packed(run)))
            Runner.assert_similar_outputs(run.expected, results, run.case.rtol, run.case.atol)
            problem = ""
        except AssertionError as error:
            problem = f"wrong answer: {' '.join(str(error).split())[:500]}"
        except Exception as error:
            problem = f"crash: {describe(error)}"
        yield run.case.name, problem, share + time.perf_counter() - start


def _packed(run: _Run) -> dict[str, Array]:
    arguments, inputs = run.sized.arguments(run.values), run.sized.graph.inputs
    four = {name for name, operand in inputs.items() if operand.data_type.bits == 4}
    return {n: pack_int4(a, inputs[n].data_type) if n in four else a for n, a in arguments.items()}
