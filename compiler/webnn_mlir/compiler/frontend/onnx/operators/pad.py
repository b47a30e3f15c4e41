"""Pad."""

from __future__ import annotations

from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array, Known
from ..importer import NodeBuilder
from ..registry import Value, operator
from .movement import axis_of

Ints = list[int]

MODES = {"constant": "constant", "edge": "edge", "reflect": "reflection"}
"""ONNX's modes that WebNN has; the fourth, wrap, is a gathering."""

MAX_GATHERED = 2**24


@operator("Pad", since=2)
def pad_2(w: NodeBuilder, data: MLOperand, *, mode: str = "constant", pads: Ints, value: float = 0.0) -> Any:
    return padded(w, data, pads, mode, value)


@operator("Pad", since=11)
def pad(
    w: NodeBuilder,
    data: MLOperand,
    pads: Array,
    constant_value: Value | None = None,
    axes: Array | None = None,
    *,
    mode: str = "constant",
) -> Any:
    amounts: Ints = pads.reshape(-1).tolist()
    if axes is not None:
        places = [axis_of(w, a, data.rank) for a in axes.reshape(-1).tolist()]
        count = len(places)
        w.require(len(amounts) == 2 * count, f"pads {amounts} must have two entries for each of {count} axes")
        both = dict(zip([*places, *(data.rank + a for a in places)], amounts, strict=True))
        amounts = [both.get(i, 0) for i in range(2 * data.rank)]
    if mode == "constant" and isinstance(constant_value, MLOperand):
        inside = padded(w, w.full(1, DataType.UINT8, data.shape), amounts, mode, 0)
        return w.where(inside, padded(w, data, amounts, mode, 0), w.reshape(constant_value, []))
    value = constant_value.array.item() if isinstance(constant_value, Known) and constant_value.array.size else 0
    return padded(w, data, amounts, mode, value)


def padded(w: NodeBuilder, x: MLOperand, pads: Ints, mode: str, value: float) -> MLOperand:
    """What is below 0 is cut off before the rest is added."""
    rank = x.rank
    w.require(len(pads) == 2 * rank, f"pads {pads} must have two entries for each of {rank} axes")
    w.require(mode in (*MODES, "wrap"), f"mode {mode!r} must be one of {', '.join(MODES)}, wrap")
    before, after = pads[:rank], pads[rank:]
    if min(pads, default=0) < 0:
        starts = [max(0, -p) for p in before]
        sizes = [size - start - max(0, -p) for size, start, p in zip(x.shape, starts, after, strict=True)]
        w.require(all(s > 0 for s in sizes), f"pads {pads} leave nothing of {list(x.shape)}")
        x = w.slice(x, starts, sizes)
    before, after = ([max(0, p) for p in part] for part in (before, after))
    if not any(before + after):
        unchanged: MLOperand = w.identity(x)
        return unchanged
    fits = all(max(b, a) < size for b, a, size in zip(before, after, x.shape, strict=True))
    if mode in MODES and (mode != "reflect" or fits):
        result: MLOperand = w.pad(x, before, after, mode=MODES[mode], value=value)
        return result
    for axis, (b, a) in enumerate(zip(before, after, strict=True)):
        if b or a:
            size = x.shape[axis] + b + a
            w.require(size <= MAX_GATHERED, f"{size} elements along axis {axis}; at most {MAX_GATHERED} are supported")
            indices = np.pad(np.arange(x.shape[axis], dtype=np.int32), (b, a), "wrap" if mode == "wrap" else "reflect")
            x = w.gather(x, w.operand(indices), axis=axis)
    return x
