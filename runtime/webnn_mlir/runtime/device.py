"""The devices of this process, and buffers on them that an account keeps count of."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn.int4 import pack_int4, unpack_int4
from webnn_mlir.dialects.webnn.types import DataType, Descriptor

from .errors import ArtifactError, OutOfMemoryError

Array = np.ndarray[Any, Any]

ALIGNMENT = 64
"""What IREE needs of memory that it uses where it lies, and what its code assumes of every buffer."""

TASKS = Path("/proc/self/task")

VIGILANCE = 100
"""Microseconds for which helpers look for more to do, before they sleep."""


@dataclass(frozen=True, eq=False)
class Device:
    """A device of IREE's, with the module that gives programs access to it."""

    driver: str
    instance: Any
    hal: Any
    module: Any

    @property
    def is_host(self) -> bool:
        """Whether it computes in the memory of this process."""
        return self.driver.startswith("local-")

    @property
    def runs_in_the_call(self) -> bool:
        """Whether the work is done when a call that starts it returns."""
        return self.driver == "local-sync"


@lru_cache
def instance() -> Any:
    """IREE's virtual machine, one a process."""
    import iree.runtime as rt

    return rt.VmInstance()


@lru_cache
def open_device(driver: str) -> Device:
    """The device of a driver, such as local-task (all cores), local-sync (the calling thread) or vulkan.

    It stays until the process ends: memory of its pools that outlived it, in an array on its way through the garbage
    collector say, would be freed twice. Raises ArtifactError where there is none.
    """
    import iree.runtime as rt

    return _opened(driver, rt.get_driver)


@dataclass
class Helpers:
    """Threads that take part in what a calling thread computes: their device, the system's numbers of the threads that
    it has begun, where it tells, and the cores that they may use."""

    device: Device
    threads: frozenset[int]
    cores: frozenset[int]
    left: int = -1
    """The core that they keep off."""

    def make_way(self) -> None:
        """Keeps them off the calling thread's core: that two of them share it while another one is idle the system does
        not notice for long, since who waits gives way."""
        if not self.threads or _core_of_caller is None:
            return
        here = _core_of_caller()
        if here == self.left:
            return
        self.left = here
        for thread in self.threads if self.cores - {here} else ():
            with suppress(OSError):
                # A thread names itself: when it is begun, it has not done so yet.
                if (TASKS / str(thread) / "comm").read_text().startswith("iree-worker"):
                    os.sched_setaffinity(thread, self.cores - {here})


# Python has it not.
_core_of_caller = getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None


@lru_cache
def open_helpers(count: int) -> Helpers:
    """They look for more to do for a while, since to wake them up takes as long as a small graph."""
    import iree.runtime as rt
    from iree.runtime import _binding

    # IREE reads its flags when it makes a driver; a driver of its own keeps them from other devices.
    rt.flags.parse_flags(f"--task_topology_group_count={count}", f"--task_worker_spin_us={VIGILANCE}")
    before = _tasks()
    try:
        device = _opened("local-task", _binding.create_hal_driver)
    finally:
        rt.flags.parse_flags("--task_topology_group_count=0", "--task_worker_spin_us=0")
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return Helpers(device, _tasks() - before, frozenset(allowed))


def _tasks() -> frozenset[int]:
    """The system's numbers of this process' threads."""
    return frozenset(int(task.name) for task in TASKS.iterdir()) if TASKS.exists() else frozenset()


def _opened(driver: str, find: Callable[[str], Any]) -> Device:
    import iree.runtime as rt
    from iree.runtime import _binding

    # Code is compiled to take up to 256 KiB of stack; the threads of local-task have 128 by default.
    rt.flags.parse_flags("--task_worker_stack_size=1048576")
    try:
        device = find(driver).create_default_device()
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"driver {driver!r}: {cause(error)}") from None
    _binding.disable_leak_checker()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(device))
    return Device(driver, instance(), device, rt.create_hal_module(instance(), device))


@lru_cache
def nothing() -> Any:
    """A fence for work that is done when the call returns: there is nothing to wait for, and no one to tell."""
    import iree.runtime as rt

    return rt.HalFence(0)


@lru_cache
def cores() -> int:
    """How many cores this process may run on; threads that share one count once, where the system tells."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return len({_siblings(processor) for processor in os.sched_getaffinity(0)})


def _siblings(processor: int) -> str:
    try:
        return Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(processor)


def cause(error: BaseException) -> str:
    """The first line of an error of IREE's, without the places in its sources and the names of its codes."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return re.sub(r"\S+\.(?:c|cc|h):\d+: (?:[A-Z_]+; )?", "", line).split("; while invoking")[0].rstrip("; ")


class Account:
    """Counts the bytes of buffers; more than `limit` there are never."""

    def __init__(self, limit: int | None = None):
        self.limit, self.used = limit, 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Raises OutOfMemoryError where this is more than is left."""
        with self._lock:
            if self.limit is not None and self.used + count > self.limit:
                rule = f"{count} bytes needed, {self.used} of max_bytes={self.limit} are in use"
                raise OutOfMemoryError(rule)
            self.used += count


class Share:
    """Bytes that are in an account as long as anything holds this. Raises OutOfMemoryError."""

    __slots__ = ("_account", "count")

    def __init__(self, account: Account, count: int):
        self.count = 0
        account.add(count)
        self._account, self.count = account, count

    def __del__(self) -> None:
        if self.count:
            self._account.add(-self.count)


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in a buffer: int4 and uint4 two elements a byte, the rest as in NumPy."""

    descriptor: Descriptor
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    byte_length: int
    element_type: Any


@lru_cache(maxsize=4096)
def layout(descriptor: Descriptor) -> Layout:
    from iree.runtime.array_interop import map_dtype_to_element_type

    packed = descriptor.data_type.bits == 4
    shape = (descriptor.byte_length,) if packed else descriptor.shape
    dtype = np.dtype(np.uint8) if packed else descriptor.data_type.numpy
    return Layout(descriptor, shape, dtype, descriptor.byte_length, map_dtype_to_element_type(dtype))


def to_layout(name: str, descriptor: Descriptor, value: Any) -> Array:
    """An array as it lies in a buffer; int4 as int8 with an element an entry, or as packed bytes.

    Raises TypeError where data type or shape are not the descriptor's.
    """
    array = np.asarray(value)
    wanted = descriptor.data_type.numpy
    if array.dtype == wanted and array.shape == descriptor.shape:
        if descriptor.data_type.bits == 4:
            return pack_int4(array, descriptor.data_type)
        return array if array.flags.c_contiguous else np.asarray(array, order="C")
    if descriptor.data_type.bits == 4 and array.dtype == np.uint8 and array.shape == (descriptor.byte_length,):
        return array
    raise TypeError(f"input {name!r} must be {descriptor}, not {array.dtype}{list(array.shape)}")


def from_layout(descriptor: Descriptor, array: Array) -> Array:
    """The inverse of `to_layout`, without a copy where that is possible."""
    return unpack_int4(array, descriptor) if descriptor.data_type.bits == 4 else array


class _Lying:
    """Mapped memory as NumPy takes it from another owner: IREE's own array does not keep the memory there."""

    __slots__ = ("__array_interface__", "_mapped")

    def __init__(self, mapped: Any, array: Array):
        self._mapped, self.__array_interface__ = mapped, array.__array_interface__


class Memory:
    """A buffer of a tensor on a device, which has a share of an account. `view` is what programs take.

    Raises OutOfMemoryError.
    """

    __slots__ = ("_device", "_mapped", "_share", "buffer", "view")

    def __init__(self, device: Device, account: Account, descriptor: Descriptor, data: Array | None = None):
        """`data` as it lies in the buffer, copied; without it the buffer holds anything."""
        import iree.runtime as rt

        wanted = layout(descriptor)
        count = wanted.byte_length
        self._share, self._device = Share(account, count), device
        kind, usage = rt.MemoryType.DEVICE_LOCAL, rt.BufferUsage.DEFAULT
        try:
            if data is not None and not device.is_host:
                flat = data.reshape(-1).view(np.uint8)
                self.buffer = device.hal.allocator.allocate_buffer_copy(kind, usage, device.hal, flat)
            else:
                if device.is_host:
                    usage |= rt.BufferUsage.MAPPING
                self.buffer = device.hal.allocator.allocate_buffer(kind, usage, count)
        except RuntimeError as error:
            raise OutOfMemoryError(f"{count} bytes: {cause(error)}") from None
        self.view = rt.HalBufferView(self.buffer, wanted.shape, wanted.element_type)
        self._mapped: Array | None = None
        if data is not None and device.is_host:
            self.write(data)

    def write(self, data: Array) -> None:
        """Copies data, as it lies in the buffer, to memory of the host."""
        np.copyto(self.array(), data.view(self.array().dtype))

    @property
    def byte_length(self) -> int:
        return self._share.count

    @classmethod
    def zeros(cls, device: Device, account: Account, descriptor: Descriptor) -> Memory:
        lies = layout(descriptor)
        memory = cls(device, account, descriptor, None if device.is_host else np.zeros(lies.shape, lies.dtype))
        if device.is_host:
            memory.buffer.fill_zero(0, memory.byte_length)
        return memory

    def array(self) -> Array:
        """The bytes where they lie, in memory of the host, as an array that keeps them there."""
        if self._mapped is None:
            from iree.runtime import HalElementType

            dtype = HalElementType.map_to_dtype(self.view.element_type)
            mapped = self.view.map()
            self._mapped = np.asarray(_Lying(mapped, mapped.asarray(self.view.shape, dtype)))
        return self._mapped

    def copy(self) -> Array:
        """A copy of the contents, in memory of the host."""
        if self._device.is_host:
            return self.array().copy()
        import iree.runtime as rt

        kind = rt.MemoryType.HOST_LOCAL | rt.MemoryType.DEVICE_VISIBLE
        usage = rt.BufferUsage.TRANSFER | rt.BufferUsage.MAPPING
        staging = self._device.hal.allocator.allocate_buffer(kind, usage, self.byte_length)
        copied = self._device.hal.create_semaphore(0)
        self._device.hal.queue_copy(self.buffer, staging, [], [(copied, 1)])
        copied.wait(1)
        view = rt.HalBufferView(staging, self.view.shape, self.view.element_type)
        dtype = rt.HalElementType.map_to_dtype(self.view.element_type)
        return np.array(view.map().asarray(self.view.shape, dtype))


def bytes_of(count: int) -> Descriptor:
    """What describes memory of a number of bytes."""
    return Descriptor(DataType.UINT8, (max(count, 1),))


def scratch(device: Device, account: Account, count: int) -> Memory:
    """Memory of a number of bytes."""
    return Memory(device, account, bytes_of(count))


def usable_where_it_lies(device: Device, array: Array) -> bool:
    return bool(
        device.is_host and array.ctypes.data % ALIGNMENT == 0 and array.dtype != np.bool_ and array.flags.writeable
    )
