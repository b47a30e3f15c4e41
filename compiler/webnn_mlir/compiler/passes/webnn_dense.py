"""Computes products in float32, with what is added to them and the activation, by one kernel.

Given:
    %w = "webnn.constant"() {key = "w"} : () -> tensor<384x1536xf32>
    %p = "webnn.matmul"(%x, %w) : (tensor<1x128x384xf32>, tensor<384x1536xf32>) -> tensor<1x128x1536xf32>
    %s = "webnn.add"(%p, %bias)
    %y = "webnn.gelu"(%s)
Result:
    %y = flow.dispatch @dense_128x384x1536_bias_gelu::@…(%x, %packed, %bias)

Constant weights are packed when the module is compiled. IREE packs them into smaller tiles, whose products wait for
memory. Weights that come with a call, or are computed, are packed by the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice, dense
from ..kernels.activation import ACTIVATIONS
from ..kernels.choice import Matrix
from ..kernels.dense import Dense
from ..kernels.machine import Machine
from ..program import Program
from ..quantized import moved_from, sizes
from . import register_pass

SMALLEST = 2**10
"""Constant weights from which it matters."""

SMALLEST_GIVEN, LEAST_ROWS_GIVEN, LEAST_ROWS_TURNED = 2**17, 11, 16
"""Products from which it matters with other weights, and rows from which packing these pays."""


@register_pass("webnn-dense")
def dense_products(program: Program) -> None:
    emitter = Emitter()

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        found = _Layer.ending_with(program, operation)
        machine = choice.machine_of(program) if found else None
        if found is None or machine is None or 2 * found.columns < machine.lanes:
            return None
        result = Tensor.of(operation.results[0])
        for user in {use.owner.operation for use in result.value.uses}:
            larger = _Layer.ending_with(program, user)
            if larger and operation in larger.operations:
                return None
        kernel = _kernel(program, machine, found)
        return [emitter.reshape(_multiply(program, emitter, kernel, found), result.shape)] if kernel else None

    binding.rewrite(program.module, pattern, sweep=True)


@dataclass(frozen=True)
class _Layer:
    """A product and what follows it; `axes` tells which axis of the weights are the columns, and which the depth.
    `matrix` is that of weights that can be packed now."""

    operations: tuple[ir.Operation, ...]
    x: Tensor
    weights: Tensor
    axes: tuple[int, int]
    matrix: Matrix | None = None
    bias: Tensor | None = None
    added: Tensor | None = None
    activation: str = ""

    @property
    def columns(self) -> int:
        return int(self.weights.shape[self.axes[0]])

    @property
    def depth(self) -> int:
        return int(self.weights.shape[self.axes[1]])

    @property
    def batch(self) -> int:
        return math.prod(self.weights.shape[:-2])

    @property
    def laid(self) -> str:
        """How weights lie that are not packed."""
        return "" if self.matrix else "given" if self.axes[0] > self.axes[1] else "turned"

    @classmethod
    def ending_with(cls, program: Program, operation: ir.Operation) -> _Layer | None:
        if operation.name not in STEPS or Tensor.of(operation.results[0]).data_type is not DataType.FLOAT32:
            return None
        return STEPS[operation.name](program, operation)

    @classmethod
    def before(cls, program: Program, x: Tensor, operation: ir.Operation) -> _Layer | None:
        """The layer that gives an operand of an operation, which alone uses it, and is of its shape."""
        owner = x.value.owner
        if isinstance(owner, ir.Block) or x.shape != tuple(Tensor.of(operation.results[0]).shape):
            return None
        return cls.ending_with(program, owner.operation) if len(list(x.value.uses)) == 1 else None

    def and_then(self, operation: ir.Operation, **fields: Any) -> _Layer | None:
        return None if self.activation else replace(self, operations=(*self.operations, operation), **fields)

    def plus(self, operation: ir.Operation, term: Tensor) -> _Layer | None:
        """The layer with a term added: a row, or one for each element."""
        shape = Tensor.of(operation.results[0]).shape
        if self.bias is None and self.added is None and math.prod(term.shape) == shape[-1] == (term.shape or (0,))[-1]:
            return self.and_then(operation, bias=term)
        return self.and_then(operation, added=term) if self.added is None and term.shape == shape else None


def _product(program: Program, operation: ir.Operation) -> _Layer | None:
    _, op, _ = binding.view(operation)
    if op.a.rank < 2 or op.b.rank < 2:
        return None
    return _of(program, operation, op.a, op.b, turned=False) or _given(operation, op.a, op.b)


def _gemm(program: Program, operation: ir.Operation) -> _Layer | None:
    _, op, _ = binding.view(operation)
    if op.a_transpose or op.alpha != 1:
        return None
    found = _of(program, operation, op.a, op.b, turned=op.b_transpose)
    found = found or _given(operation, op.a, op.b, turned=op.b_transpose)
    if found is None or op.c is None:
        return found
    return found.plus(operation, op.c) if op.beta == 1 else None


def _of(program: Program, operation: ir.Operation, x: Tensor, w: Tensor, *, turned: bool) -> _Layer | None:
    source = moved_from(w.value, choice.is_constant)
    if source is None or math.prod(w.shape) < SMALLEST or math.prod(w.shape[:-2]) != 1:
        return None
    constant, layout = source[0].owner.operation, source[1]
    if not choice.is_at_hand(program, constant):
        return None
    axes = (w.rank - 2, w.rank - 1) if turned else (w.rank - 1, w.rank - 2)
    columns, depth = (layout.dims[axis] for axis in axes)
    matrix = Matrix(
        constant, "float32", tuple(sizes(layout.data)), tuple(map(layout.data.index, columns + depth)),
        tuple(sizes(columns + depth)), len(columns),
    )  # fmt: skip
    return _Layer((operation,), x, w, axes, matrix)


def _given(operation: ir.Operation, x: Tensor, w: Tensor, *, turned: bool = False) -> _Layer | None:
    """With weights that are known when it runs: one for all rows, or one for each of a batch. Few rows, and weights
    that IREE transposes in other ways while it reads them, are left to others."""
    batch = math.prod(w.shape[:-2])
    if batch > 1 and x.shape[:-2] != w.shape[:-2]:
        return None
    if before := binding.before_turning(w):
        w, turned = before, not turned
    if not isinstance(w.value.owner, ir.Block) and w.value.owner.name == "webnn.transpose":
        return None
    axes = (w.rank - 2, w.rank - 1) if turned else (w.rank - 1, w.rank - 2)
    rows, products = math.prod(x.shape[:-1]) // batch, math.prod(x.shape) * w.shape[axes[0]]
    if rows < (LEAST_ROWS_TURNED if turned else LEAST_ROWS_GIVEN) or products < SMALLEST_GIVEN:
        return None
    return None if binding.is_constant(w.value) else _Layer((operation,), x, w, axes)


def _sum(program: Program, operation: ir.Operation) -> _Layer | None:
    a, b = (Tensor.of(v) for v in operation.operands)
    for x, term in ((a, b), (b, a)):
        found = _Layer.before(program, x, operation)
        if found and (larger := found.plus(operation, term)):
            return larger
    return None


def _activation(program: Program, operation: ir.Operation) -> _Layer | None:
    found = _Layer.before(program, Tensor.of(operation.operands[0]), operation)
    return found and found.and_then(operation, activation=operation.name.removeprefix(binding.PREFIX))


STEPS = {
    "webnn.matmul": _product, "webnn.gemm": _gemm, "webnn.add": _sum,
    **{f"webnn.{name}": _activation for name in ACTIVATIONS},
}  # fmt: skip
"""By their op: the layer that an operation ends."""


def _kernel(program: Program, machine: Machine, layer: _Layer) -> Dense | None:
    """What computes a layer; None where that is left to IREE."""
    rows = math.prod(layer.x.shape) // layer.depth // layer.batch
    d = Dense(
        machine, rows, layer.depth, layer.columns, layer.bias is not None, layer.added is not None, layer.activation,
        layer.laid, layer.batch,
    )  # fmt: skip
    name, work = d.name, d.batch * d.rows * d.depth * d.columns
    if program.choose("dense", name, "kernel", work=work) == "iree":
        return None
    width = program.choose("dense.width", name, d.width, d.widths, work=work)
    d = d if width == d.width else replace(d, chosen_width=width)
    if d.depth > dense.PANEL // 2 and d.rows > d.height:
        d = replace(d, most_depth=program.choose("dense.panel", name, d.most_depth, work=work))
    program.comes_of(name, d.name)
    return d


def _multiply(program: Program, b: Emitter, d: Dense, layer: _Layer) -> Tensor:
    weights, matrix = layer.weights, layer.matrix
    if matrix:
        weights = choice.parameter(program, matrix.constant, "weights", matrix.packing(d.machine, d.depth))
    given: Sequence[tuple[str, Tensor | None]] = (
        ("x", layer.x), ("weights", weights), ("bias", layer.bias), ("added", layer.added),
    )  # fmt: skip
    values = {name: b.reshape(t, [math.prod(t.shape)]) for name, t in given if t is not None}
    for function in dense.functions(d):
        results = choice.dispatch(program, function, [values[operand] for operand in function.operands])
        values |= dict(zip(function.results, results, strict=True))
    return values["y"]
