"""Waiting for the work of a device."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any

SLICE = 100_000_000
"""Nanoseconds that native code waits at a time: between them Python answers signals, such as an interrupt."""

PATIENCE = 0.05
"""Seconds for which who waits gives way to other threads instead of sleeping. A core that has fallen asleep takes some
50 us to wake up, in a virtual machine, which is as long as a small graph takes."""

# Unlike the one of `os`, this lets other threads of Python run.
_give_way = ctypes.CDLL(None).sched_yield if hasattr(os, "sched_yield") else None


def wait(semaphore: Any, value: int, *, on_host: bool) -> None:
    """Waits until a semaphore has reached a value, and gives way to the threads that do the work where these run on
    the host's cores. Raises RuntimeError when the work fails."""
    if on_host and _give_way:
        end = time.perf_counter() + PATIENCE
        while semaphore.query() < value:
            if time.perf_counter() > end:
                break
            _give_way()
        else:
            return
    while not semaphore.wait(value, timeout=SLICE):
        pass
