"""Computes softmax and layer normalization of rows by kernels that read a row several times while it is in the cache;
and gelu of what is stored, so that it does not keep kernels apart.

Given:
    %y = "webnn.softmax"(%x) {axis = 1 : i64} : (tensor<128x4096xf32>) -> tensor<128x4096xf32>
Result:
    %y = flow.dispatch @softmax_128x4096::@softmax_128x4096(%x)

IREE computes exp twice, and loses an order of magnitude where rows are no multiple of its tiles.
"""

from __future__ import annotations

import math

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType, OpView

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice
from ..kernels.function import Dispatch
from ..kernels.machine import Machine
from ..kernels.rows import Rows, gelu, layer_norm, softmax
from ..program import Program
from . import register_pass

SMALLEST = 2**8
"""Elements from which it pays to call a kernel."""


@register_pass("webnn-rows")
def functions_of_rows(program: Program) -> None:
    emitter = Emitter()

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        if operation.name not in FORMS:
            return None
        _, op, (result,) = binding.view(operation)
        if op.input.data_type is not DataType.FLOAT32 or math.prod(op.input.shape) < SMALLEST:
            return None
        machine = choice.machine_of(program)
        made = machine and FORMS[operation.name](op, machine)
        if not made:
            return None
        function, operands = made
        if program.choose("rows", function.name, "kernel", work=math.prod(op.input.shape)) == "iree":
            return None
        flat = [emitter.reshape(t, [math.prod(t.shape)]) for t in operands]
        return [emitter.reshape(choice.dispatch(program, function, flat)[0], result.shape)]

    binding.rewrite(program.module, pattern)


def _rows(machine: Machine, x: Tensor, axis: int) -> Rows:
    """From an axis on, the dimensions are those of a row."""
    return Rows(machine, math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _softmax(op: OpView, machine: Machine) -> tuple[Dispatch, list[Tensor]] | None:
    if math.prod(op.input.shape[op.axis + 1 :]) > 1:
        return None
    return softmax(_rows(machine, op.input, op.axis)), [op.input]


def _gelu(op: OpView, machine: Machine) -> tuple[Dispatch, list[Tensor]] | None:
    if not choice.is_stored(op.input.value) or not op.input.rank:
        return None
    return gelu(_rows(machine, op.input, op.input.rank - 1)), [op.input]


def _layer_normalization(op: OpView, machine: Machine) -> tuple[Dispatch, list[Tensor]] | None:
    axes, rank = list(op.axes), op.input.rank
    if not axes or axes != list(range(rank - len(axes), rank)):
        return None
    function = layer_norm(
        _rows(machine, op.input, axes[0]), op.epsilon, scale=op.scale is not None, bias=op.bias is not None
    )
    return function, [t for t in (op.input, op.scale, op.bias) if t is not None]


FORMS = {"webnn.softmax": _softmax, "webnn.layerNormalization": _layer_normalization, "webnn.gelu": _gelu}
"""By their op: the kernel of an instance, and its operands; None for those that are left alone."""
