"""Runs that the calling thread and others do together: each takes work that no one else has begun.

The threads of a device sleep until there is work, and then are woken one after the other, while the caller waits; when
they are done, it must be woken. Here the caller begins at once, and the others join in when they come.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import waiting
from .device import cause, nothing, open_device, open_helpers
from .errors import ExecutionError

if TYPE_CHECKING:
    from .executable import Executable

MOST_HELPERS = 63
"""With the caller these are as many threads as can take part in a sequence of kernels."""


class Team:
    """The calling thread and a number of helpers, which run a program whose runs can be shared."""

    def __init__(self, executable: Executable, helpers: int):
        self._threads = open_helpers(min(helpers, MOST_HELPERS))
        device = self._threads.device
        self._caller, self._helpers = executable.on(open_device("local-sync")), executable.on(device)
        self._semaphore, self._runs = device.hal.create_semaphore(0), 0
        self._lock = threading.Lock()

    def run(self, memory: Sequence[Any], label: str = "") -> bool:
        """Runs on views of inputs, outputs and memory for the run; or not, and returns False, where another thread does
        so now. Raises ExecutionError."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._run(memory)
        except BaseException as error:
            # Whoever gets this memory next must not take it for a run that has begun.
            memory[-1].get_buffer().fill_zero(0, self._caller.transient_bytes)
            if isinstance(error, RuntimeError):
                raise ExecutionError(cause(error), label) from None
            raise
        finally:
            self._lock.release()
        return True

    def _run(self, memory: Sequence[Any]) -> None:
        import iree.runtime as rt

        self._threads.make_way()
        self._runs += 1
        done = rt.HalFence.create_at(self._semaphore, self._runs)
        self._helpers.start(memory, nothing(), done, calls=2)
        try:
            self._caller.start(memory, nothing(), nothing(), calls=2)
        finally:
            self._finish()

    def _finish(self) -> None:
        """Waits for the helpers, even when interrupted: they use the memory."""
        try:
            waiting.wait(self._semaphore, self._runs, on_host=True)
        except KeyboardInterrupt:
            self._finish()
            raise
