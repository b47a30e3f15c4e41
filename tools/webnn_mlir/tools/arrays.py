"""NumPy files: one array (.npy) or several by name (.npz), read against what is expected of them, and written whole."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from webnn_mlir.dialects.files import write_whole
from webnn_mlir.dialects.webnn.types import Descriptor
from webnn_mlir.runtime.artifact import DAMAGED_ZIP

Array = np.ndarray[Any, Any]

SUFFIX = ".npy"
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of an archive's entries: equal arrays give equal bytes."""


def read_npy(path: Path, descriptor: Descriptor) -> Array:
    """The array of a .npy file. Raises ValueError when it is not of the descriptor; nothing is unpickled."""
    with path.open("rb") as stream:
        return _read(stream, descriptor, str(path))


class Archive:
    """A .npz file, whose arrays are read one by one, to be used in a `with`. Raises ValueError when it is none."""

    def __init__(self, path: Path):
        self.path = path
        with ExitStack() as stack:
            stream = stack.enter_context(path.open("rb"))
            with self._errors():
                self._file = stack.enter_context(zipfile.ZipFile(stream))
            self.names = [n.removesuffix(SUFFIX) for n in self._file.namelist() if n.endswith(SUFFIX)]
            if len(set(self.names)) != len(self.names):
                raise ValueError(f"{path}: has two arrays of one name")
            self._close = stack.pop_all().close

    def read(self, name: str, descriptor: Descriptor) -> Array:
        """One array. Raises ValueError when it is not there or not of the descriptor."""
        if name not in self.names:
            raise ValueError(f"{self.path}: has no array {name!r}; there are: {', '.join(self.names) or 'none'}")
        with self._errors():
            stream = self._file.open(name + SUFFIX)
        with stream:
            return _read(stream, descriptor, f"{self.path}: {name!r}")

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DAMAGED_ZIP as error:
            raise ValueError(f"{self.path}: is no .npz file, or a damaged one: {error}") from None


def _read(stream: IO[bytes], descriptor: Descriptor, where: str) -> Array:
    """An array in NumPy's format. Its header is checked before memory is taken for it."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in HEADERS:
            raise ValueError(f"version {version} of the format holds no array of numbers")
        shape, fortran, dtype = HEADERS[version](stream)
    except (*DAMAGED_ZIP, SyntaxError, TypeError) as error:
        raise ValueError(f"{where}: is no NumPy array: {' '.join(str(error).split())}") from None
    data_type = dtype.newbyteorder("=")
    if not _fits(data_type, shape, descriptor):
        raise ValueError(f"{where}: is {data_type}{list(shape)}; it must be {expected(descriptor)}")
    length = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    try:
        data = stream.read(length)
    except DAMAGED_ZIP as error:
        raise ValueError(f"{where}: is damaged: {error}") from None
    if len(data) != length:
        raise ValueError(f"{where}: ends after {len(data)} of {length} bytes")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(array, data_type).reshape(shape)


def _fits(data_type: np.dtype[Any], shape: tuple[int, ...], descriptor: Descriptor) -> bool:
    packed = descriptor.data_type.bits == 4 and data_type == np.uint8 and shape == (descriptor.byte_length,)
    return packed or (data_type == descriptor.data_type.numpy and shape == descriptor.shape)


def expected(descriptor: Descriptor) -> str:
    """What an array of a descriptor is in NumPy."""
    if descriptor.data_type.bits != 4:
        return str(descriptor)
    one_each = f"{descriptor.data_type.numpy}{list(descriptor.shape)}"
    return f"{one_each}, an element of {descriptor.data_type} each, or uint8[{descriptor.byte_length}], two a byte"


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Writes arrays by name, whole or not at all. Raises ValueError for a name that no archive holds."""

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                with archive.open(zipfile.ZipInfo(name + SUFFIX, EPOCH), "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, array, allow_pickle=False)

    check_names(arrays)
    write_whole(path, write)


def check_names(names: Iterable[str]) -> None:
    """Raises ValueError for a name that an archive would change or cannot hold."""
    for name in names:
        entry = name + SUFFIX
        try:
            kept = zipfile.ZipInfo(entry).filename == entry and len(entry.encode()) < 2**16
        except UnicodeEncodeError:
            kept = False
        if not kept:
            raise ValueError(f"an .npz file cannot hold an array of the name {name!r}")
