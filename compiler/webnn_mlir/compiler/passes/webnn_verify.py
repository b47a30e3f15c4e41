"""Checks every webnn op against its declaration and gathers all that is wrong.

Given:
    %0 = "webnn.transpose"(%x) {permutation = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x2xf32>
Result:
    error: 'webnn.transpose': permutation [0, 0] must be a permutation of 0..1
"""

from __future__ import annotations

from iree.compiler import ir

from webnn_mlir.dialects.webnn import Diagnostic, GraphError

from .. import binding
from ..program import Program
from . import register_pass


@register_pass("webnn-verify")
def verify(program: Program) -> None:
    found: list[Diagnostic] = []
    for operation in binding.webnn_operations(program.module):
        try:
            if operation.name == "webnn.constant":
                _check_constant(operation)
            else:
                _check(operation)
        except GraphError as error:
            found += error.diagnostics
    if found:
        raise GraphError(found)


def _check(operation: ir.Operation) -> None:
    _, _, inferred = binding.view(operation)
    types = [r.type for r in operation.results]
    expected = [binding.type_of(d) for d in inferred]
    if types != expected:
        names = ", ".join(map(str, expected))
        message = f"results have type {', '.join(map(str, types))}; the operator gives {names}"
        raise GraphError([binding.diagnostic(operation, message)])


def _check_constant(operation: ir.Operation) -> None:
    attributes = operation.attributes
    if ("key" in attributes) == ("value" in attributes):
        raise GraphError([binding.diagnostic(operation, "needs either 'value' or 'key'")])
    if "value" in attributes and attributes["value"].type != operation.results[0].type:
        message = f"value has type {attributes['value'].type}, the result {operation.results[0].type}"
        raise GraphError([binding.diagnostic(operation, message)])
