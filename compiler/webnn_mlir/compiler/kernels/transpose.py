"""Rows that become columns, in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .code import Value
from .concat import WORKGROUP_ELEMENTS
from .convolution import WORKGROUPS
from .function import Dispatch, Function, written_once
from .machine import Machine

NARROW = 8
"""Rows or columns of which a vector of the result takes one element after another; with more, squares are turned."""


@dataclass(frozen=True)
class Transpose:
    """y[batch, columns, rows] of x[batch, rows, columns]."""

    machine: Machine
    batch: int
    rows: int
    columns: int

    @property
    def elements(self) -> int:
        return self.batch * self.rows * self.columns

    @property
    def workgroups(self) -> int:
        return max(1, min(WORKGROUPS, self.elements // WORKGROUP_ELEMENTS))


def fits(t: Transpose) -> bool:
    """Whether there is a kernel: both sides fill a vector, or the short one is narrow."""
    short, long = sorted((t.rows, t.columns))
    return long >= t.machine.lanes and (short >= t.machine.lanes or short <= NARROW)


@written_once
def function(t: Transpose) -> Dispatch:
    """The function that computes y of x."""
    types = [{name: f"{t.elements}xf32"} for name in "xy"]
    f = Function(f"transpose_{t.batch}x{t.rows}x{t.columns}", t.machine, *types)
    write = _few_rows if t.rows <= NARROW else _few_columns if t.columns <= NARROW else _squares
    items, part, workgroups = f.spread(t.batch, t.workgroups)
    with f.code.loop(*items) as item:
        write(f, t, f.code.at((item.index, t.rows * t.columns)), part)
    return f.dispatch(workgroups)


Part = Callable[[int], tuple[Value, Value]]


def _vectors(f: Function, count: int, lanes: int, number: Value) -> Value:
    """Where a vector of a row begins; the last overlaps the one before it."""
    return f.code(f"arith.minui {f.code.at((number, lanes))}, {f.code.index(count - lanes)} : index")


def _few_rows(f: Function, t: Transpose, start: Value, part: Part) -> None:
    """A vector of each row, whose elements take turns in the result."""
    code, lanes, vf = f.code, t.machine.lanes, t.machine.vector("f32")
    with code.loop(*part(-(-t.columns // lanes))) as loop:
        column = _vectors(f, t.columns, lanes, loop.index)
        rows = [f.load("x", code.at(start, column, r * t.columns), vf) for r in range(t.rows)]
        for n in range(t.rows):
            taken = [divmod(n * lanes + lane, t.rows)[::-1] for lane in range(lanes)]
            f.store(_picked(f, rows, taken), "y", code.at(start, (column, t.rows), n * lanes), vf)


def _few_columns(f: Function, t: Transpose, start: Value, part: Part) -> None:
    """As many vectors as there are columns, of which each is spread over them."""
    code, lanes, vf = f.code, t.machine.lanes, t.machine.vector("f32")
    with code.loop(*part(-(-t.rows // lanes))) as loop:
        row = _vectors(f, t.rows, lanes, loop.index)
        vectors = [f.load("x", code.at(start, (row, t.columns), n * lanes), vf) for n in range(t.columns)]
        for c in range(t.columns):
            taken = [divmod(lane * t.columns + c, lanes) for lane in range(lanes)]
            f.store(_picked(f, vectors, taken), "y", code.at(start, row, c * t.rows), vf)


def _picked(f: Function, vectors: Sequence[Value], taken: Sequence[tuple[int, int]]) -> Value:
    """A vector of the elements that are taken: of which vector, and which of its lanes."""
    lanes, vf, value = len(taken), f.machine.vector("f32"), vectors[0]
    for number in range(min(1, len(vectors) - 1), len(vectors)):
        # The first shuffle takes from two; each other one keeps what is there and takes from one more.
        before = [lane for _, lane in taken] if number <= 1 else list(range(lanes))
        here = [lanes + lane if n == number else kept for (n, lane), kept in zip(taken, before, strict=True)]
        value = f.code(f"vector.shuffle {value}, {vectors[number]} {here} : {vf}, {vf}")
    return value


def _squares(f: Function, t: Transpose, start: Value, part: Part) -> None:
    code, lanes, vf = f.code, t.machine.lanes, t.machine.vector("f32")
    with code.loop(*part(-(-t.rows // lanes))) as outer:
        row = _vectors(f, t.rows, lanes, outer.index)
        with code.loop(0, -(-t.columns // lanes)) as inner:
            column = _vectors(f, t.columns, lanes, inner.index)
            square = [f.load("x", code.at(start, (row, t.columns), column, n * t.columns), vf) for n in range(lanes)]
            for n, value in enumerate(f.transposed(square)):
                f.store(value, "y", code.at(start, (column, t.rows), row, n * t.rows), vf)
