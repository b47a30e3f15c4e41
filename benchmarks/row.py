"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Runner:
    """A prepared computation: `run` is timed, `result` gives the answer of the last run."""

    run: Callable[[], object]
    result: Callable[[], Array]


Contender = Callable[[int], Runner]
"""Prepares a computation for a number of threads."""


@dataclass(frozen=True)
class Work:
    """What is computed, with the expected answer in float64 and, for each of its elements, what an error is measured
    in. `ours` is compared with the best of `rivals`; all are timed."""

    ours: Contender
    rivals: Mapping[str, Contender]
    expected: Array
    magnitude: Array


@dataclass(frozen=True)
class Row:
    """A row: `group` and `name`; `work` makes what is measured; errors must be within `bound` times the magnitude.

    `goal` is the ratio of our time to that of the best rival that is aimed at. `rival_bound` is that of rivals, where
    theirs may be larger.
    """

    group: str
    name: str
    work: Callable[[], Work]
    bound: float
    goal: float
    rival_bound: float | None = None
