"""What a graph file says, whichever format it is in: names, types and literals with their places, nothing interpreted.

Two documents are equal when they say the same; places do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from webnn_mlir.dialects.webnn import DataType, Place


@dataclass(frozen=True)
class DynamicDimension:
    """A dimension that gets its size, at most `max_size`, when the graph is read."""

    name: str
    max_size: int

    def __str__(self) -> str:
        return f'dyn("{self.name}", {self.max_size})'


Dimension = int | DynamicDimension
Value = None | bool | int | float | str | DynamicDimension | tuple["Value", ...]
"""A literal. A name is a string: which it is depends on the argument that it is given for."""


@dataclass(frozen=True)
class Argument:
    """A value of a node, and where it stands."""

    value: Value
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Input:
    """A graph input."""

    name: str
    data_type: DataType
    shape: tuple[Dimension, ...]
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Weights:
    """A constant's bytes are those of the tensor `ref` in the weights file."""

    ref: str


@dataclass(frozen=True)
class Scalar:
    """Every element of a constant is `value`."""

    value: int | float


@dataclass(frozen=True)
class InlineBytes:
    """A constant's bytes."""

    data: bytes


@dataclass(frozen=True)
class Const:
    """A constant."""

    name: str
    data_type: DataType
    shape: tuple[int, ...]
    init: Weights | Scalar | InlineBytes
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Statement:
    """A node: `op` of positional and named arguments. Without `outputs` its one value is called `id`.

    An empty `op` has one argument, a name or a literal, which it gives another name.
    """

    id: str
    op: str
    inputs: tuple[Argument, ...] = ()
    options: dict[str, Argument] = field(default_factory=dict)
    outputs: tuple[str, ...] | None = None
    place: Place | None = field(default=None, compare=False, repr=False)

    @property
    def results(self) -> tuple[str, ...]:
        return (self.id,) if self.outputs is None else self.outputs


@dataclass(frozen=True)
class Output:
    """A graph output and the value that it is."""

    name: str
    value: str
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Document:
    """A whole file. `version` is the format's; an absent name is empty."""

    name: str = ""
    version: int = 2
    quantized: bool = False
    inputs: tuple[Input, ...] = ()
    consts: tuple[Const, ...] = ()
    nodes: tuple[Statement, ...] = ()
    outputs: tuple[Output, ...] = ()
    place: Place | None = field(default=None, compare=False, repr=False)
