"""The outline of a graph: values by number, operators over them, and what can be counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from webnn_mlir.dialects.webnn import DECLARED, Descriptor


@dataclass(frozen=True)
class OutlineNode:
    """An operator: its operands and results are numbers of values; `fields` has its attributes."""

    op: str
    label: str
    operands: dict[str, int | list[int] | None]
    attributes: dict[str, Any]
    results: list[int]

    @property
    def used(self) -> Iterator[tuple[str, int]]:
        """The operands that are there, in order, each after the name of its field."""
        for field, value in self.operands.items():
            numbers = value if isinstance(value, list) else [] if value is None else [value]
            yield from ((field, number) for number in numbers)


@dataclass(frozen=True)
class Outline:
    """A graph without the bytes of its constants. `values` are numbered: inputs, constants, results in order."""

    name: str
    values: list[Descriptor]
    inputs: dict[str, int]
    constants: list[tuple[str, int]]
    nodes: list[OutlineNode]
    outputs: dict[str, int]

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Outline:
        """From the JSON of `webnn_mlir.compiler.driver.outline_source`."""
        values: list[Descriptor] = []

        def enter(descriptor: list[Any]) -> int:
            values.append(Descriptor.of(*descriptor))
            return len(values) - 1

        inputs = {name: enter(descriptor) for name, descriptor in data["inputs"]}
        constants = [(entry["key"], enter(entry["descriptor"])) for entry in data["constants"]]
        nodes = []
        for name, fields, label, _, results in data["nodes"]:
            operands = {spec.field: fields[spec.field] for spec in DECLARED[name].operands}
            attributes = {spec.field: fields[spec.field] for spec in DECLARED[name].attributes}
            nodes.append(OutlineNode(name, label, operands, attributes, [enter(r) for r in results]))
        return cls(data["name"], values, inputs, constants, nodes, dict(data["outputs"]))

    @cached_property
    def operators(self) -> dict[str, int]:
        """How many there are of each operator, the most first."""
        return dict(Counter(node.op for node in self.nodes).most_common())

    @cached_property
    def constant_bytes(self) -> int:
        return sum(self.values[number].byte_length for _, number in self.constants)

    @cached_property
    def depth(self) -> int:
        """The operators on the longest way from an input or a constant to a result."""
        depths = [0] * len(self.values)
        for node in self.nodes:
            depth = 1 + max((depths[number] for _, number in node.used), default=0)
            for number in node.results:
                depths[number] = depth
        return max(depths, default=0)

    @cached_property
    def macs(self) -> int:
        """Multiplications with an addition, in convolutions, matrix products and recurrent networks."""
        return sum(MACS[node.op](self, node) for node in self.nodes if node.op in MACS)

    def shape(self, node: OutlineNode, operand: str) -> tuple[int, ...]:
        number = node.operands[operand]
        assert isinstance(number, int)
        return self.values[number].shape

    def result_size(self, node: OutlineNode) -> int:
        return self.values[node.results[0]].size


def _matmul(outline: Outline, node: OutlineNode) -> int:
    return outline.result_size(node) * outline.shape(node, "a")[-1]


def _gemm(outline: Outline, node: OutlineNode) -> int:
    return outline.result_size(node) * outline.shape(node, "a")[0 if node.attributes["a_transpose"] else 1]


def _channels(node: OutlineNode, shape: tuple[int, ...]) -> int:
    return shape[1 if node.attributes["input_layout"] == "nchw" else 3]


def _conv2d(outline: Outline, node: OutlineNode) -> int:
    """Each element of the output takes the part of the filter that is its channel's."""
    output = outline.values[node.results[0]]
    return output.size * math.prod(outline.shape(node, "filter")) // _channels(node, output.shape)


def _conv_transpose2d(outline: Outline, node: OutlineNode) -> int:
    """Each element of the input goes to the part of the filter that is its channel's."""
    shape = outline.shape(node, "input")
    return math.prod(shape) * math.prod(outline.shape(node, "filter")) // _channels(node, shape)


def _cell(outline: Outline, node: OutlineNode) -> int:
    """Each row of the batch takes the weights once."""
    weights = math.prod(outline.shape(node, "weight")) + math.prod(outline.shape(node, "recurrent_weight"))
    return outline.shape(node, "input")[-2] * weights


def _sequence(outline: Outline, node: OutlineNode) -> int:
    return outline.shape(node, "input")[0] * _cell(outline, node)


MACS: dict[str, Callable[[Outline, OutlineNode], int]] = {
    "matmul": _matmul,
    "gemm": _gemm,
    "conv2d": _conv2d,
    "convTranspose2d": _conv_transpose2d,
    "gruCell": _cell,
    "lstmCell": _cell,
    "gru": _sequence,
    "lstm": _sequence,
}
"""How to count the multiplications of an operator."""
