"""Merges and cancels slices, reverses, transposes and reshapes, and drops whatever moves nothing.

Given:
    %0 = "webnn.reverse"(%x) {axes = array<i64: 0>} : (tensor<9xf32>) -> tensor<9xf32>
    %1 = "webnn.slice"(%0) {starts = array<i64: 1>, sizes = array<i64: 8>, strides = array<i64: 2>} : … -> tensor<4xf32>
    %2 = "webnn.reverse"(%1) {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
Result:
    %0 = "webnn.slice"(%x) {starts = array<i64: 1>, sizes = array<i64: 7>, strides = array<i64: 2>} : … -> tensor<4xf32>

An op only looks back, at ops that are in their final form already, so that each is merged once. Of two ops that merge
the later one stays, with its label and location. Values of several uses are kept for those that remain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from iree.compiler import ir

from webnn_mlir.dialects.webnn import OPS

from .. import binding
from ..binding import Tensor
from ..program import Program
from . import register_pass

Pattern = Callable[[ir.Operation], Tensor]
Build = Callable[[ir.Operation, Tensor, Sequence[int]], Tensor]
Compose = Callable[[Sequence[int], Sequence[int]], Sequence[int]]

ROUNDS = 8
"""Later rounds find what had several uses before. Graphs need two, the second of which finds nothing."""

REACH = 16
"""How many element-wise ops may stand between two that cancel: a bound keeps the pass linear."""

SHAPED = ("identity", "slice", "reshape", "expand", "tile", "pad", "concat", "split")
"""Ops that move nothing when a result has the shape of the first operand: identities, full slices, paddings of 0, …"""

ELEMENTWISE = {
    *("abs", "ceil", "cos", "erf", "exp", "floor", "log", "neg", "roundEven", "sigmoid", "sin", "sqrt", "tan", "tanh"),
    *("cast", "clamp", "isInfinite", "isNaN", "logicalNot", "where", "logicalAnd", "logicalOr", "logicalXor"),
    *("add", "sub", "mul", "div", "max", "min", "pow"),
    *("equal", "notEqual", "greater", "greaterOrEqual", "lesser", "lesserOrEqual"),
}
"""Ops that commute with movement when only one operand has dimensions."""


@register_pass("webnn-canonicalize-strides")
def canonicalize_strides(program: Program) -> None:
    for _ in range(ROUNDS):
        if not binding.rewrite(program.module, _simplify, sweep=True):
            break


def _simplify(operation: ir.Operation) -> list[Tensor] | None:
    """What takes the place of an op: the pattern of its kind, or its operand when it moves nothing."""
    name = _name(operation)
    if name in SHAPED and operation.results[0].type == operation.operands[0].type and len(operation.results) == 1:
        return [Tensor.of(operation.operands[0])]
    if name not in PATTERNS:
        return None
    value = PATTERNS[name](operation)
    return None if value.value == operation.results[0] else [value]


# The patterns. Each builds an op of the kind on any value `x`, merged with what gives x; `like` is the op that stays.


def _slice(
    like: ir.Operation, x: Tensor, starts: Sequence[int], strides: Sequence[int], shape: Sequence[int]
) -> Tensor:
    """x[start + stride · k] for k < count in each dimension, `shape` being the counts."""
    if x.shape == tuple(shape):
        return x
    source = _source(x.value)
    if _name(source) == "slice":
        # x[k] = y[s + d · k], thus x[start + stride · k] = y[(s + d · start) + (d · stride) · k]
        _, inner, _ = binding.view(source)
        starts = [s + d * start for s, d, start in zip(inner.starts, inner.strides, starts, strict=True)]
        strides = [d * stride for d, stride in zip(inner.strides, strides, strict=True)]
        return _slice(like, inner.input, starts, strides, shape)
    if _name(source) == "reverse" and _single_use(x.value):
        # x[i] = y[n-1-i]; from the end, x[start + stride · (count-1-k)] = y[start' + stride · k]
        # where start' = n-1 - start - stride · (count-1)
        _, inner, _ = binding.view(source)
        starts = [
            n - 1 - start - stride * (count - 1) if axis in inner.axes else start
            for axis, (n, start, stride, count) in enumerate(zip(x.shape, starts, strides, shape, strict=True))
        ]
        return _reverse(source, _slice(like, inner.input, starts, strides, shape), inner.axes)
    # The least size that gives the count: a product of strides may be more than is left, or than 32 bits hold.
    strides = [stride if count > 1 else 1 for stride, count in zip(strides, shape, strict=True)]
    sizes = [stride * (count - 1) + 1 for stride, count in zip(strides, shape, strict=True)]
    return _build(like, "slice", x, shape, starts=starts, sizes=sizes, strides=strides)


def _reverse(like: ir.Operation, x: Tensor, axes: Sequence[int]) -> Tensor:
    """x from its end along the axes; along a dimension of 1 that is x itself."""
    axes = [axis for axis in axes if x.shape[axis] > 1]
    if not axes:
        return x
    source = _source(x.value)
    if _name(source) == "reverse":
        _, inner, _ = binding.view(source)
        return _reverse(like, inner.input, _reversed_twice(inner.axes, axes))
    return _build(like, "reverse", x, x.shape, axes=axes)


def _reversed_twice(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Twice along an axis is not at all."""
    return sorted(set(first) ^ set(second))


def _transpose(like: ir.Operation, x: Tensor, permutation: Sequence[int]) -> Tensor:
    """Dimension i of the result is dimension permutation[i] of x."""
    if list(permutation) == list(range(x.rank)):
        return x
    source = _source(x.value)
    if _name(source) == "transpose":
        _, inner, _ = binding.view(source)
        return _transpose(like, inner.input, _transposed_twice(inner.permutation, permutation))
    shape = [x.shape[p] for p in permutation]
    moved = [p for p in permutation if x.shape[p] > 1]
    if moved == sorted(moved) and not any(_name(use.owner.operation) == "transpose" for use in like.results[0].uses):
        # Dimensions of 1 alone change their place. A transpose that follows would rather merge.
        return _reshape(like, x, shape)
    return _build(like, "transpose", x, shape, permutation=permutation)


def _transposed_twice(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Dimension i comes from dimension second[i] of what comes from dimension first[second[i]]."""
    return [first[p] for p in second]


def _reshape(like: ir.Operation, x: Tensor, shape: Sequence[int]) -> Tensor:
    """The elements of x, in their order, under another shape."""
    if x.shape == tuple(shape):
        return x
    source = _source(x.value)
    if source is not None and _name(source) == "reshape":
        return _reshape(like, Tensor.of(source.operands[0]), shape)
    return _build(like, "reshape", x, shape, new_shape=shape)


def _slice_pattern(operation: ir.Operation) -> Tensor:
    _, op, (result,) = binding.view(operation)
    return _slice(operation, op.input, op.starts, op.strides, result.shape)


def _movement(name: str, field: str, compose: Compose, build: Build) -> Pattern:
    """The pattern of a kind that one attribute describes. Another of the kind before element-wise ops meets it there:
    move(f(move'(x))) = move(move'(f(x))), of which one is left or none."""

    def pattern(operation: ir.Operation) -> Tensor:
        _, op, _ = binding.view(operation)
        how, value = getattr(op, field), op.input.value
        between: list[ir.Operation] = []
        while len(between) < REACH and (source := _elementwise(value)):
            between.append(source)
            value = next(filter(_has_dimensions, source.operands))
        first = _source(value)
        if not between or _name(first) != name or not _single_use(value):
            return build(operation, op.input, how)
        _, inner, _ = binding.view(first)
        x = inner.input
        for source in reversed(between):
            x = _on(source, x)
        return build(operation, x, compose(getattr(inner, field), how))

    return pattern


PATTERNS: dict[str, Pattern] = {
    "slice": _slice_pattern,
    "reverse": _movement("reverse", "axes", _reversed_twice, _reverse),
    "transpose": _movement("transpose", "permutation", _transposed_twice, _transpose),
    "reshape": _movement("reshape", "new_shape", lambda _, shape: shape, _reshape),
}


# Ops and uses


def _source(value: ir.Value) -> ir.Operation | None:
    """The op that gives a value; None for an argument."""
    owner = value.owner
    return None if isinstance(owner, ir.Block) else owner.operation


def _name(operation: ir.Operation | None) -> str | None:
    """The name of a webnn op."""
    name = "" if operation is None else str(operation.name)
    return name.removeprefix(binding.PREFIX) if name.startswith(binding.PREFIX) else None


def _single_use(value: ir.Value) -> bool:
    return len(list(islice(value.uses, 2))) == 1


def _elementwise(value: ir.Value) -> ir.Operation | None:
    """The op that gives a value of a single use, if it is element-wise and only one operand has dimensions."""
    source = _source(value)
    if source is None or _name(source) not in ELEMENTWISE or not _single_use(value):
        return None
    return source if sum(map(_has_dimensions, source.operands)) == 1 else None


def _has_dimensions(value: ir.Value) -> bool:
    return bool(ir.RankedTensorType(value.type).rank)


def _on(elementwise: ir.Operation, x: Tensor) -> Tensor:
    """An element-wise op on another value than its one operand that has dimensions."""
    operation = ir.Operation.create(
        elementwise.name,
        results=[binding.tensor_type(x.shape, Tensor.of(elementwise.results[0]).element)],
        operands=[x.value if _has_dimensions(v) else v for v in elementwise.operands],
        attributes={name: elementwise.attributes[name] for name in elementwise.attributes},
        loc=elementwise.location,
    )
    return Tensor.of(operation.results[0])


def _build(like: ir.Operation, name: str, x: Tensor, shape: Sequence[int], **attributes: Sequence[int]) -> Tensor:
    """An op on x, with the label and location of `like`, which is the op itself where it has that operand already."""
    if _name(like) == name and like.operands[0] == x.value:
        return Tensor.of(like.results[0])
    label = binding.decode(like.attributes[binding.LABEL]) if binding.LABEL in like.attributes else ""
    result = x.descriptor.with_shape(shape)
    with like.location:
        return binding.DialectBuilder().emit(OPS[name], {"input": x, **attributes}, (result,), label)[0]
