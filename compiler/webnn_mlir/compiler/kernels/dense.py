"""Products of float32 rows and weights in float32, and what is added to them and taken of them.

A tile of the result, some rows by some vectors of columns, has its sums in registers over a panel of the depth. Weights
are packed: the columns of a vector lie together, a row of them for each step of the depth. Those that come with a call
are packed a panel at a time, before all rows are multiplied with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .activation import ACTIVATIONS, LONG
from .code import Value
from .function import Dispatch, Function, written_once
from .machine import Machine

UNROLL = (4, 2, 1)
"""Steps of the depth at a time: the first by which it can be divided. Where sums take all registers, LLVM would keep
values of four steps at a time on the stack."""

FREE = 5
"""Registers beside sums with which four steps at a time need no stack."""

PANEL = 384
"""Of the depth, at most, about: so much of a tile's rows and weights is in the first cache. Between panels, sums are in
y."""

MOST_WIDTH, MOST_WIDTH_OF_FEW, FEW_ROWS = 4, 8, 3
"""Groups of a tile. With few rows many, so that memory is read from several places."""

ROWS_BYTES, ROWS_BYTES_GIVEN = 2**19, 2**21
"""Of the rows that are multiplied with a vector of weights before the next one: they stay in the second cache. Given
weights are packed again for each block of rows, which are larger then."""

WORKGROUPS = 64
"""At most, where there are not more blocks of rows: so many can be part of a sequence."""

WORKGROUP_BYTES = 2**17
"""Weights of a workgroup, at least."""

LINE, SETS, WAYS = 64, 64, 8
"""Of the first cache: bytes of a line, how many addresses differ in where they go, and lines that go to the same."""


@dataclass(frozen=True)
class Dense:
    """y[rows, columns] = activation(x[rows, depth] @ w + bias[columns] + added[rows, columns]), in each of a batch.

    `laid` tells how weights lie that are not packed, one matrix in each of the batch: "given" as w[depth, columns],
    "turned" as w[columns, depth].
    """

    machine: Machine
    rows: int
    depth: int
    columns: int
    bias: bool = False
    added: bool = False
    activation: str = ""
    laid: str = ""
    batch: int = 1
    chosen_width: int = 0
    """Of a tile, for another than there would be."""
    most_depth: int = PANEL

    @property
    def name(self) -> str:
        parts = ["dense", f"{self.rows}x{self.depth}x{self.columns}", *["bias"] * self.bias, *["added"] * self.added]
        parts += [*[self.activation] * bool(self.activation), *[self.laid] * bool(self.laid)]
        parts += [f"batch{self.batch}"] * (self.batch > 1)
        parts += [f"width{self.chosen_width}"] * bool(self.chosen_width)
        return "_".join([*parts, *[f"panel{self.most_depth}"] * (self.most_depth != PANEL)])

    @property
    def groups(self) -> int:
        """Of columns, a vector each."""
        return -(-self.columns // self.machine.lanes)

    @property
    def width(self) -> int:
        """Groups of a tile: so many that the sums of all rows fit the registers and weights are read once, or two."""
        if self.chosen_width:
            return self.chosen_width
        most = MOST_WIDTH_OF_FEW if self.rows <= FEW_ROWS else MOST_WIDTH
        fit = (self.machine.registers - 2) // (self.rows + 1)
        return min(self.machine.across if fit < 2 else min(most, fit), self.widths[-1])

    @property
    def widths(self) -> tuple[int, ...]:
        """That a tile can have, so that the sums of a row or two fit the registers."""
        return tuple(range(1, 1 + min(8, self.groups, (self.machine.registers - 4) // min(self.rows, 2))))

    @property
    def height(self) -> int:
        """Rows of a tile: as even as the rows can be divided into tiles whose sums fit the registers."""
        most = max(1, (self.machine.registers - 2 - self.width) // self.width)
        return -(-self.rows // -(-self.rows // most))

    @property
    def blocks(self) -> int:
        """In which the rows are divided: those of one are multiplied with a tile's weights one after the other."""
        most = max(1, (ROWS_BYTES_GIVEN if self.laid else ROWS_BYTES) // (4 * self.depth * self.height))
        return -(-self._tiles // most)

    @property
    def block(self) -> int:
        """Rows of a block: whole tiles."""
        return -(-self._tiles // self.blocks) * self.height

    @property
    def _tiles(self) -> int:
        return -(-self.rows // self.height)

    @property
    def parts(self) -> int:
        """In which the columns are divided among the workgroups of a block of rows."""
        by_size = self.columns * self.depth * 4 // WORKGROUP_BYTES
        return max(1, min(WORKGROUPS // (self.batch * self.blocks), self.groups // self.width, by_size))

    @property
    def unroll(self) -> int:
        full = self.height * self.width > self.machine.registers - FREE
        return next(n for n in UNROLL[full:] if self.depth % n == 0)

    @property
    def panels(self) -> int:
        return -(-self.depth // self.most_depth) if self.rows > self.height else 1

    @property
    def panel(self) -> int:
        """The depth of a panel: as even as it can be divided."""
        return -(-self.depth // (self.panels * self.unroll)) * self.unroll

    @property
    def copied(self) -> bool:
        """Whether rows would compete for the same lines of the cache: then they are copied to others."""
        if self.depth * 4 % LINE:
            return False
        places = SETS // math.gcd(self.depth * 4 // LINE, SETS)
        return self.height > WAYS * places

    @property
    def stride(self) -> int:
        """Of the rows that are multiplied."""
        return self.depth + LINE // 4 if self.copied else self.depth


@written_once
def functions(d: Dense) -> list[Dispatch]:
    """The functions that compute y of x, weights and, where there are any, bias and added."""
    source = "copied" if d.copied else "x"
    weights = d.batch * d.depth * d.columns if d.laid else d.groups * d.depth * d.machine.lanes
    operands = {source: f"{d.batch * d.rows * d.stride}xf32", "weights": f"{weights}xf32"}
    operands |= {"bias": f"{d.columns}xf32"} if d.bias else {}
    operands |= {"added": f"{d.batch * d.rows * d.columns}xf32"} if d.added else {}
    f = Function(d.name, d.machine, operands, {"y": f"{d.batch * d.rows * d.columns}xf32"})
    if d.laid:
        steps = -(-d.panel // d.machine.lanes) * d.machine.lanes
        f.scratch("panel", f"{steps * d.width * d.machine.lanes}xf32")
    if d.activation in LONG:
        f.scratch("sums", f"{min(d.rows, d.height) * d.width * d.machine.lanes}xf32")
    _Product(f, d, source).write()
    return [*([_copy(d)] if d.copied else []), f.dispatch(d.batch * d.blocks * d.parts)]


def _copy(d: Dense) -> Dispatch:
    """Rows, further apart; what lies between is never used."""
    rows = d.batch * d.rows
    x, copied = {"x": f"{rows * d.depth}xf32"}, {"copied": f"{rows * d.stride}xf32"}
    f = Function(f"apart_{rows}x{d.depth}", d.machine, x, copied)
    code, vf = f.code, d.machine.vector("f32")
    workgroups = min(rows, WORKGROUPS)
    with code.loop(*f.part(rows, workgroups)) as row, code.loop(0, d.depth, step=d.machine.lanes) as column:
        value = f.load("x", code.at((row.index, d.depth), column.index), vf)
        f.store(value, "copied", code.at((row.index, d.stride), column.index), vf)
    return f.dispatch(workgroups)


class _Product:
    """A workgroup's part of the columns, for a block of the rows."""

    def __init__(self, f: Function, d: Dense, source: str):
        self.f, self.d, self.code, self.source = f, d, f.code, source
        self.lanes, self.vf = d.machine.lanes, d.machine.vector("f32")
        code = f.code
        self.part = code(f"arith.remui {f.workgroup}, {code.index(d.parts)} : index")
        block = code(f"arith.divui {f.workgroup}, {code.index(d.parts)} : index")
        self.block = code(f"arith.remui {block}, {code.index(d.blocks)} : index") if d.batch > 1 else block
        # Which of the batch it is.
        self.number = code(f"arith.divui {block}, {code.index(d.blocks)} : index") if d.batch > 1 else code.index(0)
        self.panel = code.index(0)

    def write(self) -> None:
        code, d = self.code, self.d
        full = d.groups // d.width
        with code.loop(*self.f.part(full, d.parts, self.part)) as loop:
            self._rows(code.at((loop.index, d.width)), d.width)
        if rest := d.groups % d.width:
            with code.when(code(f"arith.cmpi eq, {self.part}, {code.index(d.parts - 1)} : index")):
                self._rows(code.index(full * d.width), rest)

    def _rows(self, group: Value, count: int) -> None:
        """All rows of the block, by some groups of columns, a panel after another."""
        with self.code.loop(0, self.d.depth, step=self.d.panel) as loop:
            self.panel = loop.index
            self._panel(group, count)

    def _panel(self, group: Value, count: int) -> None:
        code, d = self.code, self.d
        if d.laid:
            (self._pack if d.laid == "given" else self._pack_turned)(group, count)
        full, rest = d.rows // d.height * d.height, d.rows % d.height
        begin = code.at((self.block, d.block))
        end = code(f"arith.minui {code.at(begin, d.block)}, {code.index(full)} : index")
        with code.loop(begin, end, step=d.height) as loop:
            self._tile(loop.index, d.height, group, count)
        if rest:
            with code.when(code(f"arith.cmpi eq, {self.block}, {code.index(d.blocks - 1)} : index")):
                self._tile(code.index(full), rest, group, count)

    def _columns(self, group: Value, count: int) -> list[Value]:
        """Where the vectors of some groups begin."""
        return [self.code.at((group, self.lanes), g * self.lanes) for g in range(count)]

    def _pack(self, group: Value, count: int) -> None:
        """Copies some groups' weights of this panel to the stack, and asks for those that are packed next."""
        code, d, f = self.code, self.d, self.f
        beyond = code.at(self.panel, d.panel)
        last = code(f"arith.cmpi uge, {beyond}, {code.index(d.depth)} : index")
        next_group = code.index(count * self.lanes - (d.panels - 1) * d.panel * d.columns)
        ahead = code(f"arith.select {last}, {next_group}, {code.index(d.panel * d.columns)} : index")
        weights = code.at((self.number, d.depth * d.columns))
        with code.loop(self.panel, self._end()) as loop:
            step = code.at(loop.index, (self.panel, -1))
            for g, column in enumerate(self._columns(group, count)):
                place = code.at(weights, (loop.index, d.columns), column)
                f.prefetch("weights", code.at(place, ahead), 1)
                value = self._load("weights", place, column)
                f.store(value, "panel", code.at((step, count * self.lanes), g * self.lanes), self.vf)

    def _pack_turned(self, group: Value, count: int) -> None:
        """The same of weights a row of which is a column: as many steps as there are lanes at a time. What is read in
        place of columns that are not there is not written to y."""
        code, d, lanes = self.code, self.d, self.lanes
        matrix, last = code.at((self.number, d.depth * d.columns)), code.index(d.columns - 1)
        whole = d.depth % lanes == 0 and d.panel % lanes == 0
        with code.loop(self.panel, self._end(), step=lanes) as loop:
            step = code.at(loop.index, (self.panel, -1))
            left = code(f"arith.subi {code.index(d.depth)}, {loop.index} : index")
            for g in range(count):
                columns = [code.at((group, lanes), g * lanes + n) for n in range(lanes)]
                there = [code(f"arith.minui {c}, {last} : index") for c in columns] if d.columns % lanes else columns
                places = [code.at(matrix, (c, d.depth), loop.index) for c in there]
                rows = [self.f.load("weights", p, self.vf) if whole else
                        self.f.load_part("weights", p, left, self.vf) for p in places]  # fmt: skip
                for k, value in enumerate(self.f.transposed(rows)):
                    self.f.store(value, "panel", code.at((step, count * lanes), (k * count + g) * lanes), self.vf)

    def _end(self) -> Value:
        """Of the panel."""
        beyond = self.code.at(self.panel, self.d.panel)
        return self.code(f"arith.minui {beyond}, {self.code.index(self.d.depth)} : index")

    def _weights(self, step: Value, ahead: int, group: Value, count: int) -> list[Value]:
        """The vectors of some groups at a step of the depth."""
        code, d = self.code, self.d
        if d.laid:
            row = code.at((step, count * self.lanes), (self.panel, -count * self.lanes), ahead * count * self.lanes)
            return [self.f.load("panel", code.at(row, g * self.lanes), self.vf) for g in range(count)]
        row = code.at((group, d.depth * self.lanes), (step, self.lanes), ahead * self.lanes)
        return [self.f.load("weights", code.at(row, g * d.depth * self.lanes), self.vf) for g in range(count)]

    def _tile(self, row: Value, height: int, group: Value, count: int) -> None:
        code, d = self.code, self.d
        row = code.at((self.number, d.rows), row) if d.batch > 1 else row
        x, columns = code.at((row, d.stride)), self._columns(group, count)
        places = [code.at((row, d.columns), c, r * d.columns) for r in range(height) for c in columns]
        start = self._started(places, columns)
        with code.loop(self.panel, self._end(), [(s, self.vf) for s in start], step=d.unroll) as loop:
            for k in range(d.unroll):
                ws = self._weights(loop.index, k, group, count)
                for r in range(height):
                    value = self.f.splat(self.f.load(self.source, code.at(x, loop.index, r * d.stride + k)), "f32")
                    for g, w in enumerate(ws):
                        slot = r * count + g
                        loop.values[slot] = code(f"math.fma {value}, {w}, {loop.values[slot]} : {self.vf}")
        self._write(loop.results, places, columns * height)

    def _started(self, places: Sequence[Value], columns: Sequence[Value]) -> list[Value]:
        """The sums of the panels before this one."""
        code, d = self.code, self.d
        zero = code.constant("0.0", self.vf)
        height = len(places) // len(columns)
        fresh = [self._load("bias", c, c) if d.bias else zero for c in columns] * height
        if d.panels == 1:
            return fresh
        first = code(f"arith.cmpi eq, {self.panel}, {code.index(0)} : index")
        sums = [self._load("y", place, c) for place, c in zip(places, [*columns] * height, strict=True)]
        return [code(f"arith.select {first}, {f}, {s} : {self.vf}") for f, s in zip(fresh, sums, strict=True)]

    def _write(self, sums: Sequence[Value], places: Sequence[Value], columns: Sequence[Value]) -> None:
        """Writes sums to y, after the last panel what follows from them."""
        code, d = self.code, self.d
        if d.activation in LONG:
            self._write_by_rows(sums, places, columns)
            return
        vectors = list(zip(sums, places, columns, strict=True))
        if d.panels == 1 or not (d.added or d.activation):
            for value, place, column in vectors:
                self._store(self._finished(value, place, column), place, column)
            return
        for relation, finish in (("ult", False), ("uge", True)):
            end = code.at(self.panel, d.panel)
            with code.when(code(f"arith.cmpi {relation}, {end}, {code.index(d.depth)} : index")):
                for value, place, column in vectors:
                    self._store(self._finished(value, place, column) if finish else value, place, column)

    def _write_by_rows(self, sums: Sequence[Value], places: Sequence[Value], columns: Sequence[Value]) -> None:
        """The same, one row after another: what follows is long, and needs the registers that the sums are in."""
        code, d, count = self.code, self.d, len(set(columns))
        for n, value in enumerate(sums):
            self.f.store(value, "sums", code.index(n * self.lanes), self.vf)
        last = code(f"arith.cmpi uge, {code.at(self.panel, d.panel)}, {code.index(d.depth)} : index")
        with code.loop(0, len(sums) // count) as row:
            for g, column in enumerate(columns[:count]):
                place = code.at(places[g], (row.index, d.columns))
                value = self.f.load("sums", code.at((row.index, count * self.lanes), g * self.lanes), self.vf)
                finished = self._finished(value, place, column)
                if d.panels > 1:
                    finished = code(f"arith.select {last}, {finished}, {value} : {self.vf}")
                self._store(finished, place, column)

    def _finished(self, value: Value, place: Value, column: Value) -> Value:
        """A vector of the result, of its sums."""
        code, d = self.code, self.d
        if d.added:
            value = code(f"arith.addf {value}, {self._load('added', place, column)} : {self.vf}")
        return ACTIVATIONS[d.activation](code, value, self.vf) if d.activation else value

    def _store(self, value: Value, place: Value, column: Value) -> None:
        if self.d.columns % self.lanes:
            self.f.store_part(value, "y", place, self._left(column), self.vf)
        else:
            self.f.store(value, "y", place, self.vf)

    def _load(self, name: str, place: Value, column: Value) -> Value:
        if self.d.columns % self.lanes:
            return self.f.load_part(name, place, self._left(column), self.vf)
        return self.f.load(name, place, self.vf)

    def _left(self, column: Value) -> Value:
        """How many columns there are from one on."""
        return self.code(f"arith.subi {self.code.index(self.d.columns)}, {column} : index")
