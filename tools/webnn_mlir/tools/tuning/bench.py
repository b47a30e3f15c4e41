"""Builds variants of a module and measures them in this process, in turn with one another."""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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

BLOCK, ROUNDS, FEWEST_ROUNDS = 0.04, 40, 10
"""Seconds that a variant runs in a round, and rounds: at most, and until what is clearly slower is given up."""
SLOWER = 1.05
PROFILED_SECONDS, PROFILED_RUNS, PROFILES = 1.0, (8, 100), 3
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
        self._formed: dict[frozenset[Any], str] = {}
        begin = time.perf_counter()
        self.first = self._load({})
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
        return statistics.median(self._built) + ROUNDS * max(BLOCK, 2 * self.seconds)

    def build(self, decisions: Decisions) -> Built:
        begin = time.perf_counter()
        with _rejecting():
            variant = self._load(decisions)
            for given, expected in zip(self._inputs, self._expected, strict=True):
                _check(variant.artifact.run(given), expected)
        self._built.append(time.perf_counter() - begin)
        return variant

    def same(self, best: Variant, decisions: Decisions) -> bool:
        with _rejecting():
            return self._dispatches_of(best.decisions) == self._dispatches_of(decisions)

    def _dispatches_of(self, decisions: Decisions) -> str:
        """A digest of the module once IREE has formed its dispatches."""
        key = frozenset(decisions.items())
        if key not in self._formed:
            self._formed[key] = hashlib.sha256((self._compile(decisions, "flow").text or "").encode()).hexdigest()
        return self._formed[key]

    def _compile(self, decisions: Decisions, emit: str = "vmfb") -> Compilation:
        tuning = tuple((choice, place, value) for (choice, place), value in decisions.items())
        # Each kernel is measured by itself.
        options = replace(self._options, tuning=tuning, emit=emit, sequences=False)
        return compile_source(self._source, options, self._controls, specialization=self._specialization)

    def _load(self, decisions: Decisions) -> Built:
        compilation = self._compile(decisions)
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
            for _ in range(PROFILES):
                for (path, *archive), known in zip(files, found, strict=True):
                    times = fastest_dispatches(
                        path, self._inputs[0], os.cpu_count() or 1, runs, archive[0] if archive else None
                    )
                    known |= {name: min(value, known.get(name, value)) for name, value in times.items()}
        return found


@contextmanager
def _rejecting() -> Iterator[None]:
    try:
        yield
    except (GraphError, WorkerError, ArtifactError, ExecutionError) as error:
        raise Rejected(f"fails: {str(error).splitlines()[0][:160]}") from None


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
