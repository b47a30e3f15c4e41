"""Lets the caller bring all the memory of a run: a lowered function gets an argument for each result and one more.

Given:
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32>
Result:
    func.func @main(%x: tensor<2x3xf32>, %y: tensor<2x3xf32> {iree.abi.output = 0 : index},
                    %t: !hal.buffer_view {iree.abi.transients}) -> tensor<2x3xf32>

A run then allocates nothing. Results go to the buffers behind the inputs, except for one that takes over an input's
memory; what lives only during the run goes to the last buffer, whose size IREE writes into the artifact.

A run that is one sequence of kernels can be shared: it is called several times at once, on the same memory, each time
on another device, and is told in one more argument how many calls there are (`add_dispatches`).
"""

from __future__ import annotations

import json
from typing import Any

from iree.compiler import ir

from .. import binding
from ..program import Program
from . import register_pass

TRANSIENTS = "iree.abi.transients"
"""The attribute of the argument for what lives only during a run."""


@register_pass("webnn-caller-memory")
def caller_memory(program: Program) -> None:
    for function in binding.functions(program.module):
        types = ir.FunctionType(function.attributes["function_type"].value)
        taken = _taken_over(function)
        storage = [
            (type_, {"iree.abi.output": ir.IntegerAttr.get(ir.IndexType.get(), number)})
            for number, type_ in enumerate(types.results)
            if number not in taken
        ]
        storage.append((ir.Type.parse("!hal.buffer_view"), {TRANSIENTS: ir.UnitAttr.get()}))
        _add_arguments(function, storage)


def brings_memory(function: ir.Operation) -> bool:
    return any(TRANSIENTS in each for each in binding.attribute(function, "arg_attrs", []))


def add_dispatches(function: ir.Operation) -> ir.Value:
    """Adds the argument that tells how many calls share a run, and tells the runtime that it is there."""
    _add_arguments(function, [(ir.IntegerType.get_signless(32), {})])
    known = {one.name: one.attr for one in _reflection(function)}
    function.attributes["iree.reflection"] = ir.DictAttr.get(known | {"webnn.shared": ir.StringAttr.get("1")})
    return list(function.regions[0].blocks[0].arguments)[-1]


def _reflection(function: ir.Operation) -> Any:
    return binding.attribute(function, "iree.reflection", {})


def _add_arguments(function: ir.Operation, added: list[tuple[ir.Type, dict[str, ir.Attribute]]]) -> None:
    types = ir.FunctionType(function.attributes["function_type"].value)
    block = function.regions[0].blocks[0]
    for type_, _ in added:
        block.add_argument(type_, ir.Location.unknown())
    inputs = [*types.inputs, *(type_ for type_, _ in added)]
    function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(inputs, types.results))
    before = list(binding.attribute(function, "arg_attrs", [])) or [ir.DictAttr.get({})] * len(types.inputs)
    function.attributes["arg_attrs"] = ir.ArrayAttr.get([*before, *(ir.DictAttr.get(a) for _, a in added)])


def _taken_over(function: ir.Operation) -> set[int]:
    """The numbers of the results that have an input's memory."""
    reflection = _reflection(function)
    if "webnn.signature" not in reflection:
        return set()
    outputs = json.loads(binding.decode(reflection["webnn.signature"]))["outputs"]
    return {number for number, output in enumerate(outputs) if "alias" in output}
