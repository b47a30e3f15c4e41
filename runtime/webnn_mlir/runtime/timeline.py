"""The timeline of a context: work that a device does in the order in which it was enqueued.

Each piece of work waits for the semaphore of the one before it and signals its own: the device keeps the order, no
thread of ours does. What fails takes with it what was enqueued behind it at that time; later work goes on.
https://www.w3.org/TR/webnn/#dom-mlcontext-timeline-slot
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from . import waiting
from .device import Device, cause
from .errors import ExecutionError

LONGEST_PAUSE = 1e-3
"""Seconds between two looks at a semaphore that an event loop waits for."""


class Timepoint:
    """When a piece of work is done. Until then it keeps `held`, the memory and the code that the work uses."""

    __slots__ = ("_before", "_device", "_semaphore", "failure", "held", "label")

    def __init__(self, device: Device, label: str, before: Timepoint | None, held: Any):
        self._device, self.label, self._before, self.held = device, label, before, held
        self._semaphore = device.hal.create_semaphore(0)
        self.failure: ExecutionError | None = None

    def fence(self) -> Any:
        """A fence that is reached when the work is done."""
        import iree.runtime as rt

        return rt.HalFence.create_at(self._semaphore, 1)

    def over(self, *, wait: bool = False) -> bool:
        """Whether the work is done or has failed, which `failure` tells."""
        semaphore = self._semaphore
        if semaphore is None:
            return True
        try:
            if wait:
                waiting.wait(semaphore, 1, on_host=self._device.is_host)
            reached = wait or semaphore.query() >= 1
        except RuntimeError as error:
            self._fail(error)
            reached = True
        if reached:
            self._semaphore = self._before = self.held = None
        return bool(reached)

    def _fail(self, error: RuntimeError) -> None:
        before = self._before
        if before is not None and before.over() and before.failure:
            self.failure = before.failure
        else:
            self.failure = ExecutionError(cause(error).split(": ", 1)[-1], self.label)

    async def reached(self) -> None:
        """Waits in an event loop, which has other things to do: looks now and then, at first often."""
        import asyncio

        pause = 0.0
        while not self.over():
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause + 2e-5)


class Timeline:
    """The work of a context that is not known to be over, oldest first."""

    def __init__(self, device: Device):
        self._device = device
        self._pending: deque[Timepoint] = deque()
        self._lock = threading.RLock()

    def enqueue(self, label: str, held: Any, start: Callable[[Any, Any], None]) -> Timepoint:
        """Enqueues work behind all that is pending: `start` is given the fence to wait for and the one to signal.

        Raises RuntimeError where the work cannot be started; then it is none.
        """
        import iree.runtime as rt

        with self._lock:
            self.sweep()
            before = self._pending[-1] if self._pending else None
            timepoint = Timepoint(self._device, label, before, held)
            start(before.fence() if before else rt.HalFence(0), timepoint.fence())
            self._pending.append(timepoint)
            return timepoint

    def copy(self, source: Any, target: Any, label: str) -> Timepoint:
        """Enqueues a copy of memory."""

        def start(wait: Any, signal: Any) -> None:
            self._device.hal.queue_copy(source.buffer, target.buffer, wait, signal)

        return self.enqueue(label, (source, target), start)

    def sweep(self) -> None:
        """Forgets what is over, and lets its memory go."""
        with self._lock:
            while self._pending and self._pending[0].over():
                self._pending.popleft()

    def wait(self) -> None:
        """Waits until all is over."""
        while self._pending:
            self._pending[-1].over(wait=True)
            self.sweep()
