"""A program on its way through the passes: the MLIR module, the bytes of its weights, and what passes have to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from iree.compiler import ir
from iree.compiler.api import Session

from webnn_mlir.dialects.webnn import Constant, Descriptor, Diagnostic, Graph, MLOperand

from . import binding
from .kernels.function import Dispatch
from .kernels.packing import Packed
from .options import INLINE_LIMIT
from .tuning import Tuning, Value


@dataclass
class Program:
    """An MLIR module with `weights`: for each key of a `webnn.constant` its packed bytes, mapped where they can be.

    `parameters` are the keys of those that the artifact reads from an archive instead of holding them. `places` tells
    where the weights of a program that came as MLIR lie. `packed` are the keys that passes gave to other keys' weights
    in another order. `kernels` are those that passes have called, by name.
    """

    session: Session
    module: ir.Module
    weights: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    remarks: list[Diagnostic] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    parameters: list[str] = field(default_factory=list)
    places: dict[str, tuple[Descriptor, Constant]] = field(default_factory=dict)
    packed: dict[str, Packed] = field(default_factory=dict)
    tuning: Tuning | None = None
    kernels: dict[str, Dispatch] = field(default_factory=dict)

    def choose(
        self, choice: str, place: str, default: Value, values: Sequence[Value] | None = None, *, work: float = 0
    ) -> Any:
        """One of the values that a choice has, or has at this place: what tuning decided, or the default.

        Raises GraphError where it decided something else.
        """
        return default if self.tuning is None else self.tuning.choose(choice, place, default, values, work)

    def comes_of(self, place: str, function: str) -> None:
        """Notes which function does the work of a place, for who measures it."""
        if self.tuning is not None:
            self.tuning.note(place, function)

    def text(self, *, locations: bool = False, resources: bool = True) -> str:
        """The module as text; without `resources` the bytes of mapped weights are left out."""
        limit = {} if resources else {"large_resource_limit": 64}
        return str(self.module.operation.get_asm(enable_debug_info=locations, **limit)) + "\n"


def parse(source: str | bytes, weights: Mapping[str, np.ndarray[Any, Any]] | None = None) -> Program:
    """A program of MLIR text or bytecode. Raises `ir.MLIRError` where it does not parse."""
    session = binding.new_session()
    module = ir.Module.parse(source, session.context)
    return Program(session, module, dict(weights or {}))


def from_graph(graph: Graph) -> Program:
    """A program of a graph: one function `main` whose arguments and results carry their names.

    Every op has the label and the place in the source file as its location.
    """
    return from_graphs({"main": graph})


def from_graphs(graphs: Mapping[str, Graph], *, inline_limit: int = INLINE_LIMIT) -> Program:
    """A program of several graphs, a function each; constants up to `inline_limit` bytes stand in the module."""
    session = binding.new_session()
    program = Program(session, None)
    with session.context, ir.Location.unknown():
        program.module = module = ir.Module.create()
        module.operation.attributes["sym_name"] = ir.StringAttr.get("main")
        for name, graph in graphs.items():
            _add_function(program, name, graph, inline_limit)
    return program


def _add_function(program: Program, name: str, graph: Graph, inline_limit: int) -> None:
    inputs = [binding.type_of(o.descriptor) for o in graph.inputs.values()]
    outputs = [binding.type_of(o.descriptor) for o in graph.outputs.values()]
    with ir.InsertionPoint(program.module.body):
        function = ir.Operation.create(
            "func.func",
            attributes={
                "sym_name": ir.StringAttr.get(name),
                "function_type": ir.TypeAttr.get(ir.FunctionType.get(inputs, outputs)),
                "arg_attrs": _names(graph.inputs),
                "res_attrs": _names(graph.outputs),
            },
            regions=1,
        )
    block = function.regions[0].blocks.append(*inputs)
    values: dict[int, binding.Tensor] = {}
    for operand, argument in zip(graph.inputs.values(), block.arguments, strict=True):
        values[id(operand)] = binding.Tensor.of(argument)
    with ir.InsertionPoint(block):
        for number, operand in enumerate(graph.constants):
            values[id(operand)] = _constant(program, operand, number, inline_limit)
        builder = binding.DialectBuilder()
        for node in graph.nodes:
            fields = {
                name: _mapped(values, value) if name in node.op.operand_fields else value
                for name, value in node.fields.items()
            }
            with binding.make_location(node.label, node.op.name, node.place):
                results = builder.emit(node.op, fields, tuple(r.descriptor for r in node.results), node.label)
            values |= {id(r): t for r, t in zip(node.results, results, strict=True)}
        ir.Operation.create("func.return", operands=[values[id(o)].value for o in graph.outputs.values()])


def _names(operands: Mapping[str, MLOperand]) -> ir.Attribute:
    return ir.ArrayAttr.get([ir.DictAttr.get({"webnn.name": ir.StringAttr.get(n)}) for n in operands])


def _mapped(values: dict[int, binding.Tensor], value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [values[id(v)] for v in value]
    return None if value is None else values[id(value)]


def _constant(program: Program, operand: MLOperand, number: int, inline_limit: int) -> binding.Tensor:
    assert operand.constant is not None
    data = operand.constant.data
    name = operand.constant.name or f"constant_{number}"
    type_ = binding.type_of(operand.descriptor)
    with ir.Location.name(name):
        if data.nbytes <= inline_limit:
            return binding.DialectBuilder().constant(dense(data, operand))
        key = name
        while key in program.weights:
            key += "_"
        program.weights[key] = data
        operation = ir.Operation.create(
            "webnn.constant", results=[type_], attributes={"key": ir.StringAttr.get(key)}
        )
        return binding.Tensor.of(operation.results[0])


def dense(data: np.ndarray[Any, Any], operand: MLOperand) -> ir.Attribute:
    """A dense attribute of packed bytes."""
    from webnn_mlir.dialects.webnn.int4 import unpack_int4

    descriptor = operand.descriptor
    array = unpack_int4(data, descriptor) if descriptor.data_type.bits == 4 else data.view(descriptor.data_type.numpy)
    array = np.ascontiguousarray(array.reshape(descriptor.shape))
    return ir.DenseElementsAttr.get(array, type=binding.type_of(descriptor))
