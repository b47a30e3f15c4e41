"""`Emitter` builds StableHLO: the vocabulary in which declarations say what an op becomes.

Values are `Tensor`s. Binary methods broadcast as NumPy does and take Python numbers. int4 and uint4 are computed as
i8 and ui8: unpacked on the way in, packed on the way out, since IREE's emulation of narrow types lacks small constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from iree.compiler import ir

from webnn_mlir.dialects.webnn.shapes import broadcast
from webnn_mlir.dialects.webnn.types import DataType

from . import elementary, linalg
from .binding import Tensor, element_type, number, tensor_type
from .legalization import replaced

Number = int | float | bool
Like = Tensor | Number

_UNARY = {
    "abs", "cbrt", "ceil", "exponential", "exponential_minus_one", "floor", "log", "log_plus_one", "logistic", "negate",
    "not", "rsqrt", "sign", "sqrt", "tanh", "is_finite",
}  # fmt: skip
_ELEMENTARY: dict[str, Callable[..., Tensor]] = {
    "cosine": elementary.cosine, "power": elementary.power, "round_nearest_even": elementary.round_nearest_even,
    "sine": elementary.sine, "tan": elementary.tangent,
}  # fmt: skip
"""Methods that are made of several ops."""
_CHLO = {"erf", "erfc"}
_BINARY = {
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "remainder", "and", "or", "xor",
    "shift_left", "shift_right_logical", "shift_right_arithmetic",
}  # fmt: skip
_ROUNDED_ONCE = {
    "cbrt", "divide", "exponential", "exponential_minus_one", "log", "log_plus_one", "logistic", "rsqrt", "sqrt",
    "tanh", *_ELEMENTARY, *_CHLO,
}  # fmt: skip
"""Methods computed in float32 for float16."""


def compute_element(data_type: DataType) -> str:
    """The element type in which a data type is computed."""
    return {"i4": "i8", "ui4": "ui8"}.get(data_type.mlir, data_type.mlir)


class Emitter:
    """Builds StableHLO ops at the current insertion point and location, without what the targets lack."""

    def __init__(self, lacks: Iterable[str] = ()):
        self._made = _ELEMENTARY | replaced(lacks)

    # Building blocks

    def op(
        self,
        name: str,
        operands: Sequence[Tensor],
        results: Sequence[tuple[Sequence[int], str]],
        attributes: dict[str, Any] | None = None,
        bodies: Sequence[Callable[..., Sequence[Tensor]]] = (),
        body_types: Sequence[tuple[Sequence[int], str]] = (),
    ) -> list[Tensor]:
        """Any op: results are (shape, element) pairs, string attributes are parsed.

        Each body gets Tensors of `body_types` and returns what its region returns.
        """
        attrs = {k: _parse(v) if isinstance(v, str) else v for k, v in (attributes or {}).items()}
        operation = ir.Operation.create(
            name,
            results=[tensor_type(s, e) for s, e in results],
            operands=[t.value for t in operands],
            attributes=attrs,
            regions=len(bodies),
        )
        for region, body in zip(operation.regions, bodies, strict=True):
            types = [tensor_type(s, e) for s, e in body_types]
            block = region.blocks.append(*types)
            with ir.InsertionPoint(block):
                returned = body(*[Tensor.of(a) for a in block.arguments])
                ir.Operation.create("stablehlo.return", operands=[t.value for t in returned])
        return [Tensor(r, e, tuple(s)) for r, (s, e) in zip(operation.results, results, strict=True)]

    def __getattr__(self, name: str) -> Callable[..., Tensor]:
        stem = name.rstrip("_")
        if stem in _UNARY or stem in _ELEMENTARY or stem in _CHLO:
            return lambda x: self.unary(stem, x)
        if stem in _BINARY:
            return lambda x, y: self.binary(stem, x, y)
        raise AttributeError(f"Emitter has no method {name!r}")

    def unary(self, name: str, x: Tensor) -> Tensor:
        """An element-wise function of one operand: an op, or made of several."""
        if x.element == "f16" and name in _ROUNDED_ONCE:
            return self.in_float32(lambda t: self.unary(name, t), x)
        if name in self._made:
            return self._made[name](self, x)
        dialect = "chlo" if name in _CHLO else "stablehlo"
        element = "i1" if name == "is_finite" else x.element
        return self.op(f"{dialect}.{name}", [x], [(x.shape, element)])[0]

    def binary(self, name: str, x: Like, y: Like) -> Tensor:
        """An element-wise StableHLO op of two operands, broadcast to a common shape."""
        x, y = self.pair(x, y)
        if x.element == "f16" and name in _ROUNDED_ONCE:
            return self.in_float32(lambda a, b: self.binary(name, a, b), x, y)
        if name in self._made and not x.data_type.is_float:
            return self._made[name](self, x, y)
        return self.op(f"stablehlo.{name}", [x, y], [(x.shape, x.element)])[0]

    def in_float32(self, function: Callable[..., Tensor], *operands: Tensor) -> Tensor:
        """`function` of the operands, computed in float32 where they are float16, so that it is rounded once."""
        if operands[0].element != "f16":
            return function(*operands)
        return self.convert(function(*[self.convert(t, "f32") for t in operands]), "f16")

    def power(self, x: Like, y: Like) -> Tensor:
        """x to the power of y, float or integer; constant exponents of 2 and 3 become products."""
        exponent = y if not isinstance(y, Tensor) else self.splat(y)
        x, y = self.pair(x, y)
        if exponent == 2 or exponent == 3:
            return self.in_float32(lambda t: self.multiply(t, t if exponent == 2 else self.multiply(t, t)), x)
        if not x.data_type.is_float:
            return elementary.integer_power(self, x, y)
        return self.in_float32(lambda a, b: self._made["power"](self, a, b), x, y)

    def splat(self, x: Tensor) -> Number | None:
        """The value of a constant filled with one, or None."""
        if not _defined_by(x, "stablehlo.constant"):
            return None
        value = x.value.owner.attributes["value"]
        return value.get_splat_value().value if isinstance(value, ir.DenseElementsAttr) and value.is_splat else None

    def pair(self, x: Like, y: Like) -> tuple[Tensor, Tensor]:
        """Two operands in one shape; a Python number takes the other's element type."""
        if not isinstance(x, Tensor):
            assert isinstance(y, Tensor)
            x = self.full(x, (), y.element)
        if not isinstance(y, Tensor):
            y = self.full(y, (), x.element)
        shape = broadcast(x.shape, y.shape)
        assert shape is not None, (x.shape, y.shape)
        return self.broadcast_to(x, shape), self.broadcast_to(y, shape)

    # Constants

    def full(self, value: Number, shape: Sequence[int], element: str) -> Tensor:
        """A tensor filled with one value."""
        splat = ir.DenseElementsAttr.get_splat(tensor_type(shape, element), number(value, element))
        return self.op("stablehlo.constant", [], [(shape, element)], {"value": splat})[0]

    def array(self, values: Any, element: str) -> Tensor:
        """A small constant from anything NumPy takes."""
        dtype = np.bool_ if element == "i1" else DataType.from_mlir(element).numpy
        data = np.ascontiguousarray(values, dtype)
        if element == "i1":
            data = np.packbits(data, axis=None, bitorder="little")
        type_ = tensor_type(np.shape(values), element)
        attr = ir.DenseElementsAttr.get(data, type=type_) if element != "i1" else ir.DenseElementsAttr.get(
            data, type=element_type("i1"), shape=list(np.shape(values)))
        return self.op("stablehlo.constant", [], [(np.shape(values), element)], {"value": attr})[0]

    def iota(self, shape: Sequence[int], axis: int, element: str) -> Tensor:
        """The index along an axis."""
        return self.op("stablehlo.iota", [], [(shape, element)], {"iota_dimension": _i64(axis)})[0]

    # Types

    def convert(self, x: Tensor, element: str) -> Tensor:
        """StableHLO's convert: float to integer is implementation-defined out of range."""
        if x.element == element:
            return x
        if "convert" in self._made and x.element[0] == "f" and element.strip("u")[0] == "i" and element != "i1":
            return self._made["convert"](self, x, element)
        if element == "f16":
            x = self._as_targets_take("narrowed", x)
        return self.op("stablehlo.convert", [x], [(x.shape, element)])[0]

    def bitcast(self, x: Tensor, element: str) -> Tensor:
        """The same bits under a type of the same width."""
        if x.element == element:
            return x
        return self.op("stablehlo.bitcast_convert", [x], [(x.shape, element)])[0]

    def signless(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """`function` of the bits of an unsigned tensor, for ops that IREE does not take with unsigned types."""
        return self.bitcast(function(self.bitcast(x, x.element.removeprefix("u"))), x.element)

    def identity(self, x: Tensor) -> Tensor:
        return x

    def factors(self, *xs: Tensor) -> list[Tensor]:
        """The operands of a product, apart from what the targets cannot compute together with it."""
        return [self._as_targets_take("summed", x) for x in xs]

    def stabilizer(self, x: Tensor) -> Tensor:
        """The maximum that softmax subtracts, apart from it where targets cannot have IREE's own softmax."""
        return self._as_targets_take("stabilizer", x)

    def _as_targets_take(self, name: str, x: Tensor) -> Tensor:
        return self._made[name](self, x) if name in self._made else x

    def barrier(self, *xs: Tensor) -> list[Tensor]:
        """The values themselves, which IREE computes apart from what uses them."""
        signless = [self.bitcast(x, x.element.removeprefix("u")) for x in xs]
        kept = self.op("stablehlo.optimization_barrier", signless, [(x.shape, x.element) for x in signless])
        return [self.bitcast(bits, x.element) for bits, x in zip(kept, xs, strict=True)]

    # Comparing and selecting

    def compare(self, x: Like, y: Like, direction: str) -> Tensor:
        """i1 tensor; direction is EQ, NE, GE, GT, LE or LT."""
        x, y = self.pair(x, y)
        unsigned = x.element.startswith("ui") or x.element == "i1"
        kind = "FLOAT" if x.element[0] in "fb" else "UNSIGNED" if unsigned else "SIGNED"
        attributes = {
            "comparison_direction": f"#stablehlo<comparison_direction {direction}>",
            "compare_type": f"#stablehlo<comparison_type {kind}>",
        }
        return self.op("stablehlo.compare", [x, y], [(x.shape, "i1")], attributes)[0]

    def select(self, condition: Tensor, x: Like, y: Like) -> Tensor:
        """x where the i1 condition holds, else y, broadcast."""
        x, y = self.pair(x, y)
        shape = broadcast(condition.shape, x.shape)
        assert shape is not None
        operands = [self.broadcast_to(t, shape) for t in (condition, x, y)]
        return self.op("stablehlo.select", operands, [(shape, x.element)])[0]

    # Shapes

    def broadcast_to(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """NumPy broadcasting: dimensions align at the end."""
        shape = tuple(shape)
        return self.broadcast_in_dim(x, shape, range(len(shape) - x.rank, len(shape)))

    def broadcast_in_dim(self, x: Tensor, shape: Sequence[int], dimensions: Sequence[int]) -> Tensor:
        """Dimension i of x becomes dimension `dimensions[i]` of the result."""
        if x.shape == tuple(shape) and list(dimensions) == list(range(x.rank)):
            return x
        attributes = {"broadcast_dimensions": _i64s(dimensions)}
        return self.op("stablehlo.broadcast_in_dim", [x], [(shape, x.element)], attributes)[0]

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        if x.shape == tuple(shape):
            return x
        if math.prod(x.shape) == 1 and len(shape) > x.rank and _defined_by(x, "stablehlo.slice"):
            # IREE fails on a slice of one element that is reshaped to more dimensions and so is a result.
            (x,) = self.barrier(x)
        return self.op("stablehlo.reshape", [x], [(shape, x.element)])[0]

    def transpose(self, x: Tensor, permutation: Sequence[int]) -> Tensor:
        """Dimension i of the result is dimension `permutation[i]` of x."""
        if list(permutation) == list(range(x.rank)):
            return x
        shape = [x.shape[p] for p in permutation]
        return self.op("stablehlo.transpose", [x], [(shape, x.element)], {"permutation": _i64s(permutation)})[0]

    def slice(
        self, x: Tensor, starts: Sequence[int], limits: Sequence[int], strides: Sequence[int] | None = None
    ) -> Tensor:
        """x[start:limit:stride] in each dimension; strides are positive."""
        strides = strides or [1] * x.rank
        shape = [-(-(e - s) // d) for s, e, d in zip(starts, limits, strides, strict=True)]
        if tuple(shape) == x.shape:
            return x
        attributes = {"start_indices": _i64s(starts), "limit_indices": _i64s(limits), "strides": _i64s(strides)}
        return self.op("stablehlo.slice", [x], [(shape, x.element)], attributes)[0]

    def reverse(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        if not axes:
            return x
        if _is_strided(x):
            # IREE makes one loop of both and leaves it without a lowering to LLVM.
            (x,) = self.barrier(x)
        attributes = {"dimensions": _i64s(axes)}
        return self.signless(lambda t: self.op("stablehlo.reverse", [t], [(t.shape, t.element)], attributes)[0], x)

    def concatenate(self, xs: Sequence[Tensor], axis: int) -> Tensor:
        if len(xs) == 1:
            return xs[0]
        shape = list(xs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in xs)
        return self.op("stablehlo.concatenate", xs, [(shape, xs[0].element)], {"dimension": _i64(axis)})[0]

    def pad(
        self, x: Tensor, value: Like, low: Sequence[int], high: Sequence[int], interior: Sequence[int] | None = None
    ) -> Tensor:
        """Pads with a scalar; negative padding crops."""
        interior = interior or [0] * x.rank
        if not isinstance(value, Tensor):
            value = self.full(value, (), x.element)
        shape = [lo + hi + n + max(n - 1, 0) * i for n, lo, hi, i in zip(x.shape, low, high, interior, strict=True)]
        if not any([*low, *high, *interior]):
            return x
        attributes = {
            "edge_padding_low": _i64s(low),
            "edge_padding_high": _i64s(high),
            "interior_padding": _i64s(interior),
        }
        return self.op("stablehlo.pad", [x, value], [(shape, x.element)], attributes)[0]

    # Gathering and scattering: indices are i32 and within their dimension

    def take(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        """x with the indices' dimensions in place of the axis."""
        rest = [n for i, n in enumerate(x.shape) if i != axis]
        offsets = [i if i < axis else i + indices.rank for i in range(x.rank - 1)]
        shape = [*rest[:axis], *indices.shape, *rest[axis:]]
        numbers = (
            f"offset_dims = {offsets}, collapsed_slice_dims = [{axis}], start_index_map = [{axis}], "
            f"index_vector_dim = {indices.rank}"
        )
        attributes = {
            "dimension_numbers": f"#stablehlo.gather<{numbers}>",
            "slice_sizes": _i64s([1 if i == axis else n for i, n in enumerate(x.shape)]),
            "indices_are_sorted": ir.BoolAttr.get(False),
        }
        return self.op("stablehlo.gather", [x, indices], [(shape, x.element)], attributes)[0]

    def put(self, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
        """x with the slices at indices of its first dimension replaced; of repeated ones the last stays."""
        slices = [indices.shape[0], *x.shape[1:]]
        assert updates.shape == tuple(slices), (updates.shape, slices)
        numbers = (
            f"update_window_dims = {list(range(1, x.rank))}, inserted_window_dims = [0], "
            "scatter_dims_to_operand_dims = [0], index_vector_dim = 1"
        )
        attributes = {
            "scatter_dimension_numbers": f"#stablehlo.scatter<{numbers}>",
            "indices_are_sorted": ir.BoolAttr.get(False),
            "unique_indices": ir.BoolAttr.get(False),
        }
        indices = self.reshape(indices, [indices.shape[0], 1])
        result, regions = [(x.shape, x.element)], [lambda _, new: [new]]
        scalars = [((), x.element)] * 2
        return self.op("stablehlo.scatter", [x, indices, updates], result, attributes, regions, scalars)[0]

    def read(self, x: Tensor, shape: Sequence[int], coordinates: linalg.Coordinates) -> Tensor:
        """result[p] = x[coordinates(p)] in Linalg, where coordinates are values of type `index`."""
        return self.signless(lambda t: linalg.read(t, shape, coordinates), x)

    def copied(self, x: Tensor) -> Tensor:
        """x, of a first dimension above 1, copied in Linalg for an op that writes into its operand."""
        return self.signless(linalg.copied, x)

    def index_from(self, indices: Tensor) -> Callable[[Sequence[ir.Value | int], int], ir.Value]:
        """For `read`: the index at a place in `indices`, kept within a dimension of the size given."""
        unsigned = indices.data_type.is_unsigned
        bits = self.bitcast(indices, indices.element.removeprefix("u"))
        return lambda place, size: linalg.index_from(bits, place, size, unsigned=unsigned)

    # Windows

    def convolution(
        self, x: Tensor, weights: Tensor, layout: str, filter_layout: str, shape: Sequence[int], *,
        strides: Sequence[int], padding: Sequence[tuple[int, int]], dilations: Sequence[int], groups: int,
    ) -> Tensor:  # fmt: skip
        """A convolution in two dimensions; layouts are in WebNN's letters (nchw, oihw, …)."""
        if groups > 1 and any(_defined_by(t, "stablehlo.convert") for t in (x, weights)):
            # IREE draws conversions from float16 into a grouped convolution and then gets its shapes wrong.
            x, weights = self.barrier(x, weights)
        x, weights = self.factors(x, weights)
        letters = {"n": "b", "c": "f", "h": "0", "w": "1", "o": "o", "i": "i"}
        image, kernel = (", ".join(letters[axis] for axis in text) for text in (layout, filter_layout))
        sizes, counts = ([of[layout.index(axis)] for axis in "hw"] for of in (x.shape, shape))
        window = [weights.shape[filter_layout.index(axis)] for axis in "hw"]
        attributes = {
            "window_strides": _i64s(strides),
            "padding": _padding(sizes, counts, window, dilations, padding),
            "lhs_dilation": _i64s([1, 1]),
            "rhs_dilation": _i64s(dilations),
            "dimension_numbers": f"#stablehlo.conv<[{image}]x[{kernel}]->[{image}]>",
            "feature_group_count": _i64(groups),
            "batch_group_count": _i64(1),
        }
        return self.op("stablehlo.convolution", [x, weights], [(shape, x.element)], attributes)[0]

    def unrolled_convolution(
        self, x: Tensor, weights: Tensor, shape: Sequence[int], *,
        strides: Sequence[int], padding: Sequence[tuple[int, int]], dilations: Sequence[int],
    ) -> Tensor:  # fmt: skip
        """A convolution, nhwc and hwio, as a product: of a matrix with a row a place, and the weights (im2col)."""
        (top, bottom), (left, right) = padding
        padded = self.pad(x, 0, [0, top, left, 0], [0, bottom, right, 0])
        patches = linalg.patches(padded, shape[1:3], weights.shape[:2], strides, dilations)
        places, summed = math.prod(shape[:3]), math.prod(weights.shape[:3])
        rows, columns = self.reshape(patches, [places, summed]), self.reshape(weights, [summed, shape[3]])
        return self.reshape(self.dot_general(rows, columns, ([], []), ([1], [0])), shape)

    def reduce_window(
        self, x: Tensor, method: str, initial: Number, shape: Sequence[int], *,
        window: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: Sequence[tuple[int, int]],
    ) -> Tensor:  # fmt: skip
        """Folds each window with a binary method from its neutral value, with which the padding is filled."""
        start = self._as_targets_take("start", self.full(initial, (), x.element))
        attributes = {
            "window_dimensions": _i64s(window),
            "window_strides": _i64s(strides),
            "window_dilations": _i64s(dilations),
            "padding": _padding(x.shape, shape, window, dilations, padding),
        }
        bodies = [lambda a, b: [self.binary(method, a, b)]]
        scalars = [((), x.element)] * 2
        return self.op("stablehlo.reduce_window", [x, start], [(shape, x.element)], attributes, bodies, scalars)[0]

    # Reductions and contractions

    def reduce(self, x: Tensor, axes: Sequence[int], method: str, initial: Number, *, keep: bool = False) -> Tensor:
        """Folds axes with a binary method (add, maximum, …) from its neutral value."""
        kept = [n for i, n in enumerate(x.shape) if i not in axes]
        result = x
        if axes:
            x, start = self._as_targets_take("summed", x), self.full(initial, (), x.element)
            result = self.op(
                "stablehlo.reduce", [x, start], [(kept, x.element)], {"dimensions": _i64s(sorted(axes))},
                [lambda a, b: [self.binary(method, a, b)]], [((), x.element)] * 2,
            )[0]  # fmt: skip
        return self.reshape(result, [1 if i in axes else n for i, n in enumerate(x.shape)]) if keep else result

    def scan(self, x: Tensor, axis: int, *, inclusive: bool) -> Tensor:
        """Running sums along an axis, with or without the value itself: one pass of IREE's own operation."""
        return self.signless(lambda t: self._scan(t, axis, inclusive), x)

    def _scan(self, x: Tensor, axis: int, inclusive: bool) -> Tensor:
        rest = tuple(n for i, n in enumerate(x.shape) if i != axis)
        into, start = self.full(0, x.shape, x.element), self.full(0, rest, x.element)
        operation = ir.Operation.create(
            "iree_linalg_ext.scan",
            results=[into.value.type, start.value.type],
            operands=[x.value, into.value, start.value],
            attributes={
                "dimension": _i64(axis),
                "inclusive": ir.BoolAttr.get(inclusive),
                "operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 2]),
            },
            regions=1,
        )
        element = element_type(x.element)
        block = operation.regions[0].blocks.append(element, element)
        with ir.InsertionPoint(block):
            add = "arith.addf" if x.element[0] == "f" else "arith.addi"
            total = ir.Operation.create(add, results=[element], operands=list(block.arguments))
            ir.Operation.create("iree_linalg_ext.yield", operands=total.results)
        return Tensor.of(operation.results[0])

    def dot_general(
        self,
        x: Tensor,
        y: Tensor,
        batch: tuple[Sequence[int], Sequence[int]],
        contract: tuple[Sequence[int], Sequence[int]],
        element: str | None = None,
    ) -> Tensor:  # fmt: skip
        """Dimensions of the result: batch, rest of x, rest of y."""

        def rest(t: Tensor, i: int) -> list[int]:
            return [n for d, n in enumerate(t.shape) if d not in batch[i] and d not in contract[i]]

        x, y = self.factors(x, y)
        shape = [x.shape[d] for d in batch[0]] + rest(x, 0) + rest(y, 1)
        numbers = (
            f"#stablehlo.dot<lhs_batching_dimensions = {list(batch[0])}, rhs_batching_dimensions = {list(batch[1])}, "
            f"lhs_contracting_dimensions = {list(contract[0])}, rhs_contracting_dimensions = {list(contract[1])}>"
        )
        result = [(shape, element or x.element)]
        return self.op("stablehlo.dot_general", [x, y], result, {"dot_dimension_numbers": numbers})[0]


def _defined_by(x: Tensor, name: str) -> bool:
    """Whether an op of that name gives the value; a function's argument has none."""
    owner = x.value.owner
    return not isinstance(owner, ir.Block) and owner.name == name


def _is_strided(x: Tensor) -> bool:
    """Whether a value is a slice with strides, under whatever views."""
    views = ("slice", "reshape", "transpose", "bitcast_convert")
    owner = x.value.owner
    while not isinstance(owner, ir.Block) and owner.name in {f"stablehlo.{view}" for view in views}:
        if owner.name == "stablehlo.slice" and max(owner.attributes["strides"], default=1) > 1:
            return True
        owner = owner.operands[0].owner
    return False


def _padding(
    sizes: Sequence[int], counts: Sequence[int], window: Sequence[int], dilations: Sequence[int],
    padding: Sequence[tuple[int, int]],
) -> ir.Attribute:  # fmt: skip
    """The padding of axes with so many windows, where there is a single one up to its end: IREE drops an axis of one
    window and then takes what is left of the input for the window's size."""
    ends = [(k - 1) * d + 1 for k, d in zip(window, dilations, strict=True)]
    exact = [
        (low, end - size - low if count == 1 else high)
        for size, count, end, (low, high) in zip(sizes, counts, ends, padding, strict=True)
    ]
    return ir.DenseElementsAttr.get(np.asarray(exact, np.int64))


def _parse(text: str) -> ir.Attribute:
    return ir.Attribute.parse(text)


def _i64(value: int) -> ir.Attribute:
    return ir.IntegerAttr.get(ir.IntegerType.get_signless(64), value)


def _i64s(values: Sequence[int]) -> ir.Attribute:
    return ir.DenseI64ArrayAttr.get(list(values))
