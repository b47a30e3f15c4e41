"""Parts of rows, next to each other, in float32."""

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
class Piece:
    """So many elements of each row of an operand, from an offset on, whose rows lie `stride` elements apart."""

    width: int
    stride: int
    offset: int = 0


@dataclass(frozen=True)
class Concat:
    """y[rows, columns]: in each row, the pieces of the operands x0, x1, … one after the other."""

    machine: Machine
    rows: int
    pieces: tuple[Piece, ...]
    epilogue: Epilogue = NO_EPILOGUE

    @property
    def columns(self) -> int:
        return sum(piece.width for piece in self.pieces)

    @property
    def name(self) -> str:
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        kind = f"concat_{len(self.pieces)}" if len(self.pieces) > 1 else "elementwise"
        return f"{kind}_{self.rows}x{self.columns}_{digest}"

    @property
    def workgroups(self) -> int:
        return max(1, min(WORKGROUPS, self.rows * self.columns // WORKGROUP_ELEMENTS))


@written_once
def function(c: Concat) -> Dispatch:
    """The function that computes y of the operands and what the epilogue takes."""
    pieces = {f"x{i}": f"{c.rows * piece.stride}xf32" for i, piece in enumerate(c.pieces)}
    operands = pieces | c.epilogue.operands(c.columns, c.rows * c.columns)
    f = Function(c.name, c.machine, operands, {"y": f"{c.rows * c.columns}xf32"})
    code, lanes = f.code, c.machine.lanes
    rows, part, workgroups = f.spread(c.rows, c.workgroups)
    output = Output(f, c.epilogue, 1, c.columns)
    with code.loop(*rows) as row:
        before = 0
        for i, piece in enumerate(c.pieces):
            left = code.index(piece.width) if piece.width < lanes else None
            last = code.index(max(0, piece.width - lanes))
            with code.loop(*part(-(-piece.width // lanes))) as loop:
                # The last vector overlaps the one before it.
                column = code(f"arith.minui {code.at((loop.index, lanes))}, {last} : index")
                value = output.load(f"x{i}", code.at((row.index, piece.stride), column, piece.offset), left)
                output.store([value], row.index, code.index(0), [code.at(column, before)], [left])
            before += piece.width
    return f.dispatch(workgroups)
