"""webnn-compile --tune: the search with its progress, the file of decisions and what was gained."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webnn_mlir.compiler.driver import Compilation, CompileOptions, Controls, Specialization
from webnn_mlir.compiler.iree import target_features
from webnn_mlir.compiler.tuning import TuningFile
from webnn_mlir.dialects.files import write_whole

from ..measuring.machine import machine
from .bench import Built, ModuleBench
from .search import FASTER, Decisions, Search, Tell

Json = dict[str, Any]


@dataclass(frozen=True)
class Tuned:
    """What a search gave; times in seconds."""

    compilation: Compilation
    decisions: Decisions
    before: float
    after: float
    tried: int
    elapsed: float

    @property
    def gain(self) -> float:
        return 1 - self.after / self.before

    def chosen(self) -> dict[str, Mapping[str, int]]:
        """By choice, how many places have which value."""
        counts: dict[str, Counter[str]] = {}
        for (choice, _), value in self.decisions.items():
            counts.setdefault(choice, Counter())[str(value)] += 1
        return {choice: dict(found) for choice, found in counts.items()}

    def to_json(self) -> Json:
        return {
            "seconds": {"before": self.before, "after": self.after}, "gain": self.gain, "tried": self.tried,
            "elapsed": self.elapsed, "chosen": self.chosen(),
        }  # fmt: skip

    def print(self, path: Path) -> None:
        def say(text: str) -> None:
            print(text, file=sys.stderr)

        say(f"{path}: {self.before * 1e3:.3f} ms before, {self.after * 1e3:.3f} ms after, {self.gain:.1%} gained; "
            f"{self.tried} artifacts tried in {self.elapsed:.0f} s")  # fmt: skip
        for choice, values in self.chosen().items():
            listed = ", ".join(f"{value} at {count}" if count > 1 else value for value, count in values.items())
            say(f"  {choice}: {listed}")


def check_tunable(options: CompileOptions) -> None:
    """Raises ValueError for what this machine cannot measure."""
    if options.emit != "vmfb":
        raise ValueError(f"--tune measures artifacts; --emit={options.emit} makes none")
    for name, given, needed in [
        ("--target", options.target, "cpu"),
        ("--target-triple", options.target_triple, ""),
    ]:
        if given != needed:
            raise ValueError(f"--tune measures on this machine's processor, and cannot with {name}={given}")
    if len(options.processors) > 1:
        raise ValueError(f"--tune measures code for one processor, and --target-cpu={options.target_cpu} is several")


def _check_processor(options: CompileOptions) -> None:
    """Raises ValueError where code for the processor, which the compiler knows, would end this process."""
    if options.target_cpu in ("host", "generic"):
        return
    own = target_features(tuple(CompileOptions().flags()))
    if lacking := sorted(target_features(tuple(options.flags())) - own):
        missing = ", ".join(lacking[:4])
        raise ValueError(f"--tune: this machine cannot run code for {options.target_cpu}: it lacks {missing}")


def tune(
    source: str, options: CompileOptions, controls: Controls, specialization: Specialization, budget: float, path: Path
) -> Tuned:
    """Searches, and writes the file of decisions. Raises ValueError for what cannot be measured here, and what a
    compile does."""
    check_tunable(options)
    start = time.perf_counter()
    _check_processor(options)
    bench = ModuleBench(source, options, controls, specialization, budget)
    with _progress(bench) as tell:
        tell(f"without tuning: {bench.seconds * 1e3:.3f} ms")
        search = Search(bench, bench.first, tell)
        best = search.run()
        before, after = bench.confirm(best)
    if after >= FASTER * before:
        best, after = bench.first, before
    assert isinstance(best, Built)
    # A size of what became IREE's is decided no longer.
    there = {(place.choice, place.name) for place in best.places}
    kept = {key: value for key, value in best.decisions.items() if key in there}
    tuned = Tuned(best.compilation, kept, before, after, search.tried, time.perf_counter() - start)
    about = machine()
    decisions = sorted((choice, place, value) for (choice, place), value in kept.items())
    file = TuningFile.of(
        options, decisions, model=Path(source).name, cpu=about["cpu"], threads=about["cores"],
        versions=about["versions"], seconds={"before": before, "after": after}, tried=search.tried,
    )  # fmt: skip
    write_whole(path, lambda temporary: temporary.write_text(file.text()))
    return tuned


@contextmanager
def _progress(bench: ModuleBench) -> Iterator[Tell]:
    """How much of the budget is used, and a line about each trial, where standard error is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    total = max(bench.left(), 1e-9)
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)

        def tell(line: str) -> None:
            console.print(f"  {line}", markup=False)
            progress.update(task, completed=total - max(bench.left(), 0.0), description=f"{bench.seconds * 1e3:.3f} ms")

        yield tell
