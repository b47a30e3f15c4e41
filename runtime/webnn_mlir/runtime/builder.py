"""MLGraphBuilder: the specification's, and without a context the way to an artifact."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from webnn_mlir.dialects.webnn import GraphBuilder, MLOperand, OpError
from webnn_mlir.dialects.webnn.diagnostics import InvalidStateError
from webnn_mlir.dialects.webnn.graph import Constant
from webnn_mlir.dialects.webnn.types import Descriptor

from .compiled import compile
from .context import MLContext
from .graph import MLGraph
from .tensor import MLTensor


class MLGraphBuilder(GraphBuilder):
    """https://www.w3.org/TR/webnn/#mlgraphbuilder: a method for every operator, with its options by keyword.

    With a context, `build` gives an MLGraph for that. Without one it gives a CompiledGraph, compiled for this machine's
    CPU, to run or to save. `extensions=True` gives the operators that the specification does not have.
    Raises InvalidStateError when the context is lost.
    """

    def __init__(
        self, context: MLContext | None = None, *, compatibility: str | None = None, extensions: bool = False
    ) -> None:
        if context is not None and not isinstance(context, MLContext):
            raise OpError("the argument is not of type 'MLContext'", "MLGraphBuilder")
        self._context = context
        compatibility = compatibility or (context.compatibility if context else None)
        super().__init__(compatibility=compatibility, extensions=extensions)
        self._check_open()

    def _check_open(self) -> None:
        super()._check_open()
        if self._context is not None and self._context.lost.done():
            raise InvalidStateError(f"MLGraphBuilder: {self._context.lost.result().message}")

    def input(self, name: str, descriptor: Any, shape: Any = None) -> MLOperand:
        """`input("x", {"dataType": "float32", "shape": [2, 3]})`, `input("x", "float32", [2, 3])` or
        `input("x", [2, 3], "float32")`.
        """
        if isinstance(descriptor, Sequence) and not isinstance(descriptor, str):
            descriptor, shape = shape or "float32", descriptor
        return super().input(name, descriptor, shape)

    def constant(
        self,
        descriptor: MLTensor | Descriptor | Mapping[str, Any] | str | Any,
        value: Any = None,
        *,
        name: str | None = None,
    ) -> MLOperand:
        """A constant: a constant tensor, an array, a descriptor with its buffer, or a data type with a scalar.

        https://www.w3.org/TR/webnn/#api-mlgraphbuilder-constant. All but the tensor is copied.
        """
        if not isinstance(descriptor, MLTensor):
            return super().constant(descriptor, value, name=name)
        tensor = descriptor
        if self._context is None:
            raise OpError("a builder without a context takes no tensors", "constant")
        memory = tensor._check(self._context, "constant", "constant")
        self._check_open()
        data = memory.array() if self._context._device.is_host else memory.copy()
        return self.adopt(tensor.descriptor, Constant(data.reshape(-1).view("uint8"), name))

    def build(self, outputs: Mapping[str, MLOperand], *, label: str = "", **options: Any) -> Any:
        """An MLGraph of the outputs for the context, or a CompiledGraph; `options` are those of `compile`.

        https://www.w3.org/TR/webnn/#dom-mlgraphbuilder-build. `label` is what errors call the graph, by default the
        names of its outputs. With `aliases={"output": "input"}` an output takes over the memory of an input, which it
        scatters into: `dispatch` then updates one tensor in place. Raises TypeError, GraphError with all that is wrong
        with the graph, WorkerError when the native compiler died, OutOfMemoryError, and InvalidStateError.
        """
        graph = self.graph(outputs)
        if self._context is None:
            return compile(graph, **options)
        compilation = compile(graph, self._context.target, memory="caller", **options)._compilation
        built: MLGraph = self._context._graph(compilation, label or ", ".join(outputs))
        return built

    async def build_async(self, outputs: Mapping[str, MLOperand], **options: Any) -> Any:
        """`build` for event loops; the compiler has a process of its own, which a thread waits for."""
        return await asyncio.to_thread(self.build, outputs, **options)
