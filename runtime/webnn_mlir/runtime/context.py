"""ML and MLContext: devices, tensors on them, and graphs that are dispatched to them.

https://www.w3.org/TR/webnn/#api-ml, https://www.w3.org/TR/webnn/#api-mlcontext

What returns a promise in the specification blocks here, and has a form for event loops: `read_tensor_async` and so on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np

from webnn_mlir.dialects.webnn import OpError
from webnn_mlir.dialects.webnn.diagnostics import InvalidStateError
from webnn_mlir.dialects.webnn.types import Descriptor

from .buffers import as_bytes, check_output, checked_descriptor, deliver
from .device import Account, Array, Memory, from_layout, open_device, scratch
from .devices import DRIVERS, choose, present
from .errors import ExecutionError
from .graph import MLGraph
from .limits import op_support_limits
from .tensor import MLTensor
from .timeline import Timeline

if TYPE_CHECKING:
    from .builder import MLGraphBuilder
    from .cache import GraphCache

Tensors = Mapping[str, MLTensor]

ACCELERATORS = ("cuda", "metal", "vulkan")
"""Targets whose devices are made for parallel work, if they are none of software."""

POWER_PREFERENCES = ("default", "high-performance", "low-power")
DEVICE_TYPES = ("auto", "cpu", "gpu", "npu")


class ML:
    """The entry point: https://www.w3.org/TR/webnn/#ml."""

    def create_context(
        self,
        power_preference: str = "default",
        accelerated: bool = True,
        device_type: str = "auto",
        *,
        device: str | None = None,
        max_bytes: int | None = None,
        application: str | None = None,
        cache_dir: str | Path | None = None,
        compatibility: str | None = None,
    ) -> MLContext:
        """A context on the best device that is here: `target`, `driver` and `accelerated` of it say which that is.

        The first three are preferences, no promises: an accelerator is taken where one is here, unless `accelerated` is
        False or `device_type` is `cpu`, else the CPU. `device`, a target or a driver of IREE's, is an order.
        `max_bytes` bounds the memory of tensors, weights and runs: beyond it they fail with OutOfMemoryError.
        `application` names the application that graphs are cached for, by default the program that runs, `cache_dir` is
        the folder of that cache. `compatibility="2025"` accepts what web-platform-tests of mid-2025 did and the
        specification no longer does.
        Raises TypeError for a preference that there is not, ArtifactError where the device is not present.
        """
        for name, value, allowed in (
            ("power_preference", power_preference, POWER_PREFERENCES),
            ("device_type", device_type, DEVICE_TYPES),
        ):
            if value not in allowed:
                raise OpError(f"{name} {value!r} must be one of {', '.join(allowed)}", "createContext")
        if device is None:
            device = _preferred(accelerated, device_type)
        return MLContext(
            *choose(tuple(DRIVERS), device),
            power_preference,
            max_bytes,
            application=application,
            cache_dir=cache_dir,
            compatibility=compatibility,
        )

    async def create_context_async(self, *args: Any, **options: Any) -> MLContext:
        return self.create_context(*args, **options)

    def op_support_limits(self, target: str = "cpu") -> dict[str, Any]:
        """The limits of a target, before there is a context: by default the baseline, which is that of the CPU.

        https://www.w3.org/TR/webnn/#api-mlcontext-opsupportlimits
        """
        return op_support_limits(target)


def _preferred(accelerated: bool, device_type: str) -> str:
    """The target of the first accelerator, if one is wanted and present, else the CPU."""
    if device_type != "cpu" and (accelerated or device_type != "auto"):
        for target in ACCELERATORS:
            if any(not device.is_software for device in present(target)[:1]):
                return target
    return "cpu"


@dataclass(frozen=True)
class MLContextLostInfo:
    """https://www.w3.org/TR/webnn/#dictdef-mlcontextlostinfo"""

    message: str


class Lost(Future[MLContextLostInfo]):
    """A future of the information why a context is lost; `await` it, or ask `done()` and `result(timeout)`."""

    def __await__(self) -> Iterator[Any]:
        return asyncio.wrap_future(self).__await__()


class MLContext:
    """Tensors, graphs and their timeline on one device: https://www.w3.org/TR/webnn/#mlcontext.

    `dispatch` and `write_tensor` return at once, and what they enqueue is done in that order. `read_tensor` waits for
    what was enqueued before it. `ML.create_context` makes it; it may be used in a `with` statement, and by several
    threads.
    """

    def __init__(
        self,
        target: str,
        driver: str,
        power_preference: str = "default",
        max_bytes: int | None = None,
        *,
        application: str | None = None,
        cache_dir: str | Path | None = None,
        compatibility: str | None = None,
    ):
        self._target, self._power_preference, self.compatibility = target, power_preference, compatibility
        self._device = open_device(driver)
        self._account, self._timeline = Account(max_bytes), Timeline(self._device)
        self._lost = Lost()
        self._objects: WeakSet[MLTensor | MLGraph] = WeakSet()
        self._lock = threading.RLock()
        self._transients: Memory | None = None
        self._application, self._cache_dir = application, cache_dir

    @property
    def target(self) -> str:
        """What graphs are compiled for."""
        return self._target

    @property
    def driver(self) -> str:
        """IREE's driver of the device."""
        return self._device.driver

    @property
    def accelerated(self) -> bool:
        """Whether the device is one that is made for parallel work, which the CPU is not, under whatever name."""
        return not all(device.is_software for device in present(self.driver)[:1])

    @property
    def power_preference(self) -> str:
        return self._power_preference

    @property
    def lost(self) -> Lost:
        """Resolves when the context is lost: https://www.w3.org/TR/webnn/#dom-mlcontext-lost."""
        return self._lost

    @property
    def bytes_in_use(self) -> int:
        """The memory of tensors, graphs and runs that is not given back yet."""
        self._timeline.sweep()
        return self._account.used

    def op_support_limits(self) -> dict[str, Any]:
        """What operators take on this device: https://www.w3.org/TR/webnn/#dom-mlcontext-opsupportlimits."""
        return op_support_limits(self._target)

    def create_graph_builder(self) -> MLGraphBuilder:
        from .builder import MLGraphBuilder

        return MLGraphBuilder(self)

    def destroy(self) -> None:
        """Frees everything, once the work that is enqueued is over. https://www.w3.org/TR/webnn/#dom-mlcontext-destroy"""
        self._lose("the context has been destroyed")

    def __enter__(self) -> MLContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    # Tensors

    def create_tensor(
        self,
        descriptor: Descriptor | Mapping[str, Any] | Sequence[int] | str,
        data_type: Any = None,
        readable: bool | None = None,
        writable: bool | None = None,
        exportable_to_gpu: bool = False,
    ) -> MLTensor:
        """A tensor of zeros: https://www.w3.org/TR/webnn/#dom-mlcontext-createtensor.

        `create_tensor({"dataType": "float32", "shape": [2, 3], "readable": True})`, where what is not said is False, or
        `create_tensor([2, 3], "float32")`, which may be read and written unless told otherwise.
        Raises TypeError for a descriptor against the rules, OutOfMemoryError, InvalidStateError when the context is
        lost.
        """
        self._check_not_lost("createTensor")
        if exportable_to_gpu:
            raise OpError("no tensor can be exported to a GPU", "createTensor")
        flags = {"readable": readable, "writable": writable}
        members: Any = descriptor
        if isinstance(descriptor, Mapping):
            flags = {name: bool(descriptor.get(name, False)) if v is None else v for name, v in flags.items()}
            members = {name: value for name, value in descriptor.items() if name not in flags}
        checked = checked_descriptor(members, data_type, "createTensor")
        memory = Memory.zeros(self._device, self._account, checked)
        return self._tensor(checked, memory, **{name: v is not False for name, v in flags.items()}, constant=False)

    def create_constant_tensor(self, descriptor: Descriptor | Mapping[str, Any], data: Any) -> MLTensor:
        """A tensor for `MLGraphBuilder.constant`: https://www.w3.org/TR/webnn/#dom-mlcontext-createconstanttensor.

        `data` is an array or a buffer as for `write_tensor`. Raises TypeError, OutOfMemoryError, InvalidStateError.
        """
        self._check_not_lost("createConstantTensor")
        checked = checked_descriptor(descriptor, None, "createConstantTensor")
        lying = as_bytes(checked, data, "createConstantTensor", self.compatibility)
        memory = Memory(self._device, self._account, checked, lying)
        return self._tensor(checked, memory, readable=False, writable=False, constant=True)

    def _tensor(self, descriptor: Descriptor, memory: Memory, **flags: bool) -> MLTensor:
        tensor = MLTensor(self, descriptor, memory, **flags)
        self._objects.add(tensor)
        return tensor

    def write_tensor(self, tensor: MLTensor, data: Any) -> None:
        """Writes an array, or a buffer of the same length, and returns at once.

        https://www.w3.org/TR/webnn/#dom-mlcontext-writetensor. int4 and uint4 as int8 and uint8 with an element an
        entry, or packed. Raises TypeError; where the write fails, reading the tensor raises that.
        """
        tensor._check(self, "writeTensor", "writable")
        lying = as_bytes(tensor.descriptor, data, "writeTensor", self.compatibility)
        with self._lock:
            tensor._write(lying)

    def read_tensor(self, tensor: MLTensor, output: Any = None) -> Array:
        """The contents, once the work before this is over, as an array; also into the buffer `output`, if one is given.

        https://www.w3.org/TR/webnn/#dom-mlcontext-readtensor. Raises TypeError, and ExecutionError with the label of
        the graph when the work that should have written the tensor has failed.
        """
        self._check_read(tensor, output)
        try:
            lying = deliver(tensor._contents(), output)
        except ExecutionError as error:
            raise self._seen(error) from None
        self._timeline.sweep()
        return from_layout(tensor.descriptor, lying)

    def read_tensor_async(self, tensor: MLTensor, output: Any = None) -> Awaitable[Array]:
        """`read_tensor` for event loops: what the tensor holds now, whatever is enqueued before this is awaited."""
        self._check_read(tensor, output)
        with self._lock:
            memory, failure = tensor._memory, tensor._failed()
            assert memory is not None
            if failure is None:
                staging = Memory(self._device, self._account, tensor.descriptor)
                timepoint = self._timeline.copy(memory, staging, "readTensor")
                tensor._last = timepoint

        async def read() -> Array:
            if failure:
                raise self._seen(failure)
            await timepoint.reached()
            self._check_not_lost("readTensor")
            tensor._check(self, "readTensor")
            if timepoint.failure:
                raise self._seen(timepoint.failure)
            return from_layout(tensor.descriptor, deliver(staging.copy(), output))

        return read()

    async def create_tensor_async(self, *args: Any, **options: Any) -> MLTensor:
        return self.create_tensor(*args, **options)

    async def create_constant_tensor_async(self, *args: Any) -> MLTensor:
        return self.create_constant_tensor(*args)

    def _check_read(self, tensor: MLTensor, output: Any) -> None:
        if tensor.context is self:
            self._check_not_lost("readTensor")
        tensor._check(self, "readTensor", "readable")
        if output is not None:
            check_output(tensor.descriptor, output, self.compatibility)

    # Graphs

    def dispatch(self, graph: MLGraph, inputs: Tensors, outputs: Tensors) -> None:
        """Enqueues a run, and returns at once: https://www.w3.org/TR/webnn/#dom-mlcontext-dispatch.

        No tensor may be given twice, except one for an output and the input whose memory it takes over
        (`graph.aliases`): then it is updated in place. Raises TypeError and InvalidStateError; when the run fails,
        reading its outputs raises that.
        """
        executable = self._check_dispatch(graph, inputs, outputs)
        with self._lock:
            failed = [failure for tensor in inputs.values() if (failure := tensor._failed())]
            try:
                if failed:
                    raise failed[0]
                moved = {inputs[i]: outputs[o] for o, i in graph.aliases.items() if inputs[i] is not outputs[o]}
                for source, target in moved.items():
                    self._copy(source, target)
                ins = [moved.get(inputs[name], inputs[name])._memory for name in graph.inputs]
                outs = [outputs[name]._memory for name in graph.outputs if name not in graph.aliases]
                transients = self._transient_memory(executable.transient_bytes)
                last = executable.enqueue(
                    graph.label,
                    self._timeline,
                    [m.view for m in ins if m],
                    [m.view for m in outs if m],
                    transients and transients.view,
                    (ins, outs, transients),
                )
                for tensor in inputs.values():
                    tensor._last = last
                for tensor in outputs.values():
                    tensor._written(last)
            except ExecutionError as error:
                for tensor in outputs.values():
                    tensor._spoil(error if failed else error.of(graph.label))

    def compute(
        self, graph: MLGraph, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        """Runs on arrays by input name, waits, and returns arrays by output name, also in the arrays `outputs`.

        Arrays are not copied on the way in if their memory is aligned to 64 bytes, and on the way out never.
        A tiny graph runs in the calling thread. Raises TypeError, InvalidStateError and ExecutionError.
        """
        if graph._context is not self:
            raise OpError("the graph is of another context", "compute")
        executable = graph._loaded("compute")
        if inline := graph._inline:
            results = inline(inputs)
        else:
            try:
                results = executable.run(self._account, self._timeline, graph.label, inputs)
            except ExecutionError as error:
                raise self._seen(error.of(error.label or graph.label)) from None
        if outputs:
            for name, target in outputs.items():
                np.copyto(target, results[name])
        return results

    async def compute_async(self, graph: MLGraph, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """`compute` for event loops."""
        tensors = {name: self.create_tensor(d) for name, d in graph.inputs.items()}
        results = {name: self.create_tensor(d) for name, d in graph.outputs.items()}
        for name, tensor in tensors.items():
            self.write_tensor(tensor, inputs[name])
        self.dispatch(graph, tensors, results)
        return {name: await self.read_tensor_async(tensor) for name, tensor in results.items()}

    def _check_dispatch(self, graph: MLGraph, inputs: Tensors, outputs: Tensors) -> Any:
        if not isinstance(graph, MLGraph) or graph._context is not self:
            raise OpError("the graph is of another context", "dispatch")
        executable = graph._loaded("dispatch")
        tensors = [*inputs.values(), *outputs.values()]
        for tensor in tensors:
            if not isinstance(tensor, MLTensor):
                raise OpError(f"{tensor!r} is not of type 'MLTensor'", "dispatch")
        allowed = [inputs.get(i) for o, i in graph.aliases.items() if inputs.get(i) is outputs.get(o)]
        if len({id(t) for t in tensors}) + len(allowed) < len(tensors):
            raise OpError("a tensor is given twice", "dispatch")
        for tensor in tensors:
            tensor._check(self, "dispatch")
        for kind, given, wanted in (("input", inputs, graph.inputs), ("output", outputs, graph.outputs)):
            if given.keys() != wanted.keys():
                names = f"{', '.join(given) or 'none'}; the graph has {', '.join(wanted) or 'none'}"
                raise OpError(f"the {kind}s given are {names}", "dispatch")
            for name, tensor in given.items():
                if tensor.constant:
                    raise OpError(f"{kind} {name!r} is a constant tensor", "dispatch")
                if tensor.descriptor != wanted[name]:
                    rule = f"{kind} {name!r} is {tensor.descriptor}; the graph has {wanted[name]}"
                    raise OpError(rule, "dispatch")
        return executable

    def _copy(self, source: MLTensor, target: MLTensor) -> None:
        """Enqueues a copy of one tensor to another one."""
        assert source._memory is not None
        assert target._memory is not None
        source._last = target._last = self._timeline.copy(source._memory, target._memory, "dispatch")

    def _transient_memory(self, count: int | None) -> Memory | None:
        """What runs need beside tensors, one after another in the same place."""
        if count is None:
            return None
        if self._transients is None or self._transients.byte_length < count:
            self._transients = None
            self._timeline.sweep()
            self._transients = scratch(self._device, self._account, count)
        return self._transients

    def load(self, path: str | Path, *, parameters: str | Path | None = None, label: str | None = None) -> MLGraph:
        """A graph from the .vmfb of `webnn-compile`, with the .irpa beside it or at `parameters`.

        Raises ArtifactError, OSError, OutOfMemoryError and InvalidStateError.
        """
        from .compiled import Files

        self._check_not_lost("load")
        return self._graph(Files.of(Path(path), parameters), label or Path(path).stem)

    def _graph(self, files: Any, label: str) -> MLGraph:
        from .compiled import executable_of

        graph = MLGraph(self, executable_of(files, self._device.driver), label, files)
        self._objects.add(graph)
        return graph

    # Graph caching

    def save_graph(self, key: str, graph: MLGraph) -> None:
        """Keeps a graph under a key for this application, instead of another one. Raises InvalidStateError, OSError."""
        graph._loaded("saveGraph")
        self._cache().save(key, graph)

    def load_graph(self, key: str) -> MLGraph | None:
        """The graph that was saved under a key by this application, or None.

        None also where it was saved by another version or for another processor: then build and save it again. Raises
        ArtifactError for an entry that is damaged, which `delete_graph` removes.
        """
        self._check_not_lost("loadGraph")
        for _ in range(3):
            # Another process may put another graph in its place just now.
            with suppress(FileNotFoundError):
                found = self._cache().find(key)
                return found and self._graph(*found)
        return None

    def list_graphs(self) -> list[str]:
        """The keys of all that is saved for this application."""
        return self._cache().keys()

    def delete_graph(self, key: str) -> bool:
        """Removes what is saved under a key, and tells whether anything was."""
        return self._cache().delete(key)

    def _cache(self) -> GraphCache:
        from .cache import GraphCache

        return GraphCache(self._application, self._cache_dir, self._target)

    # Loss

    def _check_not_lost(self, what: str) -> None:
        if self._lost.done():
            raise InvalidStateError(f"{what}: {self._lost.result().message}")

    def _seen(self, failure: ExecutionError) -> ExecutionError:
        """The failure, to be raised; if the device is gone, the context is lost."""
        if failure.device_lost:
            open_device.cache_clear()
            self._lose(failure.reason)
        return failure.of(failure.label)

    def _lose(self, message: str) -> None:
        """https://www.w3.org/TR/webnn/#mlcontext-lose"""
        with self._lock:
            if self._lost.done():
                return
            self._lost.set_result(MLContextLostInfo(message))
            for thing in list(self._objects):
                thing.destroy()
            self._timeline.wait()
            self._transients = None
