"""A loaded artifact on a device: what enqueues its function, and what calls it at once when it is tiny."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from webnn_mlir.dialects.webnn.types import Descriptor

from .device import (
    Account,
    Array,
    Device,
    Memory,
    bytes_of,
    cause,
    cores,
    from_layout,
    nothing,
    open_device,
    scratch,
    to_layout,
    usable_where_it_lies,
)
from .errors import ArtifactError, ExecutionError, OutOfMemoryError
from .fastest import Fastest
from .signature import Signature
from .team import Team
from .timeline import Timeline, Timepoint

if TYPE_CHECKING:
    from .artifact import Weights

TRANSIENT_SIZE = "iree.abi.transients.size.constant"

SHARED = "webnn.shared"
"""What a function has whose run several calls can share: it takes how many they are."""

SCOPE = "model"
"""The scope of an artifact's parameters: `iree-run-module --parameters=model=FILE.irpa`."""

INLINE_LIMIT = 64 * 2**10
"""Programs whose code, weights and tensors together have no more bytes are called at once, in the calling thread: to
hand them to other threads would take longer than they do."""

_processor_known = threading.Event()
"""IREE looks what the processor can do when it loads the first code for it, which has been chosen by then: where there
is a choice, what is loaded first is loaded again."""


class Executable:
    """A function of a module. `transient_bytes` is the memory that a run needs beside inputs, outputs and weights; it
    is None where the artifact takes that from its device's pool itself. `threads` is how many blocking runs may use.
    """

    def __init__(
        self,
        device: Device,
        module: Any,
        function: str,
        signature: Signature,
        parameters: Any,
        size: int,
        weights: Weights | None = None,
    ):
        import iree.runtime as rt

        self.device, self.signature = device, signature
        self._module, self._parameters, self.size, self._weights = module, parameters, size, weights
        self._function = module.lookup_function(function)
        reflection = self._function.reflection
        self.caller_memory = "iree.abi.transients.size" in reflection
        constant = reflection.get(TRANSIENT_SIZE)
        self.transient_bytes = int(constant) if constant is not None else None
        self._waits_itself = reflection.get("iree.abi.model") == "coarse-fences"
        self.shared = SHARED in reflection
        self.threads = cores()
        self._lock = threading.Lock()
        self._spare: dict[Descriptor, list[Memory]] = {}
        modules = [device.module, module]
        if signature.parameters:
            provider = parameters.create_provider(scope=SCOPE)
            modules.insert(1, rt.create_io_parameters_module(device.instance, provider))
        try:
            if signature.processors and device.is_host and not _processor_known.is_set():
                rt.VmContext(device.instance, modules)
            self._context = rt.VmContext(device.instance, modules)
            if device.is_host:
                _processor_known.set()
        except (ValueError, RuntimeError) as error:
            foreign = re.search(r'INCOMPATIBLE;.*"embedded-elf-(\w+)"', str(error))
            reason = f"its code is for {foreign[1]}, another machine" if foreign else cause(error)
            raise ArtifactError(f"cannot be loaded: {reason}") from None

    def enqueue(
        self, label: str, timeline: Timeline, inputs: Sequence[Any], outputs: Sequence[Any], transients: Any, held: Any
    ) -> Timepoint:
        """Enqueues a run on views of the inputs, and of the outputs that do not take over an input.

        Raises ExecutionError where it cannot be started.
        """

        def start(wait: Any, signal: Any) -> None:
            if self._weights:
                self._weights.check()
            if self.caller_memory:
                self.start([*inputs, *outputs, transients], wait, signal)
            else:
                self._invoke_and_copy(inputs, outputs, wait, signal)

        try:
            return timeline.enqueue(label, (self, held, inputs, outputs, transients), start)
        except RuntimeError as error:
            raise _told_apart(error, label) from None

    def run_and_wait(
        self, label: str, timeline: Timeline, inputs: Sequence[Any], outputs: Sequence[Any], transients: Any, held: Any
    ) -> None:
        """Takes what `enqueue` takes, runs the program in the way that is fastest here, and returns when it is done.

        Raises ExecutionError.
        """
        self._fastest(self, label, timeline, inputs, outputs, transients, held)

    @cached_property
    def _fastest(self) -> Fastest:
        together, device = Executable._run_together, self.device
        if not self.caller_memory or self.transient_bytes is None or not device.is_host:
            return Fastest(together)
        if device.runs_in_the_call:
            return Fastest(Executable._run_alone)
        if self.signature.parameters or self.threads == 1:
            return Fastest(together)
        team = Team(self, self.threads - 1) if self.shared else None
        alone = self.on(open_device("local-sync"))
        return Fastest(partial(together, team=team), partial(Executable._run_alone, alone=alone))

    def _run_alone(
        self, label: str, timeline: Timeline, inputs: Sequence[Any], outputs: Sequence[Any], transients: Any, held: Any,
        alone: Executable | None = None,
    ) -> None:  # fmt: skip
        """By the calling thread; `alone` is the same program on its device, if that is another one."""
        if self._weights:
            self._weights.check()
        try:
            (alone or self).start([*inputs, *outputs, transients], nothing(), nothing())
        except RuntimeError as error:
            raise _told_apart(error, label) from None

    def _run_together(
        self, label: str, timeline: Timeline, inputs: Sequence[Any], outputs: Sequence[Any], transients: Any, held: Any,
        team: Team | None = None,
    ) -> None:  # fmt: skip
        """By the calling thread with helpers, or by the device's threads where there are none or they have work."""
        if team and team.run([*inputs, *outputs, transients], label):
            return
        timepoint = self.enqueue(label, timeline, inputs, outputs, transients, held)
        timepoint.over(wait=True)
        if timepoint.failure:
            raise timepoint.failure

    def call_packed(self, packed: Any, results: Any) -> None:
        """Calls the function itself; the caller sees to it that no one else does."""
        self._context.invoke(self._function, packed, results)

    def start(self, memory: Sequence[Any], wait: Any, signal: Any, calls: int = 1) -> None:
        """Starts a run in the caller's memory, or one of the `calls` that share it."""
        self._invoke(packed_arguments(memory, self.count(calls), (wait, signal)))

    def count(self, calls: int) -> tuple[int, ...]:
        """The argument that tells how many calls there are, where there is one."""
        return (calls,) if self.shared else ()

    def _invoke(self, packed: Any) -> Any:
        import iree.runtime as rt

        results = rt.VmVariantList(len(self.signature.outputs))
        with self._lock:
            self.call_packed(packed, results)
        return results

    def _invoke_and_copy(self, inputs: Sequence[Any], outputs: Sequence[Any], wait: Any, signal: Any) -> None:
        """An artifact that allocates its results itself: they are copied once they are there, one after the other, and
        go again. IREE does not record copies of what is not allocated yet; it queues them."""
        import iree.runtime as rt

        hal = self.device.hal
        numbers = [i for i, name in enumerate(self.signature.outputs) if name not in self.signature.aliases]
        # What each of them waits for; the last one is over when all is.
        steps = [rt.HalFence.create_at(hal.create_semaphore(0), 1) for _ in numbers] + [signal]
        if self._waits_itself:
            results = self._invoke(packed_arguments(inputs, fences=(wait, steps[0])))
        else:
            wait.wait()
            results = self._invoke(packed_arguments(inputs))
            steps[0].signal()
        for number, output, ready, done in zip(numbers, outputs, steps[:-1], steps[1:], strict=True):
            result = results.get_as_object(number, rt.HalBufferView)
            hal.queue_copy(result.get_buffer(), output.get_buffer(), ready, done)

    def inline(self) -> InlineCall | None:
        """The same program for calls from this thread, if it is tiny."""
        tensors = [*self.signature.inputs.values(), *self.signature.outputs.values()]
        total = self.size + (self.transient_bytes or 0) + sum(d.byte_length for d in tensors)
        fits = self.caller_memory and self.device.is_host and not self.signature.parameters and total <= INLINE_LIMIT
        if not fits or self.signature.aliases or self.transient_bytes is None:
            return None
        return InlineCall(self.on(open_device("local-sync")))

    def on(self, device: Device) -> Executable:
        """The same program, without weights of an archive, on another device of this process."""
        return Executable(device, self._module, self._function.name, self.signature, None, self.size)

    def run(self, account: Account, timeline: Timeline, label: str, arrays: Mapping[str, Any]) -> dict[str, Array]:
        """Runs on arrays by input name, and waits. Raises TypeError for what the signature does not have."""
        signature, device = self.signature, self.device
        values = arguments(signature, arrays)
        taken = {name: output for output, name in signature.aliases.items()}
        kept = _Kept(self._spare, device, account)
        inputs, there = [], {}
        for (name, descriptor), value in zip(signature.inputs.items(), values, strict=True):
            if name in taken:
                # The caller's array stays as it is.
                there[taken[name]] = memory = Memory(device, account, descriptor, value)
                inputs.append(memory.view)
            elif usable_where_it_lies(device, value):
                inputs.append(device.hal.from_dlpack_capsule(value.__dlpack__()))
            else:
                inputs.append(kept.copy(descriptor, value).view)
        outputs = {n: Memory(device, account, d) for n, d in signature.outputs.items() if n not in there}
        transients = None if self.transient_bytes is None else kept.scratch(self.transient_bytes).view
        views = [memory.view for memory in outputs.values()]
        self.run_and_wait(label, timeline, inputs, views, transients, (values, kept))
        kept.give_back()
        memories = there | outputs
        return {n: from_layout(d, self._taken(memories[n])) for n, d in signature.outputs.items()}

    def _taken(self, memory: Memory) -> Array:
        return memory.array() if self.device.is_host else memory.copy()


def _told_apart(error: RuntimeError, label: str) -> ExecutionError:
    """What went wrong in a run: our own errors as they are, IREE's by their kind."""
    if isinstance(error, ExecutionError):
        return error.of(label)
    kind = OutOfMemoryError if "RESOURCE_EXHAUSTED" in str(error) else ExecutionError
    return kind(cause(error), label)


class _Kept:
    """Memory for a run beside its results. On a device of the host it is kept for the next run, unless memory is
    limited: for new pages the system takes longer than a small graph."""

    def __init__(self, spare: dict[Descriptor, list[Memory]], device: Device, account: Account):
        self._spare, self._device, self._account = spare, device, account
        self._used: list[tuple[Descriptor, Memory]] = []

    def copy(self, descriptor: Descriptor, data: Array) -> Memory:
        """Memory with a copy of data, which are as they lie in a buffer. Raises OutOfMemoryError."""
        if not self._device.is_host:
            return Memory(self._device, self._account, descriptor, data)
        memory = self._take(descriptor)
        memory.write(data)
        return memory

    def scratch(self, count: int) -> Memory:
        """Memory of a number of bytes, with whatever is in it. Raises OutOfMemoryError."""
        return self._take(bytes_of(count))

    def give_back(self) -> None:
        """For the next run, once this one is over."""
        if self._device.is_host and self._account.limit is None:
            for descriptor, memory in self._used:
                self._spare.setdefault(descriptor, []).append(memory)

    def _take(self, descriptor: Descriptor) -> Memory:
        try:
            memory = self._spare.get(descriptor, []).pop()
        except IndexError:
            memory = Memory(self._device, self._account, descriptor)
        self._used.append((descriptor, memory))
        return memory


def arguments(signature: Signature, given: Mapping[str, Any]) -> list[Array]:
    """Arrays by input name as they lie in buffers, in the order of the signature. Raises TypeError."""
    inputs = signature.inputs
    if given.keys() != inputs.keys():
        if unknown := sorted(set(given) - set(inputs)):
            raise TypeError(f"unknown input {unknown[0]!r}; there are: {', '.join(inputs)}")
        missing = next(name for name in inputs if name not in given)
        raise TypeError(f"input {missing!r} is missing")
    return [to_layout(name, descriptor, given[name]) for name, descriptor in inputs.items()]


def packed_arguments(memory: Sequence[Any], numbers: Sequence[int] = (), fences: Sequence[Any] = ()) -> Any:
    """What IREE's machine is called with: views of buffers, numbers, and what to wait for and to signal."""
    import iree.runtime as rt

    packed = rt.VmVariantList(len(memory) + len(numbers) + len(fences))
    for view in memory:
        packed.push_ref(view)
    for number in numbers:
        packed.push_int(number)
    for fence in fences:
        packed.push_ref(fence)
    return packed


class InlineCall:
    """Calls a tiny program in this thread, with buffers and a list of arguments that are kept for the next call."""

    def __init__(self, executable: Executable):
        import iree.runtime as rt

        device, account, signature = executable.device, Account(), executable.signature
        self._rt, self._signature = rt, signature
        self._inputs = [Memory(device, account, d) for d in signature.inputs.values()]
        self._outputs = [Memory(device, account, d) for d in signature.outputs.values()]
        self._transients = scratch(device, account, executable.transient_bytes or 0)
        views = [memory.view for memory in (*self._inputs, *self._outputs, self._transients)]
        self._arguments = packed_arguments(views, executable.count(1), (nothing(), nothing()))
        self._slots = [
            (name, descriptor, memory.array(), descriptor.data_type.bits != 4)
            for (name, descriptor), memory in zip(signature.inputs.items(), self._inputs, strict=True)
        ]
        self._results = [
            (name, descriptor, memory.array(), descriptor.data_type.bits != 4)
            for (name, descriptor), memory in zip(signature.outputs.items(), self._outputs, strict=True)
        ]
        self._executable, self._lock = executable, threading.Lock()

    def __call__(self, given: Mapping[str, Any]) -> dict[str, Array]:
        if given.keys() != self._signature.inputs.keys():
            arguments(self._signature, given)
        with self._lock:
            for name, descriptor, slot, plain in self._slots:
                value = given[name]
                if plain and type(value) is np.ndarray and value.dtype == slot.dtype and value.shape == slot.shape:
                    slot[...] = value
                else:
                    slot[...] = to_layout(name, descriptor, value)
            results = self._rt.VmVariantList(len(self._results))
            self._executable.call_packed(self._arguments, results)
            return {
                name: slot.copy() if plain else from_layout(descriptor, slot)
                for name, descriptor, slot, plain in self._results
            }
