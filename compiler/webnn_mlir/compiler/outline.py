"""The outline of a module: its one function as `wire` writes a graph, without the bytes of its constants."""

from __future__ import annotations

from typing import Any

from iree.compiler import ir

from webnn_mlir.dialects.webnn import Diagnostic, GraphError

from . import binding
from .passes.webnn_signature import names
from .program import Program
from .wire import Json, describe

CONSTANT = "webnn.constant"


def outline(program: Program) -> Json:
    """The graph that a module of webnn ops is. Raises GraphError for a module that is none."""
    functions = list(binding.functions(program.module))
    if len(functions) != 1:
        raise GraphError([Diagnostic(f"the module has {len(functions)} functions; a graph is one")])
    [function] = functions
    block = function.regions[0].blocks[0]
    *body, terminator = [operation.operation for operation in block.operations]
    if found := [o for o in body if not o.name.startswith(binding.PREFIX)]:
        raise GraphError([binding.diagnostic(o, "is no op of the webnn dialect") for o in found])
    constants = [o for o in body if o.name == CONSTANT]
    operations = [o for o in body if o.name != CONSTANT]
    results = [r for o in (*constants, *operations) for r in o.results]
    numbers = {value: number for number, value in enumerate([*block.arguments, *results])}
    inputs = zip(names(function, "arg_attrs", len(block.arguments), "input"), block.arguments, strict=True)
    outputs = zip(names(function, "res_attrs", len(terminator.operands), "output"), terminator.operands, strict=True)
    return {
        "name": binding.decode(function.attributes["sym_name"]),
        "inputs": [[name, _descriptor(value)] for name, value in inputs],
        "constants": [_constant(o, number) for number, o in enumerate(constants)],
        "nodes": [_node(o, numbers) for o in operations],
        "outputs": [[name, numbers[value]] for name, value in outputs],
    }


def _constant(operation: ir.Operation, number: int) -> Json:
    key = binding.decode(operation.attributes["key"]) if "key" in operation.attributes else f"constant_{number}"
    return {"key": key, "descriptor": _descriptor(operation.results[0])}


def _node(operation: ir.Operation, numbers: dict[ir.Value, int]) -> list[Any]:
    op, view, _ = binding.view(operation)
    operands = iter(operation.operands)

    def number(value: Any) -> Any:
        """Operands stand in the fields in the order in which the operation has them."""
        if isinstance(value, list | tuple):
            return [number(v) for v in value]
        return None if value is None else numbers[next(operands)]

    fields = {spec.field: number(getattr(view, spec.field)) for spec in op.operands}
    fields |= {spec.field: getattr(view, spec.field) for spec in op.attributes}
    results = [_descriptor(result) for result in operation.results]
    return [op.name, fields, view.label, binding.location_text(operation.location), results]


def _descriptor(value: ir.Value) -> list[Any]:
    return describe(binding.Tensor.of(value).descriptor)
