"""Lets the caller bring all the memory of a run: a lowered function gets an argument for each result and one more.

Given:
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32>
Result:
    func.func @main(%x: tensor<2x3xf32>, %y: tensor<2x3xf32> {iree.abi.output = 0 : index},
                    %t: !hal.buffer_view {iree.abi.transients}) -> tensor<2x3xf32>

A run then allocates nothing. Results go to the buffers behind the inputs, except for one that takes over an input's
memory; what lives only during the run goes to the last buffer, whose size IREE writes into the artifact.
"""

from __future__ import annotations

import json

from iree.compiler import ir

from .. import binding
from ..program import Program
from . import register_pass


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
        storage.append((ir.Type.parse("!hal.buffer_view"), {"iree.abi.transients": ir.UnitAttr.get()}))
        _add_arguments(function, types, storage)


def _add_arguments(
    function: ir.Operation, types: ir.FunctionType, added: list[tuple[ir.Type, dict[str, ir.Attribute]]]
) -> None:
    block = function.regions[0].blocks[0]
    for type_, _ in added:
        block.add_argument(type_, ir.Location.unknown())
    inputs = [*types.inputs, *(type_ for type_, _ in added)]
    function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(inputs, types.results))
    there = function.attributes["arg_attrs"] if "arg_attrs" in function.attributes else []  # noqa: SIM401 - it has no get
    before = list(there) or [ir.DictAttr.get({})] * len(types.inputs)
    function.attributes["arg_attrs"] = ir.ArrayAttr.get([*before, *(ir.DictAttr.get(a) for _, a in added)])


def _taken_over(function: ir.Operation) -> set[int]:
    """The numbers of the results that have an input's memory."""
    reflection = function.attributes["iree.reflection"] if "iree.reflection" in function.attributes else {}  # noqa: SIM401
    if "webnn.signature" not in reflection:
        return set()
    outputs = json.loads(binding.decode(reflection["webnn.signature"]))["outputs"]
    return {number for number, output in enumerate(outputs) if "alias" in output}
