"""A tensor read at computed coordinates, as one linalg.generic; `Emitter` has these as methods.

IREE makes several passes over memory of StableHLO's gather and of what keeps its indices within bounds. Coordinates are
values of type `index`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from iree.compiler import ir
from iree.compiler.dialects import arith, tensor

from .binding import Tensor, element_type

Coordinates = Callable[[list[ir.Value]], Sequence[ir.Value]]
"""The coordinates to read at, of those of the result."""


def read(x: Tensor, shape: Sequence[int], coordinates: Coordinates) -> Tensor:
    """result[p] = x[coordinates(p)], for x of a signless type."""
    dims = [f"d{i}" for i in range(len(shape))]
    identity = f"affine_map<({', '.join(dims)}) -> ({', '.join(dims)})>"
    iterators = ", ".join(["#linalg.iterator_type<parallel>"] * len(shape))
    element = element_type(x.element)
    result = tensor.empty(list(shape), element)
    operation = ir.Operation.create(
        "linalg.generic",
        results=[result.type],
        operands=[result],
        attributes={
            "indexing_maps": ir.Attribute.parse(f"[{identity}]"),
            "iterator_types": ir.Attribute.parse(f"[{iterators}]"),
            "operandSegmentSizes": ir.DenseI32ArrayAttr.get([0, 1]),
        },
        regions=1,
    )
    block = operation.regions[0].blocks.append(element)
    with ir.InsertionPoint(block):
        place = [index_of_loop(i) for i in range(len(shape))]
        value = tensor.extract(x.value, list(coordinates(place)))
        ir.Operation.create("linalg.yield", operands=[value])
    return Tensor.of(operation.results[0])


def patches(
    x: Tensor, counts: Sequence[int], window: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Tensor:
    """result[n, i, j, k, l, c] = x[n, i · stride + k · dilation, j · stride + l · dilation, c]: the elements that each
    window of a padded image covers."""
    shape = [x.shape[0], *counts, *window, x.shape[3]]
    dims = ", ".join(f"d{i}" for i in range(6))
    rows = [f"d{1 + i} * {strides[i]} + d{3 + i} * {dilations[i]}" for i in range(2)]
    maps = [f"affine_map<({dims}) -> ({to})>" for to in (f"d0, {rows[0]}, {rows[1]}, d5", dims)]
    element = element_type(x.element)
    result = tensor.empty(shape, element)
    operation = ir.Operation.create(
        "linalg.generic",
        results=[result.type],
        operands=[x.value, result],
        attributes={
            "indexing_maps": ir.Attribute.parse(f"[{', '.join(maps)}]"),
            "iterator_types": ir.Attribute.parse(f"[{', '.join(['#linalg.iterator_type<parallel>'] * 6)}]"),
            "operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 1]),
        },
        regions=1,
    )
    block = operation.regions[0].blocks.append(element, element)
    with ir.InsertionPoint(block):
        ir.Operation.create("linalg.yield", operands=[block.arguments[0]])
    return Tensor.of(operation.results[0])


def copied(x: Tensor) -> Tensor:
    """x of a signless type, with a first dimension above 1, in memory that another op may write into.

    IREE lets it write into an input of the program otherwise (https://github.com/iree-org/iree/issues/16168), and drops
    what it knows to be a copy. That max(i, 0) is i it finds out only when this is a dispatch of its own.
    """
    return read(x, x.shape, lambda place: [arith.maxsi(place[0], _constant(0)), *place[1:]])


def index_from(indices: Tensor, place: Sequence[ir.Value | int], size: int, *, unsigned: bool) -> ir.Value:
    """The element at `place` of a signless tensor of indices into a dimension: negative ones count from its end, what
    is out of bounds then is clamped."""
    value = tensor.extract(indices.value, [_constant(p) if isinstance(p, int) else p for p in place])
    zero, length, last = (arith.constant(value.type, n) for n in (0, size, size - 1))
    if unsigned:
        return arith.index_cast(_index(), arith.minui(value, last))
    negative = arith.cmpi(arith.CmpIPredicate.slt, value, zero)
    from_start = arith.select(negative, arith.addi(value, length), value)
    return arith.index_cast(_index(), arith.minsi(arith.maxsi(from_start, zero), last))


def filled(shape: Sequence[int], value: ir.Value) -> ir.Value:
    """A tensor whose elements are all a value."""
    result = tensor.empty(list(shape), value.type)
    segments = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 1])}
    operation = ir.Operation.create(
        "linalg.fill", results=[result.type], operands=[value, result], attributes=segments, regions=1
    )
    block = operation.regions[0].blocks.append(value.type, value.type)
    with ir.InsertionPoint(block):
        ir.Operation.create("linalg.yield", operands=[block.arguments[0]])
    return operation.result


def index_of_loop(dim: int) -> ir.Value:
    """A coordinate of the loops around an element."""
    attributes = {"dim": ir.IntegerAttr.get(ir.IntegerType.get_signless(64), dim)}
    return ir.Operation.create("linalg.index", results=[_index()], attributes=attributes).result


def _constant(value: int) -> ir.Value:
    return arith.constant(_index(), value)


def _index() -> ir.Type:
    return ir.IndexType.get()
