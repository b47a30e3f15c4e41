"""The runtime: loading artifacts and running them, and the builder whose `build` reaches the compiler."""

from .artifact import Artifact, load
from .compiled import CompiledGraph, MLGraphBuilder, compile
from .signature import ArtifactError, Signature

__all__ = ["Artifact", "ArtifactError", "CompiledGraph", "MLGraphBuilder", "Signature", "compile", "load"]
