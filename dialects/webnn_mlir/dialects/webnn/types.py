"""The data types of operands and the descriptor that pairs one with a shape.

Source: https://www.w3.org/TR/webnn/#api-mloperanddescriptor. int4 and uint4 go beyond it, as in Chromium; they are
packed two a byte, low nibble first, without padding between rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MAX_DIMENSION = 2**31 - 1
"""A valid dimension is in the range of WebIDL's `long`."""

MAX_TENSORS = 8192
"""A valid tensor count is at most this: https://www.w3.org/TR/webnn/#valid-tensor-count."""


class DataType(StrEnum):
    """A data type, valued by the specification's spelling."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT64 = "int64"
    UINT64 = "uint64"
    INT32 = "int32"
    UINT32 = "uint32"
    INT8 = "int8"
    UINT8 = "uint8"
    INT4 = "int4"
    UINT4 = "uint4"

    @property
    def is_float(self) -> bool:
        return self.value.startswith("float")

    @property
    def is_unsigned(self) -> bool:
        return self.value.startswith("uint")

    @property
    def bits(self) -> int:
        return int(self.value.lstrip("uintfloa"))

    @property
    def mlir(self) -> str:
        """The MLIR element type, in StableHLO's convention: signless integers are signed."""
        prefix = "f" if self.is_float else "ui" if self.is_unsigned else "i"
        return f"{prefix}{self.bits}"

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy type of one element; int4 and uint4 unpack to a byte each."""
        import numpy as np

        return np.dtype({"int4": "int8", "uint4": "uint8"}.get(self.value, self.value))

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest value of an integer type."""
        return (0, 2**self.bits - 1) if self.is_unsigned else (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1)

    @classmethod
    def from_mlir(cls, text: str) -> DataType:
        """The data type of an MLIR element type. Raises KeyError when there is none."""
        return _FROM_MLIR[text]


_FROM_MLIR = {t.mlir: t for t in DataType}


def cast_number(value: int | float, data_type: DataType) -> int | float:
    """A number as a data type holds it: https://www.w3.org/TR/webnn/#cast."""
    import numpy as np

    if data_type.is_float:
        with np.errstate(over="ignore"):
            return float(np.asarray(value, data_type.numpy))
    low, high = data_type.range
    return 0 if value != value else round(min(max(value, low), high))

FLOATS = (DataType.FLOAT32, DataType.FLOAT16)
INT4S = (DataType.INT4, DataType.UINT4)
SIGNED = (*FLOATS, DataType.INT64, DataType.INT32, DataType.INT8)
WIDE = (*FLOATS, DataType.INT32, DataType.UINT32, DataType.INT64, DataType.UINT64)
ALL = (*WIDE, DataType.INT8, DataType.UINT8)
ALL_AND_INT4S = (*ALL, *INT4S)
INDICES = (DataType.INT32, DataType.UINT32, DataType.INT64)
QUANTIZED = (DataType.UINT8, DataType.INT8, DataType.UINT32, DataType.INT32, *INT4S)
BOOLEAN = (DataType.UINT8,)


@dataclass(frozen=True)
class Descriptor:
    """Data type and shape of an operand.

    Raises TypeError in `check` where https://www.w3.org/TR/webnn/#mloperanddescriptor-check-dimensions returns false.
    """

    data_type: DataType
    shape: tuple[int, ...]

    @classmethod
    def of(cls, data_type: DataType | str, shape: Sequence[int]) -> Descriptor:
        return cls(DataType(data_type), tuple(shape))

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def byte_length(self) -> int:
        """Bytes of the packed tensor."""
        return (self.size * self.data_type.bits + 7) // 8

    def with_shape(self, shape: Sequence[int]) -> Descriptor:
        return Descriptor(self.data_type, tuple(shape))

    def with_type(self, data_type: DataType) -> Descriptor:
        return Descriptor(data_type, self.shape)

    def problem(self) -> str | None:
        """The rule that the dimensions break, or None."""
        for dim in self.shape:
            if not 0 < dim <= MAX_DIMENSION:
                return f"dimension {dim} of shape {list(self.shape)} must be from 1 to {MAX_DIMENSION}"
        if self.size > MAX_DIMENSION:
            return f"shape {list(self.shape)} has {self.size} elements; at most {MAX_DIMENSION} are allowed"
        return None

    def __str__(self) -> str:
        return f"{self.data_type}{list(self.shape)}"
