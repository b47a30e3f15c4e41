"""gruCell, gru, lstmCell and lstm: https://www.w3.org/TR/webnn/#api-mlgraphbuilder-gru.

The weights of all gates are one matrix, so one product of the input with it serves all gates, and in gru and lstm all
steps. What a step adds is the product with the hidden state.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..attributes import BOOLEAN, UNSIGNED_LONG, enum, enum_list
from ..declaration import Builder, Descriptor, OperandSpec, OpView, Value, attribute, declare, operand, result
from ..types import FLOATS, MAX_DIMENSION
from ._float32 import in_float32

_ACTIVATIONS = enum_list("MLRecurrentNetworkActivation", "relu", "sigmoid", "tanh")
_DIRECTION = attribute("direction", enum("MLRecurrentNetworkDirection", "forward", "backward", "both"), "forward")
_GRU_LAYOUT = attribute("layout", enum("MLGruWeightLayout", "zrn", "rzn"), "zrn")
_LSTM_LAYOUT = attribute("layout", enum("MLLstmWeightLayout", "iofg", "ifgo"), "iofg")
_GRU_ACTIVATIONS = attribute("activations", _ACTIVATIONS, ("sigmoid", "tanh"))
_LSTM_ACTIVATIONS = attribute("activations", _ACTIVATIONS, ("sigmoid", "tanh", "tanh"))
_RESET_AFTER = attribute("resetAfter", BOOLEAN, True)
_RETURN_SEQUENCE = attribute("returnSequence", BOOLEAN, False)
_STEPS, _HIDDEN_SIZE = attribute("steps", UNSIGNED_LONG), attribute("hiddenSize", UNSIGNED_LONG)


@dataclass(frozen=True)
class _Weights:
    """One direction's weights: `recurrent` is transposed, [hiddenSize, gates · hiddenSize]."""

    recurrent: Value
    recurrent_bias: Value | None
    peephole: Value | None


# Rules


def _require_shapes(op: OpView, expected: dict[str, Sequence[int]]) -> None:
    for name, shape in expected.items():
        value = getattr(op, name, None)
        if value is not None:
            spelled = next(s.name for s in op.op.operands if s.field == name)
            op.require(
                value.shape == tuple(shape), f"{spelled} has shape {list(value.shape)}; it must be {list(shape)}"
            )


def _require(op: OpView, gates: int, functions: int, outer: Sequence[int], batch: int, inputs: int) -> None:
    """The rules of a cell's operands; in gru and lstm every one has the number of directions in front."""
    hidden = op.hidden_size
    op.require(
        0 < hidden * gates * 2 <= MAX_DIMENSION, f"hiddenSize {hidden} must be from 1 to {MAX_DIMENSION // gates // 2}"
    )
    found = len(op.activations)
    op.require(found == functions, f"activations has {found} entries; it must have {functions}")
    _require_shapes(
        op,
        {
            "weight": [*outer, gates * hidden, inputs],
            "recurrent_weight": [*outer, gates * hidden, hidden],
            "bias": [*outer, gates * hidden],
            "recurrent_bias": [*outer, gates * hidden],
            "peephole_weight": [*outer, 3 * hidden],
            **{state: [*outer, batch, hidden] for state in _STATES},
        },
    )


_STATES = ("hidden_state", "cell_state", "initial_hidden_state", "initial_cell_state")


def _infer_cell(op: OpView, gates: int, functions: int) -> Descriptor:
    batch, inputs = op.input.shape
    _require(op, gates, functions, [], batch, inputs)
    return op.input.with_shape([batch, op.hidden_size])


def _infer_network(op: OpView, gates: int, functions: int, states: int) -> list[Descriptor]:
    steps, batch, inputs = op.input.shape
    op.require(op.steps == steps, f"steps {op.steps} must be the input's first dimension, {steps}")
    directions = 2 if op.direction == "both" else 1
    _require(op, gates, functions, [directions], batch, inputs)
    state = op.input.with_shape([directions, batch, op.hidden_size])
    return [state] * states + [op.input.with_shape([steps, *state.shape])] * op.return_sequence


# Formulas


def _projected(w: Builder, x: Value, weight: Value, bias: Value | None) -> Value:
    """x · weightᵀ + bias"""
    product = w.matmul(x, w.transpose(weight))
    return product if bias is None else w.add(product, bias)


def _gru_step(w: Builder, op: OpView, x: Value, state: list[Value], weights: _Weights) -> list[Value]:
    """z and r = f(x + h·R), n = g(x + r · (h·R)) or g(x + (r · h)·R), h' = z · h + (1 - z) · n"""
    gate, new = (getattr(w, name) for name in op.activations)
    (h,) = state
    first, second, x_n = w.split(x, 3, axis=1)
    x_z, x_r = (first, second) if op.layout == "zrn" else (second, first)
    first, second, r_n = w.split(weights.recurrent, 3, axis=1)
    r_z, r_r = (first, second) if op.layout == "zrn" else (second, first)
    b_z = b_r = b_n = None
    if weights.recurrent_bias is not None:
        first, second, b_n = w.split(weights.recurrent_bias, 3)
        b_z, b_r = (first, second) if op.layout == "zrn" else (second, first)

    def recurrent(state: Value, matrix: Value, bias: Value | None) -> Value:
        product = w.matmul(state, matrix)
        return product if bias is None else w.add(product, bias)

    z = gate(w.add(x_z, recurrent(h, r_z, b_z)))
    r = gate(w.add(x_r, recurrent(h, r_r, b_r)))
    inner = w.mul(r, recurrent(h, r_n, b_n)) if op.reset_after else recurrent(w.mul(r, h), r_n, b_n)
    n = new(w.add(x_n, inner))
    one = w.scalar(1, h.data_type)
    return [w.add(w.mul(z, h), w.mul(w.sub(one, z), n))]


def _lstm_step(w: Builder, op: OpView, x: Value, state: list[Value], weights: _Weights) -> list[Value]:
    """i, o and f = f(x + h·R + p · c), g = g(x + h·R), c' = f · c + i · g, h' = o · h(c')"""
    gate, cell, out = (getattr(w, name) for name in op.activations)
    h, c = state
    sum_ = w.add(x, w.matmul(h, weights.recurrent))
    if weights.recurrent_bias is not None:
        sum_ = w.add(sum_, weights.recurrent_bias)
    gates = dict(zip(op.layout, w.split(sum_, 4, axis=1), strict=True))
    if weights.peephole is not None:
        for name, weight in zip("iof", w.split(weights.peephole, 3), strict=True):
            gates[name] = w.add(gates[name], w.mul(c, weight))
    new_c = w.add(w.mul(gate(gates["f"]), c), w.mul(gate(gates["i"]), cell(gates["g"])))
    return [w.mul(gate(gates["o"]), out(new_c)), new_c]


_STEPS_OF = {"gruCell": _gru_step, "gru": _gru_step, "lstmCell": _lstm_step, "lstm": _lstm_step}


@in_float32
def _cell(w: Builder, op: OpView) -> list[Value]:
    weights = _Weights(w.transpose(op.recurrent_weight), op.recurrent_bias, getattr(op, "peephole_weight", None))
    state = [op.hidden_state] + ([op.cell_state] if op.op.name == "lstmCell" else [])
    return _STEPS_OF[op.op.name](w, op, _projected(w, op.input, op.weight, op.bias), state, weights)


@in_float32
def _network(w: Builder, op: OpView) -> list[Value]:
    directions = {"forward": [False], "backward": [True], "both": [False, True]}[op.direction]
    results = [_run(w, op, number, backward) for number, backward in enumerate(directions)]
    states = [w.concat(list(parts), 0) for parts in zip(*[state for state, _ in results], strict=True)]
    if op.return_sequence:
        states.append(w.concat([sequence for _, sequence in results], 1))
    return states


def _run(w: Builder, op: OpView, number: int, backward: bool) -> tuple[list[Value], Value]:
    """One direction: the last states, [1, batch, hiddenSize] each, and [steps, 1, batch, hiddenSize] of all steps."""
    steps, batch, inputs = op.input.shape

    def own(x: Value | None) -> Value | None:
        """This direction's part of an operand."""
        if x is None:
            return None
        part = w.slice(x, [number] + [0] * (x.rank - 1), [1, *x.shape[1:]])
        return w.reshape(part, x.shape[1:])

    weights = _Weights(
        w.transpose(own(op.recurrent_weight)), own(op.recurrent_bias), own(getattr(op, "peephole_weight", None))
    )
    rows = w.reshape(op.input, [steps * batch, inputs])
    projected = _projected(w, rows, own(op.weight), own(op.bias))
    initial = [op.initial_hidden_state] + ([op.initial_cell_state] if op.op.name == "lstm" else [])
    zero = Descriptor(op.input.data_type, (batch, op.hidden_size))
    state = [w.full(0, zero) if x is None else own(x) for x in initial]
    sequence: list[Value] = [None] * steps
    for step in reversed(range(steps)) if backward else range(steps):
        x = w.slice(projected, [step * batch, 0], [batch, projected.shape[1]])
        state = _STEPS_OF[op.op.name](w, op, x, state, weights)
        sequence[step] = w.reshape(state[0], [1, 1, batch, op.hidden_size])
    last = [w.reshape(x, [1, batch, op.hidden_size]) for x in state]
    return last, w.concat(sequence, 0) if op.return_sequence else None


# Declarations


def _operands(rank: int, states: Sequence[str], optional: Sequence[str], initial: Sequence[str]) -> list[OperandSpec]:
    """input, weights and states; `rank` is that of the input and the weights."""
    return [
        operand("input", FLOATS, rank),
        *[operand(name, FLOATS, rank, like="input") for name in ("weight", "recurrentWeight", *states)],
        *[operand(name, FLOATS, rank - 1, like="input", optional=True) for name in optional],
        *[operand(name, FLOATS, rank, like="input", optional=True) for name in initial],
    ]


_BIASES = ("bias", "recurrentBias")

declare(
    "gruCell",
    operands=_operands(2, ["hiddenState"], _BIASES, []),
    attributes=[_HIDDEN_SIZE, _RESET_AFTER, _GRU_LAYOUT, _GRU_ACTIVATIONS],
    infer=lambda op: _infer_cell(op, 3, 2),
    decompose=_cell,
    example=lambda w, x: w.gru_cell(x(1, 2), x(9, 2), x(9, 3), x(1, 3), 3),
)
declare(
    "gru",
    operands=_operands(3, [], _BIASES, ["initialHiddenState"]),
    attributes=[_STEPS, _HIDDEN_SIZE, _RESET_AFTER, _RETURN_SEQUENCE, _DIRECTION, _GRU_LAYOUT, _GRU_ACTIVATIONS],
    results=[result("output0", like="input"), result("output1", like="input")],
    infer=lambda op: _infer_network(op, 3, 2, 1),
    decompose=_network,
    example=lambda w, x: w.gru(x(2, 1, 2), x(1, 9, 2), x(1, 9, 3), 2, 3),
    sequence=True,
)
declare(
    "lstmCell",
    operands=_operands(2, ["hiddenState", "cellState"], [*_BIASES, "peepholeWeight"], []),
    attributes=[_HIDDEN_SIZE, _LSTM_LAYOUT, _LSTM_ACTIVATIONS],
    results=[result("output0", like="input"), result("output1", like="input")],
    infer=lambda op: [_infer_cell(op, 4, 3)] * 2,
    decompose=_cell,
    example=lambda w, x: w.lstm_cell(x(1, 2), x(12, 2), x(12, 3), x(1, 3), x(1, 3), 3),
    sequence=True,
)
declare(
    "lstm",
    operands=_operands(3, [], [*_BIASES, "peepholeWeight"], ["initialHiddenState", "initialCellState"]),
    attributes=[_STEPS, _HIDDEN_SIZE, _RETURN_SEQUENCE, _DIRECTION, _LSTM_LAYOUT, _LSTM_ACTIVATIONS],
    results=[result(f"output{i}", like="input") for i in range(3)],
    infer=lambda op: _infer_network(op, 4, 3, 2),
    decompose=_network,
    example=lambda w, x: w.lstm(x(2, 1, 2), x(1, 12, 2), x(1, 12, 3), 2, 3),
    sequence=True,
)
