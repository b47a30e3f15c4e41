"""Convolutions in float32 with the channels last, without a copy of the input: products of matrices, whose rows are
places of the output and whose depth is what a filter covers.

A tile is some neighbouring places of a row by some vectors of output channels, whose sums fit the registers. An element
of the input is multiplied with a vector of weights; these are packed so that a tile reads them in order. Tiles at the
edges of the input leave out what is beyond, which is known when the kernel is written: all but the first and the last
are alike.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from .code import Value
from .epilogue import Epilogue
from .function import Dispatch, Function, written_once
from .machine import Machine
from .output import Output

WORKGROUPS = 64
WORKGROUP_PRODUCTS, WORKGROUP_DEPTHWISE = 2**18, 2**15
"""At most, and of a workgroup at least; those of a depthwise filter take longer."""

NEAR = 2**18
"""Bytes of weights that stay in the second cache while they are used again and again."""

SMALLEST = 2**4
"""Products from which it pays to call a kernel, so that threads need not meet before and after it."""

NO_EPILOGUE = Epilogue()

UNROLL = 4
VECTORS = 6
"""Of output channels in a tile, at most."""
SLOW, DEEP = 1.1, 32
"""How many times as long as by its products a tile of the most vectors takes, and the depth from which it does."""

PANEL = 2**18
"""Of weights: larger ones do not stay in the second cache beside the next."""

MOST_PARTS = 64
"""Of a panel: where more tiles read it, it does not matter how it comes to the cache."""


@dataclass(frozen=True)
class Direction:
    """Height or width: of the input, of the output and of the filter, and how the filter moves, from `before` the
    input."""

    size: int
    count: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0

    def start(self, place: int) -> int:
        """Where the filter begins."""
        return place * self.stride - self.before

    @property
    def inside(self) -> bool:
        """Whether the filter never covers anything beyond the input."""
        reach = self.start(self.count - 1) + (self.kernel - 1) * self.dilation
        return self.before == 0 and reach < self.size

    @property
    def pointwise(self) -> bool:
        return self.inside and self.kernel == self.stride == 1

    def covered(self, tap: int, first: int, places: int) -> range:
        """Which of some places from `first` on have the input under the filter's element `tap`."""
        at = [self.start(first + p) + tap * self.dilation for p in range(places)]
        inside = [p for p, a in enumerate(at) if 0 <= a < self.size]
        return range(inside[0], inside[-1] + 1) if inside else range(0)


@dataclass(frozen=True)
class Segment:
    """Elements of a row of a filter, from `tap` on, that cover the input at the same places of a tile."""

    tap: int
    taps: int
    places: range


@dataclass(frozen=True)
class Convolution:
    """y[batch, height, rows, width, outputs] of x[batch, height, width, channels] and packed weights.

    A transposed convolution whose filter is as large as its strides gives `rows` of the result, with `outputs` in them,
    for each row and place of x; its weights are packed like those of a filter with so many rows.
    """

    machine: Machine
    batch: int
    height: Direction
    width: Direction
    channels: int
    outputs: int
    groups: int = 1
    rows: int = 1
    epilogue: Epilogue = NO_EPILOGUE
    chosen_vectors: int = 0
    """Of a tile, for others than there would be."""
    most_workgroups: int = WORKGROUPS

    @property
    def name(self) -> str:
        sizes = (self.height.count, self.width.count, self.channels, self.outputs)
        kind = "transposed" if self.rows > 1 else f"convolution_{self.height.kernel}x{self.width.kernel}"
        kind = "depthwise" if self.depthwise else kind
        return f"{kind}_{'x'.join(map(str, sizes))}_{hashlib.sha256(repr(self).encode()).hexdigest()[:8]}"

    @property
    def depthwise(self) -> bool:
        return self.groups == self.channels == self.outputs and self.rows == 1

    @property
    def lines(self) -> int:
        """Rows of the result."""
        return self.batch * self.height.count * self.rows

    @property
    def places(self) -> int:
        """Of the result."""
        return self.lines * self.width.count

    @property
    def depth(self) -> int:
        """Weights of an output channel."""
        return self.height.kernel * self.width.kernel * self.channels // self.groups * self.rows

    @property
    def products(self) -> int:
        return self.places * self.outputs * self.depth // self.rows

    @property
    def flat(self) -> Convolution:
        """The same with all places in one row, where the filter is an element."""
        if not (self.height.pointwise and self.width.pointwise) or self.rows > 1:
            return self
        one = Direction(1, 1, 1)
        return replace(self, batch=1, height=one, width=Direction(self.places, self.places, 1))

    @property
    def operands(self) -> dict[str, str]:
        size = self.batch * self.height.size * self.width.size * self.channels
        weights = self.depth * self.outputs if self.depthwise else self.panels * self.panel
        sizes = {"x": f"{size}xf32", "w": f"{weights}xf32"}
        return sizes | self.epilogue.operands(self.outputs, self.places * self.outputs)

    # Tiles of what is not depthwise

    @property
    def vectors(self) -> int:
        """Of output channels in a tile: those that take the least time; if several do, the most, which read less, or
        the fewest where panels are large."""

        def key(v: int) -> tuple[float, int]:
            return self._time(v), v if self.depth * v * self.machine.lanes > PANEL else -v

        return self.chosen_vectors or min(self.possible_vectors, key=key)

    @property
    def possible_vectors(self) -> list[int]:
        most = VECTORS if self.groups == 1 else -(-self.each // self.machine.lanes)
        return list(range(1, min(VECTORS, most) + 1))

    @property
    def each(self) -> int:
        """Outputs of a group."""
        return self.outputs // self.groups

    @property
    def panels(self) -> int:
        """Of weights: as many vectors as a tile has, of one group."""
        return -(-self.each // (self.vectors * self.machine.lanes)) * self.groups

    @property
    def panel(self) -> int:
        """Elements of a panel."""
        return self.depth * self.vectors * self.machine.lanes

    @property
    def together(self) -> int:
        """Places whose results fill a vector, where those of two do at most: their sums are put into one."""
        return max(1, self.machine.lanes // self.outputs) if self.vectors == self.groups == 1 else 1

    def tile(self, vectors: int) -> int:
        """Places of a tile: as even as a row can be divided."""
        most = (self.machine.registers - 2 - vectors) // vectors
        return -(-self.width.count // -(-self.width.count // most))

    def _time(self, vectors: int) -> float:
        """Of a row, in cycles for each element of a filter: two products or two loads a cycle, and 4 until a sum can
        be added to again. What a tile begins and ends with takes as long as some elements."""
        panels, tile = -(-self.each // (vectors * self.machine.lanes)) * self.groups, self.tile(vectors)
        full, rest = divmod(self.width.count, tile)

        def cycles(places: int) -> float:
            return max(vectors * places / 2, (vectors + places) / 2 + 1, 4)

        slow = SLOW if vectors == VECTORS and self.depth >= DEEP else 1
        return slow * panels * (full * cycles(tile) + (cycles(rest) if rest else 0))

    def segments(self, first: int, places: int) -> list[Segment]:
        """A filter's row at a tile."""
        found: list[Segment] = []
        for tap in range(self.width.kernel):
            covered = self.width.covered(tap, first, places)
            last = found[-1] if found else None
            alike = last and last.places == covered and last.tap + last.taps == tap
            if alike and last and self.groups == self.width.dilation == 1:
                found[-1] = replace(last, taps=last.taps + 1)
            elif covered:
                found.append(Segment(tap, 1, covered))
        return found

    def tiles(self, tile: int) -> tuple[list[int], range, list[int]]:
        """Where tiles of a row begin: those at the left edge, those that touch no edge, those at the right edge, of
        which the last may be shorter."""
        w = self.width
        starts = list(range(0, w.count, tile))
        inner = [s for s in starts if s + tile <= w.count and w.start(s) >= 0
                 and w.start(s + tile - 1) + (w.kernel - 1) * w.dilation < w.size]  # fmt: skip
        if not inner:
            return starts, range(0), []
        right = [s for s in starts if s > inner[-1]]
        return [s for s in starts if s < inner[0]], range(inner[0], inner[-1] + 1, tile), right


def pays(c: Convolution) -> bool:
    """Whether there is a kernel, and it is faster than what IREE makes: where weights are many, IREE's waits for
    memory, and widths that are no multiple of its tiles take it several times as long. The smallest do not matter."""
    if c.products < SMALLEST:
        return False
    if c.depthwise:
        return 4 * c.outputs >= c.machine.lanes
    return c.groups == 1 or 4 * c.each >= c.machine.lanes


@written_once
def function(c: Convolution) -> Dispatch:
    """The function that computes y of x, packed weights and what the epilogue takes."""
    f = Function(c.name, c.machine, c.operands, {"y": f"{c.places * c.outputs}xf32"})
    if c.depthwise:
        return windows(f, c, _Depthwise)
    if c.lines == 1 and c.width.pointwise:
        return _pointwise(f, c)
    with _shared(f, c, c.lines) as (line, panel, workgroups):
        _Dense(f, c, line, panel, (line, c.lines)).write()
    return f.dispatch(workgroups)


def windows(f: Function, c: Convolution, kind: type[Windows]) -> Dispatch:
    """The function that computes all rows of a window for each channel."""
    workgroups = _workgroups(c, c.lines)
    with f.code.loop(*f.part(c.lines, workgroups)) as loop:
        kind(f, c, loop.index).write()
    return f.dispatch(workgroups)


def _workgroups(c: Convolution, items: int) -> int:
    least = WORKGROUP_DEPTHWISE if c.depthwise else WORKGROUP_PRODUCTS
    return max(1, min(c.most_workgroups, items, c.products // least))


@contextmanager
def _shared(f: Function, c: Convolution, lines: int) -> Iterator[tuple[Value, Value, int]]:
    """A line and a panel of a workgroup's part of all, and how many workgroups there are; lines may be tiles.

    Where the weights stay in the second cache, a workgroup has neighbouring lines with all or some panels: what it
    reads was written by the same thread, and no other one writes beside it. Other weights are read once.
    """
    code, workgroups = f.code, _workgroups(c, lines * c.panels)
    if 4 * c.panels * c.panel > NEAR:
        with code.loop(*f.part(lines * c.panels, workgroups)) as loop:
            panel = code(f"arith.divui {loop.index}, {code.index(lines)} : index")
            yield code(f"arith.remui {loop.index}, {code.index(lines)} : index"), panel, workgroups
        return
    blocks = min(lines, workgroups)
    groups = max(1, min(c.panels, workgroups // blocks))
    block = code(f"arith.divui {f.workgroup}, {code.index(groups)} : index")
    group = code(f"arith.remui {f.workgroup}, {code.index(groups)} : index")
    panels, part = f.part(c.panels, groups, group), f.part(lines, blocks, block)
    with code.loop(*panels) as outer, code.loop(*part) as inner:
        yield inner.index, outer.index, blocks * groups


def _pointwise(f: Function, c: Convolution) -> Dispatch:
    """All places in one row, whose last tile overlaps the one before it."""
    code, tile = f.code, c.tile(c.vectors)
    tiles = -(-c.places // tile)
    with _shared(f, c, tiles) as (number, panel, workgroups):
        start = code(f"arith.minui {code.at((number, tile))}, {code.index(c.places - tile)} : index")
        _Dense(f, c, code.index(0), panel, (number, tiles)).tile(start, tile, c.segments(0, tile))
    return f.dispatch(workgroups)


class Ahead:
    """Weights that are brought to the second cache while others are multiplied: those of the next panel, of which each
    of the `parts` in which a panel is read brings its own."""

    def __init__(self, f: Function, panel: Value, size: int, number: Value, parts: int):
        self.f, self.parts = f, parts
        self.start = f.code.at((panel, size), (number, size // parts), size)

    def prefetch(self, place: Value, vectors: int) -> None:
        """While so many vectors at a place of a panel are read."""
        if self.parts <= MOST_PARTS:
            done = self.f.code(f"arith.divui {place}, {self.f.code.index(self.parts)} : index")
            self.f.prefetch("w", self.f.code.at(self.start, done), -(-vectors // self.parts))


class _Row(ABC):
    """A row of the output."""

    def __init__(self, f: Function, c: Convolution, line: Value):
        self.f, self.c, self.code = f, c, f.code
        self.lanes, self.vf = c.machine.lanes, c.machine.vector("f32")
        self.output = Output(f, c.epilogue, c.width.count, c.outputs, c.together)
        code, h, w = self.code, c.height, c.width
        self.line, self.part = line, code.index(0)
        if c.rows > 1:
            self.part = code(f"arith.remui {line}, {code.index(c.rows)} : index")
            line = code(f"arith.divui {line}, {code.index(c.rows)} : index")
        image = code(f"arith.divui {line}, {code.index(h.count)} : index")
        top = code.at((code(f"arith.remui {line}, {code.index(h.count)} : index"), h.stride), -h.before)
        self.x = code.at((image, h.size * w.size * c.channels), (top, w.size * c.channels))
        self.taps = (code.index(0), code.index(h.kernel)) if h.inside else self._taps(top)

    def _taps(self, top: Value) -> tuple[Value, Value]:
        """Of the rows of a filter, those that cover the input."""
        code, h = self.code, self.c.height

        def beyond(rows: Value) -> Value:
            return code(f"arith.ceildivsi {rows}, {code.index(h.dilation)} : index")

        first = beyond(code(f"arith.subi {code.index(0)}, {top} : index"))
        end = beyond(code(f"arith.subi {code.index(h.size)}, {top} : index"))
        return (
            code(f"arith.maxsi {first}, {code.index(0)} : index"),
            code(f"arith.minsi {end}, {code.index(h.kernel)} : index"),
        )

    def columns(self, tile: int) -> None:
        """Writes the tiles of a row."""
        left, inner, right = self.c.tiles(tile)
        for start in left:
            self._edge(start, tile)
        if inner:
            with self.code.loop(inner.start, inner.stop, step=tile) as loop:
                self.tile(loop.index, tile, self.c.segments(inner.start, tile))
        for start in right:
            self._edge(start, tile)

    def _edge(self, start: int, tile: int) -> None:
        places = min(tile, self.c.width.count - start)
        self.tile(self.code.index(start), places, self.c.segments(start, places))

    @abstractmethod
    def tile(self, start: Value, places: int, segments: Sequence[Segment]) -> None:
        """Writes some places from `start` on."""

    def x_at(self, start: Value, row: Value) -> Value:
        """Where x begins for a tile and a row of the filter."""
        c = self.c
        return self.code.at(
            self.x, (start, c.width.stride * c.channels), (row, c.height.dilation * c.width.size * c.channels),
            -c.width.before * c.channels,
        )  # fmt: skip


class _Dense(_Row):
    """A panel of weights at a row."""

    def __init__(self, f: Function, c: Convolution, line: Value, panel: Value, part: tuple[Value, int]):
        super().__init__(f, c, line)
        code, self.vectors = self.code, c.vectors
        self.inner = c.channels // c.groups
        self.ahead = Ahead(f, panel, c.panel, *part)
        self.w = code.at((panel, c.panel), (self.part, self.inner * self.vectors * self.lanes))
        group, own = code.index(0), panel
        if c.groups > 1:
            panels = code.index(c.panels // c.groups)
            group, own = (code(f"arith.{operation} {panel}, {panels} : index") for operation in ("divui", "remui"))
            self.x = code.at(self.x, (group, self.inner))
        channels = [code.at((own, self.vectors * self.lanes), i * self.lanes) for i in range(self.vectors)]
        self.channels = [code.at((group, c.each), n) for n in channels]
        self.lefts: list[Value | None] = [None] * self.vectors
        if c.each % (self.vectors * self.lanes):
            self.lefts = [code(f"arith.subi {code.index(c.each)}, {n} : index") for n in channels]

    def write(self) -> None:
        self.columns(self.c.tile(self.vectors))

    def tile(self, start: Value, places: int, segments: Sequence[Segment]) -> None:
        c, code = self.c, self.code
        zero = code.constant("0.0", self.vf)
        first = [
            self.output.load("bias", channel, left) if c.epilogue.bias else zero
            for channel, left in zip(self.channels, self.lefts, strict=True)
        ]
        sums = first * places
        if c.height.kernel == 1 and c.height.inside:
            sums = self._row(start, code.index(0), segments, sums)
        else:
            with code.loop(*self.taps, [(s, self.vf) for s in sums]) as loop:
                loop.values[:] = self._row(start, loop.index, segments, loop.values)
            sums = loop.results
        self.output.store(sums, self.line, start, self.channels, self.lefts)

    def _row(self, start: Value, row: Value, segments: Sequence[Segment], sums: Sequence[Value]) -> list[Value]:
        """Adds what a row of the filter gives."""
        c, code, f, sums = self.c, self.code, self.f, list(sums)
        width = self.vectors * self.lanes
        x, w = self.x_at(start, row), code.at(self.w, (row, c.width.kernel * self.inner * width))
        for segment in segments:
            length, step = segment.taps * self.inner, c.width.stride * c.channels
            unroll = next(n for n in range(max(UNROLL, 7 if length % 4 else 0), 0, -1) if length % n == 0)
            own = slice(segment.places.start * self.vectors, segment.places.stop * self.vectors)
            with code.loop(0, length, [(s, self.vf) for s in sums[own]], step=unroll) as loop:
                here = code.at(x, loop.index, segment.tap * c.width.dilation * c.channels)
                weights = code.at(w, (loop.index, width), segment.tap * self.inner * width)
                self.ahead.prefetch(code.at(weights, (self.w, -1)), unroll * self.vectors)
                for k in range(unroll):
                    places = [code.at(weights, k * width + i * self.lanes) for i in range(self.vectors)]
                    ws = [f.load("w", place, self.vf) for place in places]
                    for n, p in enumerate(segment.places):
                        value = f.splat(f.load("x", code.at(here, p * step + k)), "f32")
                        for i, weight in enumerate(ws):
                            slot = n * self.vectors + i
                            loop.values[slot] = code(f"math.fma {value}, {weight}, {loop.values[slot]} : {self.vf}")
            sums[own] = loop.results
        return sums


class Windows(_Row):
    """What has a window for each channel: a vector of channels after another, of which the last overlaps the one before
    it. Where all channels fill no vector, `left` are there."""

    def __init__(self, f: Function, c: Convolution, line: Value):
        super().__init__(f, c, line)
        self.left = self.code.index(c.channels) if c.channels < self.lanes else None

    def write(self) -> None:
        code, c = self.code, self.c
        most = self.c.machine.registers // 2 - 2
        tile = -(-c.width.count // -(-c.width.count // most))
        with code.loop(0, -(-c.channels // self.lanes)) as loop:
            last = code.index(max(0, c.channels - self.lanes))
            self.channel = code(f"arith.minui {code.at((loop.index, self.lanes))}, {last} : index")
            self.columns(tile)

    def tile(self, start: Value, places: int, segments: Sequence[Segment]) -> None:
        with self.code.loop(*self.taps, [(self.first(), self.vf)] * places) as loop:
            x, known = self.code.at(self.x_at(start, loop.index), self.channel), dict[int, Value]()
            for segment in segments:
                add = self.adder(loop.index, segment.tap)
                for p in segment.places:
                    column = p * self.c.width.stride + segment.tap * self.c.width.dilation
                    if column not in known:
                        place = self.code.at(x, column * self.c.channels)
                        known[column] = self.output.load("x", place, self.left)
                    loop.values[p] = add(loop.values[p], known[column])
        values = self.last(loop.results, segments)
        self.output.store(values, self.line, start, [self.channel], [self.left])

    @abstractmethod
    def first(self) -> Value:
        """What a window without elements gives."""

    @abstractmethod
    def adder(self, row: Value, tap: int) -> Callable[[Value, Value], Value]:
        """What adds an element to others, where it is under a row of the window and an element of that."""

    def last(self, values: Sequence[Value], segments: Sequence[Segment]) -> Sequence[Value]:
        """What becomes of the values of the places."""
        return values


class _Depthwise(Windows):
    """A filter for each channel."""

    def first(self) -> Value:
        if not self.c.epilogue.bias:
            return self.code.constant("0.0", self.vf)
        return self.output.load("bias", self.channel, self.left)

    def adder(self, row: Value, tap: int) -> Callable[[Value, Value], Value]:
        c, code = self.c, self.code
        place = code.at((row, c.width.kernel * c.outputs), self.channel, tap * c.outputs)
        weight = self.output.load("w", place, self.left)
        return lambda total, value: code(f"math.fma {value}, {weight}, {total} : {self.vf}")
