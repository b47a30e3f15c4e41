"""If, Loop and Scan whose course is known at import: a branch is taken, a loop is unrolled."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from webnn_mlir.dialects.webnn import MLOperand

from ..constants import Array, Known
from ..importer import NodeBuilder
from ..registry import Value, known_value, operator

MAX_UNROLLED = 4096
"""Iterations that a loop may have."""


@operator("If")
def if_(w: NodeBuilder, cond: Array, *, then_branch: ir.Graph, else_branch: ir.Graph) -> list[Value]:
    w.require(cond.size == 1, f"the condition has {cond.size} elements; it must have one")
    return w.run_graph(then_branch if cond.item() else else_branch)


@operator("Loop")
def loop(
    w: NodeBuilder, M: Array | None = None, cond: Array | None = None, *initial: Value, body: ir.Graph
) -> list[Any]:
    """Carried values, then what each iteration gave, stacked. The trip count and every condition must be known."""
    w.require(M is not None or cond is not None, "neither a trip count nor a condition is given: it does not end")
    trips = MAX_UNROLLED + 1 if M is None else int(M.item())
    going = cond is None or bool(cond.item())
    carried = list(initial)
    scanned: list[list[Value]] = [[] for _ in range(len(body.outputs) - 1 - len(initial))]
    iteration = 0
    while going and iteration < trips:
        w.require(iteration < MAX_UNROLLED, f"it has more than {MAX_UNROLLED} iterations")
        arguments = [Known.of(np.int64(iteration)), Known.of(np.bool_(True)), *carried]
        condition, *results = w.run_graph(body, arguments[: len(body.inputs)])
        going = bool(known_value(condition, "its condition").array.item())
        carried = results[: len(initial)]
        for row, result in zip(scanned, results[len(initial) :], strict=True):
            row.append(result)
        iteration += 1
    return [*carried, *(stack(w, row, 0) for row in scanned)]


@operator("Scan", since=9)
def scan(
    w: NodeBuilder,
    *initial_state_and_scan_inputs: Value,
    body: ir.Graph,
    num_scan_inputs: int,
    scan_input_axes: list[int] | None = None,
    scan_input_directions: list[int] | None = None,
    scan_output_axes: list[int] | None = None,
    scan_output_directions: list[int] | None = None,
) -> list[Any]:
    values = list(initial_state_and_scan_inputs)
    states, inputs = values[: len(values) - num_scan_inputs], values[len(values) - num_scan_inputs :]
    outputs = len(body.outputs) - len(states)
    axes = [a % len(x.shape) for a, x in zip(scan_input_axes or [0] * num_scan_inputs, inputs, strict=True)]
    backward = scan_input_directions or [0] * num_scan_inputs
    lengths = {x.shape[a] for a, x in zip(axes, inputs, strict=True)}
    w.require(len(lengths) == 1, f"its inputs have different lengths: {sorted(lengths)}")
    [length] = lengths
    w.require(length <= MAX_UNROLLED, f"it has {length} iterations; at most {MAX_UNROLLED} are unrolled")
    scanned: list[list[Value]] = [[] for _ in range(outputs)]
    for step in range(length):
        slices = [
            element(w, x, a, length - 1 - step if b else step) for x, a, b in zip(inputs, axes, backward, strict=True)
        ]
        results = w.run_graph(body, [*states, *slices])
        states = results[: len(states)]
        for row, result in zip(scanned, results[len(states) :], strict=True):
            row.append(result)
    directions = scan_output_directions or [0] * outputs
    rows = [row[::-1] if back else row for row, back in zip(scanned, directions, strict=True)]
    return [*states, *(stack(w, row, a) for row, a in zip(rows, scan_output_axes or [0] * outputs, strict=True))]


def stack(w: NodeBuilder, values: list[Value], axis: int) -> MLOperand:
    """Values of one shape along a new axis."""
    w.require(bool(values), "a result of no iterations is empty, which WebNN has no tensors for")
    rank = len(values[0].shape) + 1
    rows = [w.operand(v) for v in values]
    shape = list(rows[0].shape)
    shape.insert(axis % rank, 1)
    return w.concat([w.reshape(r, shape) for r in rows], axis % rank)


def element(w: NodeBuilder, value: Value, axis: int, index: int) -> Value:
    """One element along an axis, which goes."""
    if isinstance(value, Known):
        return Known.of(np.take(value.array, index, axis))
    starts, sizes = [0] * value.rank, list(value.shape)
    starts[axis], sizes[axis] = index, 1
    return w.reshape(w.slice(value, starts, sizes), [d for a, d in enumerate(value.shape) if a != axis])
