"""What can go wrong when graphs are loaded and run."""

from __future__ import annotations

import re

from webnn_mlir.dialects.webnn import OpError
from webnn_mlir.dialects.webnn.diagnostics import InvalidStateError


class ArtifactError(ValueError):
    """A file is no artifact of this compiler, or its parameters are not there or not right."""


_DEVICE_LOST = re.compile(r"DEVICE_LOST|device (was )?lost|CUDA_ERROR_(ILLEGAL|LAUNCH)|DeviceRemoved")


class ExecutionError(RuntimeError):
    """Work that was enqueued failed: the specification's OperationError and UnknownError.

    Reading a tensor that it would have written raises it. `label` is that of the graph, `reason` what went wrong.
    """

    def __init__(self, reason: str, label: str = ""):
        self.reason, self.label = reason, label
        super().__init__(f"[{label}] {reason}" if label else reason)

    @property
    def device_lost(self) -> bool:
        """Whether this says that the device is gone, with the words of Vulkan, CUDA and Metal."""
        return _DEVICE_LOST.search(self.reason) is not None

    def of(self, label: str) -> ExecutionError:
        """The same error, of a graph of this label."""
        return type(self)(self.reason, label)


class OutOfMemoryError(ExecutionError, MemoryError):
    """A device, or a context with `max_bytes`, has not enough memory."""

    def __init__(self, reason: str, label: str = ""):
        super().__init__(reason if reason.startswith("out of memory") else f"out of memory: {reason}", label)


class DestroyedError(OpError, InvalidStateError):
    """A tensor is used after `destroy`: the specification's TypeError, and the InvalidStateError of browsers."""
