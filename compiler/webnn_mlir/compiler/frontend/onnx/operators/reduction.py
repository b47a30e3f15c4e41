"""Reductions, ArgMax and ArgMin, CumSum."""

from __future__ import annotations

import math
from typing import Any

from webnn_mlir.dialects.webnn import MLOperand

from ..constants import Array
from ..importer import NodeBuilder
from ..registry import operator
from .movement import axis_of

Ints = list[int]

REDUCTIONS = {
    "ReduceL1": "reduce_l1", "ReduceL2": "reduce_l2", "ReduceLogSum": "reduce_log_sum",
    "ReduceLogSumExp": "reduce_log_sum_exp", "ReduceMax": "reduce_max", "ReduceMean": "reduce_mean",
    "ReduceMin": "reduce_min", "ReduceProd": "reduce_product", "ReduceSum": "reduce_sum",
    "ReduceSumSquare": "reduce_sum_square",
}  # fmt: skip


def _reduced(w: NodeBuilder, method: str, x: MLOperand, axes: Ints | None, keepdims: int) -> MLOperand:
    axes = sorted(axis_of(w, a, x.rank) for a in axes) if axes else list(range(x.rank))
    options: dict[str, Any] = {"axes": axes, "keep_dimensions": bool(keepdims)}
    if method == "reduce_mean" and not x.data_type.is_float:
        # WebNN has no mean of integers; ONNX's is truncated.
        count = w.scalar(math.prod(x.shape[a] for a in axes), x.data_type)
        result: MLOperand = w.div(w.reduce_sum(x, **options), count)
    else:
        result = getattr(w, method)(x, **options)
    return result


def _register(name: str, method: str) -> None:
    """Axes are an attribute at first, then an input."""

    @operator(name)
    def by_attribute(w: NodeBuilder, data: MLOperand, *, axes: Ints | None = None, keepdims: int = 1) -> Any:
        return _reduced(w, method, data, axes, keepdims)

    @operator(name, since=13 if name == "ReduceSum" else 18)
    def by_input(
        w: NodeBuilder, data: MLOperand, axes: Array | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Any:
        if noop_with_empty_axes and (axes is None or not axes.size):
            return _of_each(w, method, data)
        return _reduced(w, method, data, None if axes is None else axes.reshape(-1).tolist(), keepdims)


def _of_each(w: NodeBuilder, method: str, x: MLOperand) -> MLOperand:
    """Over no axis: what is done with each element before and after they are put together."""
    result: MLOperand = getattr(w, method)(x, axes=[]) if x.data_type.is_float else x
    return result


for _name, _method in REDUCTIONS.items():
    _register(_name, _method)


def _register_arg(name: str, method: str) -> None:
    @operator(name)
    def first(w: NodeBuilder, data: MLOperand, *, axis: int = 0, keepdims: int = 1) -> Any:
        axis = axis_of(w, axis, data.rank)
        return getattr(w, method)(data, axis, keep_dimensions=bool(keepdims), output_data_type="int64")

    @operator(name, since=12)
    def first_or_last(
        w: NodeBuilder, data: MLOperand, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
    ) -> Any:
        """The last one is the first of the reverse."""
        if not select_last_index:
            return first(w, data, axis=axis, keepdims=keepdims)
        axis = axis_of(w, axis, data.rank)
        found = first(w, w.reverse(data, axes=[axis]), axis=axis, keepdims=keepdims)
        return w.sub(w.scalar(data.shape[axis] - 1, found.data_type), found)


_register_arg("ArgMax", "arg_max")
_register_arg("ArgMin", "arg_min")


@operator("CumSum", since=11)
def cum_sum(w: NodeBuilder, x: MLOperand, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Any:
    w.require(axis.size == 1, f"axis has {axis.size} elements; it must have one")
    number = axis_of(w, int(axis.item()), x.rank)
    return w.cumulative_sum(x, number, exclusive=bool(exclusive), reversed=bool(reverse))
