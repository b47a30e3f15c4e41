"""Where the time of a run goes: the dispatches of an artifact, timed by IREE itself.

`iree-benchmark-module` runs the artifact and records each dispatch, `iree-profile` sums them up. The devices of the CPU
give no times of their own for dispatches (`dispatch-events` is refused): what is recorded is when the threads that do
the work begin and end (`host-execution`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.runtime.artifact import open_module
from webnn_mlir.runtime.device import instance, to_layout
from webnn_mlir.runtime.executable import SCOPE

from .engines import Array

RECORDED = "host-execution,executable-metadata"


@dataclass(frozen=True)
class Dispatch:
    """A dispatch's name, how often it runs in a run, and the microseconds that it takes of one: `wall` from its first
    thread's start to the last one's end, `work` summed over the threads."""

    name: str
    count: float
    wall: float
    work: float


@dataclass(frozen=True)
class Profile:
    """The dispatches, the longest first, and the microseconds of a run while it was recorded."""

    dispatches: list[Dispatch]
    run: float

    @property
    def outside(self) -> float:
        """What no dispatch accounts for: what starts them, copies, and waiting between them."""
        return max(0.0, self.run - sum(d.wall for d in self.dispatches))


def profile(
    path: Path, inputs: Mapping[str, Array], threads: int, runs: int, archive: Path | None = None
) -> Profile:
    """The profile of a number of runs of an artifact that allocates its results itself.

    Raises RuntimeError with what IREE says.
    """
    entries, microseconds = _recorded(path, inputs, threads, runs, archive, [])
    groups = [entry for entry in entries if entry["type"] == "host_dispatch_group"]
    dispatches = [
        Dispatch(
            entry["key"], entry["count"] / runs, entry["total_ns"] / runs / 1000,
            entry["total_tile_duration_sum_ns"] / runs / 1000,
        )
        for entry in groups
        # What is done once, when the module is loaded, is no part of a run.
        if entry["count"] >= runs
    ]  # fmt: skip
    return Profile(sorted(dispatches, key=lambda d: -d.wall), microseconds)


def fastest_dispatches(
    path: Path, inputs: Mapping[str, Array], threads: int, runs: int, archive: Path | None = None
) -> dict[str, float]:
    """The microseconds that a run spends in the dispatches of each name, if each takes as long as the fastest one.

    Raises RuntimeError with what IREE says.
    """
    entries, _ = _recorded(path, inputs, threads, runs, archive, ["--dispatch_events"])
    durations: dict[str, list[float]] = {}
    for entry in entries:
        if entry["type"] == "host_dispatch_event":
            durations.setdefault(entry["key"], []).append(entry["duration_ns"] / 1000)
    return {key: len(found) / runs * min(found) for key, found in durations.items()}


def _recorded(
    path: Path, inputs: Mapping[str, Array], threads: int, runs: int, archive: Path | None, options: list[str]
) -> tuple[list[dict[str, Any]], float]:
    """What `iree-profile dispatch` tells of a number of runs, and the microseconds of one."""
    _, function, signature = open_module(path, instance())
    with tempfile.TemporaryDirectory(prefix="profile-") as temporary:
        folder = Path(temporary)
        bundle, times = folder / "run.ireeprof", folder / "times.json"
        command = [
            f"--module={path}", f"--function={function.removesuffix('$async')}", f"--benchmark_min_time={runs}x",
            f"--device={'local-sync' if threads == 1 else 'local-task'}",
            f"--task_topology_max_group_count={threads}", "--task_worker_stack_size=1048576",
            f"--device_profiling_mode={RECORDED}", f"--device_profiling_output={bundle}",
            f"--benchmark_out={times}", "--benchmark_out_format=json",
        ]  # fmt: skip
        if archive:
            command.append(f"--parameters={SCOPE}={archive}")
        for number, (name, descriptor) in enumerate(signature.inputs.items()):
            file = folder / f"{number}.npy"
            np.save(file, to_layout(name, descriptor, inputs[name]), allow_pickle=False)
            command.append(f"--input=@{file}")
        _script("iree_benchmark_module", command)
        lines = _script("iree_profile", ["dispatch", *options, "--format=jsonl", str(bundle)]).splitlines()
        [measured] = json.loads(times.read_text())["benchmarks"]
    microseconds = measured["real_time"] * {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}[measured["time_unit"]]
    return list(map(json.loads, lines)), microseconds


def _script(name: str, arguments: Sequence[str]) -> str:
    command = [sys.executable, "-m", f"iree._runtime.scripts.{name}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(f"{name.replace('_', '-')}: {said[-1] if said else f'exit status {done.returncode}'}")
    return done.stdout
