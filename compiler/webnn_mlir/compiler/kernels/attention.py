"""Attention in float32: softmax(q kᵀ · scale + mask) v, without ever holding all scores.

The lanes of a vector are queries. Keys and values are read an element at a time, in whatever layout they have, and
each element is multiplied with a tile of queries. Scores of a tile of keys stay in the first cache; a maximum and a sum
of powers for each query are carried from tile to tile, and what was added up before is scaled when the maximum grows:

    m' = max(m, max(s))    p = exp(s - m')    l' = l · exp(m - m') + sum(p)    o' = o · exp(m - m') + p v

and o / l is the result.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from .code import Code, Value
from .exponential import exponential, greater, real
from .function import Dispatch, Function, written_once
from .machine import Machine

VECTORS = 2
"""Of queries in a tile."""

KEYS = 64
"""Of a tile, at most, about."""

WORKGROUPS = 64

LARGEST = 256
"""Elements of a query, and of a value: a tile of each is on the stack."""


@dataclass(frozen=True)
class View:
    """How a tensor of `size` elements is read as a batch of matrices: by what an index into each dimension of the
    batch, a row, and a column moves; 0 where it is the same for all."""

    size: int
    batch: tuple[int, ...]
    row: int
    column: int


@dataclass(frozen=True)
class Attention:
    """y[…, queries, width] of q[…, queries, depth], k[…, keys, depth], v[…, keys, width] and mask[…, queries, keys].

    Elements of a row of q and of y are neighbours; those of a mask are, too, where it has one for each query.
    """

    machine: Machine
    batch: tuple[int, ...]
    queries: int
    keys: int
    depth: int
    width: int
    scale: float
    q: View
    k: View
    v: View
    mask: View | None
    y: View
    most_keys: int = KEYS

    @property
    def name(self) -> str:
        sizes = (math.prod(self.batch), self.queries, self.keys, self.depth, self.width)
        return f"attention_{'x'.join(map(str, sizes))}_{hashlib.sha256(repr(self).encode()).hexdigest()[:8]}"

    @property
    def tile(self) -> int:
        """Queries of a tile."""
        return VECTORS * self.machine.lanes

    @property
    def tiles(self) -> int:
        return math.prod(self.batch) * -(-self.queries // self.tile)

    @property
    def block(self) -> int:
        """Keys, or columns of values, whose sums fit the registers."""
        return 8 if self.machine.registers >= 32 else 4

    @property
    def key_tile(self) -> int:
        """Keys of a tile: as even as they can be divided."""
        even = -(-self.keys // -(-self.keys // self.most_keys))
        return min(self.keys, -(-even // self.block) * self.block)


def pays(machine: Machine, queries: int, keys: int, depth: int, width: int) -> bool:
    """Whether the kernel is faster than two products and a softmax.

    For a key and a tile of queries it takes depth + width products of a vector, and 20 instructions for a power, twice;
    the others take about 1.5 instructions a product, of which those of a few queries are as many as there are queries.
    """
    if max(depth, width) > LARGEST:
        return False
    vectors = -(-queries // (VECTORS * machine.lanes)) * VECTORS
    kernel = vectors * (depth + width + 20)
    apart = 1.5 * -(-queries // 4) * 4 * (depth + width + 40) / machine.lanes
    return queries * keys >= 256 and kernel < 2 * apart


@written_once
def function(a: Attention) -> Dispatch:
    """The function that computes y of q, k, v and, where there is one, mask."""
    inputs = {"q": a.q, "k": a.k, "v": a.v} | ({} if a.mask is None else {"mask": a.mask})
    f = Function(
        a.name, a.machine, {name: f"{view.size}xf32" for name, view in inputs.items()}, {"y": f"{a.y.size}xf32"}
    )
    workgroups = min(WORKGROUPS, a.tiles)
    lanes, tile = a.machine.lanes, a.tile

    def padded(columns: int) -> int:
        return -(-columns // lanes) * lanes

    for name, rows in (("queries", padded(a.depth)), ("scores", a.key_tile), ("sums", padded(a.width))):
        f.scratch(name, f"{rows * tile}xf32")
    with f.code.loop(*f.part(a.tiles, workgroups)) as loop:
        _Tile(f, a, loop.index).write()
    return f.dispatch(workgroups)


class _Tile:
    """A tile of queries."""

    def __init__(self, f: Function, a: Attention, number: Value):
        self.f, self.a, self.code = f, a, f.code
        self.lanes, self.vf = a.machine.lanes, a.machine.vector("f32")
        code, parts = f.code, -(-a.queries // a.tile)
        item = code(f"arith.divui {number}, {code.index(parts)} : index")
        self.first = code.at((code(f"arith.remui {number}, {code.index(parts)} : index"), a.tile))
        places: list[Value] = []
        for size in reversed(a.batch):
            places.insert(0, code(f"arith.remui {item}, {code.index(size)} : index"))
            item = code(f"arith.divui {item}, {code.index(size)} : index")
        views = {"q": a.q, "k": a.k, "v": a.v, "mask": a.mask, "y": a.y}
        self.start = {
            name: code.at(*((place, step) for place, step in zip(places, view.batch, strict=True) if step), 0)
            for name, view in views.items()
            if view
        }

    def write(self) -> None:
        code, a, vf = self.code, self.a, self.vf
        self._read_queries()
        zero, lowest = code.constant("0.0", vf), real(code, -math.inf, vf)
        with code.loop(0, a.width) as loop:
            for i in range(VECTORS):
                self.f.store(zero, "sums", code.at((loop.index, a.tile), i * self.lanes), vf)
        carried = [(lowest, vf)] * VECTORS + [(zero, vf)] * VECTORS
        full = a.keys // a.key_tile * a.key_tile
        with code.loop(0, full, carried, step=a.key_tile) as loop:
            loop.values[:] = self._keys(loop.index, a.key_tile, loop.values)
        values = loop.results
        if full < a.keys:
            values = self._keys(code.index(full), a.keys - full, values)
        self._write_results(values[VECTORS:])

    def _read_queries(self) -> None:
        """Queries as columns, times the scale. Those behind the last one are the last one again."""
        code, a = self.code, self.a
        scale = real(code, a.scale, self.vf)

        def block(column: Value, left: int) -> None:
            for i in range(VECTORS):
                rows = [self._query_row("q", i, lane, column, left) for lane in range(self.lanes)]
                for j, vector in enumerate(transposed(code, rows, self.vf)):
                    place = code.at((column, a.tile), j * a.tile + i * self.lanes)
                    self.f.store(code(f"arith.mulf {vector}, {scale} : {self.vf}"), "queries", place, self.vf)

        self._by_lanes(a.depth, block)

    def _query_row(self, name: str, i: int, lane: int, column: Value, left: int) -> Value:
        """A vector of a row of q or of mask, for query `lane` of vector i; of its last ones `left` are there."""
        code, view = self.code, self.a.q if name == "q" else self.a.mask
        assert view is not None
        place = code.at(self.start[name], (self._query(i, lane), view.row), column)
        if left < self.lanes:
            return self.f.load_part(name, place, code.index(left), self.vf)
        return self.f.load(name, place, self.vf)

    def _query(self, i: int, lane: int) -> Value:
        code, a = self.code, self.a
        number = code.at(self.first, i * self.lanes + lane)
        return code(f"arith.minui {number}, {code.index(a.queries - 1)} : index") if a.queries % a.tile else number

    def _by_lanes(self, columns: int, block: object) -> None:
        """Calls block(first, how many) for as many columns at a time as there are lanes, then for the rest."""
        assert callable(block)
        full = columns // self.lanes * self.lanes
        if full:
            with self.code.loop(0, full, step=self.lanes) as loop:
                block(loop.index, self.lanes)
        if full < columns:
            block(self.code.index(full), columns - full)

    def _keys(self, first: Value, count: int, values: list[Value]) -> list[Value]:
        """Adds what a tile of keys gives; `values` are the maxima and the sums of powers."""
        code, vf = self.code, self.vf
        maxima, totals = values[:VECTORS], values[VECTORS:]
        found = self._scores(first, count, maxima)
        if self._masks_queries:
            found = self._mask_queries(first, count, maxima)
        zero, lowest = code.constant("0.0", vf), real(code, -math.inf, vf)
        # Where all keys so far are masked, nothing is subtracted: -inf - -inf is no number.
        masked = [code(f"arith.cmpf oeq, {m}, {lowest} : {vf}") for m in found]
        bits = vf.replace("f32", "i1")
        less = [
            code(f"arith.select {none}, {zero}, {m} : {bits}, {vf}") for none, m in zip(masked, found, strict=True)
        ]
        shrink = [
            exponential(code, code(f"arith.subf {old}, {new} : {vf}"), vf)
            for old, new in zip(maxima, less, strict=True)
        ]
        added = self._powers(count, less)
        totals = [self._fma(t, s, p) for t, s, p in zip(totals, shrink, added, strict=True)]
        self._values(first, count, shrink)
        return found + totals

    def _scores(self, first: Value, count: int, maxima: list[Value]) -> list[Value]:
        """Scores of a tile of keys, and the maxima, where no mask is still to be added."""
        code, block = self.code, self.a.block
        full = count // block * block
        carried = [] if self._masks_queries else maxima
        if full:
            with code.loop(0, full, [(m, self.vf) for m in carried], step=block) as loop:
                loop.values[:] = self._score_block(first, loop.index, block, loop.values)
            carried = loop.results
        if full < count:
            carried = self._score_block(first, code.index(full), count - full, carried)
        return carried

    def _score_block(self, first: Value, number: Value, count: int, maxima: list[Value]) -> list[Value]:
        code, a, vf = self.code, self.a, self.vf
        key = code.at(first, number)
        start = code.at(self.start["k"], (key, a.k.row))
        zero = code.constant("0.0", vf)
        unroll = next(n for n in (4, 2, 1) if a.depth % n == 0)
        with code.loop(0, a.depth, [(zero, vf)] * (count * VECTORS), step=unroll) as loop:
            for j in range(unroll):
                queries = self._row("queries", code.at((loop.index, a.tile), j * a.tile))
                for n in range(count):
                    place = code.at(start, (loop.index, a.k.column), j * a.k.column + n * a.k.row)
                    k = self.f.splat(self.f.load("k", place), "f32")
                    for i in range(VECTORS):
                        slot = n * VECTORS + i
                        loop.values[slot] = self._fma(k, queries[i], loop.values[slot])
        for n in range(count):
            scores = loop.results[n * VECTORS : (n + 1) * VECTORS]
            if a.mask and not self._masks_queries:
                term = self.f.load("mask", code.at(self.start["mask"], (key, a.mask.column), n * a.mask.column))
                scores = [code(f"arith.addf {s}, {self.f.splat(term, 'f32')} : {vf}") for s in scores]
            for i, score in enumerate(scores):
                self.f.store(score, "scores", code.at((number, a.tile), n * a.tile + i * self.lanes), vf)
            maxima = [greater(code, s, m, vf) for s, m in zip(scores, maxima, strict=False)]
        return maxima

    @property
    def _masks_queries(self) -> bool:
        """Whether each query has a mask of its own."""
        return self.a.mask is not None and self.a.mask.row > 0

    def _mask_queries(self, first: Value, count: int, maxima: list[Value]) -> list[Value]:
        """Adds the mask to a tile of scores; the maxima of them."""
        code, a, vf = self.code, self.a, self.vf

        def block(number: Value, left: int, so_far: list[Value]) -> list[Value]:
            column, found = code.at(first, number), []
            for i, most in enumerate(so_far):
                rows = [self._query_row("mask", i, lane, column, left) for lane in range(self.lanes)]
                for n, term in enumerate(transposed(code, rows, vf)[:left]):
                    place = code.at((number, a.tile), n * a.tile + i * self.lanes)
                    score = code(f"arith.addf {self.f.load('scores', place, vf)}, {term} : {vf}")
                    self.f.store(score, "scores", place, vf)
                    most = greater(code, score, most, vf)
                found.append(most)
            return found

        full = count // self.lanes * self.lanes
        if full:
            with code.loop(0, full, [(m, vf) for m in maxima], step=self.lanes) as loop:
                loop.values[:] = block(loop.index, self.lanes, loop.values)
            maxima = loop.results
        return block(code.index(full), count - full, maxima) if full < count else maxima

    def _powers(self, count: int, maxima: list[Value]) -> list[Value]:
        """Replaces scores by exp(score - maximum); the sums of these."""
        code, vf = self.code, self.vf
        with code.loop(0, count, [(code.constant("0.0", vf), vf)] * VECTORS) as loop:
            place = code.at((loop.index, self.a.tile))
            scores = self._row("scores", place)
            for i, (score, most) in enumerate(zip(scores, maxima, strict=True)):
                power = exponential(code, code(f"arith.subf {score}, {most} : {vf}"), vf)
                self.f.store(power, "scores", code.at(place, i * self.lanes), vf)
                loop.values[i] = code(f"arith.addf {loop.values[i]}, {power} : {vf}")
        return loop.results

    def _values(self, first: Value, count: int, shrink: list[Value]) -> None:
        """Adds a tile of powers times values to the sums, which shrink."""
        code, a = self.code, self.a
        full = a.width // a.block * a.block
        if full:
            with code.loop(0, full, step=a.block) as loop:
                self._value_block(first, count, loop.index, a.block, shrink)
        if full < a.width:
            self._value_block(first, count, code.index(full), a.width - full, shrink)

    def _value_block(self, first: Value, count: int, column: Value, columns: int, shrink: list[Value]) -> None:
        code, a, vf = self.code, self.a, self.vf
        start = code.at(self.start["v"], (first, a.v.row), (column, a.v.column))
        sums = [self._row("sums", code.at((column, a.tile), j * a.tile)) for j in range(columns)]
        carried = [
            (code(f"arith.mulf {s}, {shrink[i]} : {vf}"), vf) for row in sums for i, s in enumerate(row)
        ]
        unroll = next(n for n in (4, 2, 1) if count % n == 0)
        with code.loop(0, count, carried, step=unroll) as loop:
            for n in range(unroll):
                powers = self._row("scores", code.at((loop.index, a.tile), n * a.tile))
                for j in range(columns):
                    place = code.at(start, (loop.index, a.v.row), n * a.v.row + j * a.v.column)
                    v = self.f.splat(self.f.load("v", place), "f32")
                    for i in range(VECTORS):
                        slot = j * VECTORS + i
                        loop.values[slot] = self._fma(v, powers[i], loop.values[slot])
        for slot, value in enumerate(loop.results):
            j, i = divmod(slot, VECTORS)
            self.f.store(value, "sums", code.at((column, a.tile), j * a.tile + i * self.lanes), vf)

    def _write_results(self, totals: list[Value]) -> None:
        """The sums over the sums of powers, as rows."""
        code, a, vf = self.code, self.a, self.vf
        one = code.constant("1.0", vf)
        inverse = [code(f"arith.divf {one}, {t} : {vf}") for t in totals]

        def block(column: Value, left: int) -> None:
            for i in range(VECTORS):
                places = [code.at((column, a.tile), j * a.tile + i * self.lanes) for j in range(self.lanes)]
                columns = [
                    code(f"arith.mulf {self.f.load('sums', place, vf)}, {inverse[i]} : {vf}") for place in places
                ]
                for lane, row in enumerate(transposed(code, columns, vf)):
                    self._store_row(row, i * self.lanes + lane, column, left)

        self._by_lanes(a.width, block)

    def _store_row(self, row: Value, number: int, column: Value, left: int) -> None:
        code, a = self.code, self.a
        query = code.at(self.first, number)

        def store() -> None:
            place = code.at(self.start["y"], (query, a.y.row), column)
            if left < self.lanes:
                self.f.store_part(row, "y", place, code.index(left), self.vf)
            else:
                self.f.store(row, "y", place, self.vf)

        if a.queries % a.tile == 0:
            store()
            return
        with code.when(code(f"arith.cmpi ult, {query}, {code.index(a.queries)} : index")):
            store()

    def _row(self, name: str, place: Value) -> list[Value]:
        """A row of a scratch: an element for each query of the tile."""
        return [self.f.load(name, self.code.at(place, i * self.lanes), self.vf) for i in range(VECTORS)]

    def _fma(self, a: Value, b: Value, c: Value) -> Value:
        return self.code(f"math.fma {a}, {b}, {c} : {self.vf}")


def transposed(code: Code, rows: list[Value], vf: str) -> list[Value]:
    """The columns of as many rows as a vector has lanes, a power of two: rows of the first half and of the second are
    interleaved, again and again."""
    lanes = len(rows)
    low = [n // 2 + lanes * (n % 2) for n in range(lanes)]
    high = [n + lanes // 2 for n in low]
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True)
        rows = [code(f"vector.shuffle {a}, {b} {half} : {vf}, {vf}") for a, b in pairs for half in (low, high)]
    return rows
