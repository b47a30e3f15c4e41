"""Checks a batch of cases; runs in a process that may die of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from webnn_mlir.dialects.webnn import Graph

from . import metrics
from .corpus import Array, Case
from .engines import Engine
from .graphs import build

VARIANTS = {"with constants as inputs": False, "with constants as they are": True}
"""Every case runs both ways: a graph of constants alone would otherwise be folded and nothing run."""


@dataclass(frozen=True)
class Record:
    """How a case ended: status is `passed`, `failed` or `skipped`; the message says why it did not pass."""

    id: str
    file: str
    status: str
    message: str
    seconds: float


def check(cases: list[Case], engine: Engine) -> list[Record]:
    """Builds, compiles and runs cases in both variants and compares with what is expected."""
    problems: dict[str, dict[str, str]] = {case.id: {} for case in cases}
    seconds = dict.fromkeys(problems, 0.0)
    for variant, constants in VARIANTS.items():
        for case, problem, elapsed in _check_variant(cases, engine, constants):
            seconds[case.id] += elapsed
            if problem:
                problems[case.id][variant] = problem
    return [
        Record(c.id, c.file, "failed" if problems[c.id] else "passed", _message(problems[c.id]), seconds[c.id])
        for c in cases
    ]


def _message(problems: dict[str, str]) -> str:
    """The problems by variant; where all variants have the same one, that."""
    if len(problems) == len(VARIANTS) and len(set(problems.values())) == 1:
        return next(iter(problems.values()))
    return "; ".join(f"{variant}: {problem}" for variant, problem in problems.items())


def _check_variant(cases: list[Case], engine: Engine, constants: bool) -> Iterator[tuple[Case, str, float]]:
    """Each case with its problem, or none, and the seconds it took."""
    built = []
    for case in cases:
        start = time.perf_counter()
        try:
            built.append((case, *build(case, constants=constants)))
        except Exception as error:
            yield case, describe(error), time.perf_counter() - start
    yield from _run(built, engine, constants)


def _run(
    built: list[tuple[Case, Graph, dict[str, Array]]], engine: Engine, constants: bool
) -> Iterator[tuple[Case, str, float]]:
    """Compiles graphs together; where that fails, in halves, so that a bad one fails alone."""
    if not built:
        return
    start = time.perf_counter()
    graphs = {f"case{i}": graph for i, (_, graph, _) in enumerate(built)}
    try:
        run = engine.load(graphs, constant_folding=constants)
    except Exception as error:
        if len(built) == 1:
            yield built[0][0], describe(error), time.perf_counter() - start
        else:
            middle = len(built) // 2
            yield from _run(built[:middle], engine, constants)
            yield from _run(built[middle:], engine, constants)
        return
    share = (time.perf_counter() - start) / len(built)
    for name, (case, _, inputs) in zip(graphs, built, strict=True):
        start = time.perf_counter()
        try:
            problem = metrics.compare(case, run(name, inputs))
        except Exception as error:
            problem = describe(error)
        yield case, problem, share + time.perf_counter() - start


def describe(error: Exception) -> str:
    """The error in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = next((line for line in lines if "error:" in line), lines[0] if lines else "")
    return f"{type(error).__name__}: {first}"[:600]
