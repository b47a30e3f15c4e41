"""Maxima and averages of windows in float32 with the channels last: a vector of channels after another, some
neighbouring places of a row at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .code import Value
from .convolution import NO_EPILOGUE, Convolution, Direction, Segment, Windows, windows
from .epilogue import Epilogue
from .function import Dispatch, Function, written_once
from .machine import Machine


@dataclass(frozen=True)
class Pooling:
    """y[batch, height, width, channels] of x. `average` is the sum by the number of elements that a window has in the
    input, the maximum otherwise; of none it is 0 and -infinity."""

    machine: Machine
    average: bool
    batch: int
    height: Direction
    width: Direction
    channels: int
    epilogue: Epilogue = NO_EPILOGUE

    @property
    def window(self) -> Convolution:
        """What covers the same places of each channel."""
        return Convolution(
            self.machine, self.batch, self.height, self.width, self.channels, self.channels, self.channels,
            epilogue=self.epilogue,
        )  # fmt: skip

    @property
    def columns(self) -> int:
        return self.channels

    @property
    def name(self) -> str:
        kind, h, w = "average" if self.average else "max", self.height, self.width
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        return f"{kind}_{h.kernel}x{w.kernel}_{h.count}x{w.count}x{self.channels}_{digest}"

    @property
    def elements(self) -> int:
        """Of x."""
        return self.batch * self.height.size * self.width.size * self.channels


WIDEST, SMALLEST = 16, 2**12
"""Elements of a window's row, which are written one by one, and elements of x from which it pays to call a kernel."""


def pays(p: Pooling) -> bool:
    return p.width.kernel <= WIDEST and p.elements >= SMALLEST and 4 * p.channels >= p.machine.lanes


@written_once
def function(p: Pooling) -> Dispatch:
    """The function that computes y of x and what the epilogue takes."""
    c = p.window
    operands = {"x": f"{p.elements}xf32", **p.epilogue.operands(p.channels, c.places * p.channels)}
    f = Function(p.name, p.machine, operands, {"y": f"{c.places * p.channels}xf32"})
    return windows(f, c, _Average if p.average else _Max)


class _Max(Windows):
    def first(self) -> Value:
        return self.code.constant("0xFF800000", self.vf)

    def adder(self, row: Value, tap: int) -> Callable[[Value, Value], Value]:
        return lambda greatest, value: self.code(f"arith.maximumf {greatest}, {value} : {self.vf}")


class _Average(Windows):
    def first(self) -> Value:
        return self.code.constant("0.0", self.vf)

    def adder(self, row: Value, tap: int) -> Callable[[Value, Value], Value]:
        return lambda total, value: self.code(f"arith.addf {total}, {value} : {self.vf}")

    def last(self, values: Sequence[Value], segments: Sequence[Segment]) -> Sequence[Value]:
        code = self.code
        rows = code(f"arith.subi {self.taps[1]}, {self.taps[0]} : index")
        taps = [sum(p in segment.places for segment in segments) for p in range(len(values))]
        counts = {count: self._count(rows, count) for count in dict.fromkeys(taps)}
        return [
            code(f"arith.divf {value}, {counts[count]} : {self.vf}")
            for value, count in zip(values, taps, strict=True)
        ]

    def _count(self, rows: Value, taps: int) -> Value:
        """The elements of so many rows, 1 at least, in each lane."""
        code = self.code
        count = code(f"arith.maxsi {code.at((rows, taps))}, {code.index(1)} : index")
        number = code(f"arith.sitofp {code(f'arith.index_cast {count} : index to i32')} : i32 to f32")
        return self.f.splat(number, "f32")
