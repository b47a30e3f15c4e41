"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webnn_mlir.tools.measuring.engines import Array, Contender, Runner
from webnn_mlir.tools.measuring.rounds import Effort

__all__ = ["Array", "Contender", "Row", "Runner", "Work"]


CALLING = """With two threads the calling thread works, and another one helps: in a run, 12 us are two calls of IREE's
virtual machine and the end of the helper's, where ONNX Runtime's call takes 5, and the rest is half of what one
thread takes. Before, IREE's two threads slept between runs and were woken one after the other, and a softmax took 150
us on a Xeon instead of 85. What did not help that: threads that spin for 50 or 500 us (20 % more, and three times as
much, since the caller then has no core), cores that never fall asleep (nothing), threads that are not pinned to cores
(20 % more)."""
"""What short runs take with two threads beside their work."""


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
