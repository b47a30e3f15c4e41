"""The runtime: the WebNN API over a device, and artifacts that are loaded and run."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    "ML": "context",
    "Artifact": "artifact",
    "ArtifactError": "errors",
    "CompiledGraph": "compiled",
    "DestroyedError": "errors",
    "ExecutionError": "errors",
    "MLContext": "context",
    "MLContextLostInfo": "context",
    "MLGraph": "graph",
    "MLGraphBuilder": "builder",
    "MLTensor": "tensor",
    "OutOfMemoryError": "errors",
    "Signature": "signature",
    "compile": "compiled",
    "load": "artifact",
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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
