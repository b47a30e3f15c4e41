"""Measuring the rows: answers are checked first, then all contenders run in turn, round after round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from webnn_mlir.tools.measuring.rounds import OURS, Effort, interleaved

from .row import Array, Row, Runner


@dataclass(frozen=True)
class Timing:
    """In the row's unit: the median of all runs, the least, and the medians of the fastest and the slowest round."""

    median: float
    least: float
    rounds: tuple[float, float]
    error: float


@dataclass(frozen=True)
class Result:
    """A row that was measured with a number of threads. `ratio` is of medians, `least_ratio` of the least times."""

    group: str
    name: str
    threads: int
    bound: float
    goal: float
    unit: str
    timings: Mapping[str, Timing]
    failures: Mapping[str, str]
    best: str
    ratio: float
    least_ratio: float

    def to_json(self) -> dict[str, object]:
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}


class WrongAnswer(Exception):
    """An answer is further from the expected one than its bound."""


def measure(row: Row, threads: int, effort: Effort) -> Result:
    """Raises WrongAnswer for ours; a rival that fails, or answers wrongly, is left out with the reason."""
    work = row.work()
    runners: dict[str, Runner] = {OURS: work.ours(threads)}
    errors = {OURS: _checked(runners[OURS], work.expected, work.magnitude, row.bound)}
    failures = {}
    for name, contender in work.rivals.items():
        try:
            runner = contender(threads)
            bound = row.rival_bound or row.bound
            errors[name] = 0.0 if name in work.limits else _checked(runner, work.expected, work.magnitude, bound)
            runners[name] = runner
        except Exception as error:  # whatever another engine raises
            failures[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    rounds = interleaved(runners, row.effort or effort) if row.unit == "µs" else _memory(runners)
    timings = {name: _timing(rounds[name], errors[name]) for name in runners}
    rivals = [name for name in runners if name != OURS]
    best = min(rivals, key=lambda name: timings[name].median, default="")
    one, other = timings[OURS], timings.get(best)
    ratios = (one.median / other.median, one.least / other.least) if other else (math.nan, math.nan)
    return Result(row.group, row.name, threads, row.bound, row.goal, row.unit, timings, failures, best, *ratios)


def _memory(runners: Mapping[str, Runner]) -> dict[str, list[list[float]]]:
    return {name: [[runner.memory or math.nan]] for name, runner in runners.items()}


def _checked(runner: Runner, expected: Array, magnitude: Array, bound: float) -> float:
    """The greatest error, in units of the magnitude."""
    runner.run()
    answer = np.asarray(runner.result(), np.float64)
    error = float(np.max(np.abs(answer.reshape(expected.shape) - expected) / magnitude))
    if not error <= bound:
        raise WrongAnswer(f"the error is {error:.2g} of the magnitude; the bound is {bound:.2g}")
    return error


def _timing(rounds: list[list[float]], error: float) -> Timing:
    medians = [statistics.median(r) for r in rounds]
    times = [t for r in rounds for t in r]
    return Timing(statistics.median(times), min(times), (min(medians), max(medians)), error)
