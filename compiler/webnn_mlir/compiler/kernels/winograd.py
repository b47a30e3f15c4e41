"""Convolutions by fewer products (https://arxiv.org/abs/1509.09308), along rows: four neighbouring places of the output
and three elements of a filter's row take six products instead of twelve.

Of six places of x, BEFORE makes six values, FILTER so many of three weights, and AFTER four sums of their six sums of
products. These are values of polynomials at 0, 1, -1, 2, -1/2 and infinity, with which errors are about twice those of
plain sums. What is no finite number reaches the places beside it.

A workgroup transforms some rows of x to memory of its own that stays in the cache, [6, rows, tiles, channels], whose
rows include those of the padding. All tiles of it are the rows of matrix products, six for each row of the filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .code import Value, tree
from .convolution import Ahead, Convolution, Direction
from .function import Dispatch, Function, written_once
from .output import Output

PLACES, TAPS, PRODUCTS = 4, 3, 6

BEFORE = (
    (1, 1.5, -2, -1.5, 1, 0), (0, -1, -2.5, -0.5, 1, 0), (0, 1, 0.5, -2.5, 1, 0),
    (0, -0.5, -1, 0.5, 1, 0), (0, 2, -1, -2, 1, 0), (0, 1, 1.5, -2, -1.5, 1),
)  # fmt: skip
FILTER = (
    (1, 0, 0), (-1 / 3, -1 / 3, -1 / 3), (1 / 3, -1 / 3, 1 / 3),
    (1 / 15, 2 / 15, 4 / 15), (-16 / 15, 8 / 15, -4 / 15), (0, 0, 1),
)  # fmt: skip
AFTER = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -0.5, 0), (0, 1, 1, 4, 0.25, 0), (0, 1, -1, 8, -0.125, 1))

MEMORY = 2**16
"""Floats of a workgroup's memory, about."""

ITEMS, WORKGROUPS = 4, 16
"""Into how many parts a convolution is divided, about; workgroups at most, each of which has memory."""

SMALLEST = 2**22
FEWEST = 32
"""Products, and tiles of an image, from which it pays: weights are twice as many."""

WASTE = 1.25
"""Of places beyond rows, at most."""

UNROLL = 4


@dataclass(frozen=True)
class Winograd:
    convolution: Convolution

    @property
    def tiles(self) -> int:
        """Of a row."""
        return -(-self.convolution.width.count // PLACES)

    @property
    def blocks(self) -> int:
        """Of an image's rows."""
        c = self.convolution
        line = PRODUCTS * self.tiles * c.channels
        return -(-c.height.count // max(1, MEMORY // line - c.height.kernel + 1))

    @property
    def rows(self) -> int:
        """Of the output in a block: as even as they can be divided."""
        return -(-self.convolution.height.count // self.blocks)

    @property
    def above(self) -> int:
        """Rows that a block has transformed."""
        return self.rows + self.convolution.height.kernel - 1

    @property
    def plane(self) -> int:
        """Of a block's memory."""
        return self.above * self.tiles * self.convolution.channels

    @cached_property
    def product(self) -> Convolution:
        """Of a block's tiles and a panel of weights."""
        one, count, c = Direction(1, 1, 1), self.rows * self.tiles, self.convolution
        width, chosen = Direction(count, count, 1), c.chosen_vectors
        return Convolution(c.machine, 1, one, width, self.depth, c.outputs, chosen_vectors=chosen)

    @property
    def depth(self) -> int:
        """Weights of an output channel."""
        c = self.convolution
        return PRODUCTS * c.height.kernel * c.channels

    @property
    def splits(self) -> int:
        """Of the output channels."""
        return min(self.product.panels, max(1, ITEMS // (self.convolution.batch * self.blocks)))


def fits(c: Convolution) -> bool:
    h, w = c.height, c.width
    return w.kernel == TAPS and h.stride == h.dilation == w.stride == w.dilation == c.groups == c.rows == 1 and (
        c.channels >= c.machine.lanes
    )


def pays(c: Convolution) -> bool:
    """Whether the kernel is faster than the one that multiplies all."""
    tiles = -(-c.width.count // PLACES)
    return (
        fits(c) and c.outputs >= c.machine.lanes and c.products >= SMALLEST and c.height.count * tiles >= FEWEST
        and tiles * PLACES <= WASTE * c.width.count
    )  # fmt: skip


@written_once
def function(w: Winograd) -> Dispatch:
    """The function that computes y of x, packed weights and what the epilogue takes."""
    c, panel = w.convolution, w.product.vectors * w.convolution.machine.lanes
    items = c.batch * w.blocks * w.splits
    workgroups = min(WORKGROUPS, items)
    operands = {
        "x": f"{c.batch * c.height.size * c.width.size * c.channels}xf32",
        "w": f"{w.product.panels * panel * w.depth}xf32",
    } | c.epilogue.operands(c.outputs, c.places * c.outputs)
    results = {"y": f"{c.places * c.outputs}xf32", "memory": f"{workgroups * PRODUCTS * w.plane}xf32"}
    f = Function(c.name.replace("convolution", "winograd"), c.machine, operands, results)
    f.scratch("sums", f"{PRODUCTS * w.product.tile(w.product.vectors) * panel}xf32")
    with f.code.loop(*f.part(items, workgroups)) as loop:
        _Block(f, w, loop.index).write()
    return f.dispatch(workgroups)


class _Block:
    """Some rows of an image and some panels of weights."""

    def __init__(self, f: Function, w: Winograd, item: Value):
        self.f, self.w, self.c, self.code = f, w, w.convolution, f.code
        self.lanes, self.vf = self.c.machine.lanes, self.c.machine.vector("f32")
        self.vectors, self.output = w.product.vectors, Output(f, self.c.epilogue, self.c.width.count, self.c.outputs)
        code = self.code
        self.split, number = self._divided(item, w.splits)
        block, self.image = self._divided(number, w.blocks)
        last = code.index(self.c.height.count - w.rows)
        self.first = code(f"arith.minui {code.at((block, w.rows))}, {last} : index")
        self.memory = code.at((f.workgroup, PRODUCTS * w.plane))

    def _divided(self, value: Value, by: int) -> tuple[Value, Value]:
        """The remainder and the quotient."""
        code, divisor = self.code, self.code.index(by)
        return code(f"arith.remui {value}, {divisor} : index"), code(f"arith.divui {value}, {divisor} : index")

    def write(self) -> None:
        code, w = self.code, self.w
        with code.loop(0, w.above) as loop:
            self._transform(loop.index)
        panels = self.f.part(w.product.panels, w.splits, self.split)
        count = w.rows * w.tiles
        size = w.product.tile(self.vectors)
        with code.loop(*panels) as panel, code.loop(0, count, step=size) as loop:
            start = code(f"arith.minui {loop.index}, {code.index(count - size)} : index")
            self._multiply(panel.index, start, size)
            self._finish(panel.index, start, size)

    # x

    def _transform(self, row: Value) -> None:
        """A row of x, or of the padding, to memory."""
        code, c, h = self.code, self.c, self.c.height
        line = code.at(self.first, row, -h.before)
        x = code.at((self.image, h.size * c.width.size * c.channels), (line, c.width.size * c.channels))
        if h.inside:
            self._row(row, x)
            return
        for relation, inside in (("ult", True), ("uge", False)):
            with code.when(code(f"arith.cmpi {relation}, {line}, {code.index(h.size)} : index")):
                self._row(row, x if inside else None)

    def _row(self, row: Value, x: Value | None) -> None:
        code, c = self.code, self.c
        left, inner, right = c.tiles(PLACES)
        with code.loop(0, -(-c.channels // self.lanes)) as loop:
            last = code.index(c.channels - self.lanes)
            channel = code(f"arith.minui {code.at((loop.index, self.lanes))}, {last} : index")
            place = code.at(self.memory, (row, self.w.tiles * c.channels), channel)
            for start in left + right:
                self._tile(x and code.at(x, channel), place, code.index(start // PLACES), start)
            if inner:
                with code.loop(inner.start // PLACES, -(-inner.stop // PLACES)) as tile:
                    self._tile(x and code.at(x, channel), place, tile.index, inner.start)

    def _tile(self, x: Value | None, place: Value, tile: Value, like: int) -> None:
        """Six values of six places of x; those of a tile that lies like the one that starts at `like`."""
        code, c = self.code, self.c
        zero = code.constant("0.0", self.vf)
        begin = c.width.start(like)
        values: list[Value | None] = [None] * PRODUCTS
        if x:
            at = code.at(x, (tile, PLACES * c.channels), -c.width.before * c.channels)
            values = [
                self.f.load("x", code.at(at, i * c.channels), self.vf) if 0 <= begin + i < c.width.size else None
                for i in range(PRODUCTS)
            ]
        for k, factors in enumerate(BEFORE):
            terms = [(v, f) for v, f in zip(values, factors, strict=True) if v and f]
            total = self._sum(terms) if terms else zero
            self.f.store(total, "memory", code.at(place, (tile, c.channels), k * self.w.plane), self.vf)

    def _sum(self, terms: Sequence[tuple[Value, float]]) -> Value:
        """Of values times numbers."""
        code = self.code
        whole = [v for v, f in terms if f == 1]
        total = tree(lambda a, b: code(f"arith.addf {a}, {b} : {self.vf}"), whole) if whole else None
        for value, factor in terms:
            if factor == 1:
                continue
            number = code.constant(f"{float(factor)}", self.vf)
            if total is None:
                total = code(f"arith.mulf {value}, {number} : {self.vf}")
            else:
                total = code(f"math.fma {value}, {number}, {total} : {self.vf}")
        assert total
        return total

    # Products

    def _multiply(self, panel: Value, start: Value, size: int) -> None:
        """The sums of some tiles: [6, tiles, vectors]."""
        code, c, w = self.code, self.c, self.w
        width = self.vectors * self.lanes
        depth, line = c.height.kernel * c.channels, w.tiles * c.channels
        zero = [(code.constant("0.0", self.vf), self.vf)] * (size * self.vectors)
        first = code.at((panel, w.depth * width))
        number = code(f"arith.ceildivui {start}, {code.index(size)} : index")
        ahead = Ahead(self.f, panel, w.depth * width, number, -(-w.rows * w.tiles // size))
        with code.loop(0, PRODUCTS) as product:
            x = code.at(self.memory, (product.index, w.plane), (start, c.channels))
            weights = code.at(first, (product.index, depth * width))
            with code.loop(0, c.height.kernel, zero) as row:
                x, weights = code.at(x, (row.index, line)), code.at(weights, (row.index, c.channels * width))
                with code.loop(0, c.channels, [(s, self.vf) for s in row.values], step=self._unroll) as loop:
                    here = code.at(weights, (loop.index, width))
                    ahead.prefetch(code.at(here, (first, -1)), self._unroll * self.vectors)
                    for k in range(self._unroll):
                        self._step(code.at(x, loop.index, k), code.at(here, k * width), loop.values)
                row.values[:] = loop.results
            place = code.at((product.index, size * width))
            for n, value in enumerate(row.results):
                self.f.store(value, "sums", code.at(place, n * self.lanes), self.vf)

    @property
    def _unroll(self) -> int:
        return next(n for n in range(UNROLL, 0, -1) if self.c.channels % n == 0)

    def _step(self, x: Value, weights: Value, sums: list[Value]) -> None:
        code, f = self.code, self.f
        ws = [f.load("w", code.at(weights, i * self.lanes), self.vf) for i in range(self.vectors)]
        for n in range(len(sums) // self.vectors):
            value = f.splat(f.load("memory", code.at(x, n * self.c.channels)), "f32")
            for i, weight in enumerate(ws, n * self.vectors):
                sums[i] = code(f"math.fma {value}, {weight}, {sums[i]} : {self.vf}")

    # y

    def _finish(self, panel: Value, start: Value, size: int) -> None:
        """Four places of each tile."""
        code, c, width = self.code, self.c, self.vectors * self.lanes
        channels = [code.at((panel, width), i * self.lanes) for i in range(self.vectors)]
        lefts: list[Value | None] = [None] * self.vectors
        if c.outputs % width:
            lefts = [code(f"arith.subi {code.index(c.outputs)}, {n} : index") for n in channels]
        with code.loop(0, size) as loop:
            column, row = self._divided(code.at(start, loop.index), self.w.tiles)
            line = code.at((self.image, c.height.count), self.first, row)
            vectors = [self._places(loop.index, size, i, channels[i], lefts[i]) for i in range(self.vectors)]
            sums = [v[p] for p in range(PLACES) for v in vectors]
            whole = c.width.count // PLACES
            for relation, places in (("ult", PLACES), ("uge", c.width.count % PLACES)):
                if places:
                    with code.when(code(f"arith.cmpi {relation}, {column}, {code.index(whole)} : index")):
                        begin = code.at((column, PLACES))
                        self.output.store(sums[: places * self.vectors], line, begin, channels, lefts)

    def _places(self, tile: Value, size: int, vector: int, channel: Value, left: Value | None) -> list[Value]:
        """Four sums of six, and the bias."""
        code, width = self.code, self.vectors * self.lanes
        place = code.at((tile, width), vector * self.lanes)
        values = [self.f.load("sums", code.at(place, k * size * width), self.vf) for k in range(PRODUCTS)]
        bias = [(self.output.load("bias", channel, left), 1.0)] if self.c.epilogue.bias else []
        return [self._sum([(v, f) for v, f in zip(values, row, strict=True) if f] + bias) for row in AFTER]
