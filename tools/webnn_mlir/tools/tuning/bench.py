"""Builds variants of a module and measures them in this process, in turn with one another."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.compiler.driver import Compilation, CompileOptions, Controls, Specialization, compile_source
from webnn_mlir.compiler.worker import WorkerError
from webnn_mlir.dialects.webnn import GraphError
from webnn_mlir.runtime import ArtifactError, ExecutionError
from webnn_mlir.runtime.artifact import Artifact
from webnn_mlir.runtime.compiled import parameters_of, save

from ..measuring.profile import fastest_dispatches
from .search import Decisions, Rejected, Variant

Array = np.ndarray[Any, Any]

TOLERANCE = {"float32": 1e-4, "float16": 2e-2}
"""Of an output's largest value, how much an answer may differ by; others may not differ."""

BLOCK, ROUNDS, FEWEST_ROUNDS = 0.04, 15, 4
"""Seconds that a variant runs in a round, and rounds: at most, and until what is clearly slower is given up."""
SLOWER = 1.05
PROFILED_SECONDS, PROFILED_RUNS = 0.5, (4, 60)
PATIENCE = 4.0
"""How many times as long as the first compile another one may take."""


@dataclass(eq=False)
class Built(Variant):
    """A variant that is there and loaded."""

    compilation: Compilation = field(repr=False)
    artifact: Artifact = field(repr=False)

    @cached_property
    def code(self) -> bytes:
        assert self.compilation.vmfb
        return self.compilation.vmfb.read_bytes()


class ModuleBench:
    """Builds and measures the variants of a graph or of its file; `budget` is in seconds, from `start` on."""

    def __init__(
        self, source: Any, options: CompileOptions, controls: Controls, specialization: Specialization, budget: float
    ):
        self._source, self._options, self._specialization = source, options, specialization
        self._controls = replace(controls, use_cache=False, on_event=None)
        self._built: list[float] = []
        begin = time.perf_counter()
        self.first = self._compile({})
        seconds = time.perf_counter() - begin
        limits = [PATIENCE * seconds + 10, *([controls.timeout] if controls.timeout else [])]
        self._controls = replace(self._controls, timeout=min(limits))
        signature = self.first.artifact.inputs
        self._inputs = [_random(signature, seed) for seed in (0, 1)]
        self._expected = [self.first.artifact.run(given) for given in self._inputs]
        self.seconds = min(self._block(self.first))
        self._built.append(time.perf_counter() - begin)
        self._end = time.perf_counter() + budget

    def left(self) -> float:
        return self._end - time.perf_counter()

    def trial(self) -> float:
        return statistics.median(self._built) + 2 * ROUNDS * max(BLOCK, self.seconds) / 2

    def build(self, decisions: Decisions) -> Built:
        begin = time.perf_counter()
        try:
            variant = self._compile(decisions)
            for given, expected in zip(self._inputs, self._expected, strict=True):
                _check(variant.artifact.run(given), expected)
        except (GraphError, WorkerError, ArtifactError, ExecutionError) as error:
            raise Rejected(f"fails: {str(error).splitlines()[0][:160]}") from None
        self._built.append(time.perf_counter() - begin)
        return variant

    def _compile(self, decisions: Decisions) -> Built:
        tuning = tuple((choice, place, value) for (choice, place), value in decisions.items())
        compilation = compile_source(
            self._source, replace(self._options, tuning=tuning), self._controls, specialization=self._specialization
        )
        assert compilation.vmfb
        artifact = Artifact(compilation.vmfb, parameters_of(compilation))
        return Built(dict(decisions), compilation.choices, compilation, artifact)

    def ratio(self, best: Variant, other: Variant) -> float:
        """That of two measurements which speaks less for the other one."""
        before, after = self._least(best, other)
        if after >= before:
            return after / before
        again = self._least(best, other)
        self.seconds = min(before, after, *again)
        return max(after / before, again[1] / again[0])

    def confirm(self, best: Variant) -> tuple[float, float]:
        """The seconds of the first variant and of the best."""
        return self._least(self.first, best, 2 * ROUNDS)

    def _least(self, best: Variant, other: Variant, rounds: int = ROUNDS) -> tuple[float, float]:
        """The least seconds of two variants; the same where they are one, or where most rounds say otherwise."""
        best, other = _built(best), _built(other)
        if best is other or best.code == other.code:
            return self.seconds, self.seconds
        times: list[tuple[float, float]] = []
        for number in range(rounds):
            pair = (best, other) if number % 2 else (other, best)
            least = {id(variant): min(self._block(variant)) for variant in pair}
            times.append((least[id(best)], least[id(other)]))
            before, after = (min(column) for column in zip(*times, strict=True))
            middle = statistics.median(b / a for a, b in times)
            if len(times) >= FEWEST_ROUNDS and min(middle, after / before) > SLOWER:
                break
        return (before, after) if (after < before) == (middle < 1) else (before, before)

    def _block(self, variant: Built) -> list[float]:
        """The seconds of some runs one after the other, of which the first is not counted where there are more."""
        given, run = self._inputs[0], variant.artifact.run
        times: list[float] = []
        end = time.perf_counter() + BLOCK
        while len(times) < 2 or time.perf_counter() < end:
            begin = time.perf_counter()
            run(given)
            times.append(time.perf_counter() - begin)
        return times[1:]

    def dispatches(self, variants: Sequence[Variant]) -> list[dict[str, float]]:
        least, most = PROFILED_RUNS
        runs = round(min(max(PROFILED_SECONDS / self.seconds, least), most))
        found: list[dict[str, float]] = [{} for _ in variants]
        with tempfile.TemporaryDirectory(prefix="tuning-") as folder:
            files = [save(_built(v).compilation, Path(folder) / f"{n}.vmfb") for n, v in enumerate(variants)]
            for _ in range(2):
                for (path, *archive), known in zip(files, found, strict=True):
                    times = fastest_dispatches(
                        path, self._inputs[0], os.cpu_count() or 1, runs, archive[0] if archive else None
                    )
                    known |= {name: min(value, known.get(name, value)) for name, value in times.items()}
        return found


def _built(variant: Variant) -> Built:
    assert isinstance(variant, Built)
    return variant


def _random(descriptors: Mapping[str, Any], seed: int) -> dict[str, Array]:
    """Floats from -1 to 1, integers 0 or 1, which are good for masks and indices."""
    generator = np.random.default_rng(seed)
    return {
        name: (generator.uniform(-1, 1, d.shape) if d.data_type.is_float else generator.integers(0, 2, d.shape)).astype(
            d.data_type.numpy
        )
        for name, d in descriptors.items()
    }


def _check(answers: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    """Raises Rejected where answers are not those of the first variant."""
    for name, right in expected.items():
        answer, tolerance = answers[name], TOLERANCE.get(right.dtype.name, 0.0)
        if not tolerance:
            if not np.array_equal(answer, right):
                raise Rejected(f"gives other answers: {name}")
            continue
        one, other = (np.asarray(a, np.float64) for a in (answer, right))
        finite = np.isfinite(other)
        largest = float(np.abs(other[finite]).max(initial=0.0))
        off = float(np.abs(one - other)[finite].max(initial=0.0))
        if not np.array_equal(one[~finite], other[~finite], equal_nan=True) or not off <= tolerance * largest:
            raise Rejected(f"gives other answers: {name} differs by {off:.2g}, where {largest:.2g} is the largest")
