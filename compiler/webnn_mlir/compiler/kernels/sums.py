"""Sums over places, such as the means of an image's channels: x is read once, in the order of memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .code import Value, tree
from .function import Dispatch, Function, written_once
from .machine import Machine

VECTORS = 4
"""Of channels that are summed up together, at most."""

TOGETHER = 4
"""Places that have a sum each, so that none waits for another."""

BLOCK = 256
"""Places whose sums are added to those of the blocks before: errors grow with the blocks, not with the places."""


@dataclass(frozen=True)
class Sums:
    """y[batch, channels], the sums of x[batch, places, channels] in float32."""

    machine: Machine
    batch: int
    places: int
    channels: int

    @property
    def vectors(self) -> int:
        """Of channels; the last overlaps the one before it, if there is one."""
        return -(-self.channels // self.machine.lanes)

    @property
    def width(self) -> int:
        """Vectors that are summed up together: half of them at most, for two threads."""
        return min(VECTORS, -(-self.vectors // 2))

    @property
    def parts(self) -> int:
        return -(-self.vectors // self.width)


@written_once
def function(s: Sums) -> Dispatch:
    """The function that computes y of x."""
    x, y = {"x": f"{s.batch * s.places * s.channels}xf32"}, {"y": f"{s.batch * s.channels}xf32"}
    f = Function(f"sums_{s.batch}x{s.places}x{s.channels}", s.machine, x, y)
    code, lanes, vf = f.code, s.machine.lanes, s.machine.vector("f32")
    item = code(f"arith.divui {f.workgroup}, {code.index(s.parts)} : index")
    part = code(f"arith.remui {f.workgroup}, {code.index(s.parts)} : index")
    last, left = code.index(max(0, s.channels - lanes)), code.index(s.channels) if s.channels < lanes else None
    channels = [
        code(f"arith.minui {code.at((part, s.width * lanes), i * lanes)}, {last} : index") for i in range(s.width)
    ]
    starts = [code.at((item, s.places * s.channels), channel) for channel in channels]

    def added(sums: Sequence[Value], place: Value, offset: int) -> list[Value]:
        found = []
        for start, total in zip(starts, sums, strict=True):
            here = code.at(start, (place, s.channels), offset * s.channels)
            value = f.load_part("x", here, left, vf) if left else f.load("x", here, vf)
            found.append(code(f"arith.addf {total}, {value} : {vf}"))
        return found

    zero = (code.constant("0.0", vf), vf)
    full = s.places // TOGETHER * TOGETHER
    with code.loop(0, full, [zero] * s.width, step=BLOCK) as blocks:
        end = code(f"arith.minui {code.at(blocks.index, BLOCK)}, {code.index(full)} : index")
        with code.loop(blocks.index, end, [zero] * (s.width * TOGETHER), step=TOGETHER) as loop:
            for n in range(TOGETHER):
                own = slice(n * s.width, (n + 1) * s.width)
                loop.values[own] = added(loop.values[own], loop.index, n)
        for i, total in enumerate(blocks.values):
            sums = tree(lambda a, b: code(f"arith.addf {a}, {b} : {vf}"), loop.results[i :: s.width])
            blocks.values[i] = code(f"arith.addf {total}, {sums} : {vf}")
    totals = blocks.results
    for n in range(full, s.places):
        totals = added(totals, code.index(n), 0)
    for channel, total in zip(channels, totals, strict=True):
        here = code.at((item, s.channels), channel)
        if left:
            f.store_part(total, "y", here, left, vf)
        else:
            f.store(total, "y", here, vf)
    return f.dispatch(s.batch * s.parts)
