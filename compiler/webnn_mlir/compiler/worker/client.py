"""The caller's side of the worker."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

Json = dict[str, Any]

_OUT_OF_MEMORY = re.compile(
    "out of memory|cannot allocate|failed to map segment|pthread_create failed|allocation (still )?failed|bad_alloc|"
    "MemoryError",
    re.IGNORECASE,
)
"""What LLVM, the C library, its loader, OpenBLAS, C++ and Python print when they get no memory."""


FAULTS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP)
"""Signals that a process gets for what it does itself."""


class WorkerError(RuntimeError):
    """The worker ended without an answer: it crashed, or ran out of memory or time. `printed` is its last output.
    `fault` tells that the compiler went wrong by itself."""

    def __init__(self, message: str, printed: str = "", *, fault: bool = False):
        self.printed, self.fault = printed, fault
        super().__init__(message)


class Worker:
    """A child process that answers one request at a time. It is started when it is first needed, and again after a
    crash. `max_memory` bounds the bytes that it may allocate. `linking` is whether IREE links what runs on a device to
    one executable.
    """

    def __init__(self, max_memory: int | None = None, *, linking: bool = True):
        self.max_memory, self.linking = max_memory, linking
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        self._printed: BinaryIO | None = None
        self._printed_before = 0

    def request(
        self, request: Json, on_event: Callable[[Json], None] | None = None, timeout: float | None = None
    ) -> Json:
        """Sends a request and returns its answer. Raises WorkerError when the child dies or `timeout` seconds pass."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert self._printed is not None
            self._printed_before = os.fstat(self._printed.fileno()).st_size
            deadline = None if timeout is None else time.monotonic() + timeout
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                return self._answer(on_event, deadline, timeout)
            except BrokenPipeError:
                raise self._death() from None
            except BaseException:
                # An answer that no one waits for must not reach the next request.
                self.close()
                raise

    def start(self) -> None:
        """Starts the child, which gets ready while its first request is made; does nothing where it is there."""
        if self._lock.acquire(blocking=False):
            try:
                self._running()
            finally:
                self._lock.release()

    def _answer(self, on_event: Callable[[Json], None] | None, deadline: float | None, timeout: float | None) -> Json:
        while True:
            try:
                line = self._answers.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise WorkerError(f"the compiler was ended after the time limit of {timeout:g} s") from None
            if line is None:
                raise self._death()
            message: Json = json.loads(line)
            if "event" not in message:
                return message
            if on_event:
                on_event(message)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
            settings = json.dumps([self.max_memory, self.linking])
            # With many arenas glibc's malloc, once it gets no memory, tries to make a new one with every call.
            arenas = {} if self.max_memory is None else {"MALLOC_ARENA_MAX": "1"}
            self._process = subprocess.Popen(
                # -P: nothing is imported from the current folder, whose files may be anyone's.
                [sys.executable, "-P", "-m", "webnn_mlir.compiler.worker.server", settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                env={**os.environ, **arenas},
            )
            self._answers = queue.Queue()
            threading.Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True).start()
        return self._process

    def _death(self) -> WorkerError:
        assert self._process is not None
        assert self._printed is not None
        status = self._process.wait()
        self._printed.seek(self._printed_before)
        printed = self._printed.read().decode(errors="replace")
        if self.max_memory is not None and _OUT_OF_MEMORY.search(printed):
            return WorkerError(f"the compiler reached the memory limit of {self.max_memory} bytes", printed)
        cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        under = "" if self.max_memory is None else f" under the memory limit of {self.max_memory} bytes"
        fault = self.max_memory is None and (status > 0 or -status in FAULTS)
        return WorkerError(f"the compiler crashed{under} ({cause}){_reason(status, printed)}", printed, fault=fault)

    def close(self) -> None:
        """Ends the child."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        if self._printed:
            self._printed.close()
            self._printed = None


def _reason(status: int, printed: str) -> str:
    """What the compiler said when it gave up, if it did. Where it was killed, what it printed are addresses."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    said = lines if status > 0 else [line for line in lines if line.startswith("LLVM ERROR") or "Assertion" in line]
    return f": {said[0].rstrip('.')}" if said else ""


def _read(stream: BinaryIO, answers: queue.Queue[bytes | None]) -> None:
    try:
        for line in stream:
            answers.put(line)
    except ValueError:  # closed under us: the worker is being ended
        pass
    answers.put(None)


_workers: dict[tuple[int | None, bool], Worker] = {}


def _close_workers() -> None:
    for worker in _workers.values():
        worker.close()


def shared_worker(max_memory: int | None = None, *, linking: bool = True) -> Worker:
    """The worker of this process, one for each memory limit and way of linking; it is ended at exit."""
    if not _workers:
        atexit.register(_close_workers)
    return _workers.setdefault((max_memory, linking), Worker(max_memory, linking=linking))
