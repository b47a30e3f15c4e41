"""Products of few rows and weights in float32 that are no constants: they are read once, in the order of memory."""

from __future__ import annotations

from dataclasses import dataclass

from .code import Value
from .function import Dispatch, Function
from .machine import Machine

ROWS, ROWS_TURNED = 10, 4
"""Up to which weights are read once: each has a few numbers, or a sum for every vector of weights, at hand."""

WIDTH = 2048
"""Columns of a workgroup, if there are many: their weights in a row fill two pages of memory."""

STEPS, STREAMS = 4, 4
"""Rows of [depth, columns], and of [columns, depth], that are read together."""

WORKGROUPS = 64


@dataclass(frozen=True)
class Matvec:
    """y[batch, rows, columns] = x[batch, rows, depth] @ w in float32, where w is [batch, depth, columns], or [batch,
    columns, depth] if it is `turned`."""

    machine: Machine
    batch: int
    rows: int
    depth: int
    columns: int
    turned: bool

    @property
    def parts(self) -> int:
        """In which the columns of each of the batch are divided among workgroups."""
        if self.turned:
            return max(1, min(WORKGROUPS // self.batch, self.columns * self.depth // 2**16, self.columns))
        few = 2 if self.batch == 1 and self.columns >= 8 * self.machine.lanes else 1
        return max(few, -(-self.columns // WIDTH))


def function(m: Matvec) -> Dispatch:
    """The function that computes a product of x and w into y."""
    kind = "turned" if m.turned else "plain"
    inputs = {
        "x": f"{m.batch * m.rows * m.depth}xf32",
        "w": f"{m.batch * m.depth * m.columns}xf32",
    }
    result = {"y": f"{m.batch * m.rows * m.columns}xf32"}
    f = Function(f"matvec_{kind}_{m.batch}x{m.rows}x{m.depth}x{m.columns}", m.machine, inputs, result)
    code = f.code
    item = code(f"arith.divui {f.workgroup}, {code.index(m.parts)} : index")
    part = code(f"arith.remui {f.workgroup}, {code.index(m.parts)} : index")
    (_turned if m.turned else _plain)(f, m, item, part)
    return f.dispatch(m.batch * m.parts)


def _plain(f: Function, m: Matvec, item: Value, part: Value) -> None:
    """Some columns: y gathers what some steps of the depth give, and then the next ones."""
    code, lanes, vf = f.code, m.machine.lanes, m.machine.vector("f32")
    vectors = -(-m.columns // lanes)
    begin, end = f.part(vectors, m.parts, part)
    full = m.depth // STEPS * STEPS
    whole = m.columns // lanes

    def steps(first: Value, count: int, fresh: bool) -> None:
        x = code.at((item, m.rows * m.depth), first)
        xs = [
            [f.splat(f.load("x", code.at(x, r * m.depth + k)), "f32") for k in range(count)] for r in range(m.rows)
        ]

        def columns(vector: Value, left: Value | None) -> None:
            start = code.at((vector, lanes))
            read = f.load if left is None else lambda name, place, type_: f.load_part(name, place, left, type_)
            ws = [
                read("w", code.at((item, m.depth * m.columns), (first, m.columns), start, k * m.columns), vf)
                for k in range(count)
            ]
            for r in range(m.rows):
                place = code.at((item, m.rows * m.columns), start, r * m.columns)
                total = code.constant("0.0", vf) if fresh else read("y", place, vf)
                for x, w in zip(xs[r], ws, strict=True):
                    total = code(f"math.fma {x}, {w}, {total} : {vf}")
                if left is None:
                    f.store(total, "y", place, vf)
                else:
                    f.store_part(total, "y", place, left, vf)

        last = end if whole == vectors else code(f"arith.minui {end}, {code.index(whole)} : index")
        with code.loop(begin, last) as loop:
            columns(loop.index, None)
        if whole < vectors:
            with code.when(code(f"arith.cmpi eq, {end}, {code.index(vectors)} : index")):
                columns(code.index(whole), code.index(m.columns - whole * lanes))

    first = min(STEPS, m.depth)
    steps(code.index(0), first, True)
    with code.loop(STEPS, full, step=STEPS) as loop:
        steps(loop.index, STEPS, False)
    if first < m.depth and full < m.depth:
        steps(code.index(full), m.depth - full, False)


def _turned(f: Function, m: Matvec, item: Value, part: Value) -> None:
    """Some columns, each the sum of a product along the depth."""
    code = f.code
    begin, end = f.part(m.columns, m.parts, part)
    count = code(f"arith.subi {end}, {begin} : index")
    rest = code(f"arith.remui {count}, {code.index(STREAMS)} : index")
    full = code(f"arith.subi {end}, {rest} : index")
    with code.loop(begin, full, step=STREAMS) as loop:
        _columns(f, m, item, loop.index, STREAMS)
    with code.loop(full, end) as loop:
        _columns(f, m, item, loop.index, 1)


def _columns(f: Function, m: Matvec, item: Value, column: Value, count: int) -> None:
    code, lanes, vf = f.code, m.machine.lanes, m.machine.vector("f32")
    whole = m.depth // lanes * lanes
    x, w = code.at((item, m.rows * m.depth)), code.at((item, m.depth * m.columns), (column, m.depth))

    def add(totals: list[Value], place: Value, left: Value | None) -> list[Value]:
        read = f.load if left is None else lambda name, place, type_: f.load_part(name, place, left, type_)
        xs = [read("x", code.at(x, place, r * m.depth), vf) for r in range(m.rows)]
        ws = [read("w", code.at(w, place, c * m.depth), vf) for c in range(count)]
        pairs = [(one, other) for one in xs for other in ws]
        return [code(f"math.fma {a}, {b}, {t} : {vf}") for (a, b), t in zip(pairs, totals, strict=True)]

    start = [(code.constant("0.0", vf), vf)] * (m.rows * count)
    with code.loop(0, whole, start, step=lanes) as loop:
        loop.values[:] = add(loop.values, loop.index, None)
    totals = loop.results
    if whole < m.depth:
        totals = add(totals, code.index(whole), code.index(m.depth - whole))
    for r in range(m.rows):
        for c in range(count):
            place = code.at((item, m.rows * m.columns), column, r * m.columns + c)
            f.store(f.sum_of(totals[r * count + c], vf), "y", place)
