"""How the constants of a graph become the parameters of a kernel.

A group of columns, as many as a vector has lanes, lies together, and in it block after block. Each lane has four
successive weights of its column; those of 4 bits share a byte with the four after them, which lie in its upper half.
Scales and zero points are one a lane and block. Columns and blocks are filled up with zeros.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Packing:
    """Makes a parameter's bytes of a constant's. All fields are such as JSON holds.

    The constant's elements of `element` (a data type) have the axes `shape` in memory. As a matrix they have the axes
    `sizes`: of the columns the first `columns`, of the depth the others; `axes` tells for each which of the constant's
    it is, -1 for one that it is repeated along. `lanes` columns are a group. The depth is repeated `repeat` times an
    element, and filled up to `depth`. `flip` is added to integers. `interleave`: whether four successive elements share
    a lane. `transform`, if there is one, has the rows of a matrix that the first axis of the depth is multiplied with.
    Columns are filled up in each of so many `parts`.
    """

    element: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    sizes: tuple[int, ...]
    columns: int
    lanes: int
    depth: int
    repeat: int = 1
    flip: int = 0
    interleave: bool = False
    transform: tuple[float, ...] = ()
    parts: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Packing:
        """Raises TypeError for fields that it has not."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        return cls(**plain)

    @property
    def byte_length(self) -> int:
        """Of the parameter."""
        columns = self._filled(math.prod(self.sizes[: self.columns]))
        if self.element in NIBBLES:
            return columns * self.depth // (2 if self.interleave else 1)
        return columns * self.depth * np.dtype(self.element).itemsize

    def apply(self, data: Array) -> Array:
        """The parameter's bytes, of the constant's bytes. Raises ValueError where there are too few or too many."""
        data = data.reshape(-1).view(np.uint8)
        if not self.interleave:
            lanes = self._padded(self._matrix(data), self.depth)
        elif self.element in NIBBLES:
            words = self._words(data) if self._in_order else _in_words(self._padded(self._matrix(data), self.depth))
            lanes = self._padded(_spread(words), self.depth // 8)
        else:
            lanes = self._padded(self._matrix(data), self.depth).view(np.uint32)
        groups = lanes.reshape(-1, self.lanes, lanes.shape[1])
        return np.ascontiguousarray(groups.transpose(0, 2, 1)).reshape(-1).view(np.uint8)

    @property
    def _in_order(self) -> bool:
        """Whether the constant is the matrix, and its rows have whole words."""
        depth = math.prod(self.sizes[self.columns :])
        return self.axes == tuple(range(len(self.shape))) and self.repeat == 1 and depth % 8 == 0

    def _words(self, data: Array) -> Array:
        """Eight weights a word, the first of them lowest."""
        words = data.view(np.uint32).reshape(math.prod(self.sizes[: self.columns]), -1)
        return words ^ np.uint32(0x88888888) if self.flip else words

    def _padded(self, matrix: Array, depth: int) -> Array:
        """Filled up with zeros to whole groups of columns, and to a depth."""
        columns = self._filled(matrix.shape[0])
        if matrix.shape == (columns, depth):
            return np.ascontiguousarray(matrix)
        full = np.zeros((self.parts, columns // self.parts, depth), matrix.dtype)
        full[:, : matrix.shape[0] // self.parts, : matrix.shape[1]] = matrix.reshape(self.parts, -1, matrix.shape[1])
        return full.reshape(columns, depth)

    def _filled(self, columns: int) -> int:
        return -(-columns // self.parts // self.lanes) * self.lanes * self.parts

    def _matrix(self, data: Array) -> Array:
        """Columns by depth; integers as unsigned bytes."""
        elements = self._elements(data)
        own = [axis for axis in self.axes if axis >= 0]
        elements = elements.transpose(own)
        places = tuple(slice(None) if axis >= 0 else None for axis in self.axes)
        elements = np.broadcast_to(elements[places], self.sizes)
        matrix = elements.reshape(math.prod(self.sizes[: self.columns]), -1)
        if self.transform:
            size = self.sizes[self.columns]
            factors = np.array(self.transform).reshape(-1, size)
            parts = matrix.reshape(len(matrix), size, -1).astype(np.float64)
            matrix = np.einsum("ij,cjd->cid", factors, parts).astype(matrix.dtype).reshape(len(matrix), -1)
        return np.repeat(matrix, self.repeat, 1) if self.repeat > 1 else matrix

    def _elements(self, data: Array) -> Array:
        if self.element not in INTEGERS:
            return data.view(self.element).reshape(self.shape)
        if self.element not in NIBBLES:
            return (data + np.uint8(self.flip)).reshape(self.shape)
        count = math.prod(self.shape)
        nibbles = np.stack([data & 15, data >> 4], -1).reshape(-1)[:count]
        return ((nibbles + np.uint8(self.flip)) & np.uint8(15)).reshape(self.shape)


def _in_words(nibbles: Array) -> Array:
    """Rows of elements of 4 bits, a byte each, as words of eight, the first of them lowest."""
    return np.ascontiguousarray(nibbles[:, 0::2] | nibbles[:, 1::2] << 4).view(np.uint32)


def _spread(words: Array) -> Array:
    """Of each word's eight elements the first four in the lower halves of its bytes, the others in the upper halves."""

    def to_bytes(halves: Array) -> Array:
        pairs: Array = (halves | halves << 8) & np.uint32(0x00FF00FF)
        spread: Array = (pairs | pairs << 4) & np.uint32(0x0F0F0F0F)
        return spread

    packed: Array = to_bytes(words & np.uint32(0xFFFF)) | to_bytes(words >> 16) << 4
    return packed


@dataclass(frozen=True)
class Packed:
    """A parameter that is made of the constant of a key."""

    source: str
    packing: Packing


NIBBLES = ("int4", "uint4")
INTEGERS = (*NIBBLES, "int8", "uint8")
