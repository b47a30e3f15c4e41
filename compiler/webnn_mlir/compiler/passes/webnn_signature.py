"""Moves the names, shapes and data types of inputs and outputs to where a loaded artifact shows them.

Given:
    func.func @main(%x: tensor<2x3xf32> {webnn.name = "x"}) -> (tensor<2x3xf32> {webnn.name = "y"})
Result:
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {iree.reflection = {webnn.signature = "{…}"}}

The signature is JSON: `inputs`, `outputs` and `parameters`, each a list of `name`, `dataType` and `shape`; parameters are
the weights that the artifact reads from its archive. It is written before lowering changes the types of int4.
"""

from __future__ import annotations

import json
from typing import Any

from iree.compiler import ir

from .. import binding
from ..program import Program
from . import register_pass

NAME = "webnn.name"


@register_pass("webnn-signature")
def signature(program: Program) -> None:
    external = program.options.get("weights") == "external"
    parameters = _parameters(program) if external else {}
    program.parameters = list(parameters)
    for function in binding.functions(program.module):
        types = ir.FunctionType(function.attributes["function_type"].value)
        text = json.dumps(
            {
                "inputs": _take(function, "arg_attrs", types.inputs, "input"),
                "outputs": _take(function, "res_attrs", types.results, "output"),
                "parameters": [_entry(key, type_) for key, type_ in parameters.items()],
            },
            ensure_ascii=True,
            sort_keys=True,
        )
        function.attributes["iree.reflection"] = ir.DictAttr.get({"webnn.signature": ir.StringAttr.get(text)})


def _take(function: ir.Operation, attribute: str, types: list[ir.Type], default: str) -> list[dict[str, Any]]:
    """Removes the names from the arguments' or results' attributes; unnamed ones get a number."""
    entries = []
    attributes = list(function.attributes[attribute]) if attribute in function.attributes else [None] * len(types)
    kept = []
    for index, (attrs, type_) in enumerate(zip(attributes, types, strict=True)):
        named = {a.name: a.attr for a in attrs} if attrs is not None else {}
        name = named.pop(NAME, None)
        kept.append(ir.DictAttr.get(named))
        entries.append(_entry(binding.decode(name) if name is not None else f"{default}{index}", type_))
    if attribute in function.attributes:
        function.attributes[attribute] = ir.ArrayAttr.get(kept)
    return entries


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
