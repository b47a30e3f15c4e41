"""Choosing by measuring: of several ways to run the same program, the one that takes least time on this machine.

A graph of some 100 us is done by one thread before others have been woken; what they gain depends on how much each
kernel has to do, on the machine and on what else it does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

Way = Callable[..., None]

ENOUGH = 0.02
"""Seconds of runs of each way, one after the other: threads that have just worked are awake, and the system takes some
milliseconds to give each a core. A way is out before, after n runs, when its least time is over 1 + 16 / n times
another's."""

FEW, LONG = 3, 5e-3
"""What takes more seconds even in the best of a few runs gains by all threads."""

PAUSE = 0.05
"""Seconds of runs after which all ways are tried again, then twice as many, and so on: something else may have had the
cores. Where another one is faster then, it begins anew."""


class Fastest:
    """Calls the first of the ways if it takes long, else tries them all and then calls the fastest."""

    def __init__(self, *ways: Way):
        self._ways, self._pause = ways, PAUSE
        self._before: Way | None = None
        self._lock = threading.Lock()
        self._begin()

    def __call__(self, *arguments: Any) -> None:
        way = self.chosen or self._trying
        if len(self._ways) == 1:
            way(*arguments)
            return
        start = time.perf_counter()
        way(*arguments)
        with self._lock:
            self._took(way, time.perf_counter() - start)

    def _begin(self) -> None:
        self._trying, *self._left = self._ways
        self.chosen: Way | None = None
        self._least: dict[Way, float] = {}
        self._runs, self._seconds = 0, 0.0

    def _took(self, way: Way, seconds: float) -> None:
        self._seconds += seconds
        if not self.chosen:
            if way is self._trying:
                self._tried(way, seconds)
        elif self._seconds > self._pause:
            self._pause *= 2
            self._begin()

    def _tried(self, way: Way, seconds: float) -> None:
        self._runs += 1
        least = self._least
        least[way] = min(seconds, least.get(way, seconds))
        best = min(least, key=least.__getitem__)
        if len(least) == 1 and self._runs < FEW:
            return
        if len(least) == 1 and least[best] > LONG:
            self._choose(best)
        elif self._seconds > ENOUGH or least[way] > (1 + 16 / self._runs) * least[best]:
            if self._left:
                self._trying = self._left.pop(0)
                self._runs, self._seconds = 0, 0.0
            else:
                self._choose(best)

    def _choose(self, way: Way) -> None:
        if way is not self._before:
            self._pause = PAUSE
        self.chosen = self._before = way
        self._seconds = 0.0
