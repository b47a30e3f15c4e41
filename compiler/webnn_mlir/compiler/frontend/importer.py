"""A document becomes a graph through the builder: everything in it is used, or is an error at its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import (
    OPS,
    Constant,
    DataType,
    Descriptor,
    Diagnostic,
    Graph,
    GraphBuilder,
    GraphError,
    MLOperand,
    Op,
    OpError,
    Place,
)
from webnn_mlir.dialects.webnn.declaration import OperandSpec
from webnn_mlir.dialects.webnn.int4 import pack_int4

from .arguments import assign
from .document import (
    Argument,
    Const,
    Dimension,
    Document,
    DynamicDimension,
    InlineBytes,
    Input,
    Scalar,
    Statement,
    Value,
    Weights,
)
from .order import sort
from .source import quote, shorten
from .weights import WeightsFile, pack_by_length

MAX_RANK = 64
"""Shapes may have this many dimensions."""
MAX_LIST = 4096
"""A list of numbers as an option may be this long."""
MAX_FILL_BYTES = 1024
"""A constant of one repeated value is filled up to this size; a larger one becomes an `expand` of one element."""

MAX_RULE = 300
"""A rule that quotes a value of the file is cut off here."""


@dataclass(frozen=True)
class Literal:
    """A number in an operand's place: a scalar constant of the data type of the operand beside it."""

    value: int | float


class _Faulty:
    """Stands for a value that an error keeps from being there, so that its users say nothing more."""


_FAULTY = _Faulty()
_Known = MLOperand | Literal | _Faulty


def import_document(
    document: Document,
    *,
    dims: Mapping[str, int] | None = None,
    weights: Callable[[], WeightsFile] | None = None,
) -> Graph:
    """The graph of a document.

    `dims` gives the dynamic dimensions their sizes; `weights` opens the weights file, and is called where a constant
    needs it. Raises GraphError with everything that is wrong.
    """
    return _Importer(document, dict(dims or {}), weights).graph()


class _Importer:
    def __init__(
        self, document: Document, dims: dict[str, int], weights: Callable[[], WeightsFile] | None
    ) -> None:
        self.document, self.dims, self.open_weights = document, dims, weights
        self.builder = GraphBuilder()
        self.values: dict[str, _Known] = {}
        self.places: dict[str, Place | None] = {}
        self.problems: list[Diagnostic] = []
        self.seen_dims: set[str] = set()
        self.weights: WeightsFile | _Faulty | None = None
        self.indexed: list[str] | None = None

    def problem(self, message: str, place: Place | None, op: str | None = None, label: str = "") -> None:
        self.problems.append(Diagnostic(message, place=place, op=op, label=label or None))

    def graph(self) -> Graph:
        for given in self.document.inputs:
            self.define(given.name, given.place, partial(self.input, given))
        for const in self.document.consts:
            self.define(const.name, const.place, partial(self.constant, const))
        self.nodes()
        outputs = self.outputs()
        for name in sorted(self.dims.keys() - self.seen_dims):
            known = ", ".join(sorted(self.seen_dims)) or "none"
            self.problem(f"there is no dynamic dimension {quote(name)}; there are: {known}", self.document.place)
        if not self.problems:
            try:
                return self.builder.whole_graph(outputs, self.document.name or "main")
            except TypeError as error:
                self.problem(str(error), self.document.place)
        raise GraphError(sorted(self.problems, key=_position))

    def define(self, name: str, place: Place | None, make: Callable[[], _Known | None]) -> None:
        """Gives a value its name; what `make` raises is an error at the place."""
        if self.take(name, place):
            self.values[name] = self.attempt(place, make) or _FAULTY

    def take(self, name: str, place: Place | None) -> bool:
        if name in self.places:
            self.problem(f"{quote(name)} is a duplicate; the first is at {self.places[name]}", place)
            return False
        self.places[name] = place
        return True

    def attempt(self, place: Place | None, make: Callable[[], Any]) -> Any:
        self.builder.place = place
        try:
            return make()
        except OpError as error:
            self.problem(shorten(error.rule, MAX_RULE), place, error.op, error.label)
        except GraphError as error:
            self.problems += error.diagnostics
        return None

    # Inputs and constants

    def input(self, given: Input) -> MLOperand | None:
        shape = self.shape(given.shape, given.place)
        return None if shape is None else self.builder.input(given.name, given.data_type, shape)

    def shape(self, shape: Sequence[Dimension], place: Place | None) -> list[int] | None:
        """The sizes, those of dynamic dimensions filled in, or None after an error."""
        if len(shape) > MAX_RANK:
            self.problem(f"the shape has {len(shape)} dimensions; at most {MAX_RANK} are supported", place)
            return None
        sizes = [self.size(d, place) for d in shape]
        return None if None in sizes else [s for s in sizes if s is not None]

    def size(self, dimension: Dimension, place: Place | None) -> int | None:
        if not isinstance(dimension, DynamicDimension):
            return dimension
        name, most = dimension.name, dimension.max_size
        self.seen_dims.add(name)
        if name not in self.dims:
            self.problem(f"dynamic dimension {quote(name)} needs a size from 1 to {most} (--dim {name}=N)", place)
            return None
        size = self.dims[name]
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= most:
            self.problem(f"dynamic dimension {quote(name)} has size {quote(size)}; it must be from 1 to {most}", place)
            return None
        return size

    def constant(self, const: Const) -> MLOperand | _Faulty:
        if len(const.shape) > MAX_RANK:
            raise OpError(f"the shape has {len(const.shape)} dimensions; at most {MAX_RANK} are supported")
        descriptor = Descriptor(const.data_type, const.shape)
        if problem := descriptor.problem():
            raise OpError(problem)
        match const.init:
            case Weights(ref):
                file = self.weights_file()
                if isinstance(file, _Faulty):
                    return _FAULTY
                return self.builder.adopt(descriptor, file.constant(ref, descriptor))
            case InlineBytes(data):
                array = np.frombuffer(data, np.uint8)
                if descriptor.data_type.bits == 4:
                    array = pack_by_length(array, descriptor, f"constant {quote(const.name)}")
                return self.builder.adopt(descriptor, Constant(array, const.name))
            case Scalar(value):
                return self.fill(descriptor, value, const.name)

    def weights_file(self) -> WeightsFile | _Faulty:
        """The weights file, opened once; what is wrong with it is said once."""
        if self.weights is None:
            if self.open_weights is None:
                raise OpError("there is no weights file")
            self.weights = self.attempt(self.builder.place, self.open_weights) or _FAULTY
        return self.weights

    def fill(self, descriptor: Descriptor, value: int | float, name: str) -> MLOperand:
        element = element_array(descriptor.data_type, value)
        if descriptor.byte_length > MAX_FILL_BYTES:
            one = self.builder.adopt(
                Descriptor(descriptor.data_type, ()), Constant(_bytes(element, descriptor.data_type), name)
            )
            result: MLOperand = self.builder.build_op(
                OPS["expand"], {"input": one, "new_shape": list(descriptor.shape)}
            )
            return result
        array = np.full(descriptor.size, element)
        return self.builder.adopt(descriptor, Constant(_bytes(array, descriptor.data_type), name))

    # Nodes

    def nodes(self) -> None:
        statements = [s for s in self.document.nodes if self.take_results(s)]
        assigned = [self.assigned(s) for s in statements]
        producers = {name: i for i, s in enumerate(statements) for name in s.results}
        pairs = list(zip(statements, assigned, strict=True))
        uses = [[producers[n] for n in self.names(s, given) if n in producers] for s, given in pairs]
        order, cycles = sort(uses)
        for cycle in cycles:
            names = [quote(statements[i].results[0]) for i in cycle]
            shown = names if len(names) <= 8 else [*names[:8], f"({len(names) - 8} more)"]
            self.problem(f"nodes form a cycle: {' needs '.join([*shown, names[0]])}", statements[cycle[0]].place)
        for index in order:
            self.node(*pairs[index])

    def take_results(self, node: Statement) -> bool:
        """Claims the names of a node's values, which are faulty until it is built."""
        new = [self.take(name, node.place) for name in node.results]
        for name, is_new in zip(node.results, new, strict=True):
            if is_new:
                self.values[name] = _FAULTY
        if not node.results:
            self.problem(f"node {quote(node.id)} has no outputs", node.place)
        return all(new) and bool(new)

    def assigned(self, node: Statement) -> dict[str, Argument] | None:
        """The node's arguments by field, or None after an error."""
        op = OPS.get(node.op)
        if not node.op or node.op == "shape":
            if len(node.inputs) == 1 and not node.options:
                return {"input": node.inputs[0]}
            self.problem(f"{node.op or 'a renaming'} takes one operand and no options", node.place)
            return None
        if op is None:
            self.problem(f"unknown operator {quote(node.op)}", node.place)
            return None
        before = len(self.problems)
        label = self.label(node)
        given = assign(
            op, node, lambda message, argument: self.problem(message, argument.place or node.place, op.name, label)
        )
        if "label" in given and not isinstance(given["label"].value, str):
            self.problem("label must be a string", given["label"].place, op.name)
        return given if len(self.problems) == before else None

    @staticmethod
    def label(node: Statement) -> str:
        label = node.options.get("label")
        return label.value if label and isinstance(label.value, str) else ""

    def names(self, node: Statement, given: dict[str, Argument] | None) -> list[str]:
        """The names of all operands of a node."""
        result = []
        op = OPS.get(node.op)
        for field, argument in (given or {}).items():
            if op is None or field in op.operand_fields:
                value = self.numbered(argument) if _is_number(argument, node) else argument.value
                result += [v for v in (value if isinstance(value, tuple) else [value]) if isinstance(v, str)]
        return result

    def numbered(self, argument: Argument) -> str | None:
        """The name of the operand of a number: inputs, then constants, each sorted, then the values of nodes."""
        value = argument.value
        assert isinstance(value, int)
        if self.indexed is None:
            self.indexed = sorted(i.name for i in self.document.inputs) + sorted(c.name for c in self.document.consts)
            self.indexed += [name for node in self.document.nodes for name in node.results]
        return self.indexed[value] if 0 <= value < len(self.indexed) else None

    def node(self, node: Statement, given: dict[str, Argument] | None) -> None:
        if given is None:
            return
        results = self.attempt(node.place, lambda: self.build(node, given))
        if results is None:
            return
        if len(results) != len(node.results):
            rule = f"has {_count(len(results), 'result')}; {_count(len(node.results), 'name')} for them given"
            self.problem(rule, node.place, node.op, self.label(node))
            return
        self.values.update(zip(node.results, results, strict=True))

    def build(self, node: Statement, given: dict[str, Argument]) -> Sequence[_Known] | None:
        """The values of a node, or None after an error here or in an operand."""
        before = len(self.problems)
        if not node.op or node.op == "shape":
            operand = self.operand(given["input"].value, given["input"], node)
            if isinstance(operand, _Faulty):
                return None
            return [self.shape_of(operand) if node.op else operand]
        op, label = OPS[node.op], self.label(node)
        fields: dict[str, Any] = {}
        for operand_spec in op.operands:
            if argument := given.get(operand_spec.field):
                fields[operand_spec.field] = self.operands(operand_spec, argument, node)
        for attribute in op.attributes:
            if argument := given.get(attribute.field):
                fields[attribute.field] = self.plain(argument.value, argument, node)
        flat = [v for f in fields.values() for v in (f if isinstance(f, list) else [f])]
        if len(self.problems) > before or any(isinstance(v, _Faulty) for v in flat):
            return None
        if op.name == "split" and isinstance(fields.get("splits"), int) and fields["splits"] != len(node.results):
            # Said before the builder makes as many results as a file asks for.
            rule = f"splits into {fields['splits']} results; {_count(len(node.results), 'name')} for them given"
            raise OpError(rule, op.name, label)
        self.make_scalars(op, fields, label)
        results = self.builder.build_op(op, fields, label)
        return results if op.sequence else [results]

    def operands(self, spec: OperandSpec, argument: Argument, node: Statement) -> Any:
        value = argument.value
        if spec.variadic and isinstance(value, tuple):
            return [self.operand(v, argument, node) for v in value]
        if value is None and spec.optional:
            return None
        if _is_number(argument, node):
            value = self.numbered(argument)
            if value is None:
                return self.faulty(f"{spec.name}: there is no operand number {argument.value}", argument, node)
        elif isinstance(value, float) and not _is_positional(argument, node):
            return self.faulty(f"{spec.name}: {value} must be an operand's name or number", argument, node)
        return self.operand(value, argument, node)

    def operand(self, value: Value, argument: Argument, node: Statement) -> _Known:
        match value:
            case str():
                if value in self.values:
                    return self.values[value]
                return self.faulty(f"there is no value called {quote(value)}", argument, node)
            case bool():
                pass
            case int() | float():
                return Literal(value)
        return self.faulty(f"{quote(value)} must be an operand", argument, node)

    def faulty(self, message: str, argument: Argument, node: Statement) -> _Faulty:
        self.problem(message, argument.place or node.place, node.op or None, self.label(node))
        return _FAULTY

    def plain(self, value: Value, argument: Argument, node: Statement) -> Any:
        """The value of an attribute, its dynamic dimensions replaced by their sizes."""
        if isinstance(value, tuple):
            if len(value) > MAX_LIST:
                return self.faulty(f"a list of {len(value)} is given; at most {MAX_LIST} are supported", argument, node)
            return [self.plain(v, argument, node) for v in value]
        return self.size(value, argument.place) if isinstance(value, DynamicDimension) else value

    def make_scalars(self, op: Op, fields: dict[str, Any], label: str) -> None:
        """Numbers among the operands become constants of the data type that the declaration ties them to."""
        for spec in op.operands:
            literal = fields.get(spec.field)
            if isinstance(literal, list) and any(isinstance(v, Literal) for v in literal):
                raise OpError(f"{spec.name}: a number must not be among them", op.name, label)
            if not isinstance(literal, Literal):
                continue
            tied = [fields.get(s.field) for s in op.operands if s.like == spec.name or spec.like == s.name]
            tied += [fields.get(s.field) for s in op.operands if spec.like and s.like == spec.like]
            other = next((v for v in tied if isinstance(v, MLOperand)), None)
            if other is None:
                rule = f"{spec.name}: no operand gives the number {literal.value} a data type; declare it as a constant"
                raise OpError(rule, op.name, label)
            try:
                element = element_array(other.data_type, literal.value)
            except OpError as error:
                raise OpError(f"{spec.name}: {error.rule}", op.name, label) from None
            descriptor = Descriptor(other.data_type, ())
            fields[spec.field] = self.builder.adopt(descriptor, Constant(_bytes(element, other.data_type)))

    def shape_of(self, operand: _Known) -> MLOperand:
        """The `shape` node of an older dialect: every shape is known here, so it is a constant."""
        if not isinstance(operand, MLOperand):
            raise OpError("the operand must not be a number", "shape")
        if not operand.rank:
            raise OpError("the operand must have a dimension", "shape")
        data = np.asarray(operand.shape, np.int64).view(np.uint8)
        return self.builder.adopt(Descriptor(DataType.INT64, (operand.rank,)), Constant(data))

    # Outputs

    def outputs(self) -> dict[str, MLOperand]:
        result: dict[str, MLOperand] = {}
        names: set[str] = set()
        for output in self.document.outputs:
            if output.name in names:
                self.problem(f"output {quote(output.name)} is a duplicate", output.place)
                continue
            names.add(output.name)
            if output.value not in self.values:
                self.problem(f"there is no value called {quote(output.value)}", output.place)
                continue
            value = self.values[output.value]
            if isinstance(value, Literal) or (isinstance(value, MLOperand) and value.node is None):
                kind = "an input" if isinstance(value, MLOperand) and not value.constant else "a constant"
                rule = f"output {quote(output.name)} is {kind}; it must be the result of an operator"
                self.problem(rule, output.place)
            elif isinstance(value, MLOperand):
                result[output.name] = value
        if not self.document.outputs:
            self.problem("at least one output is required", self.document.place)
        return result


def _position(problem: Diagnostic) -> tuple[str, int, int]:
    place = problem.place
    return (place.file, place.line, place.column) if isinstance(place, Place) else (place or "", 0, 0)


def _is_positional(argument: Argument, node: Statement) -> bool:
    return any(argument is a for a in node.inputs)


def _is_number(argument: Argument, node: Statement) -> bool:
    """Whether an operand is given by its number: as an integer by name."""
    return type(argument.value) is int and not _is_positional(argument, node)


def element_array(data_type: DataType, value: int | float) -> np.ndarray[Any, Any]:
    """One element. Raises OpError for a number that the data type does not hold."""
    if data_type.is_float:
        with np.errstate(over="ignore"):
            array = np.asarray(value, data_type.numpy)
        if not np.isfinite(array):
            raise OpError(f"{value} is too large for {data_type}")
        return array
    low, high = data_type.range
    if not math.isfinite(value) or value != int(value) or not low <= value <= high:
        raise OpError(f"{value} must be an integer from {low} to {high} for {data_type}")
    return np.asarray(int(value), data_type.numpy)


def _bytes(array: np.ndarray[Any, Any], data_type: DataType) -> np.ndarray[Any, Any]:
    if data_type.bits == 4:
        return pack_int4(array, data_type)
    return np.frombuffer(array.tobytes(), np.uint8)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
