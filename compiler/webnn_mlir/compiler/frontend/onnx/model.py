"""Opening a model: parsed without its weights, checked as a file that may come from anyone."""

from __future__ import annotations

import logging
import mmap
import os
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError, Message

from ..source import failure, os_errors, quote, shorten, size_of_file
from .constants import Folder
from .skeleton import skeleton

# What it warns of is an error here, and said once; a program that listens to it still hears it.
logging.getLogger("onnx_ir").addHandler(logging.NullHandler())

MAX_SKELETON_BYTES = 512 * 2**20
"""A model may have this many bytes without the raw data of its tensors."""


IN_MEMORY = "model"
"""What errors call a model that is in no file."""


@dataclass
class OpenModel:
    """A model's graph, its nodes in order, and the folder that its weights are mapped from."""

    path: str
    model: ir.Model
    folder: Folder

    @property
    def opsets(self) -> dict[str, int]:
        return self.model.opset_imports


def open_model(source: str | os.PathLike[str] | onnx.ModelProto) -> OpenModel:
    """The model of a file, or one in memory, whose external data lies in the current folder.

    Raises GraphError for a file that is no model, or a damaged one, or of a newer opset than is known.
    """
    if isinstance(source, onnx.ModelProto):
        return _open(source, IN_MEMORY)
    return _open(_parse(source), source)


def _open(proto: onnx.ModelProto, path: str | os.PathLike[str]) -> OpenModel:
    if not proto.HasField("graph") or not (proto.graph.node or proto.graph.output):
        raise failure("is no ONNX model: it has no graph", path)
    _check_parts(proto, path)
    _check_opsets(proto, path)
    try:
        model = ir.serde.deserialize_model(proto)
    except Exception as error:
        # onnx_ir raises whatever the first broken part of a file leads it to.
        raise failure(f"is no valid ONNX model: {first_line(error)}", path) from None
    _sort(model, path)
    return OpenModel(os.fspath(path), model, Folder(Path(path).parent))


def _parse(path: str | os.PathLike[str]) -> onnx.ModelProto:
    if size_of_file(path) == 0:
        raise failure("is empty; this is no ONNX model", path)
    proto = onnx.ModelProto()
    with os_errors(path), open(path, "rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                bare = skeleton(data, Path(path).name)
            if len(bare) > MAX_SKELETON_BYTES:
                raise ValueError(f"{len(bare)} bytes beside raw tensor data; {MAX_SKELETON_BYTES} are allowed")
            proto.ParseFromString(bare)
        except (ValueError, DecodeError) as error:
            raise failure(f"is no ONNX model, or a damaged one: {first_line(error)}", path) from None
    return proto


def _check_parts(message: Message, path: str | os.PathLike[str]) -> None:
    """Every part of a model, for what protobuf takes and no reader expects."""
    if isinstance(message, onnx.SparseTensorProto):
        raise failure(f"tensor {quote(message.values.name)} is sparse; only dense ones are supported", path)
    if isinstance(message, onnx.TensorProto):
        for entry in message.external_data:
            if entry.key in ("offset", "length") and not entry.value.isdecimal():
                where = f"tensor {quote(message.name)}: external data"
                raise failure(f"{where}: {entry.key} {quote(entry.value)} must be a number from 0", path)
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            if any(isinstance(text, bytes) for text in ([value] if isinstance(value, str | bytes) else value)):
                raise failure(f"is no ONNX model, or a damaged one: {field.name} {quote(value)} is not UTF-8", path)
        elif field.type == field.TYPE_MESSAGE:
            for part in [value] if isinstance(value, Message) else value:
                _check_parts(part, path)


def _check_opsets(proto: onnx.ModelProto, path: str | os.PathLike[str]) -> None:
    versions = {entry.domain: entry.version for entry in proto.opset_import}
    if "ai.onnx" in versions:
        versions.setdefault("", versions["ai.onnx"])
    newest = onnx.defs.onnx_opset_version()
    if "" in versions and not 1 <= versions[""] <= newest:
        raise failure(f"opset {versions['']} is not known; opsets up to {newest} are", path)
    used = {"" if node.domain == "ai.onnx" else node.domain for node in proto.graph.node}
    if missing := sorted(used - versions.keys()):
        raise failure(f"operators of the domain {quote(missing[0] or 'ai.onnx')} are used; no opset of it is", path)


def _sort(model: ir.Model, path: str | os.PathLike[str]) -> None:
    try:
        model.graph.sort()
        for function in model.functions.values():
            function.sort()
    except ValueError:
        raise failure("its nodes form a cycle: a node needs its own result", path) from None


def first_line(error: BaseException) -> str:
    """What an error says, or the first one that led to it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return shorten(next(iter(str(error).strip().splitlines()), type(error).__name__), 200)
