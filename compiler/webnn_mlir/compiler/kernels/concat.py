"""Rows next to each other, each once or several times, in float32."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .convolution import NO_EPILOGUE, WORKGROUPS
from .epilogue import Epilogue
from .function import Dispatch, Function, written_once
from .machine import Machine
from .output import Output

WORKGROUP_ELEMENTS = 2**13
"""Of a workgroup, at least."""

@dataclass(frozen=True)
class Concat:
    """y[rows, columns]: in each row, those of the operands x0, x1, … one after the other, each `copies` times. Of the
    operands' rows, `group` after `group` comes `repeat` times."""

    machine: Machine
    rows: int
    widths: tuple[int, ...]
    copies: int = 1
    repeat: int = 1
    group: int = 1
    epilogue: Epilogue = NO_EPILOGUE

    @property
    def columns(self) -> int:
        return sum(self.widths) * self.copies

    @property
    def name(self) -> str:
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        kind = "concat" if len(self.widths) > 1 else "elementwise" if self.copies == self.repeat == 1 else "nearest"
        return f"{kind}_{self.rows}x{self.columns}_{digest}"

    @property
    def workgroups(self) -> int:
        return max(1, min(WORKGROUPS, self.rows * self.columns // WORKGROUP_ELEMENTS))


@written_once
def function(c: Concat) -> Dispatch:
    """The function that computes y of the operands and what the epilogue takes."""
    given = {f"x{i}": f"{c.rows // c.repeat * width}xf32" for i, width in enumerate(c.widths)}
    operands = given | c.epilogue.operands(c.columns, c.rows * c.columns)
    f = Function(c.name, c.machine, operands, {"y": f"{c.rows * c.columns}xf32"})
    code, lanes = f.code, c.machine.lanes
    rows, part, workgroups = f.spread(c.rows, c.workgroups)
    output = Output(f, c.epilogue, 1, c.columns)
    with code.loop(*rows) as loop:
        row = source = loop.index
        if c.repeat > 1:
            several = code(f"arith.divui {row}, {code.index(c.repeat * c.group)} : index")
            source = code.at((several, c.group), code(f"arith.remui {row}, {code.index(c.group)} : index"))
        before = 0
        for i, width in enumerate(c.widths):
            left = code.index(width) if width < lanes else None
            last = code.index(max(0, width - lanes))
            with code.loop(*part(-(-width // lanes))) as vector:
                # The last vector overlaps the one before it.
                column = code(f"arith.minui {code.at((vector.index, lanes))}, {last} : index")
                value = output.load(f"x{i}", code.at((source, width), column), left)
                for copy in range(c.copies):
                    place = code.at(column, before + copy * width)
                    output.store([value], row, code.index(0), [place], [left])
            before += width * c.copies
    return f.dispatch(workgroups)
