"""MLTensor: memory of a context that inputs and outputs of graphs lie in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from webnn_mlir.dialects.webnn import OpError
from webnn_mlir.dialects.webnn.types import DataType, Descriptor

from .device import Array, Memory
from .errors import DestroyedError, ExecutionError

if TYPE_CHECKING:
    from .context import MLContext
    from .timeline import Timepoint


class MLTensor:
    """https://www.w3.org/TR/webnn/#mltensor; `MLContext.create_tensor` and `create_constant_tensor` make it."""

    def __init__(
        self,
        context: MLContext,
        descriptor: Descriptor,
        memory: Memory,
        *,
        readable: bool,
        writable: bool,
        constant: bool,
    ):
        self._context, self._descriptor = context, descriptor
        self._readable, self._writable, self._constant = readable, writable, constant
        self._memory: Memory | None = memory
        self._last: Timepoint | None = None
        self._writer: Timepoint | None = None
        self._failure: ExecutionError | None = None

    @property
    def context(self) -> MLContext:
        return self._context

    @property
    def descriptor(self) -> Descriptor:
        return self._descriptor

    @property
    def data_type(self) -> DataType:
        return self._descriptor.data_type

    @property
    def shape(self) -> tuple[int, ...]:
        return self._descriptor.shape

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._descriptor.size

    @property
    def readable(self) -> bool:
        return self._readable

    @property
    def writable(self) -> bool:
        return self._writable

    @property
    def constant(self) -> bool:
        return self._constant

    @property
    def exportable_to_gpu(self) -> bool:
        """Always False: no device's memory is shared with a graphics API."""
        return False

    @property
    def destroyed(self) -> bool:
        return self._memory is None

    def destroy(self) -> None:
        """Frees the memory, as soon as the work that uses it is over. May be called again.

        https://www.w3.org/TR/webnn/#dom-mltensor-destroy
        """
        self._memory = self._last = self._writer = None
        self._context._timeline.sweep()

    def __repr__(self) -> str:
        flags = [name for name in ("readable", "writable", "constant", "destroyed") if getattr(self, name)]
        return f"MLTensor({', '.join([str(self._descriptor), *flags])})"

    # What contexts do with it

    def _check(self, context: MLContext, what: str, flag: str | None = None) -> Memory:
        """Raises TypeError unless it is a tensor of the context that is there and has the flag."""
        if self._context is not context:
            raise OpError("the tensor is of another context", what)
        if self._memory is None:
            raise DestroyedError("the tensor has been destroyed", what)
        if flag and not getattr(self, flag):
            raise OpError(f"the tensor is not {flag}", what)
        return self._memory

    def _written(self, writer: Timepoint) -> None:
        """Work that is enqueued will write it."""
        self._last = self._writer = writer
        self._failure = None

    def _spoil(self, failure: ExecutionError) -> None:
        """Nothing will write it that should have."""
        self._writer, self._failure = None, failure

    def _failed(self) -> ExecutionError | None:
        """Why there is nothing to read, as far as that is known."""
        if self._writer is not None and self._writer.over():
            self._failure, self._writer = self._writer.failure, None
        return self._failure

    def _write(self, data: Array) -> None:
        """Bytes as they lie in the buffer; to other memory where work that is enqueued uses this one."""
        memory, device = self._memory, self._context._device
        assert memory is not None
        busy = self._last is not None and not self._last.over()
        try:
            if busy or not device.is_host:
                self._memory = Memory(device, self._context._account, self._descriptor, data)
            else:
                np.copyto(memory.array(), data.view(memory.array().dtype))
            self._last = self._writer = self._failure = None
        except ExecutionError as error:
            self._spoil(error.of("writeTensor"))

    def _contents(self) -> Array:
        """A copy of what is in it once the work before is over, as it lies. Raises ExecutionError where that failed."""
        memory, writer = self._memory, self._writer
        assert memory is not None
        if writer is not None:
            writer.over(wait=True)
        if failure := self._failed():
            raise failure
        return memory.copy()
