"""https://www.w3.org/TR/webnn/#api-mlgraphbuilder-pad"""

from ..attributes import NUMBER, UNSIGNED_LONGS, enum
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL, cast_number


def _infer(op: OpView) -> Descriptor:
    rank = op.input.rank
    for name in ("beginning_padding", "ending_padding"):
        padding = list(getattr(op, name))
        spelled = "beginningPadding" if name == "beginning_padding" else "endingPadding"
        op.require(len(padding) == rank, f"{spelled} {padding} must have as many entries as the input's rank, {rank}")
        for i, (count, length) in enumerate(zip(padding, op.input.shape, strict=True)):
            rule = f"{spelled}[{i}] {count} must be below the input's dimension {length} for reflection"
            op.require(op.mode != "reflection" or count < length, rule)
    op.value = cast_number(op.value, op.input.data_type)
    sizes = zip(op.beginning_padding, op.input.shape, op.ending_padding, strict=True)
    return op.input.with_shape([sum(size) for size in sizes])


def _stablehlo(b: Emitter, op: OpView) -> Value:
    if op.mode == "constant":
        return b.pad(op.input, op.value, op.beginning_padding, op.ending_padding)
    value = op.input
    for axis, (before, after) in enumerate(zip(op.beginning_padding, op.ending_padding, strict=True)):
        extend = _edge if op.mode == "edge" else _reflection
        value = b.concatenate(extend(b, value, axis, before, after), axis)
    return value


def _edge(b: Emitter, x: Value, axis: int, before: int, after: int) -> list[Value]:
    """The first and the last slice along the axis, repeated."""
    last = x.shape[axis] - 1

    def repeated(index: int, count: int) -> list[Value]:
        shape = [count if i == axis else n for i, n in enumerate(x.shape)]
        return [b.broadcast_in_dim(_part(b, x, axis, index, index + 1), shape, range(x.rank))] if count else []

    return [*repeated(0, before), x, *repeated(last, after)]


def _reflection(b: Emitter, x: Value, axis: int, before: int, after: int) -> list[Value]:
    """The slices next to the first and the last one, mirrored."""
    last = x.shape[axis] - 1
    left = [b.reverse(_part(b, x, axis, 1, 1 + before), [axis])] if before else []
    right = [b.reverse(_part(b, x, axis, last - after, last), [axis])] if after else []
    return [*left, x, *right]


def _part(b: Emitter, x: Value, axis: int, start: int, limit: int) -> Value:
    starts, limits = [0] * x.rank, list(x.shape)
    starts[axis], limits[axis] = start, limit
    return b.slice(x, starts, limits)


declare(
    "pad",
    operands=[operand("input", ALL)],
    attributes=[
        attribute("beginningPadding", UNSIGNED_LONGS),
        attribute("endingPadding", UNSIGNED_LONGS),
        attribute("mode", enum("MLPaddingMode", "constant", "edge", "reflection"), "constant"),
        attribute("value", NUMBER, 0),
    ],
    infer=_infer,
    stablehlo=_stablehlo,
    example=lambda w, x: w.pad(x(2, 3), [1, 0], [1, 2]),
)
