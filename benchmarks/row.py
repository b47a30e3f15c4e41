"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webnn_mlir.tools.measuring.engines import Array, Contender, Runner
from webnn_mlir.tools.measuring.rounds import Effort

__all__ = ["Array", "Contender", "Row", "Runner", "Work"]


WAKING = """With two threads what is missing is the waking of threads. A run of 170 us in one thread takes 105 to 150
in two: IREE's two threads sleep between runs, and are woken one after the other, each of which takes 20 to 50 us in
this virtual machine. ONNX Runtime's caller works itself, and its other thread spins until the next run. What helped:
the caller gives way until the work is done, instead of sleeping (108 instead of 168 us for softmax, and no more runs
of twice the time). What did not: threads of IREE's that spin for 50 or 500 us (20 % more, and three times as much,
since the caller then has no core), threads that are not pinned to cores (20 % more), 14 to 16 workgroups (nothing).
With the caller pinned to the second core it is 20 % less, but that thread is the program's."""
"""Why short runs are not shorter with two threads."""


@dataclass(frozen=True)
class Work:
    """What is computed, with the expected answer in float64 and, for each of its elements, what an error is measured
    in. `ours` is compared with the best of `rivals`, of which some only give a `limit` and no answer; all are
    timed."""

    ours: Contender
    rivals: Mapping[str, Contender]
    expected: Array
    magnitude: Array
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A row: `group` and `name`; `work` makes what is measured; errors must be within `bound` times the magnitude.

    `goal` is the ratio of our time to that of the best rival that is aimed at. `rival_bound` is that of rivals, where
    theirs may be larger. `tried` tells what was tried of a row above its goal, what each gave, and where the time goes.
    `effort` is that of a row whose runs are no loop's: it is measured so, quick or not. `unit` is `µs` where times are
    compared, `bytes` where the memory that runs need is.
    """

    group: str
    name: str
    work: Callable[[], Work]
    bound: float
    goal: float
    rival_bound: float | None = None
    tried: str = ""
    effort: Effort | None = None
    unit: str = "µs"
