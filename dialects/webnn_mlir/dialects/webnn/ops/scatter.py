"""scatterElements and scatterND: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-scatterelements.

Where indices repeat, the last update stays.
"""

from collections.abc import Callable

from ..attributes import UNSIGNED_LONG
from ..declaration import Descriptor, Emitter, OpView, Value, attribute, declare, operand
from ..types import ALL, INDICES
from ._indices import element_positions, flat_slices, nd_slices, require_element_shape, slice_positions


def _require_updates(op: OpView, expected: tuple[int, ...]) -> None:
    found = list(op.updates.shape)
    op.require(found == list(expected), f"updates have shape {found}; it must be {list(expected)}")


def _infer_elements(op: OpView) -> Descriptor:
    require_element_shape(op)
    _require_updates(op, op.indices.shape)
    return op.input


def _infer_nd(op: OpView) -> Descriptor:
    _require_updates(op, nd_slices(op).shape)
    return op.input


def _elements(b: Emitter, op: OpView) -> tuple[Value, Value]:
    return b.reshape(op.input, [op.input.descriptor.size]), element_positions(b, op)


def _slices(b: Emitter, op: OpView) -> tuple[Value, Value]:
    return flat_slices(b, op), slice_positions(b, op)


def _scatter(places: Callable[[Emitter, OpView], tuple[Value, Value]], *, copy: bool) -> Callable[..., Value]:
    """Replaces slices of the flat input at the positions; with `copy`, unless in place, those of a copy."""

    def lower(b: Emitter, op: OpView) -> Value:
        slices, positions = places(b, op)
        count, shape = positions.descriptor.size, slices.shape[1:]
        updates = b.reshape(op.updates, [count, *shape])
        if slices.shape[0] == 1:
            # All indices mean the only slice there is, which the last update replaces.
            result = b.slice(updates, [count - 1] + [0] * len(shape), [count, *shape])
        else:
            # IREE would compute the updates in the scatter's own dispatch, all of them on the stack.
            (updates,) = b.barrier(updates)
            target = b.copied(slices) if copy and not op.in_place else slices
            result = b.put(target, b.reshape(positions, [count]), updates)
        return b.reshape(result, op.input.shape)

    return lower


declare(
    "scatterElements",
    operands=[
        operand("input", ALL, (1, None)),
        operand("indices", INDICES, (1, None)),
        operand("updates", ALL, (1, None), like="input"),
    ],
    attributes=[attribute("axis", UNSIGNED_LONG, 0)],
    infer=_infer_elements,
    stablehlo=_scatter(_elements, copy=False),
    linalg=_scatter(_elements, copy=True),
    example=lambda w, x: w.scatter_elements(x(4, 3), x(2, 3, data_type="int32"), x(2, 3)),
)

declare(
    "scatterND",
    operands=[
        operand("input", ALL, (1, None)),
        operand("indices", INDICES, (1, None)),
        operand("updates", ALL, like="input"),
    ],
    infer=_infer_nd,
    stablehlo=_scatter(_slices, copy=False),
    linalg=_scatter(_slices, copy=True),
    example=lambda w, x: w.scatter_nd(x(4, 3), x(2, 1, data_type="int32"), x(2, 3)),
)
