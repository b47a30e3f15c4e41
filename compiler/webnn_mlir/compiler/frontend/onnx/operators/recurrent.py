"""LSTM, GRU and RNN: by WebNN's operators where these say the same, otherwise step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Known
from ..importer import NodeBuilder
from ..registry import Value, operator

Floats = list[float]
Strings = list[str]
Function = Callable[[MLOperand], MLOperand]

MAX_STEPS = 4096
"""Steps are unrolled: there may be this many."""

DIRECTIONS = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
PLAIN = ("relu", "sigmoid", "tanh")
"""Activations that WebNN's operators have."""


def _affine(w: NodeBuilder, x: MLOperand, alpha: float, beta: float) -> MLOperand:
    result: MLOperand = w.linear(x, alpha=alpha, beta=beta)
    return result


def _scaled_tanh(w: NodeBuilder, x: MLOperand, alpha: float, beta: float) -> MLOperand:
    a, b = (w.scalar(v, x.data_type) for v in (alpha, beta))
    result: MLOperand = w.mul(a, w.tanh(w.mul(b, x)))
    return result


def _thresholded_relu(w: NodeBuilder, x: MLOperand, alpha: float, beta: float) -> MLOperand:
    zero = w.scalar(0, x.data_type)
    result: MLOperand = w.where(w.greater_or_equal(x, w.scalar(alpha, x.data_type)), x, zero)
    return result


ACTIVATIONS: dict[str, tuple[Callable[[NodeBuilder, MLOperand, float, float], MLOperand], float, float]] = {
    "relu": (lambda w, x, a, b: w.relu(x), 0, 0),
    "tanh": (lambda w, x, a, b: w.tanh(x), 0, 0),
    "sigmoid": (lambda w, x, a, b: w.sigmoid(x), 0, 0),
    "affine": (_affine, 1, 0),
    "leakyrelu": (lambda w, x, a, b: w.leaky_relu(x, alpha=a), 0.01, 0),
    "thresholdedrelu": (_thresholded_relu, 1, 0),
    "scaledtanh": (_scaled_tanh, 1, 1),
    "hardsigmoid": (lambda w, x, a, b: w.hard_sigmoid(x, alpha=a, beta=b), 0.2, 0.5),
    "elu": (lambda w, x, a, b: w.elu(x, alpha=a), 1, 0),
    "softsign": (lambda w, x, a, b: w.softsign(x), 0, 0),
    "softplus": (lambda w, x, a, b: w.softplus(x), 0, 0),
}
"""Functions by lower-case name, with alpha and beta where a node gives none."""

TAKES = {"affine": 2, "leakyrelu": 1, "thresholdedrelu": 1, "scaledtanh": 2, "hardsigmoid": 2, "elu": 1}
"""How many of alpha and beta each takes from the node's lists."""


@dataclass
class _Network:
    """A node: X is [steps, batch, inputs], W and R have the directions in front."""

    w: NodeBuilder
    X: MLOperand
    W: MLOperand
    R: MLOperand
    B: MLOperand | None
    lengths: Value | None
    initial: list[MLOperand | None]
    P: MLOperand | None = None
    direction: str = "forward"
    activations: Strings = field(default_factory=list)
    alphas: Floats | None = None
    betas: Floats | None = None
    clip: float | None = None
    layout: int = 0

    def __post_init__(self) -> None:
        w = self.w
        w.require(self.direction in DIRECTIONS, f"direction {self.direction!r} must be one of {', '.join(DIRECTIONS)}")
        ranks = (self.X.rank, self.W.rank, self.R.rank)
        w.require(ranks == (3, 3, 3), f"X, W and R have ranks {ranks}; they must be 3")
        count = len(DIRECTIONS[self.direction])
        right = self.W.shape[0] == self.R.shape[0] == count
        w.require(right, f"W and R must have {count} in front for {self.direction}")
        if self.layout:
            self.X = w.transpose(self.X, permutation=[1, 0, 2])
            self.initial = [None if x is None else w.transpose(x, permutation=[1, 0, 2]) for x in self.initial]
        w.require(self.steps <= MAX_STEPS, f"{self.steps} steps are given; at most {MAX_STEPS} are unrolled")
        self.activations = [name.lower() for name in self.activations]
        for name in self.activations:
            w.require(name in ACTIVATIONS, f"activation {name!r} is not supported; there are: {', '.join(ACTIVATIONS)}")
        if isinstance(self.lengths, Known) and (self.lengths.array == self.steps).all():
            self.lengths = None

    @property
    def steps(self) -> int:
        return self.X.shape[0]

    @property
    def hidden(self) -> int:
        return self.R.shape[2]

    @property
    def is_plain(self) -> bool:
        """Whether WebNN's operators know the activations, equal in both directions, and nothing else is asked for."""
        half = len(self.activations) // len(DIRECTIONS[self.direction])
        same = self.activations == self.activations[:half] * len(DIRECTIONS[self.direction])
        return same and set(self.activations) <= set(PLAIN) and self.clip is None and self.lengths is None

    def options(self, states: tuple[str, ...], gates: int) -> dict[str, Any]:
        """What WebNN's operators take. B holds both biases side by side."""
        given: dict[str, Any] = dict(zip(states, self.initial, strict=True))
        if self.B is not None:
            size = gates * self.hidden
            given["bias"], given["recurrent_bias"] = self.w.split(self.B, [size, size], axis=1)
        names = {"forward": "forward", "reverse": "backward", "bidirectional": "both"}
        count = len(self.activations) // len(DIRECTIONS[self.direction])
        return {n: x for n, x in given.items() if x is not None} | {
            "direction": names[self.direction], "return_sequence": True, "activations": self.activations[:count],
        }  # fmt: skip

    def functions(self, number: int) -> list[Function]:
        """The activations of a direction, each after clipping."""
        alphas, betas = list(self.alphas or []), list(self.betas or [])
        result = []
        for name in self.activations:
            function, alpha, beta = ACTIVATIONS[name]
            takes = TAKES.get(name, 0)
            if takes > 0 and alphas:
                alpha = alphas.pop(0)
            if takes > 1 and betas:
                beta = betas.pop(0)
            result.append(self._clipped(function, alpha, beta))
        count = len(result) // len(DIRECTIONS[self.direction])
        return result[number * count : (number + 1) * count]

    def _clipped(self, function: Any, alpha: float, beta: float) -> Function:
        def apply(x: MLOperand) -> MLOperand:
            if self.clip is not None:
                x = self.w.clamp(x, min_value=-self.clip, max_value=self.clip)
            result: MLOperand = function(self.w, x, alpha, beta)
            return result

        return apply

    def results(self, last: list[MLOperand], sequence: MLOperand) -> list[MLOperand]:
        """Y [steps, directions, batch, hidden] and the states [directions, batch, hidden], as the node has them."""
        if not self.layout:
            return [sequence, *last]
        w = self.w
        return [w.transpose(sequence, permutation=[2, 0, 1, 3]), *(w.transpose(x, permutation=[1, 0, 2]) for x in last)]

    def unrolled(self, step: Step) -> list[MLOperand]:
        w = self.w
        runs = [self._run(step, n, back) for n, back in enumerate(DIRECTIONS[self.direction])]
        if len(runs) == 1:
            return self.results(*runs[0])
        last = [w.concat(list(parts), 0) for parts in zip(*(states for states, _ in runs), strict=True)]
        return self.results(last, w.concat([sequence for _, sequence in runs], 1))

    def _run(self, step: Step, number: int, backward: bool) -> tuple[list[MLOperand], MLOperand]:
        w, batch, hidden = self.w, self.X.shape[1], self.hidden
        cell = _Cell(self, number)
        zero = w.full(0, self.X.data_type, [batch, hidden])
        state = [zero if x is None else self.own(x, number) for x in self.initial]
        rows: list[MLOperand] = [zero] * self.steps
        for at in reversed(range(self.steps)) if backward else range(self.steps):
            new = step(cell, cell.projected(at), state)
            if self.lengths is not None:
                # After its last step, a sequence keeps its state and gives zeros.
                alive = w.lesser(w.scalar(at, DataType.INT32), self._lengths(batch))
                state = [w.where(alive, n, old) for n, old in zip(new, state, strict=True)]
                rows[at] = w.where(alive, new[0], zero)
            else:
                state, rows[at] = new, new[0]
        shaped = [w.reshape(row, [1, 1, batch, hidden]) for row in rows]
        sequence = w.concat(shaped, 0) if len(shaped) > 1 else shaped[0]
        return [w.reshape(x, [1, batch, hidden]) for x in state], sequence

    def _lengths(self, batch: int) -> MLOperand:
        assert self.lengths is not None
        result: MLOperand = self.w.reshape(self.w.cast(self.w.operand(self.lengths), "int32"), [batch, 1])
        return result

    def own(self, x: MLOperand, number: int) -> MLOperand:
        """A direction's part of an operand."""
        part = self.w.slice(x, [number] + [0] * (x.rank - 1), [1, *x.shape[1:]])
        result: MLOperand = self.w.reshape(part, list(x.shape[1:]))
        return result


class _Cell:
    """One direction: what its steps need. Gates lie side by side, each as wide as the hidden state."""

    def __init__(self, network: _Network, number: int):
        w, hidden = network.w, network.hidden
        self.w, self.functions = w, network.functions(number)
        self.recurrent = w.transpose(network.own(network.R, number))
        gates = self.recurrent.shape[1] // hidden
        self.inner_bias: MLOperand | None = None
        self.peepholes = None if network.P is None else w.split(network.own(network.P, number), 3)
        self.batch = network.X.shape[1]
        steps, batch, inputs = network.X.shape
        rows = w.reshape(network.X, [steps * batch, inputs])
        # One product for all steps.
        self.products = w.matmul(rows, w.transpose(network.own(network.W, number)))
        if network.B is not None:
            outer, self.inner_bias = w.split(network.own(network.B, number), [gates * hidden] * 2)
            self.products = w.add(self.products, outer)

    def projected(self, at: int) -> MLOperand:
        """x · Wᵀ + bias of a step."""
        result: MLOperand = self.w.slice(self.products, [at * self.batch, 0], [self.batch, self.products.shape[1]])
        return result

    def inner(self, h: MLOperand) -> MLOperand:
        """h · Rᵀ + bias"""
        product: MLOperand = self.w.matmul(h, self.recurrent)
        return product if self.inner_bias is None else self.w.add(product, self.inner_bias)


Step = Callable[[_Cell, MLOperand, list[MLOperand]], list[MLOperand]]


def _rnn_step(cell: _Cell, x: MLOperand, state: list[MLOperand]) -> list[MLOperand]:
    [f] = cell.functions
    return [f(cell.w.add(x, cell.inner(state[0])))]


def _lstm_step(couple: bool) -> Step:
    """i and f look at the old cell state through the peepholes, o at the new one; with `couple`, f is 1 - i."""

    def step(cell: _Cell, x: MLOperand, state: list[MLOperand]) -> list[MLOperand]:
        w, (f, g, h) = cell.w, cell.functions
        hidden, old = state
        gate_i, gate_o, gate_f, gate_c = w.split(w.add(x, cell.inner(hidden)), 4, axis=1)
        if cell.peepholes:
            p_i, p_o, p_f = cell.peepholes
            gate_i, gate_f = w.add(gate_i, w.mul(p_i, old)), w.add(gate_f, w.mul(p_f, old))
        i = f(gate_i)
        forget = w.sub(w.scalar(1, i.data_type), i) if couple else f(gate_f)
        new = w.add(w.mul(forget, old), w.mul(i, g(gate_c)))
        if cell.peepholes:
            gate_o = w.add(gate_o, w.mul(p_o, new))
        return [w.mul(f(gate_o), h(new)), new]

    return step


def _gru_step(reset_after: bool) -> Step:
    """h' = (1 - z) · n + z · h"""

    def step(cell: _Cell, x: MLOperand, state: list[MLOperand]) -> list[MLOperand]:
        w, (f, g) = cell.w, cell.functions
        [h] = state
        size = h.shape[1]
        x_zr, x_n = w.split(x, [2 * size, size], axis=1)
        if reset_after:
            inner_zr, inner_n = w.split(cell.inner(h), [2 * size, size], axis=1)
            z, r = w.split(f(w.add(x_zr, inner_zr)), 2, axis=1)
            inner = w.mul(r, inner_n)
        else:
            r_zr, r_n = w.split(cell.recurrent, [2 * size, size], axis=1)
            b_zr, b_n = (None, None) if cell.inner_bias is None else w.split(cell.inner_bias, [2 * size, size])
            product = w.matmul(h, r_zr)
            z, r = w.split(f(w.add(x_zr, product if b_zr is None else w.add(product, b_zr))), 2, axis=1)
            inner = w.matmul(w.mul(r, h), r_n)
            inner = inner if b_n is None else w.add(inner, b_n)
        n = g(w.add(x_n, inner))
        return [w.add(w.mul(w.sub(w.scalar(1, h.data_type), z), n), w.mul(z, h))]

    return step


def _activations(w: NodeBuilder, given: Strings | None, default: Strings, direction: str) -> Strings:
    count = len(DIRECTIONS.get(direction, [False]))
    result = default * count if given is None else given
    w.require(len(result) == len(default) * count, f"activations {result} must have {len(default) * count} entries")
    return result


@operator("LSTM")
def lstm(
    w: NodeBuilder,
    X: MLOperand,
    W: MLOperand,
    R: MLOperand,
    B: MLOperand | None = None,
    sequence_lens: Value | None = None,
    initial_h: MLOperand | None = None,
    initial_c: MLOperand | None = None,
    P: MLOperand | None = None,
    *,
    activation_alpha: Floats | None = None,
    activation_beta: Floats | None = None,
    activations: Strings | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    input_forget: int = 0,
    layout: int = 0,
) -> list[Any]:
    names = _activations(w, activations, ["Sigmoid", "Tanh", "Tanh"], direction)
    net = _Network(w, X, W, R, B, sequence_lens, [initial_h, initial_c], P, direction, names, activation_alpha,
                   activation_beta, clip, layout)  # fmt: skip
    # WebNN's output gate looks at the old cell state.
    if not net.is_plain or P is not None or input_forget:
        return net.unrolled(_lstm_step(bool(input_forget)))
    options = net.options(("initial_hidden_state", "initial_cell_state"), 4)
    h, c, sequence = w.lstm(net.X, W, R, net.steps, net.hidden, layout="iofg", **options)
    return net.results([h, c], sequence)


@operator("GRU", since=3)
def gru(
    w: NodeBuilder,
    X: MLOperand,
    W: MLOperand,
    R: MLOperand,
    B: MLOperand | None = None,
    sequence_lens: Value | None = None,
    initial_h: MLOperand | None = None,
    *,
    activation_alpha: Floats | None = None,
    activation_beta: Floats | None = None,
    activations: Strings | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    linear_before_reset: int = 0,
) -> list[Any]:
    names = _activations(w, activations, ["Sigmoid", "Tanh"], direction)
    net = _Network(w, X, W, R, B, sequence_lens, [initial_h], None, direction, names, activation_alpha,
                   activation_beta, clip, layout)  # fmt: skip
    after = bool(linear_before_reset)
    if not net.is_plain:
        return net.unrolled(_gru_step(after))
    options = net.options(("initial_hidden_state",), 3)
    h, sequence = w.gru(net.X, W, R, net.steps, net.hidden, layout="zrn", reset_after=after, **options)
    return net.results([h], sequence)


@operator("RNN")
def rnn(
    w: NodeBuilder,
    X: MLOperand,
    W: MLOperand,
    R: MLOperand,
    B: MLOperand | None = None,
    sequence_lens: Value | None = None,
    initial_h: MLOperand | None = None,
    *,
    activation_alpha: Floats | None = None,
    activation_beta: Floats | None = None,
    activations: Strings = ["Tanh", "Tanh"],  # noqa: B006
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
) -> list[Any]:
    """The default names a function for each of two directions."""
    count = len(DIRECTIONS.get(direction, [False]))
    names = _activations(w, activations[:count], ["Tanh"], direction)
    net = _Network(w, X, W, R, B, sequence_lens, [initial_h], None, direction, names, activation_alpha,
                   activation_beta, clip, layout)  # fmt: skip
    return net.unrolled(_rnn_step)
