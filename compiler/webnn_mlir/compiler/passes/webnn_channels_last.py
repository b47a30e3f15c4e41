"""Computes convolutions, and what lies between and around them, with the channels last, which vectorizes.

Given:
    %0 = "webnn.conv2d"(%x, %w) {…} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x6x6xf32>
    %1 = "webnn.abs"(%0) : (tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
Result:
    %0 = "webnn.transpose"(%x) {permutation = array<i64: 0, 2, 3, 1>} …
    %1 = "webnn.transpose"(%w) {permutation = array<i64: 2, 3, 1, 0>} …
    %2 = "webnn.conv2d"(%0, %1) {inputLayout = "nhwc", filterLayout = "hwio", …} : … -> tensor<1x6x6x4xf32>
    %3 = "webnn.abs"(%2) : (tensor<1x6x6x4xf32>) -> tensor<1x6x6x4xf32>
    %4 = "webnn.transpose"(%3) {permutation = array<i64: 0, 3, 1, 2>} : … -> tensor<1x4x6x6xf32>

A convolution starts it. An op follows if one of its operands has such a form and the others can be given one. What else
uses a value takes it through a transpose, of which those that no one uses are dropped. Transposes of weights are
computed when the module is compiled, or once when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from iree.compiler import ir

from webnn_mlir.dialects.webnn import OPS, Op, OpView

from .. import binding
from ..binding import Tensor
from ..program import Program
from . import register_pass
from .webnn_canonicalize_strides import ELEMENTWISE

LAST, FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
"""The permutations from nchw to nhwc and back."""

FILTERS = {"conv2d": ("filter_layout", "hwio"), "convTranspose2d": ("filter_layout", "hwoi")}
POOLS = ("averagePool2d", "l2Pool2d", "maxPool2d")
AXIS = ("concat", "split", "softmax")
PER_DIMENSION = {
    "pad": ("beginning_padding", "ending_padding"),
    "slice": ("starts", "sizes", "strides"),
    "expand": ("new_shape",),
}
REDUCTIONS = {name for name in OPS if name.startswith("reduce")}
AXES = {"resample2d", "reverse", *REDUCTIONS}

Arguments = dict[str, Any]


@register_pass("webnn-channels-last")
def channels_last(program: Program) -> None:
    _Layouts(program.module).run()


class _Layouts:
    """The channels-last forms of the values that have one."""

    def __init__(self, module: ir.Module):
        self.module = module
        self.forms: dict[ir.Value, Tensor] = {}
        self.builder = binding.DialectBuilder()

    def run(self) -> None:
        if binding.rewrite(self.module, self.pattern):
            binding.erase_dead(self.module)

    def pattern(self, operation: ir.Operation) -> list[Tensor] | None:
        op = binding.op_declaration(operation)
        if op is None or op.name not in RULES:
            return None
        starts = op.name in FILTERS
        if not starts and not any(value in self.forms for value in operation.operands):
            return None
        _, view, descriptors = binding.view(operation)
        arguments = RULES[op.name](self, op, view)
        if arguments is None:
            return None
        results = binding.as_list(self.builder.build_op(op, arguments, view.label))
        return [self.back(r) if r.rank == 4 else r for r, _ in zip(results, descriptors, strict=True)]

    def back(self, form: Tensor) -> Tensor:
        """A value in its own layout, its form remembered."""
        value: Tensor = self.builder.transpose(form, permutation=FIRST)
        self.forms[value.value] = form
        return value

    def form(self, x: Tensor) -> Tensor:
        """A value of four dimensions with its channels last."""
        if x.value not in self.forms:
            return self.moved(x)
        return self.forms[x.value]

    def moved(self, x: Tensor) -> Tensor:
        """A transpose to the form; where dimensions of 1 alone change places, a reshape."""
        shape = [x.shape[p] for p in LAST]
        order = [p for p in LAST if x.shape[p] > 1]
        if order == sorted(order):
            return self.builder.reshape(x, shape)  # type: ignore[no-any-return]
        return self.builder.transpose(x, permutation=LAST)  # type: ignore[no-any-return]

    def broadcast(self, x: Tensor) -> Tensor:
        """An operand of an element-wise op, which broadcasts from the last dimension: scalars serve as they are."""
        if not x.rank:
            return x
        return self.form(x if x.rank == 4 else self.builder.reshape(x, [1] * (4 - x.rank) + list(x.shape)))


Rule = Callable[[_Layouts, Op, OpView], Arguments | None]


def _arguments(op: Op, view: OpView) -> Arguments:
    fields = [spec.field for spec in op.operands] + [spec.field for spec in op.attributes]
    return {field: getattr(view, field) for field in fields}


def _convolution(layouts: _Layouts, op: Op, view: OpView) -> Arguments | None:
    if view.input_layout != "nchw":
        return None
    field, wanted = FILTERS[op.name]
    order = [view.filter_layout.index(letter) for letter in wanted]
    weights = view.filter
    if order != sorted(order):
        weights = layouts.builder.transpose(weights, permutation=order)
    changed = {"input": layouts.form(view.input), "filter": weights, "input_layout": "nhwc", field: wanted}
    return _arguments(op, view) | changed


def _pool(layouts: _Layouts, op: Op, view: OpView) -> Arguments | None:
    if view.layout != "nchw":
        return None
    return _arguments(op, view) | {"input": layouts.form(view.input), "layout": "nhwc"}


def _elementwise(layouts: _Layouts, op: Op, view: OpView) -> Arguments | None:
    arguments = _arguments(op, view)
    if max(arguments[spec.field].rank for spec in op.operands) > 4:
        return None
    return arguments | {spec.field: layouts.broadcast(arguments[spec.field]) for spec in op.operands}


def _axis(layouts: _Layouts, op: Op, view: OpView) -> Arguments | None:
    field = op.operands[0].field
    operands = getattr(view, field)
    forms = list(map(layouts.form, operands)) if isinstance(operands, list | tuple) else layouts.form(operands)
    return _arguments(op, view) | {field: forms, "axis": LAST.index(view.axis)}


def _per_dimension(layouts: _Layouts, op: Op, view: OpView) -> Arguments | None:
    if view.input.rank != 4 or len(getattr(view, PER_DIMENSION[op.name][0])) != 4:
        return None
    lists = {field: _permuted(getattr(view, field)) for field in PER_DIMENSION[op.name]}
    return _arguments(op, view) | lists | {"input": layouts.form(view.input)}


def _permuted(values: Sequence[int]) -> list[int]:
    return [values[p] for p in LAST]


def _axes(layouts: _Layouts, op: Op, view: OpView) -> Arguments | None:
    axes = [LAST.index(axis) for axis in view.axes]
    if op.name in REDUCTIONS and not view.keep_dimensions:
        kept = [LAST.index(axis) for axis in range(4) if axis not in view.axes]
        if kept != sorted(kept):
            return None
    return _arguments(op, view) | {"input": layouts.form(view.input), "axes": axes}


RULES: dict[str, Rule] = {
    **dict.fromkeys(FILTERS, _convolution),
    **dict.fromkeys(POOLS, _pool),
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(AXIS, _axis),
    **dict.fromkeys(PER_DIMENSION, _per_dimension),
    **dict.fromkeys(AXES, _axes),
}
"""How each op that can follow is built on channels-last forms: its arguments, or None where it cannot."""
