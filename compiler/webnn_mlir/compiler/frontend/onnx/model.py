"""Opening a model: parsed without its weights, checked as a file that may come from anyone."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from ..source import failure, os_errors, quote, size_of_file
from .constants import Folder
from .skeleton import skeleton

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
    _check_opsets(proto, path)
    if proto.graph.sparse_initializer:
        name = proto.graph.sparse_initializer[0].values.name
        raise failure(f"tensor {quote(name)} is sparse; only dense ones are supported", path)
    try:
        model = ir.serde.deserialize_model(proto)
    except Exception as error:
        # onnx_ir raises whatever the first broken part of a file leads it to.
        raise failure(f"is no valid ONNX model: {_first_line(error)}", path) from None
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
            raise failure(f"is no ONNX model, or a damaged one: {_first_line(error)}", path) from None
    return proto


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


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
