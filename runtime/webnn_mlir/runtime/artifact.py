"""Loading an artifact and running it.

Loading an artifact makes its native code part of this process: load only what you would run.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn.builder import pack_int4, unpack_int4
from webnn_mlir.dialects.webnn.types import Descriptor

from .signature import REFLECTION_KEY, ArtifactError, Signature

Array = np.ndarray[Any, Any]

ParameterIndex = Any
"""`iree.runtime.ParameterIndex`: buffers by key."""

SCOPE = "model"
"""The scope of an artifact's parameters: `iree-run-module --parameters=model=FILE.irpa`."""


class Artifact:
    """A loaded artifact. `signature` says what it takes and gives; `run` runs it.

    `parameters` holds the weights that it does not hold itself. `driver` is IREE's: local-task uses all cores,
    local-sync the calling thread. Raises ArtifactError when the file is damaged or is something else.
    """

    def __init__(self, path: Path, parameters: ParameterIndex | None = None, *, driver: str = "local-task"):
        import iree.runtime as rt

        config = _config(driver)
        vm_module, function, self.signature = open_module(path, config.vm_instance)
        modules = [vm_module]
        if self.signature.parameters:
            index = parameters or rt.ParameterIndex()
            _check_parameters(self.signature, index, str(path))
            modules.insert(0, rt.create_io_parameters_module(config.vm_instance, index.create_provider(scope=SCOPE)))
        try:
            self._context = rt.SystemContext(config=config)
            self._context.add_vm_modules(modules)
            self._function = self._context.modules[vm_module.name][function]
        except (ValueError, RuntimeError, KeyError) as error:
            raise ArtifactError(f"{path}: cannot be loaded: {_first_line(error)}") from None

    @property
    def inputs(self) -> dict[str, Descriptor]:
        return self.signature.inputs

    @property
    def outputs(self) -> dict[str, Descriptor]:
        return self.signature.outputs

    def run(self, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, Array]:
        """Runs on arrays by input name and returns arrays by output name.

        int4 and uint4 go in as int8 and uint8 arrays, one element an entry (or as packed bytes), and come out so.
        Raises TypeError for names, data types and shapes that the signature does not have.
        """
        given = {**(inputs or {}), **named}
        if unknown := sorted(set(given) - set(self.inputs)):
            raise TypeError(f"unknown input {unknown[0]!r}; there are: {', '.join(self.inputs)}")
        if missing := [name for name in self.inputs if name not in given]:
            raise TypeError(f"input {missing[0]!r} is missing")
        arguments = [_argument(name, descriptor, given[name]) for name, descriptor in self.inputs.items()]
        taken = set(self.signature.aliases.values())
        # The caller's array stays as it is.
        arguments = [a.copy() if name in taken else a for name, a in zip(self.inputs, arguments, strict=True)]
        results = self._function(*arguments)
        results = results if isinstance(results, tuple | list) else [results]
        # The host's view of a device array does not keep it alive: it is copied.
        return {
            name: _result(descriptor, np.array(result.to_host()))
            for (name, descriptor), result in zip(self.outputs.items(), results, strict=True)
        }


def load(path: str | Path, *, parameters: str | Path | None = None, driver: str = "local-task") -> Artifact:
    """Loads a .vmfb, and the .irpa of the same name beside it (or `parameters`) where it needs one.

    Both are mapped, not copied. Raises ArtifactError when one is damaged or something else, OSError when it cannot be
    read.
    """
    path = Path(path)
    archive = Path(parameters) if parameters else path.with_suffix(".irpa")
    return Artifact(path, read_archive(archive) if parameters or archive.exists() else None, driver=driver)


def read_archive(path: Path) -> ParameterIndex:
    """The parameters of an .irpa archive, mapped. Raises ArtifactError when it is damaged."""
    import iree.runtime as rt

    index = rt.ParameterIndex()
    with path.open("rb"):
        pass  # IREE's error for a file that cannot be opened looks like one for a damaged file
    try:
        index.load(str(path))
    except (ValueError, RuntimeError, IndexError) as error:
        raise ArtifactError(f"{path}: is no parameter archive, or a damaged one: {_first_line(error)}") from None
    for key, entry in index.items():
        # IREE's own check lets an offset near 2^64 wrap around; its view ends where the file does.
        if entry.is_file and entry.file_view.nbytes != entry.length:
            raise ArtifactError(f"{path}: is damaged: parameter {key!r} reaches past its end")
    return index


def open_module(path: Path, instance: Any) -> tuple[Any, str, Signature]:
    """The VM module of a .vmfb, the name of its function, and its signature. None of its native code is loaded by this.

    Raises ArtifactError when the file is damaged or is something else.
    """
    import iree.runtime as rt

    _check_file(path)
    try:
        vm_module = rt.VmModule.wrap_buffer(instance, np.memmap(path, np.uint8, "r"))
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"{path}: the runtime rejects it: {_first_line(error)}") from None
    return vm_module, *_entry_point(vm_module, str(path))


@lru_cache
def _config(driver: str) -> Any:
    import iree.runtime as rt

    try:
        return rt.Config(driver)
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"driver {driver!r}: {_first_line(error)}") from None


DAMAGED_ZIP = (
    zipfile.BadZipFile, OSError, KeyError, NotImplementedError, EOFError, RuntimeError, ValueError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip
"""What `zipfile` raises for files that are none, or damaged ones."""


def _check_file(path: Path) -> None:
    """A .vmfb is a ZIP archive of stored files: `module.fb`, a FlatBuffer with the identifier IREE, and read-only data.

    Raises ArtifactError unless every file in it has its checksum.
    """
    damage = f"{path}: is no .vmfb file, or a damaged one"
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                compressed = [e.filename for e in archive.infolist() if e.compress_type != zipfile.ZIP_STORED]
                wrong = compressed[0] if compressed else archive.testzip()
                with archive.open("module.fb") as module:
                    head = module.read(12)
        except DAMAGED_ZIP as error:
            raise ArtifactError(f"{damage}: {_first_line(error)}") from None
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


def _argument(name: str, descriptor: Descriptor, value: Any) -> Array:
    array = np.asarray(value)
    expected = descriptor.data_type.numpy
    if descriptor.data_type.bits == 4:
        if array.dtype == np.uint8 and array.shape == (descriptor.byte_length,) != descriptor.shape:
            return array
    elif array.dtype == expected and array.shape == descriptor.shape:
        return np.asarray(array, order="C")  # ascontiguousarray makes a scalar one-dimensional
    if array.dtype != expected or array.shape != descriptor.shape:
        raise TypeError(f"input {name!r} must be {descriptor}, not {array.dtype}{list(array.shape)}")
    return pack_int4(array, descriptor.data_type)


def _result(descriptor: Descriptor, array: Array) -> Array:
    data = np.ascontiguousarray(array).reshape(-1)
    if descriptor.data_type.bits == 4:
        return unpack_int4(data.view(np.uint8), descriptor)
    return data.view(descriptor.data_type.numpy).reshape(descriptor.shape)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
