"""MLGraph: a compiled graph, loaded on the device of a context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webnn_mlir.dialects.webnn.diagnostics import InvalidStateError
from webnn_mlir.dialects.webnn.types import Descriptor

from .device import Share
from .executable import Executable, InlineCall

if TYPE_CHECKING:
    from .context import MLContext


class MLGraph:
    """https://www.w3.org/TR/webnn/#mlgraph; `MLGraphBuilder.build` and `MLContext.load_graph` make it."""

    def __init__(self, context: MLContext, executable: Executable, label: str, files: Any):
        """`files` are what the graph was loaded from: `vmfb` and `parameters`, as a compilation has them."""
        self._context, self._label = context, label
        self._executable: Executable | None = executable
        self._signature, self._files = executable.signature, files
        self._inline: InlineCall | None = executable.inline()
        weights = sum(d.byte_length for d in self._signature.parameters.values())
        self._share: Share | None = Share(context._account, weights + executable.size)

    @property
    def context(self) -> MLContext:
        return self._context

    @property
    def label(self) -> str:
        """What errors call the graph."""
        return self._label

    @property
    def inputs(self) -> Mapping[str, Descriptor]:
        """Descriptors by name."""
        return self._signature.inputs

    @property
    def outputs(self) -> Mapping[str, Descriptor]:
        """Descriptors by name."""
        return self._signature.outputs

    @property
    def aliases(self) -> Mapping[str, str]:
        """By output, the input whose memory it takes over: `dispatch` allows one tensor for both."""
        return self._signature.aliases

    def get_input_names(self) -> list[str]:
        return list(self.inputs)

    def get_output_names(self) -> list[str]:
        return list(self.outputs)

    @property
    def destroyed(self) -> bool:
        return self._executable is None

    def destroy(self) -> None:
        """Frees the code and the weights, as soon as the work that uses them is over. May be called again.

        https://www.w3.org/TR/webnn/#dom-mlgraph-destroy
        """
        if self._executable is not None:
            self._executable = self._inline = self._files = self._share = None
            self._context._timeline.sweep()

    def save(self, path: str | Path) -> list[Path]:
        """Writes the .vmfb, and the .irpa beside it if weights are external; returns the files."""
        from .compiled import save

        self._loaded("save")
        return save(self._files, Path(path))

    def __repr__(self) -> str:
        def named(descriptors: Mapping[str, Descriptor]) -> str:
            return ", ".join(f"{name}: {descriptor}" for name, descriptor in descriptors.items())

        return f"MLGraph({self._label!r}, ({named(self.inputs)}) -> ({named(self.outputs)}))"

    def _loaded(self, what: str) -> Executable:
        """Raises InvalidStateError when the graph is destroyed."""
        if self._executable is None:
            raise InvalidStateError(f"{what}: the graph {self._label!r} has been destroyed")
        return self._executable
