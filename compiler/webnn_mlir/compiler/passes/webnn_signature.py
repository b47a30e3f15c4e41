"""Moves the names, shapes and data types of inputs and outputs to where a loaded artifact shows them.

Given:
    func.func @main(%x: tensor<2x3xf32> {webnn.name = "x"}) -> (tensor<2x3xf32> {webnn.name = "y"})
Result:
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {iree.reflection = {webnn.signature = "{…}"}}

The signature is JSON: `inputs`, `outputs` and `parameters`, each a list of `name`, `dataType`, `shape`; parameters are
the weights that the artifact reads from its archive. An output that takes over an input's memory has `alias`, the
input's name. `targets` are what there is code for, and `processors` those that code for the CPU is for, where they are
several. It is written before lowering changes the types of int4.
"""

from __future__ import annotations

import json
from typing import Any

from iree.compiler import ir

from webnn_mlir.dialects.webnn import GraphError

from .. import binding
from ..program import Program
from . import register_pass

NAME, ALIAS = "webnn.name", "webnn.alias"


@register_pass("webnn-signature")
def signature(program: Program) -> None:
    external = program.options.get("weights") == "external"
    parameters = _parameters(program) if external else {}
    program.parameters = list(parameters)
    processors = program.options.get("processors", ())
    for function in binding.functions(program.module):
        types = ir.FunctionType(function.attributes["function_type"].value)
        text = json.dumps(
            {
                "inputs": _take(function, "arg_attrs", types.inputs, "input"),
                "outputs": _outputs(function, types.results),
                "parameters": [_entry(key, type_) for key, type_ in parameters.items()],
                "targets": list(program.options.get("targets", ("cpu",))),
                **({"processors": list(processors)} if len(processors) > 1 else {}),
            },
            ensure_ascii=True,
            sort_keys=True,
        )
        function.attributes["iree.reflection"] = ir.DictAttr.get({"webnn.signature": ir.StringAttr.get(text)})


def names(function: ir.Operation, attribute: str, count: int, default: str) -> list[str]:
    """The names in the arguments' or results' attributes; unnamed ones get a number. Raises GraphError for twins."""
    groups = binding.attribute(function, attribute, [{}] * count)
    found: list[str] = []
    for index, group in enumerate(groups):
        name = binding.decode(group[NAME]) if NAME in group else f"{default}{index}"
        if name in found:
            raise GraphError([binding.diagnostic(function, f"has two {default}s of the name {name!r}")])
        found.append(name)
    return found


def aliases(function: ir.Operation) -> dict[int, str]:
    """The inputs whose memory results take over, by the result's number."""
    groups = binding.attribute(function, "res_attrs", [])
    return {index: binding.decode(group[ALIAS]) for index, group in enumerate(groups) if ALIAS in group}


def _outputs(function: ir.Operation, types: list[ir.Type]) -> list[dict[str, Any]]:
    taken = aliases(function)
    entries = _take(function, "res_attrs", types, "output")
    return [entry | ({"alias": taken[i]} if i in taken else {}) for i, entry in enumerate(entries)]


def _take(function: ir.Operation, attribute: str, types: list[ir.Type], default: str) -> list[dict[str, Any]]:
    """Removes names and aliases from the arguments' or results' attributes."""
    found = names(function, attribute, len(types), default)
    if attribute in function.attributes:
        groups = function.attributes[attribute]
        kept = [{a.name: a.attr for a in group if a.name not in (NAME, ALIAS)} for group in groups]
        function.attributes[attribute] = ir.ArrayAttr.get(list(map(ir.DictAttr.get, kept)))
    return [_entry(name, type_) for name, type_ in zip(found, types, strict=True)]


def _parameters(program: Program) -> dict[str, ir.Type]:
    """The types of the keyed constants, by key."""
    return {
        binding.decode(operation.attributes["key"]): operation.results[0].type
        for operation in binding.webnn_operations(program.module)
        if operation.name == "webnn.constant" and "key" in operation.attributes
    }


def _entry(name: str, type_: ir.Type) -> dict[str, Any]:
    tensor = ir.RankedTensorType(type_)
    data_type = binding.DataType.from_mlir(str(tensor.element_type))
    return {"name": name, "dataType": data_type.value, "shape": list(tensor.shape)}
