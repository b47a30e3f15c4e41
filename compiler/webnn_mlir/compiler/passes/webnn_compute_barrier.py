"""Says barriers in IREE's way: they keep loops apart while dispatches are formed, and are gone when memory and order
are planned. Those of StableHLO stay until the end, and each makes the device wait.

Given:
    %0 = stablehlo.optimization_barrier %x : tensor<2x3xf32>
Result:
    %0 = iree_tensor_ext.compute_barrier.start %x : tensor<2x3xf32> -> tensor<2x3xf32>
    %1 = iree_tensor_ext.compute_barrier.end %0 : tensor<2x3xf32> -> tensor<2x3xf32>

Reshapes move up through the one and down through the other; through both they do not.
"""

from __future__ import annotations

from iree.compiler import ir

from .. import binding
from ..program import Program
from . import register_pass


@register_pass("webnn-compute-barrier")
def compute_barrier(program: Program) -> None:
    for function in binding.functions(program.module):
        for operation in list(function.regions[0].blocks[0]):
            if operation.operation.name == "stablehlo.optimization_barrier":
                _replace(operation.operation)


def _replace(barrier: ir.Operation) -> None:
    for value, result in zip(barrier.operands, barrier.results, strict=True):
        for half in ("start", "end"):
            value = _half(barrier, half, value)
        result.replace_all_uses_with(value)
    barrier.erase()


def _half(barrier: ir.Operation, half: str, value: ir.Value) -> ir.Value:
    return ir.Operation.create(
        f"iree_tensor_ext.compute_barrier.{half}",
        results=[value.type],
        operands=[value],
        ip=ir.InsertionPoint(barrier),
        loc=barrier.location,
    ).results[0]
