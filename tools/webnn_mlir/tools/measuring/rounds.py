"""Measuring in turn: all contenders run round after round, so that what else the machine does meets them alike."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .engines import Runner

OURS = "ours"

SETTLE = 0.05
"""Seconds between contenders of a round: threads of some engines go on spinning after a run."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, and the seconds of a contender in each, after `warm` runs that are not counted; it
    has at least `least` runs. Before, all have a round that is not counted, unless they have no seconds: threads of
    engines that were just prepared are still busy in it, and engines that choose by measuring do so."""

    rounds: int
    seconds: float
    warm: int = 2
    least: int = 3


QUICK, FULL = Effort(5, 0.05), Effort(15, 0.25)


def interleaved(runners: Mapping[str, Runner], effort: Effort) -> dict[str, list[list[float]]]:
    """The microseconds of each contender's runs in each round."""
    rounds: dict[str, list[list[float]]] = {name: [] for name in runners}
    for number in range(-1 if effort.seconds else 0, effort.rounds):
        for name in _turned(list(runners), number):
            time.sleep(SETTLE)
            times = list(_times(runners[name], effort))
            rounds[name] += [times] if number >= 0 else []
    return rounds


def _turned(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]


def _times(runner: Runner, effort: Effort) -> Iterator[float]:
    """Microseconds of runs one after the other."""
    for _ in range(effort.warm):
        runner.run()
    end, count = time.perf_counter() + effort.seconds, 0
    while count < effort.least or time.perf_counter() < end:
        start = time.perf_counter()
        runner.run()
        yield (time.perf_counter() - start) * 1e6
        count += 1
