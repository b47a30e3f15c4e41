"""Contractions that read quantized weights: the axes of a quantized tensor, and the linalg.generic over them.

An axis is a range of indices. The dimensions of a view of the weights (after reshapes and transposes) are lists of
axes, and so are the dimensions in memory of the weights and of their scales: a dimension quantized in blocks is two
axes, of which the scales have the outer one. Axes of one element are left out everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from iree.compiler import ir
from iree.compiler.dialects import arith

from webnn_mlir.dialects.webnn import DataType

from . import binding
from .binding import Tensor, element_type
from .emitter import Emitter
from .linalg import filled, index_of_loop


@dataclass(frozen=True, eq=False)
class Axis:
    """A range of `size` indices; each is its own, whatever its size."""

    size: int


Axes = tuple[Axis, ...]
Index = Mapping[Axis, int]
"""A sum of axes, each times an integer: where a dimension is read."""


def axes_of(size: int) -> Axes:
    """A new axis, or none for a single index."""
    return (Axis(size),) if size > 1 else ()


def sizes(axes: Iterable[Axis]) -> list[int]:
    return [a.size for a in axes]


def extent(index: Index) -> int:
    """How far an index reaches: one more than its greatest value."""
    return sum((axis.size - 1) * step for axis, step in index.items()) + 1


def flat(dims: Iterable[Axes]) -> Axes:
    return tuple(chain.from_iterable(dims))


@dataclass(frozen=True)
class Layout:
    """The axes of weights in memory (`data`), of their scales in memory (`scale`), of a view's dimensions (`dims`)."""

    data: Axes
    scale: Axes
    dims: tuple[Axes, ...]

    @classmethod
    def of(cls, shape: Sequence[int]) -> Layout:
        """Weights of one scale, viewed as they lie in memory."""
        dims = tuple(axes_of(n) for n in shape)
        return cls(flat(dims), (), dims)

    def transpose(self, permutation: Sequence[int]) -> Layout:
        return replace(self, dims=tuple(self.dims[p] for p in permutation))

    def reshape(self, shape: Sequence[int]) -> Layout | None:
        """The view in row-major order under another shape; None where a dimension takes a part of an axis that is no
        whole range of it."""
        layout, rest, dims = self, list(flat(self.dims)), []
        for size in shape:
            dim: list[Axis] = []
            while size > 1:
                axis = rest.pop(0)
                if axis.size % size == 0 and axis.size > size:
                    outer, inner = Axis(size), Axis(axis.size // size)
                    layout, axis = layout._split(axis, outer, inner), outer
                    rest.insert(0, inner)
                if size % axis.size:
                    return None
                dim.append(axis)
                size //= axis.size
            dims.append(tuple(dim))
        return replace(layout, dims=tuple(dims))

    def _split(self, axis: Axis, outer: Axis, inner: Axis) -> Layout:
        def substitute(axes: Axes) -> Axes:
            return flat((outer, inner) if a is axis else (a,) for a in axes)

        return replace(self, data=substitute(self.data), scale=substitute(self.scale))

    def quantized(self, scale_shape: Sequence[int]) -> Layout | None:
        """The view with a scale for each of `scale_shape` blocks a dimension; None as in `reshape`."""
        shape = [math.prod(sizes(d)) for d in self.dims]
        split = self.reshape([n for s, size in zip(scale_shape, shape, strict=True) for n in (s, size // s)])
        if split is None:
            return None
        pairs = list(zip(split.dims[0::2], split.dims[1::2], strict=True))
        return replace(split, scale=flat(outer for outer, _ in pairs), dims=tuple(o + i for o, i in pairs))


def moved_from(value: ir.Value, is_source: Callable[[ir.Value], bool]) -> tuple[ir.Value, Layout] | None:
    """The source whose elements a value has, in another order or shape, and where they lie in it."""
    moves: list[ir.Operation] = []
    while not is_source(value):
        if isinstance(value.owner, ir.Block) or value.owner.name not in ("webnn.transpose", "webnn.reshape"):
            return None
        moves.append(value.owner.operation)
        value = value.owner.operands[0]
    layout: Layout | None = Layout.of(Tensor.of(value).shape)
    for move in reversed(moves):
        _, op, (result,) = binding.view(move)
        if layout:
            is_transpose = move.name == "webnn.transpose"
            layout = layout.transpose(op.permutation) if is_transpose else layout.reshape(result.shape)
    return (value, layout) if layout else None


@dataclass(frozen=True)
class Access:
    """What a contraction reads and writes: `data` and `scale` of the weights in memory, `x` (an index a dimension) and
    `result`."""

    data: Axes
    scale: Axes
    x: tuple[Index, ...]
    result: Axes

    @property
    def reduced(self) -> Axes:
        return tuple(a for a in self.data if a not in self.result)

    def collapsed(self) -> Access:
        """Axes that lie side by side wherever they are become one. IREE does the same, but then chooses tiles anew."""
        for pair in pairwise(self.data):
            if all(_side_by_side(pair, axes) for axes in (self.scale, self.result, _plain_axes(self.x))):
                return self._joined(*pair).collapsed()
        return self

    def _joined(self, outer: Axis, inner: Axis) -> Access:
        joined = Axis(outer.size * inner.size)

        def substitute(axes: Iterable[Axis]) -> Axes:
            return tuple(joined if a is outer else a for a in axes if a is not inner)

        x = tuple({joined: 1} if i.keys() == {outer} else i for i in self.x if i.keys() != {inner})
        return Access(substitute(self.data), substitute(self.scale), x, substitute(self.result))


    def packed(self, axes: Axes) -> tuple[Access, Axis | None]:
        """With the innermost of the axes split, so that its inner part is the elements of a word: 8, 4 or 2 of int4.

        That part is None where rows fill no whole number of bytes.
        """
        last = axes[-1] if axes else Axis(1)
        count = math.gcd(last.size, 8)
        if count == 1:
            return self, None
        if count == last.size:
            return self, last
        words, elements = Axis(last.size // count), Axis(count)

        def substitute(axes: Axes) -> Axes:
            return flat((words, elements) if a is last else (a,) for a in axes)

        x: list[Index] = []
        for index in self.x:
            if index == {last: 1}:
                x += [{words: 1}, {elements: 1}]
            else:
                parts = {a: ({words: n * count, elements: n} if a is last else {a: n}) for a, n in index.items()}
                x.append({a: n for part in parts.values() for a, n in part.items()})
        return Access(substitute(self.data), substitute(self.scale), tuple(x), substitute(self.result)), elements


def _plain_axes(x: Sequence[Index]) -> list[Axis | None]:
    """The axes that are dimensions of x; an axis that is a part of one stands alone between two None."""
    parts = ((axis,) if len(i) == step == 1 else (None, axis, None) for i in x for axis, step in i.items())
    return list(chain.from_iterable(parts))


def _side_by_side(pair: tuple[Axis, Axis], axes: Sequence[Axis | None]) -> bool:
    """Whether the axes have both, one after the other, or none of the two."""
    found = [a for a in axes if a in pair]
    return not found or pair in pairwise(axes)


@dataclass(frozen=True)
class Steps:
    """Quantized integers, signless: in the shape of their axes, or words of all elements of the axis `nibbles`, the
    first of them lowest."""

    value: Tensor
    data_type: DataType
    nibbles: Axis | None = None


def contract(b: Emitter, access: Access, x: Tensor, data: Steps, scale: Tensor, zero_point: Steps | None) -> Tensor:
    """sum of x * (data - zero_point) * scale over the axes that the result has not, accumulated in float32.

    All have the shapes that `access` gives them, and so has the result, in f32.
    """
    axes = (*access.result, *access.reduced)
    names = {axis: f"d{i}" for i, axis in enumerate(axes)}

    def affine_map(index: Iterable[Index]) -> str:
        terms = [" + ".join(f"{names[a]} * {c}" for a, c in i.items()) for i in index]
        return f"affine_map<({', '.join(names.values())}) -> ({', '.join(terms)})>"

    def plain(axes: Axes, without: Axis | None = None) -> str:
        return affine_map({a: 1} for a in axes if a is not without)

    inputs = [x, data.value, scale]
    maps = [affine_map(access.x), plain(access.data, data.nibbles), plain(access.scale)]
    if zero_point is not None:
        inputs.append(zero_point.value)
        maps.append(plain(access.scale, zero_point.nibbles))
    maps.append(plain(access.result))
    f32 = ir.F32Type.get()
    start = filled(sizes(access.result), arith.constant(f32, 0.0))
    iterators = ["parallel"] * len(access.result) + ["reduction"] * len(access.reduced)
    operation = ir.Operation.create(
        "linalg.generic",
        results=[start.type],
        operands=[*(t.value for t in inputs), start],
        attributes={
            "indexing_maps": ir.Attribute.parse(f"[{', '.join(maps)}]"),
            "iterator_types": ir.Attribute.parse(f"[{', '.join(f'#linalg.iterator_type<{i}>' for i in iterators)}]"),
            "operandSegmentSizes": ir.DenseI32ArrayAttr.get([len(inputs), 1]),
        },
        regions=1,
    )
    block = operation.regions[0].blocks.append(*(element_type(t.element) for t in inputs), f32)
    with ir.InsertionPoint(block):
        activation, step, factor, *zero, sum_ = block.arguments
        steps = _integer(step, data, axes)
        if zero_point is not None:
            steps = arith.subi(steps, _integer(zero[0], zero_point, axes))
        weight = arith.mulf(arith.sitofp(f32, steps), _extend_float(factor))
        total = arith.addf(sum_, arith.mulf(_extend_float(activation), weight))
        ir.Operation.create("linalg.yield", operands=[total])
    return Tensor.of(operation.results[0])


def _integer(value: ir.Value, steps: Steps, axes: Axes) -> ir.Value:
    """An element in 32 bits; from a word, by shifting it to the word's top and down again."""
    i32 = ir.IntegerType.get_signless(32)
    unsigned = steps.data_type.is_unsigned
    if value.type != i32:
        extend = arith.extui if unsigned or steps.nibbles else arith.extsi
        value = extend(i32, value)
    if steps.nibbles is None:
        return value
    position = arith.index_cast(i32, index_of_loop(axes.index(steps.nibbles)))
    left = arith.subi(arith.constant(i32, 28), arith.muli(position, arith.constant(i32, 4)))
    top, down = arith.shli(value, left), arith.constant(i32, 28)
    return arith.shrui(top, down) if unsigned else arith.shrsi(top, down)


def _extend_float(value: ir.Value) -> ir.Value:
    f32 = ir.F32Type.get()
    return value if value.type == f32 else arith.extf(f32, value)
