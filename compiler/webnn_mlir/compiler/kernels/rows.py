"""Functions of rows in float32: softmax and layer normalization, in passes over a row that stays in the cache; gelu."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import activation
from .code import Value, tree
from .exponential import exponential, greater, real
from .function import Dispatch, Function
from .machine import Machine

UNROLL = 4
"""Vectors at a time, with a sum for each."""

WORKGROUPS, WORKGROUP_ELEMENTS = 64, 2**14
"""At most, and of a workgroup, at least."""


@dataclass(frozen=True)
class Rows:
    """The rows of x, and those of y, which are functions of them."""

    machine: Machine
    rows: int
    columns: int

    @property
    def workgroups(self) -> int:
        return max(1, min(WORKGROUPS, self.rows, self.rows * self.columns // WORKGROUP_ELEMENTS))

    @property
    def type(self) -> str:
        return f"{self.rows * self.columns}xf32"


def softmax(rows: Rows) -> Dispatch:
    """y = exp(x - max(x)) / sum(exp(x - max(x)))"""
    f = Function(f"softmax_{rows.rows}x{rows.columns}", rows.machine, {"x": rows.type}, {"y": rows.type})
    code, vf = f.code, rows.machine.vector("f32")
    lowest = real(code, -math.inf, vf)
    with _each_row(f, rows) as row:

        def maximum(column: Value, left: Value | None, so_far: Value) -> Value:
            # What is not a number is lost here, but not in the sum.
            return greater(code, row.load("x", column, left, lowest), so_far, vf)

        vectors = row.fold(lowest, maximum)
        greatest = f.splat(f.greatest(vectors, vf), "f32")

        def power(column: Value, left: Value | None, so_far: Value) -> Value:
            # The next row comes while this one is computed: its maximum takes nothing but loads.
            row.prefetch_next("x", column)
            x = code(f"arith.subf {row.load('x', column, left, lowest)}, {greatest} : {vf}")
            value = exponential(code, x, vf)
            row.store(value, column, left)
            return code(f"arith.addf {so_far}, {value} : {vf}")

        total = row.sum(power)
        inverse = f.splat(code(f"arith.divf {code.constant('1.0', 'f32')}, {total} : f32"), "f32")

        def scale(column: Value, left: Value | None) -> None:
            row.store(code(f"arith.mulf {row.load('y', column, left)}, {inverse} : {vf}"), column, left)

        row.each(scale)
    return f.dispatch(rows.workgroups)


def layer_norm(rows: Rows, epsilon: float, *, scale: bool, bias: bool) -> Dispatch:
    """y = (x - mean(x)) / sqrt(variance(x) + epsilon) * scale + bias; scale and bias are rows, where there are any."""
    given = {name: f"{rows.columns}xf32" for name, there in (("scale", scale), ("bias", bias)) if there}
    name = "_".join(["layer_norm", *given, f"{rows.rows}x{rows.columns}", f"{epsilon:.9e}".replace(".", "_")])
    name = name.replace("-", "m").replace("+", "p")
    f = Function(name, rows.machine, {"x": rows.type, **given}, {"y": rows.type})
    code, vf = f.code, rows.machine.vector("f32")
    with _each_row(f, rows) as row:

        def mean_of(total: Value) -> Value:
            return code(f"arith.mulf {total}, {real(code, 1 / rows.columns, 'f32')} : f32")

        def add(column: Value, left: Value | None, so_far: Value) -> Value:
            return code(f"arith.addf {so_far}, {row.load('x', column, left)} : {vf}")

        mean = f.splat(mean_of(row.sum(add)), "f32")

        def difference(column: Value, left: Value | None) -> Value:
            return code(f"arith.subf {row.load('x', column, left, mean)}, {mean} : {vf}")

        def square(column: Value, left: Value | None, so_far: Value) -> Value:
            d = difference(column, left)
            return code(f"math.fma {d}, {d}, {so_far} : {vf}")

        variance = mean_of(row.sum(square))
        raised = code(f"arith.addf {variance}, {real(code, epsilon, 'f32')} : f32")
        deviation = code(f"math.sqrt {raised} : f32")
        inverse = f.splat(code(f"arith.divf {code.constant('1.0', 'f32')}, {deviation} : f32"), "f32")

        def normalize(column: Value, left: Value | None) -> None:
            value = code(f"arith.mulf {difference(column, left)}, {inverse} : {vf}")
            if scale:
                value = code(f"arith.mulf {value}, {row.load_common('scale', column, left)} : {vf}")
            if bias:
                value = code(f"arith.addf {value}, {row.load_common('bias', column, left)} : {vf}")
            row.store(value, column, left)

        row.each(normalize)
    return f.dispatch(rows.workgroups)


def gelu(rows: Rows) -> Dispatch:
    """y = x / 2 · (1 + erf(x / sqrt(2)))"""
    f = Function(f"gelu_{rows.rows}x{rows.columns}", rows.machine, {"x": rows.type}, {"y": rows.type})
    with _each_row(f, rows) as row:

        def of_each(column: Value, left: Value | None) -> None:
            row.store(activation.gelu(f.code, row.load("x", column, left), row.vf), column, left)

        row.each(of_each)
    return f.dispatch(rows.workgroups)


@contextmanager
def _each_row(f: Function, rows: Rows) -> Iterator[_Row]:
    """The rows of a workgroup."""
    with f.code.loop(*f.part(rows.rows, rows.workgroups)) as loop:
        yield _Row(f, rows, loop.index)


class _Row:
    """A row at hand, and passes over it: a vector after another, of which the last may have only some that are `left`
    of the row, and others."""

    def __init__(self, f: Function, rows: Rows, row: Value):
        self.f, self.code, self.columns = f, f.code, rows.columns
        self.lanes, self.vf = rows.machine.lanes, rows.machine.vector("f32")
        self.start = self.code.at((row, rows.columns))

    def load(self, name: str, column: Value, left: Value | None, others: Value | None = None) -> Value:
        place = self.code.at(self.start, column)
        return self.f.load_part(name, place, left, self.vf, others) if left else self.f.load(name, place, self.vf)

    def load_common(self, name: str, column: Value, left: Value | None) -> Value:
        """Of what is the same for all rows."""
        return self.f.load_part(name, column, left, self.vf) if left else self.f.load(name, column, self.vf)

    def store(self, value: Value, column: Value, left: Value | None) -> None:
        place = self.code.at(self.start, column)
        if left:
            self.f.store_part(value, "y", place, left, self.vf)
        else:
            self.f.store(value, "y", place, self.vf)

    def prefetch_next(self, name: str, column: Value) -> None:
        """Brings a vector of the next row to the cache."""
        self.f.prefetch(name, self.code.at(self.start, column, self.columns), 1)

    def each(self, body: Callable[[Value, Value | None], None]) -> None:
        """Calls body(column, left) for each vector."""
        for begin, end, count in self._spans():
            with self.code.loop(begin, end, step=count * self.lanes) as loop:
                for i in range(count):
                    body(self.code.at(loop.index, i * self.lanes), None)
        if left := self.columns % self.lanes:
            body(self.code.index(self.columns - left), self.code.index(left))

    def fold(self, start: Value, body: Callable[[Value, Value | None, Value], Value]) -> list[Value]:
        """Folds the vectors from `start` into several by body(column, left, value so far)."""
        values = [start] * UNROLL
        for begin, end, count in self._spans():
            with self.code.loop(begin, end, [(v, self.vf) for v in values[:count]], step=count * self.lanes) as loop:
                inside = [
                    body(self.code.at(loop.index, i * self.lanes), None, v) for i, v in enumerate(loop.values)
                ]
                loop.values[:] = inside
            values[:count] = loop.results
        if left := self.columns % self.lanes:
            values[0] = body(self.code.index(self.columns - left), self.code.index(left), values[0])
        return values

    def sum(self, body: Callable[[Value, Value | None, Value], Value]) -> Value:
        """The sum of the elements of vectors, to which the body adds."""
        vectors = self.fold(self.code.constant("0.0", self.vf), body)
        total = tree(lambda a, b: self.code(f"arith.addf {a}, {b} : {self.vf}"), vectors)
        return self.f.sum_of(total, self.vf)

    def _spans(self) -> Iterator[tuple[int, int, int]]:
        """Where full vectors begin and end, and how many there are at a time."""
        begin = 0
        for count in (UNROLL, 1):
            step = count * self.lanes
            end = begin + (self.columns - begin) // step * step
            if begin < end:
                yield begin, end, count
            begin = end
