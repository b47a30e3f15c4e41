"""int4 and uint4 as arrays: one element an entry, and packed two a byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .diagnostics import OpError
from .types import DataType, Descriptor

if TYPE_CHECKING:
    import numpy as np


def pack_int4(values: np.ndarray[Any, Any], data_type: DataType) -> np.ndarray[Any, Any]:
    """Packs one element an entry into bytes, low nibble first. Raises OpError for values out of range."""
    import numpy as np

    low, high = data_type.range
    flat = np.asarray(values).ravel()
    if flat.size and not (low <= int(flat.min()) and int(flat.max()) <= high):
        raise OpError(f"values from {flat.min()} to {flat.max()} given; {data_type} holds {low} to {high}", "constant")
    nibbles = flat.astype(np.uint8) & 0xF
    if nibbles.size % 2:
        nibbles = np.append(nibbles, np.uint8(0))
    return nibbles[0::2] | (nibbles[1::2] << 4)


def unpack_int4(data: np.ndarray[Any, Any], descriptor: Descriptor) -> np.ndarray[Any, Any]:
    """The inverse of `pack_int4`: an int8 or uint8 array of the descriptor's shape."""
    import numpy as np

    nibbles = np.empty(data.size * 2, np.uint8)
    nibbles[0::2], nibbles[1::2] = data & 0xF, data >> 4
    values = nibbles[: descriptor.size].reshape(descriptor.shape)
    if descriptor.data_type is DataType.UINT4:
        return values
    return ((values ^ 8).astype(np.int8) - np.int8(8)).astype(np.int8)
