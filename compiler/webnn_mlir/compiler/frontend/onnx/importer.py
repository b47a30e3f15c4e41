"""From a model to a graph: its nodes in order, each evaluated if its inputs are known, otherwise built by its row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from webnn_mlir.dialects.webnn import (
    Constant,
    DataType,
    Descriptor,
    Diagnostic,
    Graph,
    GraphBuilder,
    GraphError,
    MLOperand,
    OpError,
)  # fmt: skip

from ...specialization import Specialization
from ..source import quote, shorten
from . import folding
from .constants import Array, Known, webnn_type
from .inputs import Inputs, NeedsConstants
from .model import OpenModel, first_line
from .registry import NotKnown, Value, find_row, plain

MAX_BUILT = 2**17
"""Nodes that are built, those of a loop's body for each iteration."""
MAX_EXPANSION = 32
"""Functions may call one another this deep."""


class NodeBuilder(GraphBuilder):
    """The builder that rows are given: it labels what it builds with the node's name, and knows what the node is."""

    def __init__(self, importer: Importer):
        super().__init__()
        self._importer = importer
        self._operands: dict[int, tuple[Known, MLOperand]] = {}
        self.label = ""
        self.opset = 0
        self.wanted: Sequence[bool] = ()
        """Which of the node's outputs are used or named."""

    def build_op(self, op: Any, arguments: Mapping[str, Any], label: str = "") -> Any:
        return super().build_op(op, arguments, label or self.label)

    def require(self, condition: bool, message: str) -> None:
        """Raises OpError with the rule that the node breaks, unless the condition holds."""
        if not condition:
            raise OpError(message)

    def operand(self, value: Value | Array | float) -> MLOperand:
        """A value as an operand; one that is known becomes a constant, the same one each time."""
        if isinstance(value, MLOperand):
            return value
        known = value if isinstance(value, Known) else Known.of(value)
        if id(known) not in self._operands:
            self._operands[id(known)] = known, self.adopt(known.descriptor, known.constant)
        return self._operands[id(known)][1]

    def scalar(self, value: float, data_type: DataType) -> MLOperand:
        """A constant of rank 0."""
        return self.constant(data_type, value)

    def full(self, value: float, data_type: DataType, shape: Sequence[int]) -> MLOperand:
        """A tensor of one repeated value."""
        scalar = self.scalar(value, data_type)
        return self.expand(scalar, list(shape)) if shape else scalar

    def adopt_known(self, known: Known, descriptor: Descriptor) -> MLOperand:
        """The bytes of a value under another descriptor of the same length: mapped, not copied."""
        source = known.constant
        return self.adopt(descriptor, Constant(source.data, source.name, source.file, source.offset))

    def run_graph(self, graph: ir.Graph, inputs: Sequence[Value] = ()) -> list[Value]:
        """Builds a subgraph in place, and gives its outputs."""
        return self._importer.subgraph(graph, inputs)


class _Faulty:
    """Stands for a value that an error keeps from being there, so that its users say nothing more."""


_FAULTY = _Faulty()


def import_model(opened: OpenModel, specialization: Specialization) -> Graph:
    """The graph of a model. Raises GraphError with everything that is wrong."""
    return Importer(opened, Inputs(specialization)).graph()


class Importer:
    """Values by the model's own objects; a function or a loop's body gives its values anew each time it is built."""

    def __init__(self, opened: OpenModel, inputs: Inputs):
        self.opened, self.inputs = opened, inputs
        self.builder = NodeBuilder(self)
        self.values: dict[ir.Value, Value | _Faulty] = {}
        self.problems: list[Diagnostic] = []
        self.built = 0
        self.unknown: set[str] = set()
        """Inputs whose values something needs."""
        self.opsets: Mapping[str, int] = opened.opsets
        self.attributes: Mapping[str, ir.Attr] = {}
        self.functions: list[ir.OperatorIdentifier] = []

    # The model

    def graph(self) -> Graph:
        graph = self.opened.model.graph
        initializers = {value.name for value in graph.initializers.values()}
        self.inputs.resolve([v for v in graph.inputs if v.name not in initializers], self.opened.path, self.problems)
        for value in graph.inputs:
            if value.name not in initializers:
                self.values[value] = self._attempt(None, lambda value=value: self._input(value)) or _FAULTY
        self._nodes(graph)
        outputs = {o.name: self._output(o) for o in graph.outputs if o.name}
        if not self.problems:
            try:
                built = self.builder.graph({name: o for name, o in outputs.items() if isinstance(o, MLOperand)},
                                           graph.name or "main")  # fmt: skip
            except TypeError as error:
                self.problems.append(Diagnostic(str(error), place=self.opened.path))
            else:
                # A model's signature is its own, with the inputs that nothing needs.
                built.inputs = {v.name: v for v in self.values.values() if isinstance(v, MLOperand) and v.name}
                return built
        raise NeedsConstants(self.problems, self.unknown) if self.unknown else GraphError(self.problems)

    def _input(self, value: ir.Value) -> Value | None:
        name = value.name or ""
        if name in self.inputs.constants:
            return Known.of(self.inputs.constants[name])
        if name not in self.inputs.shapes:
            return None  # said by `resolve`
        shape, dtype = self.inputs.shapes[name], value.dtype or ir.DataType.UNDEFINED
        if 0 in shape:
            # WebNN has no such tensors, and there is nothing that it would bring: a past of no tokens, say.
            return Known(dtype, shape, lambda: np.zeros(shape, dtype.numpy()))
        try:
            return self.builder.input(name, webnn_type(dtype), shape)
        except OpError as error:
            raise OpError(f"input {quote(name)}: {error.rule}") from None

    def _output(self, value: ir.Value) -> MLOperand | None:
        """An operator's result: an input or a known value passes through `identity`."""
        found = self._value(value, None)
        if found is None or isinstance(found, _Faulty):
            return None

        def operand() -> MLOperand:
            operand = self.builder.operand(found)
            return operand if operand.node else self.builder.identity(operand)

        self.builder.label = value.name or ""
        try:
            return operand()
        except OpError as error:
            message = f"output {quote(value.name)}: {error.rule}"
            self.problems.append(Diagnostic(message, place=self.opened.path))
            return None

    def subgraph(self, graph: ir.Graph, inputs: Sequence[Value]) -> list[Value]:
        """Builds a graph within this one. Raises OpError when one of its outputs could not be built."""
        self.builder.require(len(inputs) == len(graph.inputs), f"its graph takes {len(graph.inputs)} inputs; "
                             f"{len(inputs)} are given")  # fmt: skip
        self.values.update(zip(graph.inputs, inputs, strict=True))
        # The row that asked for it goes on after it, as the node it is.
        builder = self.builder
        state = builder.label, builder.wanted
        self._nodes(graph)
        builder.label, builder.wanted = state
        results = [self._value(output, None) for output in graph.outputs]
        if any(result is None or isinstance(result, _Faulty) for result in results):
            raise _Silent
        return results  # type: ignore[return-value]

    def _nodes(self, graph: Iterable[ir.Node]) -> None:
        if isinstance(graph, ir.Graph):
            # They are read where they are needed: a value known by name only is an error there.
            for value in graph.initializers.values():
                if value.const_value is not None:
                    tensor = value.const_value
                    self.values[value] = self._attempt(None, lambda t=tensor: self.opened.folder.known(t)) or _FAULTY
        for node in graph:
            self._node(node)

    # A node

    def _node(self, node: ir.Node) -> None:
        self.built += 1
        if self.built > MAX_BUILT:
            message = f"its loops and functions are more than {MAX_BUILT} nodes when they are unrolled"
            raise GraphError([*self.problems, Diagnostic(message, place=self.opened.path)])
        builder = self.builder
        builder.label = node.name or next((o.name for o in node.outputs if o.name), "") or ""
        builder.wanted = [bool(o.name) for o in node.outputs]
        results = self._attempt(node, lambda: self._build(node))
        for output, result in zip(node.outputs, results or [_FAULTY] * len(node.outputs), strict=False):
            self.values[output] = result if result is not None else _FAULTY

    def _build(self, node: ir.Node) -> Sequence[Value | None] | None:
        domain = "" if node.domain == "ai.onnx" else node.domain
        opset = self.builder.opset = self._opset(domain)
        attributes = self._resolved(node)
        row = find_row(domain, node.op_type, opset)
        function = self.opened.model.functions.get(node.op_identifier())
        schema = function is None and row is None and _schema(domain, node.op_type, opset)
        inputs = [self._value(value, node) for value in node.inputs]
        foldable = domain == "" and all(value is None or isinstance(value, Known) for value in inputs)
        if not (row or function or schema or foldable):
            raise OpError(_unsupported(domain, node.op_type, opset))
        if any(isinstance(value, _Faulty) for value in inputs):
            return None
        if function is not None:
            return self._call(function, inputs, attributes)
        if foldable:
            folded = folding.evaluate(node.op_type, inputs, attributes, len(node.outputs), opset)  # type: ignore[arg-type]
            if folded is not None:
                return folded
        if row:
            values = {name: self._plain(attribute) for name, attribute in attributes.items()}
            positional, keywords = row.bind(self.builder, inputs, values)  # type: ignore[arg-type]
            return self._results(row.function(self.builder, *positional, **keywords), node)
        if not schema:
            raise OpError(_unsupported(domain, node.op_type, opset))
        return self._expanded(self._expansion(node, schema, inputs, attributes), inputs, attributes)

    def _results(self, results: Any, node: ir.Node) -> list[Value | None]:
        listed = list(results) if isinstance(results, list | tuple) else [results]
        listed += [None] * (len(node.outputs) - len(listed))
        for number, (result, wanted) in enumerate(zip(listed, self.builder.wanted, strict=False)):
            used = wanted and (node.outputs[number].uses() or node.outputs[number].is_graph_output())
            self.builder.require(result is not None or not used, f"output number {number} is not supported")
        return [Known.of(r) if isinstance(r, np.ndarray | np.generic | int | float) else r for r in listed]

    def _opset(self, domain: str) -> int:
        return self.opsets.get(domain) or self.opsets.get("ai.onnx" if domain == "" else domain) or 1

    def _value(self, value: ir.Value | None, node: ir.Node | None) -> Value | _Faulty | None:
        if value is None or value.name == "":
            return None
        if value not in self.values:
            if value.const_value is not None:
                self.values[value] = self.opened.folder.known(value.const_value)
            else:
                if node is None:
                    message = f"there is no value called {quote(value.name)}"
                    self.problems.append(Diagnostic(message, place=self.opened.path))
                    return _FAULTY
                raise OpError(f"there is no value called {quote(value.name)}")
        return self.values[value]

    def _resolved(self, node: ir.Node) -> dict[str, ir.Attr]:
        """A node's attributes; inside a function, those that refer to the call's have their values."""
        result = {}
        for name, attribute in node.attributes.items():
            if attribute.is_ref():
                referred = self.attributes.get(attribute.ref_attr_name or "")
                if referred is None:
                    continue
                attribute = ir.Attr(name, referred.type, referred.value)
            result[name] = attribute
        return result

    def _plain(self, attribute: ir.Attr) -> Any:
        value = plain(attribute)
        return self.opened.folder.known(value) if attribute.type is ir.AttributeType.TENSOR else value

    # Functions

    def _call(
        self, function: ir.Function, inputs: Sequence[Any], attributes: Mapping[str, ir.Attr]
    ) -> Sequence[Value | None] | None:
        """Builds a function in place of its call."""
        identifier = function.identifier()
        self.builder.require(identifier not in self.functions, f"function {identifier[1]!r} calls itself")
        self.builder.require(len(self.functions) < MAX_EXPANSION, f"functions nest deeper than {MAX_EXPANSION}")
        given = [*inputs, *[None] * (len(function.inputs) - len(inputs))]
        for parameter, value in zip(function.inputs, given, strict=False):
            if value is None:
                self.values.pop(parameter, None)
                # An input that is left out is left out of the nodes that would use it.
                parameter.name = ""
            else:
                self.values[parameter] = value
        defaults = {name: a for name, a in function.attributes.items() if a.value is not None}
        state = self.opsets, self.attributes, self.builder.label, self.builder.wanted
        self.opsets = {**self.opsets, **function.opset_imports}
        self.attributes = {**defaults, **attributes}
        self.functions.append(identifier)
        try:
            for node in function:
                label = node.name
                node.name = f"{state[2]}/{label}" if label and state[2] else state[2]
                self._node(node)
                node.name = label
        finally:
            self.functions.pop()
            self.opsets, self.attributes, self.builder.label, self.builder.wanted = state
        results = [self.values.get(output) for output in function.outputs]
        return None if any(isinstance(r, _Faulty) for r in results) else results  # type: ignore[return-value]

    def _expanded(
        self, proto: onnx.FunctionProto, inputs: Sequence[Any], attributes: Mapping[str, ir.Attr]
    ) -> Sequence[Value | None] | None:
        """Builds the function that ONNX defines an operator by; what the body leaves out of its outputs is None."""
        names = list(proto.output)
        made = {name for node in proto.node for name in node.output}
        del proto.output[:]
        proto.output.extend(name for name in names if name in made)
        results = self._call(ir.serde.deserialize_function(proto), inputs, attributes)
        if results is None:
            return None
        by_name = dict(zip(proto.output, results, strict=True))
        return [by_name.get(name) for name in names]

    def _expansion(
        self, node: ir.Node, schema: Any, inputs: Sequence[Any], attributes: Mapping[str, ir.Attr]
    ) -> onnx.FunctionProto:
        """The function that ONNX defines an operator by."""
        if schema.has_function:
            body = schema.get_function_with_opset_version(schema.since_version) or schema.function_body
        else:
            names = ["" if value is None else f"i{number}" for number, value in enumerate(inputs)]
            outputs = [f"o{n}" if wanted else "" for n, wanted in enumerate(self.builder.wanted)]
            call = onnx.helper.make_node(node.op_type, names, outputs)
            call.attribute.extend(ir.to_proto(attribute) for attribute in attributes.values())
            types = [
                b"" if value is None else _type_proto(value, given).SerializeToString()
                for value, given in zip(inputs, node.inputs, strict=True)
            ]
            body = schema.get_context_dependent_function(call.SerializeToString(), types)
        proto: onnx.FunctionProto = onnx.FunctionProto.FromString(body) if isinstance(body, bytes) else body
        return proto

    # Errors

    def _attempt(self, node: ir.Node | None, make: Any) -> Any:
        """What `make` gives; an error of it is the node's, and gives None."""
        try:
            return make()
        except GraphError:
            raise
        except _Silent:
            pass
        except OpError as error:
            if isinstance(error, NotKnown):
                self.unknown.update(error.inputs)
            self._problem(node, f"{error.op}: {error.rule}" if error.op else error.rule)
        except Exception as error:
            # A row, and what evaluates nodes, take attributes and known inputs for what the operator's are.
            self._problem(node, f"its attributes or known inputs are not valid: {first_line(error)}")
        return None

    def _problem(self, node: ir.Node | None, message: str) -> None:
        op = quote(f"{node.domain or 'onnx'}.{node.op_type}")[1:-1] if node else None
        label = self.builder.label if node else None
        one_line = shorten(" ".join(message.split()), 400)
        diagnostic = Diagnostic(one_line, place=self.opened.path, op=op, label=label or None)
        self.problems.append(diagnostic)


class _Silent(Exception):
    """An error that has been said already."""


def _schema(domain: str, op_type: str, opset: int) -> Any:
    """The schema of an operator that ONNX defines as a function of others, or None."""
    if not onnx.defs.has(op_type, opset, domain):
        return None
    schema: Any = onnx.defs.get_schema(op_type, opset, domain)
    return schema if schema.has_function or schema.has_context_dependent_function else None


def _unsupported(domain: str, op_type: str, opset: int) -> str:
    if domain == "" and not onnx.defs.has(op_type):
        return "there is no such operator"
    where = f"opset {opset}" if domain == "" else f"domain {quote(domain)}"
    return f"this operator of {where} is not supported"


def _is_boolean(value: ir.Value | None) -> bool:
    """Whether the model says that a value holds truth values, which are uint8 here: by its type, or by its producer."""
    while value is not None and value.dtype is None:
        node = value.producer()
        if node is None or not onnx.defs.has(node.op_type, node.domain):
            return False
        if node.op_type == "Cast":
            return bool(node.attributes["to"].value == ir.DataType.BOOL)
        schema = onnx.defs.get_schema(node.op_type, node.domain)
        output = schema.outputs[min(value.index() or 0, len(schema.outputs) - 1)]
        if output.type_str == "tensor(bool)" or output.types == {"tensor(bool)"}:
            return True
        # It has the type of an input.
        takes = zip(schema.inputs, node.inputs, strict=False)
        value = next((given for formal, given in takes if formal.type_str == output.type_str), None)
    return value is not None and value.dtype is ir.DataType.BOOL


def _type_proto(value: Value, given: ir.Value | None) -> onnx.TypeProto:
    if isinstance(value, Known):
        return onnx.helper.make_tensor_type_proto(value.data_type.value, value.shape)
    data_type = ir.DataType.FLOAT if value.data_type is DataType.FLOAT32 else ir.DataType[value.data_type.name]
    if data_type is ir.DataType.UINT8 and _is_boolean(given):
        data_type = ir.DataType.BOOL
    return onnx.helper.make_tensor_type_proto(data_type.value, value.shape)
