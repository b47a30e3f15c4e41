"""Values that are known when a model is read: weights, mapped from their file, and what shape arithmetic gives."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import ml_dtypes
import numpy as np
import onnx_ir as ir

from webnn_mlir.dialects.webnn import Constant, DataType, Descriptor, OpError
from webnn_mlir.dialects.webnn.int4 import pack_int4, unpack_int4

from ...recall import look_at
from ..source import quote, shorten

Array = np.ndarray[Any, Any]

DATA_TYPES = {
    ir.DataType.FLOAT: DataType.FLOAT32,
    ir.DataType.FLOAT16: DataType.FLOAT16,
    ir.DataType.INT64: DataType.INT64,
    ir.DataType.UINT64: DataType.UINT64,
    ir.DataType.INT32: DataType.INT32,
    ir.DataType.UINT32: DataType.UINT32,
    ir.DataType.INT8: DataType.INT8,
    ir.DataType.UINT8: DataType.UINT8,
    ir.DataType.INT4: DataType.INT4,
    ir.DataType.UINT4: DataType.UINT4,
    ir.DataType.BOOL: DataType.UINT8,
}
"""WebNN's data type for each of ONNX's that it has one for; truth values are 0 and 1 as uint8."""

_UNPACKED = {DataType.INT4: ml_dtypes.int4, DataType.UINT4: ml_dtypes.uint4}


def webnn_type(data_type: ir.DataType) -> DataType:
    """WebNN's data type for one of ONNX's. Raises OpError when there is none."""
    if data_type not in DATA_TYPES:
        raise OpError(f"data type {data_type.name} is none of WebNN's")
    return DATA_TYPES[data_type]


class Known:
    """A value that is known at import, of any of ONNX's data types. Its elements are read when they are asked for."""

    def __init__(self, data_type: ir.DataType, shape: tuple[int, ...], read: Callable[[], Array],
                 mapped: Constant | None = None, name: str | None = None):  # fmt: skip
        self.data_type, self.shape, self._read, self._mapped, self.name = data_type, shape, read, mapped, name

    @classmethod
    def of(cls, array: Any) -> Known:
        """The value of a NumPy array, or of a number."""
        array = np.asarray(array)
        return cls(ir.DataType.from_numpy(array.dtype), array.shape, lambda: array)

    @cached_property
    def array(self) -> Array:
        """The elements, in the NumPy type (or ml_dtypes') of the data type."""
        return self._read()

    def reshaped(self, shape: tuple[int, ...]) -> Known:
        """The same elements in another shape of the same size."""
        return Known(self.data_type, shape, lambda: self.array.reshape(shape), self._mapped, self.name)

    @property
    def nbytes(self) -> int:
        return math.ceil(math.prod(self.shape) * self.data_type.itemsize)

    @property
    def descriptor(self) -> Descriptor:
        """Raises OpError for a data type or a shape that WebNN does not have."""
        descriptor = Descriptor(webnn_type(self.data_type), self.shape)
        if problem := descriptor.problem():
            raise OpError(f"tensor {quote(self.name)}: {problem}" if self.name else problem)
        return descriptor

    @property
    def constant(self) -> Constant:
        """The packed bytes; those of a weight are its file's."""
        if self._mapped is not None and self.data_type != ir.DataType.BOOL:
            return self._mapped
        descriptor = self.descriptor
        array = np.ascontiguousarray(self.array).astype(descriptor.data_type.numpy, copy=False)
        if descriptor.data_type.bits == 4:
            return Constant(pack_int4(array, descriptor.data_type), self.name)
        return Constant(np.frombuffer(array.tobytes(), np.uint8), self.name)


class Folder:
    """The folder of a model, from which its external data is mapped."""

    def __init__(self, path: Path):
        self.path = path
        self._maps: dict[str, Array] = {}

    def known(self, tensor: ir.TensorProtocol) -> Known:
        """The value of a tensor of the model. Raises OpError when its data is missing, short or outside the folder."""
        shape = tuple(int(d) for d in tensor.shape.numpy())
        if not isinstance(tensor, ir.ExternalTensor):
            return Known(tensor.dtype, shape, lambda: _read(tensor), None, tensor.name or None)
        if tensor.dtype == ir.DataType.STRING:
            raise OpError(f"tensor {quote(tensor.name)}: strings cannot be external data")
        length = math.ceil(math.prod(shape) * tensor.dtype.itemsize)
        if tensor.length is not None and tensor.length != length:
            raise OpError(
                f"tensor {quote(tensor.name)} has {tensor.length} bytes; {tensor.dtype.name}{list(shape)} has {length}"
            )
        file, offset = self.path / os.fspath(tensor.location), tensor.offset or 0
        data = self._map(os.fspath(tensor.location), offset, length, tensor.name)
        constant = Constant(data, tensor.name or None, str(file), offset)
        return Known(tensor.dtype, shape, lambda: _elements(data, tensor.dtype, shape), constant, constant.name)

    def _map(self, location: str, offset: int, length: int, name: str | None) -> Array:
        where = f"tensor {quote(name)}: external data {quote(location)}"
        inside = PurePosixPath(location), PureWindowsPath(location)
        if not location or any(p.is_absolute() or p.drive or ".." in p.parts for p in inside):
            raise OpError(f"{where} must lie in the model's folder")
        if location not in self._maps:
            look_at(self.path / location)
            try:
                if not (self.path / location).is_file():
                    raise OpError(f"{where} is not there")
                self._maps[location] = np.memmap(self.path / location, np.uint8, "r")
            except (OSError, ValueError) as error:
                raise OpError(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}") from None
        data = self._maps[location]
        if offset < 0 or offset + length > len(data):
            raise OpError(f"{where} has {len(data)} bytes; {length} are needed from byte {offset}")
        return data[offset : offset + length]


def _read(tensor: ir.TensorProtocol) -> Array:
    """The elements of a tensor that the model itself holds."""
    try:
        return tensor.numpy()
    except (ValueError, TypeError, OverflowError) as error:
        raise OpError(f"tensor {quote(tensor.name)} is damaged: {shorten(str(error), 200)}") from None


def _elements(data: Array, data_type: ir.DataType, shape: tuple[int, ...]) -> Array:
    if data_type in (ir.DataType.INT4, ir.DataType.UINT4):
        descriptor = Descriptor(DATA_TYPES[data_type], shape)
        return unpack_int4(data, descriptor).astype(_UNPACKED[descriptor.data_type])
    if data_type.itemsize < 1:
        raise OpError(f"data type {data_type.name} is none of WebNN's")
    # A tensor of the file need not be aligned, which NumPy allows and compiled code handles.
    return data.view(np.uint8).view(data_type.numpy()).reshape(shape)
