"""Computes lstm and gru with constant weights in float32 by a product of all inputs and a kernel for all steps.

Given:
    %h, %c, %y = "webnn.lstm"(%x, %w, %r, %b, %rb) {steps = 321 : i64, hiddenSize = 128 : i64, …} : …
Result:
    %p = "webnn.matmul"(%rows, %wt) : (tensor<321x128xf32>, tensor<128x512xf32>) -> tensor<321x512xf32>
    %q = "webnn.add"(%p, %b) : …
    %y, %h, %c = flow.dispatch @lstm_321x1x128_…::@…(%q, %packed, %rb)

As formulas, each step would be some dispatches, with a copy of the weights. An lstm with peepholes is left to them.
"""

from __future__ import annotations

import math
from typing import Any

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType, OpView

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice, recurrent
from ..kernels.machine import Machine
from ..kernels.packing import Packing
from ..kernels.recurrent import Recurrent
from ..program import Program
from ..quantized import Layout, moved_from, sizes
from . import register_pass

BACKWARD = {"forward": (False,), "backward": (True,), "both": (False, True)}
"""By direction: those that begin with the last step."""


@register_pass("webnn-recurrent")
def networks(program: Program) -> None:
    machine = choice.machine_of(program)

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        if machine is None or operation.name not in ("webnn.lstm", "webnn.gru"):
            return None
        _, op, results = binding.view(operation)
        kernel = _kernel(machine, op)
        source = moved_from(op.recurrent_weight.value, choice.is_constant)
        if kernel is None or source is None or not choice.is_at_hand(program, source[0].owner):
            return None
        values = _steps(program, kernel, op, *source)
        return [values[name] for name in (*kernel.states, "y")][: len(results)]

    binding.rewrite(program.module, pattern, sweep=True)


def _kernel(machine: Machine, op: OpView) -> Recurrent | None:
    steps, batch, _ = op.input.shape
    has_peephole = getattr(op, "peephole_weight", None) is not None
    if op.input.data_type is not DataType.FLOAT32 or has_peephole:
        return None
    first = {"h0": op.initial_hidden_state, "c0": getattr(op, "initial_cell_state", None)}
    kernel = Recurrent(
        machine, op.layout, steps, batch, op.hidden_size, BACKWARD[op.direction], tuple(op.activations),
        op.recurrent_bias is not None, tuple(name for name, state in first.items() if state is not None),
        getattr(op, "reset_after", True),
    )  # fmt: skip
    return kernel if recurrent.fits(kernel) else None


def _steps(
    program: Program, kernel: Recurrent, op: OpView, constant: ir.Value, layout: Layout
) -> dict[str, Tensor]:
    """The last states and those of all steps, in the op's shapes."""
    w: Any = binding.DialectBuilder()
    b, (steps, batch, inputs), directions = Emitter(), op.input.shape, len(kernel.backward)
    weight = w.transpose(w.reshape(op.weight, [directions * kernel.width, inputs]))
    product = w.matmul(w.reshape(op.input, [steps * batch, inputs]), weight)
    if op.bias is not None:
        product = w.add(product, w.reshape(op.bias, [directions * kernel.width]))
    axes = [axis for dim in layout.dims for axis in dim]
    packing = Packing(
        "float32", tuple(sizes(layout.data)), tuple(map(layout.data.index, axes)), tuple(sizes(axes)),
        len(layout.dims[0]) + len(layout.dims[1]), kernel.width, kernel.hidden,
    )  # fmt: skip
    weights = choice.parameter(program, constant.owner.operation, "steps", packing)
    operands = {
        "p": product, "r": weights, "bias": op.recurrent_bias,
        "h0": op.initial_hidden_state, "c0": getattr(op, "initial_cell_state", None),
    }  # fmt: skip
    flat = [b.reshape(operands[name], [math.prod(operands[name].shape)]) for name in kernel.operands]
    found = dict(zip(kernel.results, choice.dispatch(program, recurrent.function(kernel), flat), strict=True))
    state = [directions, batch, kernel.hidden]
    return {name: b.reshape(value, [steps, *state] if name == "y" else state) for name, value in found.items()}
