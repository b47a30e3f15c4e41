"""Erases webnn ops whose results no one uses. MLIR's own dead-code elimination skips ops with unknown effects.

Given:
    %0 = "webnn.abs"(%x) : (tensor<2xf32>) -> tensor<2xf32>
    return %x : tensor<2xf32>
Result:
    return %x : tensor<2xf32>
"""

from __future__ import annotations

from .. import binding
from ..program import Program
from . import register_pass


@register_pass("webnn-dce")
def dce(program: Program) -> None:
    binding.erase_dead(program.module)
