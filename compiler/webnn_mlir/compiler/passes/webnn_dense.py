"""Computes products with constant weights in float32, with what is added to them and the activation, by one kernel.

Given:
    %w = "webnn.constant"() {key = "w"} : () -> tensor<384x1536xf32>
    %p = "webnn.matmul"(%x, %w) : (tensor<1x128x384xf32>, tensor<384x1536xf32>) -> tensor<1x128x1536xf32>
    %s = "webnn.add"(%p, %bias)
    %y = "webnn.gelu"(%s)
Result:
    %y = flow.dispatch @dense_128x384x1536_bias_gelu::@…(%x, %packed, %bias)

The weights are packed when the module is compiled. IREE packs them into smaller tiles, whose products wait for memory.
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
from ..kernels.dense import Dense
from ..kernels.machine import Machine
from ..program import Program
from . import register_pass

SMALLEST = 2**14
"""Weights from which it matters."""


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
    """A product and what follows it; `axes` tells which axis of the weights are the columns, and which the depth."""

    operations: tuple[ir.Operation, ...]
    x: Tensor
    weights: ir.Operation
    axes: tuple[int, int]
    bias: Tensor | None = None
    added: Tensor | None = None
    activation: str = ""

    @property
    def columns(self) -> int:
        return Tensor.of(self.weights.results[0]).shape[self.axes[0]]

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
    if math.prod(op.b.shape[:-2]) != 1 or op.a.rank < 2 or op.b.rank < 2:
        return None
    return _of(program, operation, op.a, op.b, turned=False)


def _gemm(program: Program, operation: ir.Operation) -> _Layer | None:
    _, op, _ = binding.view(operation)
    if op.a_transpose or op.alpha != 1:
        return None
    found = _of(program, operation, op.a, op.b, turned=op.b_transpose)
    if found is None or op.c is None:
        return found
    return found.plus(operation, op.c) if op.beta == 1 else None


def _of(program: Program, operation: ir.Operation, x: Tensor, w: Tensor, *, turned: bool) -> _Layer | None:
    owner = w.value.owner
    while not isinstance(owner, ir.Block) and owner.name == "webnn.transpose" and len(owner.operands) == 1:
        if list(owner.attributes["permutation"])[-2:] != [w.rank - 1, w.rank - 2]:
            return None
        turned, owner = not turned, owner.operands[0].owner
    if isinstance(owner, ir.Block) or owner.name != "webnn.constant" or math.prod(w.shape) < SMALLEST:
        return None
    if not _at_hand(program, owner):
        return None
    rank = w.rank
    return _Layer((operation,), x, owner.operation, (rank - 2, rank - 1) if turned else (rank - 1, rank - 2))


def _at_hand(program: Program, constant: ir.Operation) -> bool:
    """Whether a constant can be packed: the bytes of those in an archive are packed when that is written."""
    external = program.options.get("weights") == "external"
    return "key" not in constant.attributes or external or binding.decode(constant.attributes["key"]) in program.weights


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
    depth = Tensor.of(layer.weights.results[0]).shape[layer.axes[1]]
    d = Dense(
        machine, math.prod(layer.x.shape) // depth, depth, layer.columns, layer.bias is not None,
        layer.added is not None, layer.activation,
    )  # fmt: skip
    name, work = d.name, d.rows * d.depth * d.columns
    if program.choose("dense", name, "kernel", work=work) == "iree":
        return None
    width = program.choose("dense.width", name, d.width, d.widths, work=work)
    d = d if width == d.width else replace(d, chosen_width=width)
    if d.depth > dense.PANEL // 2 and d.rows > d.height:
        d = replace(d, most_depth=program.choose("dense.panel", name, d.most_depth, work=work))
    program.comes_of(name, d.name)
    return d


def _multiply(program: Program, b: Emitter, d: Dense, layer: _Layer) -> Tensor:
    shape = Tensor.of(layer.weights.results[0]).shape
    matrix = choice.Matrix(
        layer.weights, "float32", shape[-2:], tuple(axis - len(shape) + 2 for axis in layer.axes), (d.columns, d.depth),
        1,
    )  # fmt: skip
    weights = choice.parameter(program, layer.weights, "weights", matrix.packing(d.machine, d.depth))
    given: Sequence[tuple[str, Tensor | None]] = (("x", layer.x), ("bias", layer.bias), ("added", layer.added))
    values = {name: b.reshape(t, [math.prod(t.shape)]) for name, t in given if t is not None} | {"weights": weights}
    for function in dense.functions(d):
        results = choice.dispatch(program, function, [values[operand] for operand in function.operands])
        values |= dict(zip(function.results, results, strict=True))
    return values["y"]
