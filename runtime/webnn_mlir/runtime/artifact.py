"""Loading an artifact and running it.

Loading an artifact makes its native code part of this process: load only what you would run.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from webnn_mlir.dialects.webnn.types import Descriptor

from .device import Account, Array, cause, instance, open_device
from .devices import choose
from .errors import ArtifactError, ExecutionError
from .executable import Executable
from .signature import REFLECTION_KEY, Signature
from .timeline import Timeline

ParameterIndex = Any
"""`iree.runtime.ParameterIndex`: buffers by key."""


class Artifact:
    """A loaded artifact. `signature` says what it takes and gives; `run` runs it.

    `parameters` holds the weights that it does not hold itself, `weights` the file that they were read from. `device`
    is a target that it has code for or a driver of IREE's (local-task uses all cores, local-sync the calling thread),
    by default the best that is present: `target` and `driver` say which it is. A file of the program's `own` was
    checked before. Raises ArtifactError when the file is damaged or is something else, or there is no such device.
    """

    def __init__(
        self,
        path: str | Path,
        parameters: ParameterIndex | None = None,
        *,
        device: str | None = None,
        weights: Weights | None = None,
        own: bool = False,
    ):
        path = Path(path)
        self.executable = load_executable(path, parameters, device=device, weights=weights, own=own)
        self.signature = self.executable.signature
        self._name, self._account, self._timeline = str(path), Account(), Timeline(self.executable.device)

    @property
    def driver(self) -> str:
        return self.executable.device.driver

    @property
    def target(self) -> str:
        return choose(self.signature.targets, self.driver)[0]

    @property
    def inputs(self) -> dict[str, Descriptor]:
        return self.signature.inputs

    @property
    def outputs(self) -> dict[str, Descriptor]:
        return self.signature.outputs

    def run(self, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, Array]:
        """Runs on arrays by input name and returns arrays by output name.

        int4 and uint4 go in as int8 and uint8 arrays, one element an entry (or as packed bytes), and come out so.
        An array whose memory is aligned to 64 bytes is used where it lies, any other is copied.
        Raises TypeError for names, data types and shapes that the signature does not have, ExecutionError where the run
        fails, for one because the file of the weights has changed since.
        """
        given = {**(inputs or {}), **named}
        return self.executable.run(self._account, self._timeline, self._name, given)


@dataclass(frozen=True)
class Weights:
    """A file that weights were read from: which it was, and in what state.

    The weights are in memory of the process, where nothing that happens to the file can do harm; but a program whose
    file has been replaced would go on with other weights than it seems to.
    """

    path: Path
    state: tuple[int, ...]

    @classmethod
    def of(cls, path: Path) -> Weights:
        return cls(path, _state(path))

    def check(self) -> None:
        """Raises ExecutionError when the file is not what it was."""
        try:
            now = _state(self.path)
        except OSError as error:
            raise ExecutionError(f"{self.path}: the weights that were loaded are gone: {error.strerror}") from None
        if now != self.state:
            raise ExecutionError(f"{self.path}: the weights have changed since they were loaded")


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def load(path: str | Path, *, parameters: str | Path | None = None, device: str | None = None) -> Artifact:
    """Loads a .vmfb, and the .irpa of the same name beside it (or `parameters`) where it needs one.

    It runs on `device`, as Artifact has it.
    Both files are read into memory of the process, an archive of several artifacts once. Raises ArtifactError when one
    is damaged or something else or there is no such device, OSError when a file cannot be read.
    """
    path = Path(path)
    archive = Path(parameters) if parameters else path.with_suffix(".irpa")
    if not (parameters or archive.exists()):
        return Artifact(path, device=device)
    weights = Weights.of(archive)
    return Artifact(path, read_archive(archive), device=device, weights=weights)


def load_executable(
    path: Path,
    parameters: ParameterIndex | None = None,
    *,
    device: str | None,
    weights: Weights | None = None,
    own: bool = False,
) -> Executable:
    """The program of a .vmfb on a device; see Artifact. Raises ArtifactError."""
    import iree.runtime as rt

    module, function, signature = open_module(path, instance(), own=own)
    if signature.parameters:
        parameters = parameters or rt.ParameterIndex()
        _check_parameters(signature, parameters, str(path))
    try:
        opened = open_device(choose(signature.targets, device)[1])
        watched = weights if signature.parameters else None
        return Executable(opened, module, function, signature, parameters, path.stat().st_size, watched)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None


_archives: WeakValueDictionary[tuple[int, ...], ParameterIndex] = WeakValueDictionary()
"""What is read of archives and still in use, by the file's state."""


@cache
def _index_type() -> Any:
    """A parameter index that can be referred to weakly, which IREE's own cannot."""
    import iree.runtime as rt

    return type("Archive", (rt.ParameterIndex,), {})


def read_archive(path: Path) -> ParameterIndex:
    """The parameters of an .irpa archive, in memory: one that is in use is not read again.

    Raises ArtifactError when it is damaged.
    """
    state = _state(path)
    index = _archives.get(state)
    if index is None:
        index = _archives[state] = _read_archive(path)
    return index


def _read_archive(path: Path) -> ParameterIndex:
    import iree.runtime as rt

    index = _index_type()()
    # IREE reads files itself, too, but takes twice as long.
    memory = rt.FileHandle.wrap_memory(_read(path))
    try:
        index.load_from_file_handle(memory, "irpa")
    except (ValueError, RuntimeError, IndexError) as error:
        raise ArtifactError(f"{path}: is no parameter archive, or a damaged one: {cause(error)}") from None
    for key, entry in index.items():
        # IREE's own check lets an offset near 2^64 wrap around; its view ends where the file does.
        if entry.is_file and entry.file_view.nbytes != entry.length:
            raise ArtifactError(f"{path}: is damaged: parameter {key!r} reaches past its end")
    return index


def open_module(path: Path, instance: Any, *, own: bool = False) -> tuple[Any, str, Signature]:
    """The VM module of a .vmfb, the name of its function, and its signature. None of its native code is loaded by this.

    Raises ArtifactError when the file, unless it is our `own`, is damaged or is something else.
    """
    import iree.runtime as rt

    # In memory, so that nothing that happens to the file ends the process.
    memory = _read(path) if own else _checked(path)
    try:
        vm_module = rt.VmModule.wrap_buffer(instance, memory)
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"{path}: the runtime rejects it: {cause(error)}") from None
    return vm_module, *_entry_point(vm_module, str(path))


DAMAGED_ZIP = (
    zipfile.BadZipFile, OSError, KeyError, NotImplementedError, EOFError, RuntimeError, ValueError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip
"""What `zipfile` raises for files that are none, or damaged ones."""


class _Memory(mmap.mmap):
    """Memory of its own, which no one's file lies under, that reads like a file."""

    def seekable(self) -> bool:
        return True


def _memory(length: int) -> _Memory:
    """In huge pages where there are such: weights are read from end to end in each run, and pages looked up."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return _Memory(-1, length)
    # Private memory: whether what processes share, the default, has huge pages is another setting of the system's.
    memory = _Memory(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _read(path: Path) -> _Memory:
    with path.open("rb") as file:
        size = path.stat().st_size
        memory = _memory(max(size, 1))
        if file.readinto(memory) != size:
            raise ArtifactError(f"{path}: changed while it was read")
    return memory


def _checked(path: Path) -> mmap.mmap:
    memory = _read(path)
    _check_file(path, memory)
    return memory


def _check_file(path: Path, memory: _Memory) -> None:
    """A .vmfb is a ZIP archive of stored files: `module.fb`, a FlatBuffer with the identifier IREE, and read-only data.

    Raises ArtifactError unless every file in it has its checksum.
    """
    damage = f"{path}: is no .vmfb file, or a damaged one"
    try:
        with zipfile.ZipFile(memory) as archive:  # type: ignore[call-overload]
            compressed = [e.filename for e in archive.infolist() if e.compress_type != zipfile.ZIP_STORED]
            wrong = compressed[0] if compressed else archive.testzip()
            with archive.open("module.fb") as module:
                head = module.read(12)
    except DAMAGED_ZIP as error:
        raise ArtifactError(f"{damage}: {cause(error)}") from None
    if wrong is not None:
        raise ArtifactError(f"{damage}: {wrong!r} in it is not what was written")
    # After the FlatBuffer's length and the offset of its root.
    if head[8:] != b"IREE":
        raise ArtifactError(f"{damage}: its module is no FlatBuffer of IREE's")


def _entry_point(vm_module: Any, name: str) -> tuple[str, Signature]:
    """The function to run, which is the only one with a signature, and its signature."""
    found = {}
    for function_name in vm_module.function_names:
        text = vm_module.lookup_function(function_name).reflection.get(REFLECTION_KEY)
        if text is not None:
            found[function_name] = text
    if len(found) != 1:
        raise ArtifactError(f"{name}: has {len(found)} functions with a {REFLECTION_KEY}; an artifact has one")
    [(function_name, text)] = found.items()
    return function_name, Signature.parse(text)


def _check_parameters(signature: Signature, index: ParameterIndex, name: str) -> None:
    lengths = {key: entry.length for key, entry in index.items()}
    for key, descriptor in signature.parameters.items():
        if key not in lengths:
            raise ArtifactError(f"{name}: parameter {key!r} is missing; its archive (.irpa) must lie beside it")
        if lengths[key] != descriptor.byte_length:
            needed = f"{descriptor} has {descriptor.byte_length}"
            raise ArtifactError(f"{name}: parameter {key!r} has {lengths[key]} bytes; {needed}")
