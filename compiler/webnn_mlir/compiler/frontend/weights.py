"""Weights files: `.safetensors`, and `.weights` with a manifest. Tensors are mapped, checked before use, never copied.

Three cases need a copy, since the bytes of the file are not those of the constant: BF16 for a float32 constant, and
int4 or uint4 kept one a byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import Constant, DataType, Descriptor, Diagnostic, GraphError, OpError
from webnn_mlir.dialects.webnn.int4 import pack_int4

from ..recall import look_at
from .positional_json import Object, parse
from .source import MAX_SOURCE_BYTES, Source, decode, failure, os_errors, quote, read_source, size_of_file

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

SAFETENSORS_TYPES = {
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "uint64": "U64",
    "int32": "I32",
    "uint32": "U32",
    "int8": "I8",
    "uint8": "U8",
}
_FROM_SAFETENSORS = {short: name for name, short in SAFETENSORS_TYPES.items()}
_SAFETENSORS_BITS = {"F64": 64, "I16": 16, "U16": 16, "BF16": 16, "BOOL": 8} | {
    short: DataType(name).bits for short, name in _FROM_SAFETENSORS.items()
}
WEIGHTS_MAGIC = b"WGWT" + (1).to_bytes(4, "little")


@dataclass(frozen=True)
class Tensor:
    """A tensor of a file: its data type by WebNN's name where it has one, its shape, and the place of its bytes."""

    key: str
    data_type: str
    shape: tuple[int, ...]
    offset: int
    length: int


@dataclass
class WeightsFile:
    """The tensors of a file by key, and its bytes, mapped."""

    path: str
    tensors: dict[str, Tensor]
    data: Bytes
    _aliases: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in self.tensors:
            self._aliases.setdefault(_alias(key), []).append(key)

    def constant(self, ref: str, descriptor: Descriptor) -> Constant:
        """The tensor that `ref` names, as a constant of the descriptor. Raises OpError with the rule that it breaks."""
        tensor = self._find(ref)
        data = self.data[tensor.offset : tensor.offset + tensor.length]
        what = f"tensor {quote(tensor.key)} of {os.path.basename(self.path)}"
        if descriptor.data_type.bits == 4:
            packed = _packed(tensor, data, descriptor, what)
            copied = packed is not data
        else:
            packed, copied = self._plain(tensor, data, descriptor, what)
        place = {} if copied else {"file": self.path, "offset": tensor.offset}
        return Constant(packed, tensor.key, **place)  # type: ignore[arg-type]

    def _find(self, ref: str) -> Tensor:
        if ref in self.tensors:
            return self.tensors[ref]
        keys = self._aliases.get(_alias(ref), [])
        if not keys:
            raise OpError(f"{os.path.basename(self.path)} has no tensor {quote(ref)}")
        if len(keys) > 1:
            raise OpError(f"{quote(ref)} could be any of {', '.join(map(quote, keys))}")
        return self.tensors[keys[0]]

    @staticmethod
    def _plain(tensor: Tensor, data: Bytes, descriptor: Descriptor, what: str) -> tuple[Bytes, bool]:
        _require_shape(tensor, descriptor, what)
        if tensor.data_type == "BF16" and descriptor.data_type is DataType.FLOAT32:
            # The upper half of a float32 is its bfloat16.
            widened = data.view("<u2").astype("<u4")
            widened <<= 16
            return widened.view(np.uint8), True
        if tensor.data_type != descriptor.data_type:
            raise OpError(f"{what} has data type {tensor.data_type}; the constant has {descriptor.data_type}")
        if data.nbytes != descriptor.byte_length:
            raise OpError(f"{what} has {data.nbytes} bytes; {descriptor} has {descriptor.byte_length}")
        return data, False


def _require_shape(tensor: Tensor, descriptor: Descriptor, what: str) -> None:
    if tensor.shape != descriptor.shape:
        raise OpError(f"{what} has shape {quote(list(tensor.shape))}; the constant has {quote(list(descriptor.shape))}")


def _packed(tensor: Tensor, data: Bytes, descriptor: Descriptor, what: str) -> Bytes:
    """Packed int4 or uint4 of a file that holds them two a byte or one a byte: the byte length tells which."""
    if tensor.data_type not in (descriptor.data_type, DataType.INT8, DataType.UINT8):
        raise OpError(f"{what} has data type {tensor.data_type}; {descriptor.data_type} needs {descriptor.data_type}, "
                      "int8 or uint8")
    packed = pack_by_length(data, descriptor, what)
    if packed is not data or tensor.data_type == descriptor.data_type:
        _require_shape(tensor, descriptor, what)
    return packed


def pack_by_length(data: Bytes, descriptor: Descriptor, what: str) -> Bytes:
    """Packed int4 or uint4 elements of bytes that hold two elements, then as given, or one. Raises OpError."""
    if data.nbytes == descriptor.byte_length:
        return data
    if data.nbytes == descriptor.size:
        return pack_int4(data.view(descriptor.data_type.numpy), descriptor.data_type)
    raise OpError(f"{what} has {data.nbytes} bytes; {descriptor} has {descriptor.byte_length} packed two a byte, "
                  f"or {descriptor.size} one a byte")


def _alias(key: str) -> str:
    return key.replace("::", "__").replace(".", "_")


# Finding


def _names_beside(graph: Path) -> list[str]:
    names = ["model.safetensors", f"{graph.stem}.safetensors", f"{graph.stem}.weights", "model.weights"]
    return list(dict.fromkeys(names))


def weights_beside(graph: Path) -> Path | None:
    """The weights file beside a graph file: the first there of the names that the formats have."""
    return next((p for p in map(graph.with_name, _names_beside(graph)) if _is_there(p)), None)


def _is_there(path: Path) -> bool:
    look_at(path)
    return os.path.lexists(path)


def find_weights(graph: Path) -> WeightsFile:
    """The weights beside a graph file, opened. Raises GraphError."""
    path = weights_beside(graph)
    if path is None:
        raise failure(f"its weights are not there; looked for {', '.join(_names_beside(graph))} beside it", graph)
    return open_weights(_stay(path), graph.stem)


def _stay(path: Path) -> Path:
    """The path, unless it is a link that leads out of its folder."""
    with os_errors(path):
        folder, leads_to = os.path.realpath(path.parent), os.path.realpath(path, strict=True)
    if os.path.commonpath([folder, leads_to]) != folder:
        raise failure("is a link that leads out of the graph's folder; name its target as the weights to use it", path)
    return path


def open_weights(path: Path, stem: str | None = None) -> WeightsFile:
    """The tensors of a weights file; a `.weights` file's manifest stands beside it. Raises GraphError."""
    size = size_of_file(path)
    with os_errors(path):
        data = np.memmap(path, np.uint8, "r").view(np.ndarray) if size else np.empty(0, np.uint8)
    file = os.fspath(path)
    if path.suffix == ".safetensors":
        return WeightsFile(file, _read_safetensors(file, data), data)
    if bytes(data[:8]) != WEIGHTS_MAGIC:
        raise failure("is neither a .safetensors file nor a .weights file, which begins with WGWT and version 1", path)
    names = ["manifest.json", f"{stem or path.stem}.manifest.json", f"{path.stem}.manifest.json"]
    for name in names:
        manifest = path.with_name(name)
        if _is_there(manifest):
            source = read_source(_stay(manifest), what="a manifest")
            return WeightsFile(file, _read_manifest(source, size), data)
    raise failure(f"has no manifest; looked for {', '.join(dict.fromkeys(names))} beside it", path)


# Safetensors: https://github.com/huggingface/safetensors#format


def _read_safetensors(file: str, data: Bytes) -> dict[str, Tensor]:
    length = int.from_bytes(bytes(data[:8]), "little")
    if data.nbytes < 8 or not 2 <= length <= data.nbytes - 8:
        raise failure("is no .safetensors file or is truncated: the length of its header does not fit the file", file)
    if length > MAX_SOURCE_BYTES:
        raise failure(f"has a header of {length} bytes; it may have {MAX_SOURCE_BYTES}", file)
    source = decode(bytes(data[8 : 8 + length]), file, what="a .safetensors file")
    header = parse(source)
    if not isinstance(header, Object):
        raise source.failure("the header must be an object", 0)
    base = 8 + length
    problems = _Problems(source)
    tensors = {}
    for key, entry in header.items():
        if key == "__metadata__":
            continue
        tensor = problems.try_(header.offsets[key], key, lambda key=key, entry=entry: _safetensor(key, entry, base))
        if tensor:
            tensors[key] = tensor
    problems.check_ranges(header, tensors.values(), base, data.nbytes, gapless=True)
    return tensors


def _safetensor(key: str, entry: Any, base: int) -> Tensor:
    if not isinstance(entry, Object) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise OpError("must have dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise OpError("must have a string as dtype, sizes as shape, and two sizes as data_offsets")
    begin, end = offsets
    if end < begin:
        raise OpError(f"ends at {end}, before it begins at {begin}")
    if dtype in _SAFETENSORS_BITS:
        _check_length(end - begin, _SAFETENSORS_BITS[dtype], shape)
    return Tensor(key, _FROM_SAFETENSORS.get(dtype, dtype), tuple(shape), base + begin, end - begin)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(v) is int and v >= 0 for v in value)


def _check_length(length: int, bits: int, shape: list[int]) -> None:
    """The bytes of a shape; the product stops where it exceeds every file."""
    size = 0 if 0 in shape else 1
    for dimension in shape:
        size *= dimension
        if size > 2**62:
            break
    if (size * bits + 7) // 8 != length:
        raise OpError(f"has {length} bytes; its shape {quote(shape)} needs {(size * bits + 7) // 8}")


# .weights with a manifest


@cache
def _manifest_validator() -> Any:
    from .webnn_json import strict_validator

    size = {"type": "integer", "minimum": 0}
    members = {
        "dataType": {"enum": [t.value for t in DataType]},
        "shape": {"type": "array", "items": size},
        "byteOffset": size,
        "byteLength": size,
    }
    return strict_validator(
        {
            "type": "object",
            "properties": {
                "format": {"const": "wg-weights-manifest"},
                "version": {"const": 1},
                "endianness": {"const": "little"},
                "tensors": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {**members, "layout": {"enum": ["row-major", None]}},
                        "required": list(members),
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["format", "version", "endianness", "tensors"],
            "additionalProperties": False,
        }
    )


def _read_manifest(source: Source, size: int) -> dict[str, Tensor]:
    from .webnn_json import check_structure

    data = parse(source)
    if not isinstance(data, Object) or data.get("format") != "wg-weights-manifest":
        raise source.failure('this is no manifest: a JSON object with "format": "wg-weights-manifest" is expected', 0)
    check_structure(data, source, _manifest_validator())
    entries = data["tensors"]
    problems = _Problems(source)
    tensors = {}
    for key, entry in entries.items():
        tensor = problems.try_(entries.offsets[key], key, lambda key=key, entry=entry: _manifest_tensor(key, entry))
        if tensor:
            tensors[key] = tensor
    problems.check_ranges(entries, tensors.values(), len(WEIGHTS_MAGIC), size, gapless=False)
    return tensors


def _manifest_tensor(key: str, entry: Object) -> Tensor:
    data_type, shape, length = DataType(entry["dataType"]), entry["shape"], entry["byteLength"]
    if data_type.bits != 4:  # whose length tells how it is stored, and is checked against the constant
        _check_length(length, data_type.bits, shape)
    return Tensor(key, data_type.value, tuple(shape), entry["byteOffset"], length)


class _Problems:
    """Gathers what is wrong with the tensors of a header or a manifest."""

    def __init__(self, source: Source):
        self.source = source
        self.found: list[Diagnostic] = []

    def add(self, message: str, offset: int) -> None:
        self.found.append(Diagnostic(message, place=self.source.place(offset)))

    def try_(self, offset: int, key: str, make: Any) -> Tensor | None:
        try:
            return make()  # type: ignore[no-any-return]
        except OpError as error:
            self.add(f"tensor {quote(key)} {error.rule}", offset)
            return None

    def check_ranges(self, places: Object, tensors: Iterable[Tensor], begin: int, end: int, *, gapless: bool) -> None:
        """Every tensor lies in the file and apart from the others. Raises GraphError with all that was found."""
        at, last = begin, None
        for tensor in sorted(tensors, key=lambda t: (t.offset, t.length)):
            what, offset = f"tensor {quote(tensor.key)}", places.offsets[tensor.key]
            if tensor.offset < begin or tensor.offset + tensor.length > end:
                self.add(f"{what} has the bytes from {tensor.offset} to {tensor.offset + tensor.length} of the file; "
                         f"its tensors have those from {begin} to {end}", offset)
                continue
            if tensor.offset < at and tensor.length:
                self.add(f"{what} overlaps tensor {quote(last)}", offset)
            elif gapless and tensor.offset > at:
                self.add(f"{tensor.offset - at} bytes before {what} belong to no tensor", offset)
            if tensor.offset + tensor.length > at:
                at, last = tensor.offset + tensor.length, tensor.key
        if gapless and at < end and not self.found:
            self.add(f"the last {end - at} bytes of the file belong to no tensor", 0)
        if self.found:
            raise GraphError(self.found)
