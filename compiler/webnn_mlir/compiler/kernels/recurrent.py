"""LSTM and GRU in float32: all steps in one call, with the state in memory of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .activation import relu, sigmoid, tanh
from .code import Value
from .function import Dispatch, Function, written_once
from .machine import Machine

ROWS = 4
"""Of the batch that weights are read for together, at most."""

UNROLL = 4

LARGEST = 2**10
"""Elements of a state: four rows of each state, before and after a step, lie on the stack."""

FUNCTIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}


@dataclass(frozen=True)
class Recurrent:
    """Steps of an LSTM (four `gates`) or a GRU (three), in one direction or several.

    Of what the inputs' product gives, p[steps, batch, directions, gates · hidden], and the weights
    r[directions, hidden, gates · hidden] it computes y[steps, directions, batch, hidden] and the last states
    h[directions, batch, hidden] and, in an LSTM, c. `gates` are in their order in p and r. `backward` tells of each
    direction whether it begins with the last step. Operands that may be missing are a `bias` of the product with the
    hidden state, [directions, gates · hidden], and the first states, h0 and c0: zeros. `given` names the latter.
    `reset_after` tells of a GRU that it resets the product with its state, and not the state before.
    """

    machine: Machine
    gates: str
    steps: int
    batch: int
    hidden: int
    backward: tuple[bool, ...]
    activations: tuple[str, ...]
    bias: bool
    given: tuple[str, ...]
    reset_after: bool = True

    @property
    def name(self) -> str:
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        return f"{'lstm' if self.has_cell else 'gru'}_{self.steps}x{self.batch}x{self.hidden}_{digest}"

    @property
    def has_cell(self) -> bool:
        return len(self.gates) == 4

    @property
    def states(self) -> str:
        return "hc" if self.has_cell else "h"

    @property
    def width(self) -> int:
        """Columns of all gates."""
        return len(self.gates) * self.hidden

    @property
    def operands(self) -> dict[str, str]:
        directions, state = len(self.backward), f"{len(self.backward) * self.batch * self.hidden}xf32"
        sizes = {"p": f"{self.steps * self.batch * directions * self.width}xf32"}
        sizes |= {"r": f"{directions * self.hidden * self.width}xf32"}
        sizes |= {"bias": f"{directions * self.width}xf32"} if self.bias else {}
        return sizes | dict.fromkeys(self.given, state)

    @property
    def results(self) -> dict[str, str]:
        state = len(self.backward) * self.batch * self.hidden
        return {"y": f"{self.steps * state}xf32", **dict.fromkeys(self.states, f"{state}xf32")}

    @property
    def _sums(self) -> int:
        """Registers for sums."""
        return 3 * self.machine.registers // 4

    @property
    def rows(self) -> int:
        return min(self.batch, ROWS, self._sums // len(self.gates))

    @property
    def vectors(self) -> int:
        """Of each gate that are computed together."""
        most, vectors = max(1, self._sums // len(self.gates) // self.rows), -(-self.hidden // self.machine.lanes)
        return min(-(-vectors // -(-vectors // most)), self.hidden // self.machine.lanes)


def fits(r: Recurrent) -> bool:
    return r.machine.lanes <= r.hidden <= LARGEST


@written_once
def function(r: Recurrent) -> Dispatch:
    """The function that does all steps: a workgroup those of some rows in a direction."""
    f = Function(r.name, r.machine, r.operands, r.results)
    code, blocks = f.code, -(-r.batch // r.rows)
    direction = code(f"arith.divui {f.workgroup}, {code.index(blocks)} : index")
    block = code(f"arith.remui {f.workgroup}, {code.index(blocks)} : index")
    row = code(f"arith.minui {code.at((block, r.rows))}, {code.index(r.batch - r.rows)} : index")
    _Steps(f, r, direction, row).write()
    return f.dispatch(blocks * len(r.backward))


Gates = Mapping[str, Value]
Update = Callable[[Gates, Gates, Value], dict[str, Value]]


class _Steps:
    def __init__(self, f: Function, r: Recurrent, direction: Value, row: Value):
        self.f, self.r, self.code, self.direction, self.row = f, r, f.code, direction, row
        self.lanes, self.vf = r.machine.lanes, r.machine.vector("f32")
        for name in r.states:
            for when in ("before", "after"):
                f.scratch(f"{name}_{when}", f"{r.rows * r.hidden}xf32")
        if not r.reset_after:
            for name in ("update", "reset"):
                f.scratch(name, f"{r.rows * r.hidden}xf32")

    def write(self) -> None:
        code, r = self.code, self.r
        place = code.at((self.direction, r.batch * r.hidden), (self.row, r.hidden))
        for name in r.states:
            self.copy(f"{name}0" if f"{name}0" in r.given else None, place, f"{name}_before", code.index(0))
        with code.loop(0, r.steps) as loop:
            time = self.time(loop.index)
            self.step(time)
            out = code.at((time, len(r.backward) * r.batch * r.hidden), place)
            self.copy("h_after", code.index(0), "y", out)
            for name in r.states:
                self.copy(f"{name}_after", code.index(0), f"{name}_before", code.index(0))
        for name in r.states:
            self.copy(f"{name}_before", code.index(0), name, place)

    def time(self, step: Value) -> Value:
        """The step of the sequence that a direction comes to."""
        code, r = self.code, self.r
        last = code(f"arith.subi {code.index(r.steps - 1)}, {step} : index")
        if len(set(r.backward)) == 1:
            return last if r.backward[0] else step
        second = code(f"arith.cmpi eq, {self.direction}, {code.index(1)} : index")
        first, then = (last if backward else step for backward in r.backward)
        return code(f"arith.select {second}, {then}, {first} : index")

    def columns(self, index: Value, vectors: int) -> Value:
        """Where some vectors of a state begin; the last ones overlap those before them."""
        code, width = self.code, vectors * self.lanes
        return code(f"arith.minui {code.at((index, width))}, {code.index(self.r.hidden - width)} : index")

    def copy(self, source: str | None, begin: Value, target: str, end: Value) -> None:
        """All rows of a state; zeros where there is no source."""
        code, count = self.code, self.r.rows * self.r.hidden
        with code.loop(0, -(-count // self.lanes)) as loop:
            last = code.index(count - self.lanes)
            column = code(f"arith.minui {code.at((loop.index, self.lanes))}, {last} : index")
            zero = code.constant("0.0", self.vf)
            value = self.f.load(source, code.at(begin, column), self.vf) if source else zero
            self.f.store(value, target, code.at(end, column), self.vf)

    def step(self, time: Value) -> None:
        if self.r.has_cell:
            self.all_columns(time, self.r.gates, "h_before", self.lstm)
        elif self.r.reset_after:
            self.all_columns(time, self.r.gates, "h_before", self.gru)
        else:
            self.all_columns(time, "zr", "h_before", self.reset)
            self.all_columns(time, "n", "reset", self.gru_of_reset)

    def all_columns(self, time: Value, gates: str, state: str, update: Update) -> None:
        """For some gates, the product with a state, and what it becomes with that of the inputs."""
        r, code = self.r, self.code
        numbers = [r.gates.index(gate) for gate in gates]
        with code.loop(0, -(-r.hidden // (r.vectors * self.lanes))) as loop:
            column = self.columns(loop.index, r.vectors)
            sums = iter(self.products(column, numbers, state))
            for row in range(r.rows):
                p = code.at(
                    (time, r.batch * len(r.backward) * r.width), (self.row, len(r.backward) * r.width),
                    (self.direction, r.width), column, row * len(r.backward) * r.width,
                )  # fmt: skip
                own = [[next(sums) for _ in range(r.vectors)] for _ in gates]
                for i in range(r.vectors):
                    places = [code.at(p, n * r.hidden + i * self.lanes) for n in numbers]
                    given = {gate: self.f.load("p", place, self.vf) for gate, place in zip(gates, places, strict=True)}
                    mine = {gate: values[i] for gate, values in zip(gates, own, strict=True)}
                    place = code.at(column, row * r.hidden + i * self.lanes)
                    for name, value in update(mine, given, place).items():
                        self.f.store(value, name, place, self.vf)

    def products(self, column: Value, gates: Sequence[int], state: str) -> Sequence[Value]:
        """The bias and the product with a state, of all rows and some gates."""
        code, r, f = self.code, self.r, self.f
        places = [code.at(column, n * r.hidden + i * self.lanes) for n in gates for i in range(r.vectors)]
        first = [code.constant("0.0", self.vf)] * len(places)
        if r.bias:
            first = [f.load("bias", code.at((self.direction, r.width), place), self.vf) for place in places]
        start = code.at((self.direction, r.hidden * r.width))
        unroll = UNROLL if r.hidden % UNROLL == 0 else 1
        with code.loop(0, r.hidden, [(value, self.vf) for value in first * r.rows], step=unroll) as loop:
            for k in range(unroll):
                here = code.at(start, (loop.index, r.width), k * r.width)
                weights = [f.load("r", code.at(here, place), self.vf) for place in places]
                for row in range(r.rows):
                    h = f.splat(f.load(state, code.at(loop.index, row * r.hidden + k)), "f32")
                    for n, weight in enumerate(weights):
                        slot = row * len(places) + n
                        loop.values[slot] = code(f"math.fma {h}, {weight}, {loop.values[slot]} : {self.vf}")
        return loop.results

    # What the product with a state gives each gate (own), and that of the inputs (given), become; by where it is stored

    def lstm(self, own: Gates, given: Gates, place: Value) -> dict[str, Value]:
        """c' = f · c + i · g, h' = o · tanh(c'), with the activations given"""
        gate, cell, out = self.r.activations
        i, f, o = (self.apply(gate, self.do("add", own[name], given[name])) for name in "ifo")
        g = self.apply(cell, self.do("add", own["g"], given["g"]))
        c = self.do("add", self.do("mul", f, self.f.load("c_before", place, self.vf)), self.do("mul", i, g))
        return {"h_after": self.do("mul", o, self.apply(out, c)), "c_after": c}

    def gru(self, own: Gates, given: Gates, place: Value) -> dict[str, Value]:
        """n = tanh(x + r · (h · R)), with the activations given"""
        gate, new = self.r.activations
        z, r = (self.apply(gate, self.do("add", own[name], given[name])) for name in "zr")
        return self.mixed(z, self.apply(new, self.do("add", given["n"], self.do("mul", r, own["n"]))), place)

    def reset(self, own: Gates, given: Gates, place: Value) -> dict[str, Value]:
        """z and r · h"""
        z, r = (self.apply(self.r.activations[0], self.do("add", own[name], given[name])) for name in "zr")
        return {"update": z, "reset": self.do("mul", r, self.f.load("h_before", place, self.vf))}

    def gru_of_reset(self, own: Gates, given: Gates, place: Value) -> dict[str, Value]:
        """n = tanh(x + (r · h) · R)"""
        n = self.apply(self.r.activations[1], self.do("add", own["n"], given["n"]))
        return self.mixed(self.f.load("update", place, self.vf), n, place)

    def mixed(self, z: Value, n: Value, place: Value) -> dict[str, Value]:
        """h' = z · h + (1 - z) · n"""
        rest = self.do("sub", self.code.constant("1.0", self.vf), z)
        h = self.f.load("h_before", place, self.vf)
        return {"h_after": self.do("add", self.do("mul", z, h), self.do("mul", rest, n))}

    def do(self, operation: str, a: Value, b: Value) -> Value:
        return self.code(f"arith.{operation}f {a}, {b} : {self.vf}")

    def apply(self, activation: str, x: Value) -> Value:
        return FUNCTIONS[activation](self.code, x, self.vf)
