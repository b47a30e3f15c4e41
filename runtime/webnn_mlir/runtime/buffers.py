"""Buffers of the caller's: what may be written to a tensor, and what a tensor may be read into."""

from __future__ import annotations

from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import OpError
from webnn_mlir.dialects.webnn.builder import make_descriptor
from webnn_mlir.dialects.webnn.int4 import pack_int4
from webnn_mlir.dialects.webnn.types import Descriptor

from .device import Array, layout
from .limits import MAX_TENSOR_BYTE_LENGTH


def checked_descriptor(given: Any, data_type: Any, what: str) -> Descriptor:
    """A descriptor, a mapping, or shape and data type in either order. Raises TypeError."""
    if isinstance(given, list | tuple):
        given, data_type = data_type or "float32", given
    descriptor = make_descriptor(given, data_type, what)
    if descriptor.byte_length > MAX_TENSOR_BYTE_LENGTH:
        rule = f"{descriptor} has {descriptor.byte_length} bytes; at most {MAX_TENSOR_BYTE_LENGTH} are allowed"
        raise OpError(rule, what)
    return descriptor


def as_bytes(descriptor: Descriptor, data: Any, what: str, compatibility: str | None = None) -> Array:
    """An array of the descriptor, or a buffer of its length, as it lies in a tensor. Raises TypeError.

    A buffer is of bytes or of the descriptor's data type, with `compatibility` of any.
    https://www.w3.org/TR/webnn/#validate-buffer-with-descriptor
    """
    lies = layout(descriptor)
    if isinstance(data, bool | int | float | list | tuple | np.generic):
        data = np.asarray(data, descriptor.data_type.numpy)
    if isinstance(data, np.ndarray):
        if data.dtype == descriptor.data_type.numpy and data.shape == descriptor.shape:
            packed = descriptor.data_type.bits == 4
            return pack_int4(data, descriptor.data_type) if packed else np.asarray(data, order="C")
        if data.dtype not in (np.uint8, lies.dtype) and not compatibility:
            raise OpError(f"an array of {data.dtype} is no {descriptor}", what)
        if data.dtype != np.uint8 and data.ndim != 1:
            raise OpError(f"an array of shape {list(data.shape)} is no {descriptor}", what)
        data = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    try:
        flat = np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError):
        raise OpError(f"{type(data).__name__} is no buffer", what) from None
    if flat.nbytes != descriptor.byte_length:
        raise OpError(f"{flat.nbytes} bytes given; {descriptor} has {descriptor.byte_length}", what)
    return flat.view(lies.dtype).reshape(lies.shape)


def check_output(descriptor: Descriptor, output: Any, compatibility: str | None = None) -> None:
    """Raises TypeError unless a tensor can be read into the buffer, which with `compatibility` may be longer."""
    try:
        view = memoryview(output)
    except TypeError:
        raise OpError(f"{type(output).__name__} is no buffer", "readTensor") from None
    if view.readonly or not view.c_contiguous:
        raise OpError("the buffer cannot be written", "readTensor")
    length = min(view.nbytes, descriptor.byte_length) if compatibility else view.nbytes
    if length != descriptor.byte_length:
        raise OpError(f"the buffer has {view.nbytes} bytes; {descriptor} has {descriptor.byte_length}", "readTensor")
    allowed = (np.uint8, layout(descriptor).dtype)
    if isinstance(output, np.ndarray) and output.dtype not in allowed and not compatibility:
        raise OpError(f"an array of {output.dtype} is no {descriptor}", "readTensor")


def deliver(array: Array, output: Any) -> Array:
    """Copies what was read as it lies in the tensor into a buffer, if there is one."""
    if output is not None:
        target = np.frombuffer(memoryview(output).cast("B"), np.uint8)
        target[: array.nbytes] = array.reshape(-1).view(np.uint8)
    return array
