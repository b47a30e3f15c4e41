"""The worker: a child process that parses MLIR and runs the passes and IREE, so that their crash is not the caller's.

Requests and answers are JSON, a line each, over the child's standard streams; nothing is unpickled. While it works it
sends events, which the caller may show as progress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import Worker, WorkerError, shared_worker

__all__ = ["Worker", "WorkerError", "shared_worker"]


def __getattr__(name: str) -> Any:
    """What takes an artifact out of the cache needs no worker, and no modules for processes."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import client

    return getattr(client, name)
