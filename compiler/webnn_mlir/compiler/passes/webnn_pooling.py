"""Computes maxima and averages of windows in float32, and element-wise ops that follow, by one kernel each.

Given:
    %p = "webnn.maxPool2d"(%x) {windowDimensions = array<i64: 3, 3>, layout = "nhwc", …} : … -> tensor<1x55x55x64xf32>
    %y = "webnn.max"(%zero, %p) : …
Result:
    %y = flow.dispatch @max_3x3_55x55x64_…::@…(%x)

IREE copies the input where windows reach beyond it; and threads meet before and after what is no kernel.
"""

from __future__ import annotations

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType
from webnn_mlir.dialects.webnn.ops import _windows

from .. import binding
from ..following import Ops, fuse
from ..kernels import pooling
from ..kernels.convolution import Direction
from ..kernels.machine import Machine
from ..kernels.pooling import Pooling
from ..program import Program
from . import register_pass

KINDS = {"webnn.maxPool2d": False, "webnn.averagePool2d": True}
"""By their op: whether it is the average."""


@register_pass("webnn-pooling")
def poolings(program: Program) -> None:
    fuse(program, _kernel, pooling.function)


def _kernel(machine: Machine, operation: ir.Operation, ops: Ops) -> Pooling | None:
    """None where IREE's code is as good."""
    if operation.name not in KINDS:
        return None
    _, op, (result,) = binding.view(operation)
    if op.input.data_type is not DataType.FLOAT32 or op.layout != "nhwc":
        return None
    batch, *sizes, channels = op.input.shape
    padding = _windows.pairs(op.padding)
    height, width = (
        Direction(sizes[i], result.shape[1 + i], op.window_dimensions[i], op.strides[i], op.dilations[i], padding[i][0])
        for i in range(2)
    )
    kernel = Pooling(machine, KINDS[operation.name], batch, height, width, channels)
    return kernel if pooling.pays(kernel) else None
