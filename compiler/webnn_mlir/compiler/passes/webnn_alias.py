"""Lets an output take over the memory of an input that it is a scatter into: a cache that is updated in place.

Given:
    func.func @main(%past: tensor<8x4xf32> {webnn.name = "past"}, …) -> (… {webnn.alias = "past"}) {
      %0 = "webnn.scatterND"(%past, %indices, %updates) : (tensor<8x4xf32>, …) -> …
Result:
      %0 = "webnn.scatterND"(%past, %indices, %updates) {webnn.in_place} : …

Other scatters write into a copy. Between the input, the scatter and the output only reshapes may stand. The caller
gives the input's memory away: after a run it holds the output.
"""

from __future__ import annotations

from iree.compiler import ir

from webnn_mlir.dialects.webnn import Diagnostic, GraphError

from .. import binding
from ..program import Program
from . import register_pass
from .webnn_signature import ALIAS, aliases, names

SCATTERS = ("webnn.scatterElements", "webnn.scatterND")


@register_pass("webnn-alias")
def alias(program: Program) -> None:
    found: list[Diagnostic] = []
    for function in binding.functions(program.module):
        for index, wanted in aliases(function).items():
            try:
                _mark(function, index, wanted)
            except GraphError as error:
                found += error.diagnostics
    if found:
        raise GraphError(found)


def request(program: Program, wanted: dict[str, str]) -> None:
    """Writes aliases, inputs by output, into the results' attributes. Raises GraphError for unknown outputs."""
    for function in binding.functions(program.module):
        results = ir.FunctionType(function.attributes["function_type"].value).results
        outputs = names(function, "res_attrs", len(results), "output")
        if unknown := sorted(set(wanted) - set(outputs)):
            raise GraphError([Diagnostic(f"alias: there is no output {unknown[0]!r}; there are: {', '.join(outputs)}")])
        groups = binding.attribute(function, "res_attrs", [{}] * len(results))
        changed = []
        for name, group in zip(outputs, groups, strict=True):
            entries = {} if isinstance(group, dict) else {a.name: a.attr for a in group}
            changed.append(entries | ({ALIAS: ir.StringAttr.get(wanted[name])} if name in wanted else {}))
        function.attributes["res_attrs"] = ir.ArrayAttr.get(list(map(ir.DictAttr.get, changed)))


def _mark(function: ir.Operation, index: int, wanted: str) -> None:
    block = function.regions[0].blocks[0]
    inputs = names(function, "arg_attrs", len(block.arguments), "input")
    returned = list(block.operations)[-1].operands[index]
    output = names(function, "res_attrs", len(list(block.operations)[-1].operands), "output")[index]

    def problem(operation: ir.Operation, rule: str) -> GraphError:
        message = f"output {output!r} cannot take over input {wanted!r}: {rule}"
        return GraphError([binding.diagnostic(operation, message)])

    if wanted not in inputs:
        raise problem(function, f"there is no such input; there are: {', '.join(inputs)}")
    if sum(other == wanted for other in aliases(function).values()) > 1:
        raise problem(function, "another output takes it over, too")
    argument = block.arguments[inputs.index(wanted)]
    if argument.type != returned.type:
        raise problem(function, f"their types are {returned.type} and {argument.type}")
    scatter = _through_reshapes(returned)
    if isinstance(scatter, ir.BlockArgument) or scatter.owner.name not in SCATTERS:
        raise problem(function if isinstance(scatter, ir.BlockArgument) else scatter.owner, "it is no scatter into it")
    if _through_reshapes(scatter.owner.operands[0]) != argument:
        raise problem(scatter.owner, "it is a scatter into something else")
    scatter.owner.attributes[binding.IN_PLACE] = ir.UnitAttr.get()


def _through_reshapes(value: ir.Value) -> ir.Value:
    """What a value is a reshape of."""
    while not isinstance(value, ir.BlockArgument) and value.owner.name == "webnn.reshape":
        value = value.owner.operands[0]
    return value
