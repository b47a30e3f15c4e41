"""A model file without the bytes of its weights, so that they are mapped from it and never pass through protobuf.

A `TensorProto` keeps its bytes in `raw_data`, or refers to a range of another file. `skeleton` rewrites the first form
to the second, with the model file itself as the other file. Protobuf then parses kilobytes, and has no limit of 2 GiB.

Source: https://protobuf.dev/programming-guides/encoding/ and the field numbers of onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

KEPT = 1024
"""Tensors of fewer bytes stay as they are."""

MAX_DEPTH = 64

# Where tensors are, from the model downwards: message -> field number -> message.
_TREE = {
    "Model": {7: "Graph", 25: "Function"},
    "Function": {7: "Node"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
}
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

Bytes = mmap.mmap | bytes


def skeleton(data: Bytes, file_name: str) -> bytes:
    """The ModelProto in `data`, its larger `raw_data` as external data of `file_name`. Raises ValueError if damaged."""
    return _message(data, 0, len(data), "Model", file_name, 0)


def _message(data: Bytes, start: int, end: int, kind: str, file_name: str, depth: int) -> bytes:
    if depth > MAX_DEPTH:
        raise ValueError(f"its messages nest deeper than {MAX_DEPTH}")
    if end - start < KEPT:
        return data[start:end]
    if kind == "Tensor":
        return _tensor(data, start, end, file_name)
    inner = _TREE[kind]
    parts: list[bytes] = []
    copied = start
    for number, wire_type, field, first, last in _fields(data, start, end):
        if wire_type == _LENGTH and number in inner and last - first >= KEPT:
            body = _message(data, first, last, inner[number], file_name, depth + 1)
            parts += [data[copied:field], _tag(number, _LENGTH), _varint(len(body)), body]
            copied = last
    return b"".join([*parts, data[copied:end]])


def _tensor(data: Bytes, start: int, end: int, file_name: str) -> bytes:
    parts: list[bytes] = []
    copied = start
    for number, wire_type, field, first, last in _fields(data, start, end):
        if number == _RAW_DATA and wire_type == _LENGTH and last - first >= KEPT:
            parts += [data[copied:field], _external(file_name, first, last - first)]
            copied = last
    return b"".join([*parts, data[copied:end]])


def _external(file_name: str, offset: int, length: int) -> bytes:
    """The fields that say: the bytes are external, in this range of this file."""
    entries = {"location": file_name, "offset": str(offset), "length": str(length)}
    pairs = (_string(1, key) + _string(2, value) for key, value in entries.items())
    return b"".join(_bytes(_EXTERNAL_DATA, pair) for pair in pairs) + _tag(_DATA_LOCATION, _VARINT) + _varint(1)


def _fields(data: Bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Number, wire type, start, and the range of the value of each field of a message."""
    position = start
    while position < end:
        field = position
        key, position = _read_varint(data, position, end)
        number, wire_type = key >> 3, key & 7
        if wire_type == _LENGTH:
            length, position = _read_varint(data, position, end)
        elif wire_type == _VARINT:
            length = _read_varint(data, position, end)[1] - position
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"byte {field} starts no field")
        if length > end - position:
            raise ValueError(f"it ends early: the field at byte {field} has {length} bytes, {end - position} are left")
        yield number, wire_type, field, position, position + length
        position += length


def _read_varint(data: Bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError(f"it ends early, or is damaged, at byte {position}")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _bytes(number: int, value: bytes) -> bytes:
    return _tag(number, _LENGTH) + _varint(len(value)) + value


def _string(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())
