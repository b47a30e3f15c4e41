"""Loading an artifact and running it.

Loading an artifact makes its native code part of this process: load only what you would run.
"""

from __future__ import annotations

import io
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

SCOPE = "model"
"""The scope of an artifact's parameters: `iree-run-module --parameters=model=FILE.irpa`."""


class Artifact:
    """A loaded artifact. `signature` says what it takes and gives; `run` runs it.

    `driver` is IREE's: local-task uses all cores, local-sync the calling thread.
    """

    def __init__(self, module: Array, parameters: Mapping[str, Array], *, driver: str = "local-task", name: str = "artifact"):
        import iree.runtime as rt

        _check_header(module, name)
        config = _config(driver)
        try:
            vm_module = rt.VmModule.copy_buffer(config.vm_instance, module)
        except (ValueError, RuntimeError) as error:
            raise ArtifactError(f"{name}: the runtime rejects it: {_first_line(error)}") from None
        self.name = name
        function, self.signature = _entry_point(vm_module, name)
        modules = [vm_module]
        if self.signature.parameters:
            # The buffers must live as long as the module.
            self._parameters = _check_parameters(self.signature, parameters, name)
            index = rt.ParameterIndex()
            for key, data in self._parameters.items():
                index.add_buffer(key, data)
            provider = index.create_provider(scope=SCOPE)
            modules.insert(0, rt.create_io_parameters_module(config.vm_instance, provider))
        try:
            self._context = rt.SystemContext(config=config)
            self._context.add_vm_modules(modules)
            self._function = self._context.modules[vm_module.name][function]
        except (ValueError, RuntimeError, KeyError) as error:
            raise ArtifactError(f"{name}: cannot be loaded: {_first_line(error)}") from None

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
        results = self._function(*arguments)
        results = results if isinstance(results, tuple | list) else [results]
        # The host's view of a device array does not keep it alive: it is copied.
        return {
            name: _result(descriptor, np.array(result.to_host()))
            for (name, descriptor), result in zip(self.outputs.items(), results, strict=True)
        }


def load(path: str | Path, *, parameters: str | Path | None = None, driver: str = "local-task") -> Artifact:
    """Loads a .vmfb, and the .irpa of the same name beside it (or `parameters`) where it needs one.

    Raises ArtifactError when a file is damaged or is something else, OSError when it cannot be read.
    """
    path = Path(path)
    module = np.fromfile(path, np.uint8)
    archive = Path(parameters) if parameters else path.with_suffix(".irpa")
    return Artifact(module, read_archive(archive) if archive.exists() else {}, driver=driver, name=str(path))


def read_archive(path: Path) -> dict[str, Array]:
    """The parameters of an .irpa archive, mapped. Raises ArtifactError when it is damaged."""
    import iree.runtime as rt

    index = rt.ParameterIndex()
    try:
        index.load(str(path))
        entries = {key: entry for key, entry in index.items()}
        size = path.stat().st_size
        data = np.memmap(path, np.uint8, "r")
        for key, entry in entries.items():
            if entry.is_file and entry.file_view[1] + entry.length > size:
                raise ArtifactError(f"{path}: parameter {key!r} reaches past the end of the file")
        return {key: _entry(data, entry) for key, entry in entries.items()}
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"{path}: is no parameter archive: {_first_line(error)}") from None


def _entry(data: Array, entry: Any) -> Array:
    if entry.is_splat:
        pattern = np.frombuffer(bytes(entry.splat_pattern), np.uint8)
        return np.resize(pattern, entry.length)
    offset = entry.file_view[1]
    return data[offset : offset + entry.length]


@lru_cache
def _config(driver: str) -> Any:
    import iree.runtime as rt

    try:
        return rt.Config(driver)
    except (ValueError, RuntimeError) as error:
        raise ArtifactError(f"driver {driver!r}: {_first_line(error)}") from None


def _check_header(module: Array, name: str) -> None:
    """A .vmfb is a ZIP archive of stored files: `module.fb`, a FlatBuffer with the identifier IREE, and read-only data.

    Raises ArtifactError unless every file lies inside and the FlatBuffer has its checksum.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(module.data)) as archive:
            code = archive.read("module.fb")
            entries = archive.infolist()
    except (zipfile.BadZipFile, KeyError, NotImplementedError, ValueError, EOFError, zlib.error, RuntimeError) as error:
        raise ArtifactError(f"{name}: is no .vmfb file, or a damaged one: {_first_line(error)}") from None
    size, root, identifier = struct.unpack_from("<II4s", code.ljust(12, b"\0"))
    if identifier != b"IREE" or size > len(code) or root >= size:
        raise ArtifactError(f"{name}: is damaged: its module is no FlatBuffer of IREE's")
    for entry in entries:
        if entry.header_offset + entry.compress_size > module.nbytes:
            raise ArtifactError(f"{name}: is damaged: {entry.filename!r} reaches past its end")


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


def _check_parameters(signature: Signature, parameters: Mapping[str, Array], name: str) -> dict[str, Array]:
    for key, descriptor in signature.parameters.items():
        if key not in parameters:
            raise ArtifactError(f"{name}: parameter {key!r} is missing; its archive (.irpa) must lie beside it")
        if parameters[key].nbytes != descriptor.byte_length:
            found = parameters[key].nbytes
            raise ArtifactError(f"{name}: parameter {key!r} has {found} bytes; {descriptor} has {descriptor.byte_length}")
    return {key: parameters[key] for key in signature.parameters}


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
