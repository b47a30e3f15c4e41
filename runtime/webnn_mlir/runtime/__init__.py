"""The runtime: the WebNN API over a device, and artifacts that are loaded and run."""

from typing import TYPE_CHECKING

from webnn_mlir.dialects.lazy import at_first_use

if TYPE_CHECKING:
    from .artifact import Artifact, load
    from .builder import MLGraphBuilder
    from .compiled import CompiledGraph, compile
    from .context import ML, MLContext, MLContextLostInfo
    from .errors import ArtifactError, DestroyedError, ExecutionError, OutOfMemoryError
    from .graph import MLGraph
    from .signature import Signature
    from .tensor import MLTensor

# Names are imported when they are first used: an artifact is run without contexts and builders.
_HOMES = {
    "ML": ".context",
    "Artifact": ".artifact",
    "ArtifactError": ".errors",
    "CompiledGraph": ".compiled",
    "DestroyedError": ".errors",
    "ExecutionError": ".errors",
    "MLContext": ".context",
    "MLContextLostInfo": ".context",
    "MLGraph": ".graph",
    "MLGraphBuilder": ".builder",
    "MLTensor": ".tensor",
    "OutOfMemoryError": ".errors",
    "Signature": ".signature",
    "compile": ".compiled",
    "load": ".artifact",
}

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

__getattr__, __dir__ = at_first_use(__name__, _HOMES)
