"""The one module that binds the declarations to MLIR, and where the traps of its Python bindings are contained.

* The irdl dialect is not in IREE's wheel, so webnn ops are unregistered: generic syntax only, no traits, and the
  verifier is ours. The declarations' fields match `iree.compiler.dialects.ext` for the day it can register them.
* Printing an op kept after it was erased crashes the process: `rewrite` is the only place that erases ops, and it lets
  go of them at once.
* Without a Python module a dialect is searched for anew with every op that is handed out: see python_dialects.
* Diagnostic handlers in Python crash when IREE's threads emit: diagnostics are read from standard error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from iree.compiler import ir
from iree.compiler.api import Session

from webnn_mlir.dialects.webnn import (
    DECLARED,
    DataType,
    Descriptor,
    Diagnostic,
    GraphError,
    Op,
    OpBuilder,
    OpError,
    OpView,
)
from webnn_mlir.dialects.webnn.attributes import Storage

from . import python_dialects  # noqa: F401 - registers them

PREFIX = "webnn."
LABEL = "label"
IN_PLACE = "webnn.in_place"
SEGMENTS = "operandSegmentSizes"


@dataclass(frozen=True)
class Tensor:
    """An SSA value of tensor type: what declarations' functions compute with.

    `meaning` is the data type of a value that is computed in a wider element type (int4 as i8).
    """

    value: ir.Value
    element: str
    shape: tuple[int, ...]
    meaning: DataType | None = None

    @classmethod
    def of(cls, value: ir.Value) -> Tensor:
        type_ = ir.RankedTensorType(value.type)
        return cls(value, str(type_.element_type), tuple(type_.shape))

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def data_type(self) -> DataType:
        return self.meaning or DataType.from_mlir(self.element)

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.data_type, self.shape)


def new_session() -> Session:
    """An IREE compiler session whose context knows every dialect and lets webnn ops in."""
    session = Session()
    session.context.load_all_available_dialects()
    session.context.allow_unregistered_dialects = True
    return session


def element_type(element: str) -> ir.Type:
    return ir.Type.parse(element)


def tensor_type(shape: Sequence[int], element: str) -> ir.Type:
    return ir.RankedTensorType.get(list(shape), element_type(element))


def number(value: int | float, element: str) -> ir.Attribute:
    """A scalar attribute. The bindings make no integers from 2^63 on: those are parsed."""
    type_ = element_type(element)
    if element[0] in "fb":
        return ir.FloatAttr.get(type_, float(value))
    return ir.IntegerAttr.get(type_, int(value)) if value < 2**63 else ir.Attribute.parse(f"{value} : {element}")


def number_of(x: Tensor) -> float | None:
    """The value of a constant of one element that stands in the module."""
    owner = x.value.owner
    if isinstance(owner, ir.Block) or owner.name != PREFIX + "constant" or math.prod(x.shape) != 1:
        return None
    return float(np.array(owner.attributes["value"]).reshape(())) if "value" in owner.attributes else None


def type_of(descriptor: Descriptor) -> ir.Type:
    """The webnn-level type of an operand."""
    return tensor_type(descriptor.shape, descriptor.data_type.mlir)


# Attributes


def encode(storage: Storage, value: Any) -> ir.Attribute:
    """A normalized attribute value in MLIR."""
    match storage:
        case Storage.INTEGER:
            return ir.IntegerAttr.get(ir.IntegerType.get_signless(64), value)
        case Storage.INTEGERS:
            # `splits` of split is one integer or a list.
            return encode(Storage.INTEGER, value) if isinstance(value, int) else ir.DenseI64ArrayAttr.get(list(value))
        case Storage.FLOAT:
            return ir.FloatAttr.get(ir.F64Type.get(), value)
        case Storage.FLOATS:
            return ir.DenseF64ArrayAttr.get(list(value))
        case Storage.BOOLEAN:
            return ir.BoolAttr.get(value)
        case Storage.STRING:
            return ir.StringAttr.get(str(value))
        case Storage.STRINGS:
            return ir.ArrayAttr.get([ir.StringAttr.get(str(v)) for v in value])
        case Storage.NUMBER:
            if isinstance(value, float):
                return encode(Storage.FLOAT, value)
            return number(value, "ui64" if value >= 2**63 else "i64")


def decode(attribute: ir.Attribute) -> Any:
    """The Python value of an attribute. Raises TypeError for a kind of attribute that no declaration uses."""
    if isinstance(attribute, ir.BoolAttr | ir.IntegerAttr | ir.FloatAttr | ir.StringAttr):
        return attribute.value
    if isinstance(attribute, ir.DenseI64ArrayAttr | ir.DenseF64ArrayAttr):
        return list(attribute)
    if isinstance(attribute, ir.ArrayAttr):
        return [decode(a) for a in attribute]
    raise TypeError(f"{attribute} is of no kind that webnn ops have")


def int4_elements(attribute: ir.Attribute, descriptor: Descriptor) -> np.ndarray[Any, Any]:
    """The elements of a dense attribute of int4 or uint4, which the bindings only give as text."""
    text = str(attribute).removeprefix("dense<").rpartition(">")[0].rpartition(">")[0]
    if text.startswith('"0x'):
        # A byte an element, of which the upper half may be anything.
        nibbles = np.frombuffer(bytes.fromhex(text.strip('"')[2:]), np.uint8) & 0xF
        elements = nibbles if descriptor.data_type is DataType.UINT4 else (nibbles ^ 8).astype(np.int8) - np.int8(8)
    else:
        elements = np.array([int(v) for v in re.findall(r"-?\d+", text)], np.int64).astype(np.int8)
        elements = elements.astype(descriptor.data_type.numpy)
    if elements.size == 1:  # a splat
        return np.full(descriptor.shape, elements[0])
    return elements.reshape(descriptor.shape)


# Locations


def location_text(location: ir.Location) -> str | None:
    """`file:line:column` of a location, looked for inside names and fusions, or None."""
    match = re.search(r'"((?:[^"\\]|\\.)*)":(\d+):(\d+)', str(location))
    return f"{match[1]}:{match[2]}:{match[3]}" if match else None


def make_location(label: str, op: str, place: Any) -> ir.Location:
    """A location that names the label (or the op) over its place in the source file."""
    child = ir.Location.file(place.file, place.line, place.column) if place else None
    return ir.Location.name(f"{label} ({op})" if label else op, child)


# Ops


def op_declaration(operation: ir.Operation) -> Op | None:
    """The declaration of a webnn op; None for constants and for other dialects' ops."""
    return DECLARED.get(operation.name.removeprefix(PREFIX)) if operation.name.startswith(PREFIX) else None


def is_constant(value: ir.Value) -> bool:
    """Whether a value is computed from constants alone."""
    left, seen = [value], {value}
    while left:
        owner = left.pop().owner
        if isinstance(owner, ir.Block):
            return False
        fresh = [operand for operand in owner.operands if operand not in seen]
        seen.update(fresh)
        left += fresh
    return True


def before_turning(x: Tensor) -> Tensor | None:
    """What is transposed to x, if only the last two dimensions are swapped."""
    owner = x.value.owner
    if isinstance(owner, ir.Block) or owner.name != "webnn.transpose":
        return None
    rank = x.rank
    if list(owner.attributes["permutation"]) != [*range(rank - 2), rank - 1, rank - 2]:
        return None
    return Tensor.of(owner.operands[0])


def attribute(operation: ir.Operation, name: str, default: Any) -> Any:
    """An attribute, or the default where there is none; the map of attributes itself has no `get`."""
    attributes = operation.attributes
    if name in attributes:
        return attributes[name]
    return default


def diagnostic(operation: ir.Operation, message: str) -> Diagnostic:
    """A diagnostic that names an operation by its place and label."""
    name = operation.name
    label = decode(operation.attributes[LABEL]) if LABEL in operation.attributes else None
    place = location_text(operation.location)
    if name.startswith(PREFIX):
        return Diagnostic(message, place=place, op=name.removeprefix(PREFIX), label=label)
    return Diagnostic(f"'{name}': {message}", place=place)


def view(operation: ir.Operation) -> tuple[Op, OpView, tuple[Descriptor, ...]]:
    """A webnn operation's declaration, its fields as Tensors and attributes, and the descriptors its rule infers.

    Raises GraphError when the operation breaks its declaration.
    """
    op = op_declaration(operation)
    if op is None:
        raise GraphError([diagnostic(operation, "is not an op of the webnn dialect")])
    label = decode(operation.attributes[LABEL]) if LABEL in operation.attributes else ""
    try:
        arguments = _operands_by_field(op, operation) | _attributes_by_field(op, operation)
        fields, results = op.bind(arguments, label=label)
    except OpError as error:
        raise GraphError([diagnostic(operation, error.rule)]) from None
    except (TypeError, KeyError, ValueError) as error:
        raise GraphError([diagnostic(operation, str(error))]) from None
    view = OpView(op, label, fields)
    view.in_place = IN_PLACE in operation.attributes
    return op, view, results


def _operands_by_field(op: Op, operation: ir.Operation) -> dict[str, Any]:
    values = [_tensor(v) for v in operation.operands]
    if op.segmented:
        if SEGMENTS not in operation.attributes:
            raise TypeError(f"attribute '{SEGMENTS}' is required")
        sizes = list(ir.DenseI32ArrayAttr(operation.attributes[SEGMENTS]))
    elif len(op.operands) == 1 and (op.operands[0].variadic or op.operands[0].optional):
        sizes = [len(values)]
    else:
        sizes = [1] * len(op.operands)
    if len(sizes) != len(op.operands) or sum(sizes) != len(values) or min(sizes) < 0:
        raise TypeError(f"has {len(values)} operands in segments {sizes}; it takes {len(op.operands)} segments")
    fields: dict[str, Any] = {}
    rest = iter(values)
    for spec, size in zip(op.operands, sizes, strict=True):
        group = [next(rest) for _ in range(size)]
        if not spec.variadic and size > 1:
            raise TypeError(f"operand '{spec.name}' is one value, not {size}")
        fields[spec.field] = group if spec.variadic else group[0] if group else None
    return fields


def _tensor(value: ir.Value) -> Tensor:
    try:
        tensor = Tensor.of(value)
        _ = tensor.descriptor
    except (ValueError, KeyError):
        raise TypeError(f"type {value.type} is no tensor of WebNN's") from None
    return tensor


def _attributes_by_field(op: Op, operation: ir.Operation) -> dict[str, Any]:
    specs = {a.name: a for a in op.attributes}
    fields = {}
    for name in operation.attributes:
        key = name if isinstance(name, str) else name.name
        if key in (LABEL, SEGMENTS, IN_PLACE):
            continue
        if key not in specs:
            raise TypeError(f"unknown attribute '{key}'")
        fields[specs[key].field] = decode(operation.attributes[key])
    return fields


class DialectBuilder(OpBuilder):
    """Builds webnn ops at the current insertion point and location; its values are Tensors.

    With `expand`, an op that has a decomposition is decomposed instead of built.
    """

    def __init__(self, *, expand: bool = False):
        self._decomposes = expand

    def emit(self, op: Op, fields: dict[str, Any], results: tuple[Descriptor, ...], label: str) -> list[Tensor]:
        if self._decomposes and op.decompose:
            return as_list(op.decompose(self, OpView(op, label, fields)))
        attributes = {a.name: encode(a.kind.storage, v) for a in op.attributes if (v := fields[a.field]) is not None}
        if label:
            attributes[LABEL] = ir.StringAttr.get(label)
        groups = [_group(fields[spec.field]) for spec in op.operands]
        if op.segmented:
            attributes[SEGMENTS] = ir.DenseI32ArrayAttr.get([len(g) for g in groups])
        operation = ir.Operation.create(
            PREFIX + op.name,
            results=[type_of(d) for d in results],
            operands=[t.value for g in groups for t in g],
            attributes=attributes,
        )
        return [Tensor(v, d.data_type.mlir, d.shape) for v, d in zip(operation.results, results, strict=True)]

    def scalar(self, value: float, data_type: DataType) -> Tensor:
        """A constant of rank 0."""
        return self.full(value, Descriptor(data_type, ()))

    def full(self, value: float, descriptor: Descriptor) -> Tensor:
        """A constant filled with one value."""
        type_ = type_of(descriptor)
        return self.constant(ir.DenseElementsAttr.get_splat(type_, number(value, descriptor.data_type.mlir)))

    def constant(self, value: ir.Attribute) -> Tensor:
        """A `webnn.constant` of a dense attribute."""
        operation = ir.Operation.create(PREFIX + "constant", results=[value.type], attributes={"value": value})
        return Tensor.of(operation.results[0])


def _group(value: Any) -> Sequence[Tensor]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def as_list(values: Any) -> list[Any]:
    """The results of a declaration's function, which may return one or several."""
    return list(values) if isinstance(values, list | tuple) else [values]


# Rewriting


def is_view(operation: ir.Operation) -> bool:
    """Whether it only gives a value another shape."""
    return operation.name in ("webnn.reshape", "stablehlo.reshape")


def unshaped(value: ir.Value) -> ir.Value:
    """What a value is, maybe in another shape."""
    while not isinstance(value.owner, ir.Block) and is_view(value.owner):
        value = value.owner.operands[0]
    return value


def used_by(value: ir.Value) -> Iterator[ir.Operation]:
    """What uses a value, in whatever shape."""
    left = [value]
    while left:
        for use in left.pop().uses:
            if is_view(use.owner):
                left.append(use.owner.results[0])
            else:
                yield use.owner


def functions(module: ir.Module) -> Iterator[ir.Operation]:
    """The functions of a module that have a body."""
    for operation in module.body.operations:
        if operation.operation.name == "func.func" and operation.regions[0].blocks:
            yield operation.operation


def webnn_operations(module: ir.Module) -> Iterator[ir.Operation]:
    """Every webnn op of a module, constants included, in order."""
    for function in functions(module):
        for operation in function.regions[0].blocks[0].operations:
            if operation.operation.name.startswith(PREFIX):
                yield operation.operation


def rewrite(
    module: ir.Module, pattern: Callable[[ir.Operation], Sequence[Tensor] | None], *, sweep: bool = False
) -> int:
    """Runs `pattern` on every webnn op, in order, at its place and with its location; returns how many it replaced.

    A pattern returns the values that replace the op's results, or None to leave it alone. With `sweep`, the ops before
    it that only the replaced op used go with it.
    """
    replaced = 0
    for function in functions(module):
        for operation in list(function.regions[0].blocks[0].operations):
            operation = operation.operation
            if not operation.name.startswith(PREFIX):
                continue
            with operation.location, ir.InsertionPoint(operation):
                values = pattern(operation)
            if values is None:
                continue
            for old, new in zip(operation.results, values, strict=True):
                old.replace_all_uses_with(new.value)
            operands = list(operation.operands) if sweep else []
            operation.erase()
            _sweep(operands)
            replaced += 1
    return replaced


def _sweep(values: Sequence[ir.Value]) -> None:
    """Erases the webnn ops that give the values, and those before them, as far as no one uses them."""
    candidates = _owners(values)
    while candidates:
        operation = candidates.pop()
        if operation.name.startswith(PREFIX) and not any(next(r.uses, None) for r in operation.results):
            candidates |= _owners(list(operation.operands))
            operation.erase()


def _owners(values: Sequence[ir.Value]) -> set[ir.Operation]:
    return {v.owner.operation for v in values if not isinstance(v.owner, ir.Block)}


def erase_dead(module: ir.Module) -> None:
    """Erases webnn ops whose results no one uses; MLIR's own DCE skips ops that it does not know."""
    for function in functions(module):
        for operation in reversed(list(function.regions[0].blocks[0].operations)):
            operation = operation.operation
            if operation.name.startswith(PREFIX) and all(not list(r.uses) for r in operation.results):
                operation.erase()
