"""Computes products of few rows, with weights in float32 that are no constants, by a kernel that reads these once.

Given:
    %y = "webnn.matmul"(%x, %w) : (tensor<1x4096xf32>, tensor<4096x4096xf32>) -> tensor<1x4096xf32>
Result:
    %y = flow.dispatch @matvec_plain_1x1x4096x4096::@…(%x, %w)

IREE reads such weights a column at a time. Those that are transposed before are read as they are. Constant weights are
left to data tiling, which packs them once.
"""

from __future__ import annotations

import math

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice, matvec
from ..program import Program
from . import register_pass

SMALLEST = 2**16
"""Elements of weights from which it matters how they are read."""


@register_pass("webnn-matvec")
def products_of_few_rows(program: Program) -> None:
    emitter = Emitter()

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        if operation.name != "webnn.matmul":
            return None
        _, op, (result,) = binding.view(operation)
        value = _multiply(program, emitter, op.a, op.b)
        return None if value is None else [emitter.reshape(value, result.shape)]

    binding.rewrite(program.module, pattern, sweep=True)


def _multiply(program: Program, b: Emitter, x: Tensor, w: Tensor) -> Tensor | None:
    if x.data_type is not DataType.FLOAT32 or x.rank < 2 or math.prod(w.shape[-2:]) < SMALLEST:
        return None
    if x.shape[:-2] != w.shape[:-2] and math.prod(w.shape[:-2]) > 1:
        return None
    batch = math.prod(w.shape[:-2])
    rows, (depth, columns) = math.prod(x.shape[:-1]) // batch, w.shape[-2:]
    turned = binding.before_turning(w)
    machine = choice.machine_of(program)
    if machine is None or rows > (matvec.ROWS_TURNED if turned else matvec.ROWS) or binding.is_constant(w.value):
        return None
    m = matvec.Matvec(machine, batch, rows, depth, columns, turned is not None)
    function = matvec.function(m)
    if program.choose("matvec", function.name, "kernel", work=rows * math.prod(w.shape)) == "iree":
        return None
    operands = [b.reshape(t, [math.prod(t.shape)]) for t in (x, turned or w)]
    return choice.dispatch(program, function, operands)[0]
