"""The worker: a child process that parses MLIR and runs the passes and IREE, so that their crash is not the caller's.

Requests and answers are JSON, a line each, over the child's standard streams; nothing is unpickled. While it works it
sends events, which the caller may show as progress.
"""

from .client import Worker, WorkerError, shared_worker

__all__ = ["Worker", "WorkerError", "shared_worker"]
