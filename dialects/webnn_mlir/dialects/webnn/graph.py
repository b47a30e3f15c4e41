"""A WebNN graph in memory: inputs, constants, nodes in the order they were built, outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from .builder import GraphBuilder
    from .declaration import Op
    from .diagnostics import Place
    from .types import DataType, Descriptor


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant's packed little-endian bytes, a one-dimensional uint8 array that may be mapped from a file.

    `name` is its key in a weights file, or None. `file` and `offset` tell where the bytes are mapped from.
    """

    data: np.ndarray[Any, Any]
    name: str | None = None
    file: str | None = None
    offset: int = 0


@dataclass(frozen=True, eq=False)
class MLOperand:
    """A value of a graph: an input (`name`), a constant (`constant`) or the result number `index` of `node`.

    https://www.w3.org/TR/webnn/#mloperand
    """

    builder: GraphBuilder = field(repr=False)
    descriptor: Descriptor
    name: str | None = None
    constant: Constant | None = field(default=None, repr=False)
    node: Node | None = field(default=None, repr=False)
    index: int = 0

    @property
    def data_type(self) -> DataType:
        return self.descriptor.data_type

    @property
    def shape(self) -> tuple[int, ...]:
        return self.descriptor.shape

    @property
    def rank(self) -> int:
        return self.descriptor.rank


@dataclass(eq=False)
class Node:
    """One operator of a graph: its declaration and its fields, defaults made explicit."""

    op: Op
    fields: dict[str, Any]
    label: str = ""
    place: Place | None = None
    results: tuple[MLOperand, ...] = ()

    @property
    def operands(self) -> Iterator[MLOperand]:
        """The operands that are there, in declaration order."""
        for spec in self.op.operands:
            value = self.fields[spec.field]
            if spec.variadic:
                yield from value
            elif value is not None:
                yield value


@dataclass
class Graph:
    """A whole graph. `nodes` are in an order in which every operand is there before it is used."""

    name: str
    inputs: dict[str, MLOperand]
    outputs: dict[str, MLOperand]
    nodes: list[Node]
    constants: list[MLOperand]
