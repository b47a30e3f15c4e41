"""A graph as JSON on its way to the worker. Weights do not travel: a constant is a range of bytes in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DECLARED, Constant, Descriptor, Graph, GraphBuilder, MLOperand, Node, Place

Json = dict[str, Any]


def weight_keys(graph: Graph) -> list[str]:
    """A unique key for each constant: its own name, or a digest, on which graphs that share an archive agree."""
    keys: list[str] = []
    taken: set[str] = set()
    for operand in graph.constants:
        assert operand.constant is not None
        key = operand.constant.name or f"constant_{blake2b(operand.constant.data.data, digest_size=8).hexdigest()}"
        while key in taken:
            key += "_"
        taken.add(key)
        keys.append(key)
    return keys


def encode_graph(graph: Graph, spill: Path | None) -> Json:
    """The graph as JSON. Constants that are mapped from no file are written to `spill`; without it, their places are
    left out, as in the outline of a module.
    """
    numbers: dict[int, int] = {}

    def number(operand: MLOperand) -> int:
        return numbers[id(operand)]

    def enter(operands: Iterable[MLOperand]) -> None:
        for operand in operands:
            numbers[id(operand)] = len(numbers)

    enter(graph.inputs.values())
    enter(graph.constants)
    nodes = []
    for node in graph.nodes:
        fields = {
            name: _encode(value, number) if name in node.op.operand_fields else value
            for name, value in node.fields.items()
        }
        enter(node.results)
        place = node.place and [node.place.file, node.place.line, node.place.column]
        results = [describe(r.descriptor) for r in node.results]
        nodes.append([node.op.name, fields, node.label, place, results])
    return {
        "name": graph.name,
        "inputs": [[name, describe(o.descriptor)] for name, o in graph.inputs.items()],
        "constants": _encode_constants(graph, spill) if spill else _outline_constants(graph),
        "nodes": nodes,
        "outputs": [[name, number(o)] for name, o in graph.outputs.items()],
    }


def describe(descriptor: Descriptor) -> list[Any]:
    """A descriptor as JSON."""
    return [descriptor.data_type.value, list(descriptor.shape)]


def _encode(value: Any, number: Any) -> Any:
    if isinstance(value, list | tuple):
        return [number(v) for v in value]
    return None if value is None else number(value)


def _outline_constants(graph: Graph) -> list[Json]:
    keys = weight_keys(graph)
    return [{"key": k, "descriptor": describe(o.descriptor)} for k, o in zip(keys, graph.constants, strict=True)]


def _encode_constants(graph: Graph, spill: Path) -> list[Json]:
    entries = []
    offset = 0
    with spill.open("wb") as file:
        for key, operand in zip(weight_keys(graph), graph.constants, strict=True):
            constant = operand.constant
            assert constant is not None
            where: Json = {"file": constant.file and os.path.abspath(constant.file), "offset": constant.offset}
            if constant.file is None:
                # Aligned, so that a tensor can be used where it is mapped.
                file.write(bytes(-offset % 64))
                offset += -offset % 64
                where = {"file": str(spill), "offset": offset}
                file.write(constant.data.data)
                offset += constant.data.nbytes
            entries.append({"key": key, "descriptor": describe(operand.descriptor), **where})
    return entries


def decode_graph(data: Json) -> Graph:
    """The graph again, its constants mapped."""
    builder = GraphBuilder()
    values: list[MLOperand] = []
    inputs = {}
    for name, (data_type, shape) in data["inputs"]:
        inputs[name] = MLOperand(builder, Descriptor.of(data_type, shape), name=name)
    values += inputs.values()
    maps: dict[str, np.ndarray[Any, Any]] = {}
    for entry in data["constants"]:
        descriptor = Descriptor.of(*entry["descriptor"])
        constant = Constant(_map(maps, entry["file"], entry["offset"], descriptor.byte_length), entry["key"])
        values.append(MLOperand(builder, descriptor, constant=constant))
    constants = values[len(inputs) :]
    nodes = []
    for name, fields, label, place, results in data["nodes"]:
        op = DECLARED[name]
        fields = fields | {field: _decode(fields[field], values) for field in op.operand_fields}
        node = Node(op, fields, label, Place(*place) if place else None)
        node.results = tuple(MLOperand(builder, Descriptor.of(*r), node=node, index=i) for i, r in enumerate(results))
        values += node.results
        nodes.append(node)
    return Graph(data["name"], inputs, {n: values[i] for n, i in data["outputs"]}, nodes, constants)


def _decode(value: Any, values: list[MLOperand]) -> Any:
    if isinstance(value, list):
        return [values[i] for i in value]
    return None if value is None else values[value]


def _map(maps: dict[str, np.ndarray[Any, Any]], file: str, offset: int, length: int) -> np.ndarray[Any, Any]:
    if file not in maps:
        maps[file] = np.memmap(file, np.uint8, "r")
    return maps[file][offset : offset + length]
