"""Proves that no webnn op is left, so that IREE sees only dialects it knows.

Given:
    %0 = "webnn.abs"(%x) : (tensor<2xf32>) -> tensor<2xf32>
Result:
    error: 'webnn.abs': is left after lowering
"""

from __future__ import annotations

from webnn_mlir.dialects.webnn import GraphError

from .. import binding
from ..program import Program
from . import register_pass


@register_pass("webnn-verify-lowered")
def verify_lowered(program: Program) -> None:
    left = [binding.diagnostic(o, "is left after lowering") for o in binding.webnn_operations(program.module)]
    if left:
        raise GraphError(left)
