"""A graph becomes a document and the tensors of its weights file. What the formats cannot hold is an error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import (
    Constant,
    DataType,
    Descriptor,
    Diagnostic,
    Graph,
    GraphError,
    MLOperand,
    Node,
    OpView,
    Place,
)
from webnn_mlir.dialects.webnn.declaration import AttributeSpec
from webnn_mlir.dialects.webnn.int4 import unpack_int4

from .document import Argument, Const, Document, InlineBytes, Input, Output, Scalar, Statement, Value, Weights
from .source import quote
from .webnn_text import NAME
from .weights import Bytes

INLINE_BYTES = 64
"""Constants up to this many bytes stand in the graph file."""


@dataclass
class Exported:
    """A document, and the tensors of its weights file by key: their descriptors and packed bytes."""

    document: Document
    tensors: dict[str, tuple[Descriptor, Bytes]] = field(default_factory=dict)


def export_graph(
    graph: Graph, *, inline: bool = False, drop_labels: bool = False, version: int = 2, quantized: bool = False
) -> Exported:
    """The document of a graph; with `inline` every constant stands in it. Raises GraphError.

    The formats hold no labels: a node that has one is an error unless `drop_labels`.
    """
    return _Exporter(graph, inline, drop_labels).export(version, quantized)


class _Exporter:
    def __init__(self, graph: Graph, inline: bool, drop_labels: bool):
        self.graph, self.inline, self.drop_labels = graph, inline, drop_labels
        self.problems: list[Diagnostic] = []
        self.tensors: dict[str, tuple[Descriptor, Bytes]] = {}
        self.names: dict[int, str] = {id(o): name for name, o in graph.inputs.items()}
        self.taken = {*graph.inputs, *graph.outputs}
        self.fresh = self._fresh()

    def _fresh(self) -> Iterator[str]:
        number = 0
        while True:
            if (name := f"v{number}") not in self.taken:
                yield name
            number += 1

    def problem(self, message: str, place: Place | None = None, op: str | None = None, label: str = "") -> None:
        self.problems.append(Diagnostic(message, place=place, op=op, label=label or None))

    def export(self, version: int, quantized: bool) -> Exported:
        for name, operand in self.graph.outputs.items():
            # A value has the name of its output, unless an input has that, too.
            if id(operand) not in self.names and name not in self.graph.inputs:
                self.names[id(operand)] = name
        inputs = tuple(Input(name, o.data_type, o.shape) for name, o in self.graph.inputs.items())
        consts = tuple(self.const(o) for o in self.graph.constants)
        nodes = tuple(self.node(n) for n in self.graph.nodes)
        outputs = tuple(Output(name, self.names[id(o)]) for name, o in self.graph.outputs.items())
        if self.problems:
            raise GraphError(self.problems)
        document = Document(self.graph.name, version, quantized, inputs, consts, nodes, outputs)
        return Exported(document, self.tensors)

    def const(self, operand: MLOperand) -> Const:
        constant = operand.constant
        assert constant is not None
        key = constant.name
        name = key if key and NAME.fullmatch(key) and key not in self.taken else next(self.fresh)
        self.taken.add(name)
        self.names[id(operand)] = name
        return Const(name, operand.data_type, operand.shape, self.init(operand, constant, key or name))

    def init(self, operand: MLOperand, constant: Constant, key: str) -> Weights | Scalar | InlineBytes:
        descriptor, data = operand.descriptor, constant.data
        if descriptor.size == 1 and (number := _number(data, descriptor)) is not None:
            return Scalar(number)
        if self.inline or data.nbytes <= INLINE_BYTES:
            return InlineBytes(data.tobytes())
        if key in self.tensors and not _same(self.tensors[key], (descriptor, data)):
            self.problem(f"two constants are called {quote(key)}; a weights file cannot hold both")
        elif key == "__metadata__":
            self.problem(f"a constant is called {quote(key)}, which .safetensors files keep for themselves")
        self.tensors[key] = descriptor, data
        return Weights(key)

    def node(self, node: Node) -> Statement:
        if node.label and not self.drop_labels:
            rule = "the formats hold no label; drop the labels to leave it out"
            self.problem(rule, node.place, node.op.name, node.label)
        for result in node.results:
            if id(result) not in self.names:
                self.names[id(result)] = next(self.fresh)
        results = tuple(self.names[id(r)] for r in node.results)
        positional: list[Argument] = []
        options: dict[str, Argument] = {}
        for spec in node.op.operands:
            value = node.fields[spec.field]
            if value is None:
                continue
            names = [self.names[id(v)] for v in (value if spec.variadic else [value])]
            if spec.optional:
                options[spec.name] = Argument(names[0])
            else:
                positional += map(Argument, names)
        for attribute in node.op.attributes:
            value = node.fields[attribute.field]
            if not _is_default(node, attribute, value):
                options[attribute.name] = Argument(_literal(value))
        outputs = None if len(results) == 1 else results
        return Statement(results[0], node.op.name, tuple(positional), options, outputs, node.place)


def _same(a: tuple[Descriptor, Bytes], b: tuple[Descriptor, Bytes]) -> bool:
    return a[0] == b[0] and (a[1] is b[1] or np.array_equal(a[1], b[1]))


def _is_default(node: Node, attribute: AttributeSpec, value: Any) -> bool:
    if value is None:
        return True
    if attribute.required:
        return False
    default = attribute.default
    if callable(default):
        default = default(_view(node))
    if default is not None:
        default = attribute.kind.check(default)
    return type(default) is type(value) and bool(default == value)


def _view(node: Node) -> OpView:
    """The node as its declaration's functions see it: descriptors for operands."""

    def descriptor(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return tuple(map(descriptor, value))
        return value.descriptor if isinstance(value, MLOperand) else value

    fields = {
        name: descriptor(value) if name in node.op.operand_fields else value for name, value in node.fields.items()
    }
    return OpView(node.op, node.label, fields)


def _literal(value: Any) -> Value:
    if isinstance(value, list | tuple):
        return tuple(map(_literal, value))
    return value.value if isinstance(value, DataType) else value


def _number(data: Bytes, descriptor: Descriptor) -> int | float | None:
    """The one element, or None for a number that the formats do not spell."""
    if descriptor.data_type.bits == 4:
        return int(unpack_int4(data, descriptor).item())
    number: int | float = data.view(descriptor.data_type.numpy).item()
    return number if math.isfinite(number) else None
