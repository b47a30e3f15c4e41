"""Runs batches of work in processes of their own, and outlives them: a batch that kills or hangs its process is halved
until the one to blame is alone.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[list[T]], list[R]]

_spawn = multiprocessing.get_context("spawn")


class Pool(Generic[T, R]):
    """`jobs` processes that each call `work` with a batch at a time; `work` must be importable and answer in `timeout`
    seconds. `blame(item, message)` makes the result of an item on which a process died.
    """

    def __init__(self, work: Work[T, R], blame: Callable[[T, str], R], *, jobs: int, timeout: float):
        self.work, self.blame, self.jobs, self.timeout = work, blame, jobs, timeout

    def run(self, batches: Iterable[Sequence[T]], on_result: Callable[[R], None]) -> None:
        """Calls `on_result` with the result of every item, in no order, from this thread."""
        waiting: queue.SimpleQueue[list[T] | None] = queue.SimpleQueue()
        done: queue.SimpleQueue[R | BaseException] = queue.SimpleQueue()
        left = 0
        for batch in batches:
            left += len(batch)
            waiting.put(list(batch))
        threads = [threading.Thread(target=self._serve, args=(waiting, done), daemon=True) for _ in range(self.jobs)]
        for thread in threads:
            thread.start()
        for _ in range(left):
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            on_result(result)
        for _ in threads:
            waiting.put(None)
        for thread in threads:
            thread.join()

    def _serve(self, waiting: queue.SimpleQueue[list[T] | None], done: queue.SimpleQueue[R | BaseException]) -> None:
        """One process and the batches that it works on."""
        process = _Process(self.work)
        try:
            while batch := waiting.get():
                try:
                    results = process.call(batch, self.timeout)
                except ProcessDied as death:
                    process = _Process(self.work)
                    if len(batch) > 1:
                        middle = len(batch) // 2
                        waiting.put(batch[:middle])
                        waiting.put(batch[middle:])
                        continue
                    results = [self.blame(batch[0], str(death))]
                for result in results:
                    done.put(result)
        except BaseException as error:
            done.put(error)
        finally:
            process.kill()


class ProcessDied(Exception):
    """The process ended, or was ended, without an answer."""


class _Process(Generic[T, R]):
    def __init__(self, work: Work[T, R]):
        self._here, there = _spawn.Pipe()
        self._process = _spawn.Process(target=_child, args=(there, work), daemon=True)
        self._process.start()
        there.close()

    def call(self, batch: list[T], timeout: float) -> list[R]:
        try:
            self._here.send(batch)
            if not self._here.poll(timeout):
                self.kill()
                raise ProcessDied(f"took longer than {timeout:g} s")
            answer = self._here.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise ProcessDied(self._cause()) from None
        if isinstance(answer, Exception):
            raise answer
        results: list[R] = answer
        return results

    def _cause(self) -> str:
        self._process.join()
        status = self._process.exitcode or 0
        return f"crashed with {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._here.close()


def _child(connection: Connection, work: Work[T, R]) -> None:
    """Answers batches until the parent is gone. What native code prints when it dies is its parent's to tell."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            batch = connection.recv()
        except EOFError:
            return
        try:
            answer: list[R] | Exception = work(batch)
        except Exception as error:
            answer = RuntimeError(f"{type(error).__name__}: {error}")
        connection.send(answer)
