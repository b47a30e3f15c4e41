"""Matrix product of many float32 rows and quantized columns: in float32, on tiles.

A panel of the weights, two groups of columns and DEPTH deep, is unpacked to float32 on the stack, and all rows are
multiplied with it, as many at a time as there are registers for their sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .code import Value
from .function import Dispatch, ProductFunction, written_once
from .product import Product

DEPTH, MANY, DEPTH_OF_MANY = 256, 64, 512
"""Of a panel, about: it and the rows of a tile stay in the first cache; with MANY rows, the results are written less
often."""

UNROLL = 4
SKEW = 16
"""Rows of a copy of x are this much longer, so that those of a tile do not compete for the same lines of the cache."""


@dataclass(frozen=True)
class Tiles:
    product: Product
    workgroups: int

    @property
    def height(self) -> int:
        """Rows of a tile: as even as the rows can be divided into tiles whose sums fit the registers."""
        most = (self.product.machine.registers - 4) // 2
        return -(-self.product.rows // -(-self.product.rows // most))

    @property
    def panel(self) -> int:
        """The depth of a panel: whole blocks."""
        depth = DEPTH if self.product.rows < MANY else DEPTH_OF_MANY
        return max(1, depth // self.product.block) * self.product.block

    @property
    def stride(self) -> int:
        """Of the copied rows, which are 0 up to the end of their last block."""
        return self.product.blocks * self.product.block + SKEW


@written_once
def functions(tiles: Tiles) -> list[Dispatch]:
    """The functions that compute a product of rows x into y."""
    p = tiles.product
    x, y = {"x": f"{p.rows * p.depth}xf32"}, {"y": f"{p.rows * p.columns}xf32"}
    copied = {"copied": f"{p.rows * tiles.stride}xf32"}
    copy = ProductFunction(f"copy_{p.rows}x{p.depth}_to_{tiles.stride}", p, x, copied)
    _copy(copy, tiles)
    multiply = ProductFunction(f"tiles_{p.name}", p, copied | p.weights, y)
    _multiply(multiply, tiles)
    return [copy.dispatch(p.rows), multiply.dispatch(tiles.workgroups)]


def _copy(f: ProductFunction, tiles: Tiles) -> None:
    """A row, with zeros after it."""
    code, p, lanes = f.code, f.product, f.product.machine.lanes
    vf = p.machine.vector("f32")
    whole = p.depth // lanes * lanes
    source, target = code.at((f.workgroup, p.depth)), code.at((f.workgroup, tiles.stride))
    with code.loop(0, whole, step=lanes) as loop:
        f.store(f.load("x", code.at(source, loop.index), vf), "copied", code.at(target, loop.index), vf)
    if whole < p.depth:
        rest = f.load_part("x", code.at(source, whole), code.index(p.depth - whole), vf)
        f.store_part(rest, "copied", code.at(target, whole), code.index(tiles.stride - whole), vf)
        whole += lanes
    with code.loop(whole, tiles.stride) as loop:
        f.store(code.constant("0.0", "f32"), "copied", code.at(target, loop.index))


def _multiply(f: ProductFunction, tiles: Tiles) -> None:
    """A workgroup's part of the columns for all rows."""
    code, p = f.code, f.product
    lanes, full = p.machine.lanes, p.groups // 2 * 2
    f.scratch("panel", f"{2 * lanes * tiles.panel}xf32")
    with code.loop(*f.part(full // 2, tiles.workgroups)) as columns:
        first = code.at((columns.index, 2))
        _Panel(f, tiles, [first, code.at(first, 1)]).write()
    if p.groups > full:
        last = code(f"arith.cmpi eq, {f.workgroup}, {code.index(tiles.workgroups - 1)} : index")
        with code.when(last):
            _Panel(f, tiles, [code.index(full)]).write()


class _Panel:
    """Some groups of columns being computed, a panel of weights after another."""

    def __init__(self, f: ProductFunction, tiles: Tiles, groups: Sequence[Value]):
        self.f, self.code, self.p, self.tiles, self.groups = f, f.code, f.product, tiles, groups
        m = self.p.machine
        self.lanes, self.vf, self.vi = m.lanes, m.vector("f32"), m.vector("i32")
        self.width = len(groups) * m.lanes

    def write(self) -> None:
        p, each = self.p, self.tiles.panel // self.p.block
        self._panel(self.code.index(0), min(each, p.blocks), fresh=True)
        full = p.blocks // each * each
        with self.code.loop(each, full, step=each) as loop:
            self._panel(loop.index, each, fresh=False)
        if 0 < full < p.blocks:
            self._panel(self.code.index(full), p.blocks - full, fresh=False)

    def _panel(self, first: Value, blocks: int, *, fresh: bool) -> None:
        """Adds what a panel of some blocks gives to all rows of y; `fresh` where there is nothing yet."""
        code, p, height = self.code, self.p, self.tiles.height
        with code.loop(0, blocks) as loop:
            for i, group in enumerate(self.groups):
                self._unpack(group, code.at(first, loop.index), code.at((loop.index, p.block * self.width)), i)
        full = p.rows // height * height
        with code.loop(0, full, step=height) as rows:
            self._tile(rows.index, height, first, blocks * p.block, fresh)
        if full < p.rows:
            self._tile(code.index(full), p.rows - full, first, blocks * p.block, fresh)

    def _unpack(self, group: Value, number: Value, place: Value, i: int) -> None:
        """Writes a block's (q - zero) * scale to the panel, a row of it for each step of the depth."""
        code, p, f = self.code, self.p, self.f
        block = code.at((group, p.blocks), number)
        quantized = group if p.whole else block
        scales = f.scales(quantized)
        zeros = f.zeros(quantized) or code.constant(f"{p.zero}.0", self.vf)
        chunk = 32 // p.bits
        with code.loop(0, p.block // chunk) as loop:
            at = code.at((block, p.block_bytes), (loop.index, 4 * self.lanes))
            bytes_ = f.load("weights", at, self.p.machine.vector("i8", 4))
            words = code(f"vector.bitcast {bytes_} : {self.p.machine.vector('i8', 4)} to {self.vi}")
            row = code.at(place, (loop.index, chunk * self.width), i * self.lanes)
            for k in range(chunk):
                value = code(f"arith.sitofp {self._element(words, k)} : {self.vi} to {self.vf}")
                value = code(f"arith.subf {value}, {zeros} : {self.vf}")
                value = code(f"arith.mulf {value}, {scales} : {self.vf}")
                f.store(value, "panel", code.at(row, k * self.width), self.vf)

    def _element(self, words: Value, k: int) -> Value:
        """The weights at step k of vectors of successive ones."""
        code, bits = self.code, self.p.bits
        # Of eight weights of 4 bits the first four are the lower halves of the bytes.
        low = 8 * k if bits == 8 else 8 * (k % 4) + k // 4 * 4
        if self.p.signed:
            top = code(f"arith.shli {words}, {code.constant(str(24 - low), self.vi)} : {self.vi}")
            return code(f"arith.shrsi {top}, {code.constant('24', self.vi)} : {self.vi}")
        down = code(f"arith.shrui {words}, {code.constant(str(low), self.vi)} : {self.vi}") if low else words
        return code(f"arith.andi {down}, {code.constant(str(2**bits - 1), self.vi)} : {self.vi}")

    def _tile(self, row: Value, height: int, first: Value, depth: int, fresh: bool) -> None:
        """Adds the product of some rows and the panel to y."""
        code, p, f, count = self.code, self.p, self.f, len(self.groups)
        x = code.at((row, self.tiles.stride), (first, p.block))
        zero = code.constant("0.0", self.vf)
        with code.loop(0, depth, [(zero, self.vf)] * (height * count), step=UNROLL) as loop:
            for k in range(UNROLL):
                panel = code.at((loop.index, self.width), k * self.width)
                ws = [f.load("panel", code.at(panel, g * self.lanes), self.vf) for g in range(count)]
                for r in range(height):
                    value = f.splat(f.load("copied", code.at(x, loop.index, r * self.tiles.stride + k)), "f32")
                    for g, w in enumerate(ws):
                        i = r * count + g
                        loop.values[i] = code(f"math.fma {value}, {w}, {loop.values[i]} : {self.vf}")
        for r in range(height):
            for g, group in enumerate(self.groups):
                start = code.at((group, self.lanes))
                self._add(loop.results[r * count + g], code.at((row, p.columns), start, r * p.columns), start, fresh)

    def _add(self, value: Value, place: Value, start: Value, fresh: bool) -> None:
        code, p, f = self.code, self.p, self.f
        if p.columns % self.lanes == 0:
            if not fresh:
                value = code(f"arith.addf {value}, {f.load('y', place, self.vf)} : {self.vf}")
            f.store(value, "y", place, self.vf)
            return
        left = code(f"arith.subi {code.index(p.columns)}, {start} : index")
        if not fresh:
            value = code(f"arith.addf {value}, {f.load_part('y', place, left, self.vf)} : {self.vf}")
        f.store_part(value, "y", place, left, self.vf)
