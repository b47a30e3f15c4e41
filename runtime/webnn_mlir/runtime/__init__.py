"""The runtime: the WebNN API over a device, and artifacts that are loaded and run."""

from .artifact import Artifact, load
from .builder import MLGraphBuilder
from .compiled import CompiledGraph, compile
from .context import ML, MLContext, MLContextLostInfo
from .errors import ArtifactError, DestroyedError, ExecutionError, OutOfMemoryError
from .graph import MLGraph
from .signature import Signature
from .tensor import MLTensor

__all__ = [
    "ML",
    "Artifact",
    "ArtifactError",
    "CompiledGraph",
    "DestroyedError",
    "ExecutionError",
    "MLContext",
    "MLContextLostInfo",
    "MLGraph",
    "MLGraphBuilder",
    "MLTensor",
    "OutOfMemoryError",
    "Signature",
    "compile",
    "load",
]
