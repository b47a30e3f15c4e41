"""Graph files: `.webnn` text and webnn-graph-json, with their weights beside them, and ONNX models.

    graph = read_graph("model.webnn", specialization=Specialization({"batch": 4}))
    write_graph(graph, "copy.json")

Files may come from anyone: whatever is wrong with one is a GraphError, of one diagnostic a problem. The limits are in
`source` (size, tokens, nesting) and `importer` (rank, lists, constants of one repeated value).
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from webnn_mlir.dialects.webnn import Graph

from ..specialization import UNSPECIALIZED, Specialization
from .document import Document
from .source import Outputs, Source, failure, os_errors, quote, read_source
from .weights import find_weights, open_weights

# What reads and writes formats is imported where it is needed: parsers and validators take longer to import than most
# models to read.

__all__ = ["read_document", "read_graph", "write_document", "write_graph"]

_FORMATS = {".webnn": "webnn_text", ".json": "webnn_json"}

StrPath = str | os.PathLike[str]


def read_graph(
    path: StrPath, *, specialization: Specialization = UNSPECIALIZED, weights: StrPath | None = None
) -> Graph:
    """The graph of a file; its weights are mapped. Raises GraphError with everything that is wrong.

    The name's ending tells the format, or the content where it is none of these. `specialization` gives
    the dynamic dimensions their sizes. `weights` is the weights file; without it the first is taken that is there of
    `model.safetensors`, `{stem}.safetensors`, `{stem}.weights` and `model.weights` beside the graph.
    """
    graph = Path(path)
    if graph.suffix == ".onnx":
        from .onnx import read_onnx

        if weights is not None:
            raise ValueError("an ONNX model names the files of its weights")
        return read_onnx(path, specialization)
    from .importer import import_document

    document = read_document(path)
    for name in (*specialization.input_shapes, *specialization.constants):
        raise failure(f"only inputs of ONNX models are given a shape or a value; {quote(name)} is given one", path)
    opener = (lambda: find_weights(graph)) if weights is None else (lambda: open_weights(Path(weights), graph.stem))
    return import_document(document, dims=specialization.dims, weights=opener)


def read_document(path: StrPath) -> Document:
    """What a file says, nothing interpreted. Raises GraphError."""
    source = read_source(path, what="a graph")
    suffix = Path(path).suffix
    document: Document = _format(suffix if suffix in _FORMATS else _sniff(source)).read(source)
    return document


def _format(suffix: str) -> ModuleType:
    """What reads and writes it."""
    return import_module(f"{__name__}.{_FORMATS[suffix]}")


def _sniff(source: Source) -> str:
    """The suffix that a file without one of ours should have."""
    start = source.text.lstrip()
    if start.startswith("{"):
        return ".json"
    if start.startswith(("webnn_graph", "#")):
        return ".webnn"
    raise source.failure("this is not a graph: neither .webnn text nor webnn-graph-json", 0)


def write_graph(
    graph: Graph,
    path: StrPath,
    *,
    weights: str = ".safetensors",
    drop_labels: bool = False,
    version: int = 2,
    quantized: bool = False,
) -> None:
    """Writes a graph as the format that the name ends in, its larger constants to a weights file of the same stem.

    `weights` is `.safetensors`, `.weights` (with a manifest) or `inline`, which keeps all of them in the graph file.
    The formats hold no labels: a node that has one is an error unless `drop_labels`. `quantized` is the formats' hint
    that the tensors are to stay as they are. Raises GraphError; then, no file has changed.
    """
    from .exporter import export_graph
    from .weights_writer import WRITERS

    if weights not in (*WRITERS, "inline"):
        raise ValueError(f"weights: {weights!r} must be .safetensors, .weights or inline")
    target = Path(path)
    exported = export_graph(
        graph, inline=weights == "inline", drop_labels=drop_labels, version=version, quantized=quantized
    )
    text = _encode(exported.document, target)
    with Outputs() as outputs:
        if exported.tensors:
            beside = target.with_suffix(weights)
            _refuse_shadow(beside)
            WRITERS[weights](beside, exported.tensors, outputs)
        _write(target, text, outputs)


def write_document(document: Document, path: StrPath) -> None:
    """Writes a document as the format that the name ends in. Raises GraphError; then, no file has changed."""
    text = _encode(document, Path(path))
    with Outputs() as outputs:
        _write(Path(path), text, outputs)


def _encode(document: Document, path: Path) -> bytes:
    if path.suffix not in _FORMATS:
        raise failure(f"the name ends in {quote(path.suffix)}; it must end in {' or '.join(_FORMATS)}", path)
    text: str = _format(path.suffix).write(document)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise failure(f"{quote(text[error.start : error.end])} is not a character that UTF-8 has", path) from None


def _write(path: Path, text: bytes, outputs: Outputs) -> None:
    file = outputs.open(path)
    with os_errors(path):
        file.write(text)


def _refuse_shadow(weights: Path) -> None:
    """A file beside the graph that its readers would take for the weights instead."""
    first = weights.with_name("model.safetensors")
    others = [first] if weights.name != first.name else []
    if weights.suffix == ".weights":
        others += [weights.with_suffix(".safetensors"), weights.with_name("manifest.json")]
    for other in others:
        if os.path.lexists(other):
            raise failure(f"is beside it and would be read instead of {weights.name}", other)
