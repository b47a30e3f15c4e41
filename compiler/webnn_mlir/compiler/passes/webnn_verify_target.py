"""Checks that no op computes with a data type that one of the targets cannot, and gathers all that do.

Given, for vmvx:
    %0 = "webnn.exp"(%x) : (tensor<2xf16>) -> tensor<2xf16>
Result:
    error: 'webnn.exp': float16 is not to be had on vmvx: …
"""

from __future__ import annotations

from iree.compiler import ir

from webnn_mlir.dialects.targets import EXCLUDED
from webnn_mlir.dialects.webnn import Diagnostic, GraphError

from .. import binding
from ..program import Program
from . import register_pass


@register_pass("webnn-verify-target")
def verify_target(program: Program) -> None:
    rules = {
        data_type.mlir: f"{data_type} is not to be had on {name}: {reason}"
        for name in program.options.get("targets", ())
        for data_type, reason in EXCLUDED.get(name, {}).items()
    }
    found: list[Diagnostic] = []
    for operation in binding.webnn_operations(program.module) if rules else ():
        used = dict.fromkeys(_element(v.type) for v in (*operation.operands, *operation.results))
        found += [binding.diagnostic(operation, rules[element]) for element in used if element in rules]
    if found:
        raise GraphError(found)


def _element(type_: ir.Type) -> str:
    return str(ir.RankedTensorType(type_).element_type)
