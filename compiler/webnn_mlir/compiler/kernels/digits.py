"""Matrix product of float32 rows and quantized columns, by dot products of bytes.

In each block of a row, x is a sum of digits, which are signed bytes, each on a scale smaller than the one before:

    x = s * (d0 + d1 / b + d2 / b^2 + …) with s = max |x| / D and b = 2 D, where D is the greatest digit

so sum x * (q - zero) is a sum of integer products, exact but for what the digits leave of x. That is `TOLERANCE` of
each element at most: the first digits (`Digits.first`) are always there, and blocks that need more have more. One
digit alone is the usual dynamic quantization. x that is not finite gives NaN.

Weights lie in groups of as many columns as the machine has lanes, and there block after block. Each lane has four
successive weights of its column; those of 4 bits share a byte with the four after them, which lie in its upper half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .code import Value, tree
from .function import Dispatch, ProductFunction, written_once
from .product import Product

TOLERANCE = 2.0**-19
"""What digits may leave of an element of x, relative to it; 2e-6."""

MOST = 16
"""Digits at most. Elements so small that they need more, 2^-100 of the greatest in their block, lose precision."""


AHEAD = 2**13
"""Bytes of weights between those that are multiplied and those that are brought to the cache meanwhile, where blocks
are small: there the instructions for a block take nearly as long as its weights take to come."""

SMALL_BLOCK = 64

UNROLL = (4, 2, 1)
"""How many vectors of weights are unrolled in a block."""


@dataclass(frozen=True)
class Digits:
    """How a product is computed: `first` digits of every block, and with `exact` more where they are needed.

    The columns are divided among `workgroups`.
    """

    product: Product
    first: int
    exact: bool
    workgroups: int

    @property
    def more(self) -> int:
        """Digits that a block may have beyond the first ones."""
        return MOST - self.first if self.exact else 0

    @property
    def count(self) -> int:
        """Digits that a block may have."""
        return self.first + self.more

    @property
    def base(self) -> float:
        return 2.0 * self.product.machine.digit(self.product.bits)

    @property
    def scratch(self) -> dict[str, str]:
        """What the digits are written to, for each block of each row (a cell): they themselves; the scale of the first
        one; for each the negated sum over the block, times the zero point if all weights share it. With `exact`, for
        each row how many of its blocks have more digits, which those are, how many each has, and these."""
        p = self.product
        cells = p.rows * p.blocks
        types = {
            "digits": f"{cells * self.first * p.block}xi8",
            "scales": f"{cells}xf32",
            "sums": f"{cells * self.count}x{'f32' if p.zero is None else 'i32'}",
        }
        if self.exact:
            types |= {"lengths": f"{p.rows}xi32", "listed": f"{cells}xi32", "counts": f"{cells}xi32"}
            types |= {"more": f"{cells * self.more * p.block}xi8"}
        return types


@written_once
def functions(digits: Digits) -> list[Dispatch]:
    """The functions that compute a product of rows x into y."""
    p = digits.product
    x, y = {"x": f"{p.rows * p.depth}xf32"}, {"y": f"{p.rows * p.columns}xf32"}
    # Products of the same rows share their digits: nothing in the name is the columns' own.
    kind = "exact" if digits.exact else "dynamic"
    sums = "" if p.zero is None else f"_zero{p.zero % 256}"
    name = f"{kind}_digits_{p.rows}x{p.depth}_block{p.block}_to{p.machine.digit(p.bits)}{sums}"
    quantize = ProductFunction(name, p, x, digits.scratch)
    quantize_row(quantize, digits)
    multiply = ProductFunction(f"{kind}_{p.name}", p, digits.scratch | p.weights, y)
    multiply_columns(multiply, digits)
    return [quantize.dispatch(p.rows), multiply.dispatch(digits.workgroups)]


# Digits


def quantize_row(f: ProductFunction, digits: Digits) -> None:
    """Writes the digits of the row of x that has the number of the workgroup."""
    code, p = f.code, f.product
    lanes = min(p.machine.lanes, p.block)
    vf = f"vector<{lanes}xf32>"
    top = code.constant(str(p.machine.digit(p.bits) * 1.0), "f32")
    with code.loop(0, p.blocks, [(code.index(0), "index")] if digits.exact else ()) as loop:
        cell = code.at((f.workgroup, p.blocks), loop.index)
        xs = _block_of_x(f, f.workgroup, loop.index, lanes)
        greatest = f.greatest([code(f"math.absf {v} : {vf}") for v in xs], vf)
        # Below this the scale would be subnormal, and its inverse overflow; further digits make up for it.
        greatest = code(f"arith.maximumf {greatest}, {code.constant('1.0e-34', 'f32')} : f32")
        f.store(code(f"arith.divf {greatest}, {top} : f32"), "scales", cell)
        inverse = code(f"vector.broadcast {code(f'arith.divf {top}, {greatest} : f32')} : f32 to {vf}")
        ts = rests = [code(f"arith.mulf {v}, {inverse} : {vf}") for v in xs]
        for d in range(digits.first):
            rests = _take_digit(f, digits, rests, "digits", code.at((cell, digits.first * p.block), d * p.block), vf)
            _store_sum(f, digits, cell, d, rests.wholes, vf)
        if digits.exact:
            limits = _limits(f, digits, ts, vf)
            needed = _needed(f, rests, limits, vf)
            with code.when(needed):
                _further_digits(f, digits, cell, rests, limits, vf)
                number = code(f"arith.index_cast {loop.index} : index to i32")
                f.store(number, "listed", code.at((f.workgroup, p.blocks), loop.values[0]))
            one = code(f"arith.index_castui {needed} : i1 to index")
            loop.values[0] = code(f"arith.addi {loop.values[0]}, {one} : index")
    if digits.exact:
        f.store(code(f"arith.index_cast {loop.results[0]} : index to i32"), "lengths", f.workgroup)


def _block_of_x(f: ProductFunction, row: Value, block: Value, lanes: int) -> list[Value]:
    """Vectors of a block of x, 0 beyond the end of the row."""
    code, p = f.code, f.product
    vf = f"vector<{lanes}xf32>"
    start = code.at((block, p.block))
    vectors = []
    for i in range(0, p.block, lanes):
        place = code.at((row, p.depth), start, i)
        if p.depth % p.block == 0:
            vectors.append(f.load("x", place, vf))
        else:
            left = code(f"arith.subi {code.index(p.depth)}, {code.at(start, i)} : index")
            vectors.append(f.load_part("x", place, left, vf))
    return vectors


class _Rests(list[Value]):
    """What is left of vectors, on the next digit's scale, with the digits taken off (`wholes`)."""

    wholes: list[Value]


def _take_digit(
    f: ProductFunction, digits: Digits, vectors: Sequence[Value], name: str, place: Value, vf: str
) -> _Rests:
    code = f.code
    vi, vb = vf.replace("f32", "i32"), vf.replace("f32", "i8")
    lanes = min(f.product.machine.lanes, f.product.block)
    base = code.constant(str(digits.base), vf)
    rests = _Rests()
    rests.wholes = [code(f"math.roundeven {t} : {vf}") for t in vectors]
    for i, (t, whole) in enumerate(zip(vectors, rests.wholes, strict=True)):
        integer = code(f"arith.fptosi {whole} : {vf} to {vi}")
        f.store(code(f"arith.trunci {integer} : {vi} to {vb}"), name, code.at(place, i * lanes), vb)
        rest = code(f"arith.subf {t}, {whole} : {vf}")
        rests.append(code(f"arith.mulf {rest}, {base} : {vf}"))
    return rests


def _store_sum(
    f: ProductFunction, digits: Digits, cell: Value, digit: Value | int, wholes: Sequence[Value], vf: str
) -> None:
    code, zero = f.code, f.product.zero
    total = f.sum_of(tree(lambda a, b: code(f"arith.addf {a}, {b} : {vf}"), wholes), vf)
    total = code(f"arith.mulf {total}, {code.constant(str(-1.0 if zero is None else -float(zero)), 'f32')} : f32")
    if zero is not None:
        total = code(f"arith.fptosi {total} : f32 to i32")
    f.store(total, "sums", code.at((cell, digits.count), digit))


def _limits(f: ProductFunction, digits: Digits, ts: Sequence[Value], vf: str) -> list[Value]:
    """What may be left of x after the first digits, on their next one's scale; `ts` is x on the first one's."""
    factor = f.code.constant(repr(TOLERANCE * digits.base**digits.first), vf)
    return [f.code(f"arith.mulf {f.code(f'math.absf {t} : {vf}')}, {factor} : {vf}") for t in ts]


def _needed(f: ProductFunction, rests: Sequence[Value], limits: Sequence[Value], vf: str) -> Value:
    """Whether anything left is over its limit."""
    pairs = zip(rests, limits, strict=True)
    over = [f.code(f"arith.subf {f.code(f'math.absf {r} : {vf}')}, {limit} : {vf}") for r, limit in pairs]
    return f.code(f"arith.cmpf ogt, {f.greatest(over, vf)}, {f.code.constant('0.0', 'f32')} : f32")


def _further_digits(
    f: ProductFunction, digits: Digits, cell: Value, rests: Sequence[Value], limits: Sequence[Value], vf: str
) -> None:
    """Digits until what is left is within the limits."""
    code, p = f.code, f.product
    with code.loop(0, digits.more, [(v, vf) for v in (*rests, *limits)]) as loop:
        rests, limits = loop.values[: len(rests)], loop.values[len(rests) :]
        with code.when(_needed(f, rests, limits, vf)):
            place = code.at((cell, digits.more * p.block), (loop.index, p.block))
            taken = _take_digit(f, digits, rests, "more", place, vf)
            _store_sum(f, digits, cell, code.at(loop.index, digits.first), taken.wholes, vf)
            f.store(code(f"arith.index_cast {code.at(loop.index, 1)} : index to i32"), "counts", cell)
        base = code.constant(str(digits.base), vf)
        left = [code(f"arith.subf {r}, {code(f'math.roundeven {r} : {vf}')} : {vf}") for r in rests]
        loop.values[:] = [code(f"arith.mulf {v}, {base} : {vf}") for v in (*left, *limits)]


# Products


def multiply_columns(f: ProductFunction, digits: Digits) -> None:
    """A workgroup's part of the columns for all rows."""
    code, p = f.code, f.product
    together = min(p.rows, _rows_at_once(digits))
    full = p.rows // together * together
    with code.loop(*f.part(p.groups, digits.workgroups)) as columns:
        with code.loop(0, full, step=together) as rows:
            _Rows(f, digits, columns.index, [code.at(rows.index, i) for i in range(together)]).write()
        if p.rows > full:
            _Rows(f, digits, columns.index, [code.index(i) for i in range(full, p.rows)]).write()


def _rows_at_once(digits: Digits) -> int:
    """As many as there are registers for: a sum a row, an integer sum a row and digit, and a few for weights."""
    return max(1, (digits.product.machine.registers - 6) // (digits.first + 1))


class _Rows:
    """A group of columns of some rows being computed."""

    def __init__(self, f: ProductFunction, digits: Digits, column: Value, rows: Sequence[Value]):
        self.f, self.code, self.p, self.digits = f, f.code, f.product, digits
        self.column, self.rows = column, rows
        m = self.p.machine
        self.vf, self.vi, self.vb = m.vector("f32"), m.vector("i32"), m.vector("i8", 4)
        self.chunk = 32 // self.p.bits
        """Successive weights of a column in a vector."""

    def write(self) -> None:
        code, p = self.code, self.p
        start = [(code.constant("0.0", self.vf), self.vf)] * len(self.rows)
        factor, zero = (self.f.scales(self.column), self.f.zeros(self.column)) if p.whole else (None, None)
        with code.loop(0, p.blocks, start) as loop:
            block = code.at((self.column, p.blocks), loop.index)
            cells = [code.at((row, p.blocks), loop.index) for row in self.rows]
            if self.digits.exact and p.block <= SMALL_BLOCK:
                self._prefetch(code.at(block, AHEAD // p.block_bytes))
            scales = factor or self.f.scales(block)
            values = self._block(block, cells, zero if p.whole else self.f.zeros(block))
            for i, (cell, value) in enumerate(zip(cells, values, strict=True)):
                loop.values[i] = self._scaled(value, cell, scales, loop.values[i])
        for row, value in zip(self.rows, loop.results, strict=True):
            if self.digits.exact:
                value = self._with_more(value, row, factor, zero)
            self._store(code(f"arith.mulf {value}, {factor} : {self.vf}") if p.whole else value, row)

    def _prefetch(self, block: Value) -> None:
        p, m = self.p, self.p.machine
        self.f.prefetch("weights", self.code.at((block, p.block_bytes)), -(-p.block_bytes // (4 * m.lanes)), cache=1)
        if not p.whole:
            self.f.prefetch("factors", self.code.at((block, m.lanes)), 1, cache=1)

    def _scaled(self, value: Value, cell: Value, scales: Value, total: Value) -> Value:
        """The total with a block's sum; the scale of whole columns is left for their end."""
        scale = self.f.splat(self.f.load("scales", cell), "f32")
        if not self.p.whole:
            value = self.code(f"arith.mulf {value}, {scales} : {self.vf}")
        return self.code(f"math.fma {value}, {scale}, {total} : {self.vf}")

    def _with_more(self, total: Value, row: Value, factor: Value | None, zero: Value | None) -> Value:
        """The total with the further digits of a row's blocks, of which few have any."""
        code, p = self.code, self.p
        length = code(f"arith.index_cast {self.f.load('lengths', row)} : i32 to index")
        with code.loop(0, length, [(total, self.vf)]) as loop:
            number = self.f.load("listed", code.at((row, p.blocks), loop.index))
            number = code(f"arith.index_cast {number} : i32 to index")
            block, cell = code.at((self.column, p.blocks), number), code.at((row, p.blocks), number)
            value = self._more(block, cell, zero if p.whole else self.f.zeros(block))
            loop.values[0] = self._scaled(value, cell, factor or self.f.scales(block), loop.values[0])
        return loop.results[0]

    def _weights(self, block: Value, chunk: Value | int) -> list[Value]:
        """A vector in memory as vectors of a byte a weight, four successive ones in each lane."""
        code, m = self.code, self.p.machine
        packed = self.f.load("weights", code.at((block, self.p.block_bytes), (chunk, 4 * m.lanes)), self.vb)
        if self.p.bits == 8:
            return [packed]
        mask, shorts = code.constant("15", self.vb), m.vector("i16", 2)
        high = code(f"vector.bitcast {packed} : {self.vb} to {shorts}")
        high = code(f"arith.shrui {high}, {code.constant('4', shorts)} : {shorts}")
        high = code(f"vector.bitcast {high} : {shorts} to {self.vb}")
        return [code(f"arith.andi {v}, {mask} : {self.vb}") for v in (packed, high)]

    def _start(self, cell: Value, digit: Value | int) -> Value:
        """What the integer sum of a digit starts from: -zero * sum of the digits, where all weights share the zero."""
        if not self.p.zero:
            return self.code.constant("0", self.vi)
        return self.f.splat(self.f.load("sums", self.code.at((cell, self.digits.count), digit)), "i32")

    def _finish(self, total: Value, cell: Value, digit: Value | int, zero: Value | None) -> Value:
        """The integer sum of a digit as a float; below 2^24, so nothing is rounded."""
        code = self.code
        value = code(f"arith.sitofp {total} : {self.vi} to {self.vf}")
        if zero is None:
            return value
        negated = self.f.splat(self.f.load("sums", code.at((cell, self.digits.count), digit)), "f32")
        return code(f"math.fma {zero}, {negated}, {value} : {self.vf}")

    def _dot(self, total: Value, weights: Value, name: str, place: Value) -> Value:
        bytes_ = self.f.load(name, place, "vector<4xi8>")
        four = self.code(f"vector.bitcast {bytes_} : vector<4xi8> to vector<1xi32>")
        four = self.code(f"vector.extract {four}[0] : i32 from vector<1xi32>")
        four = self.code(f"vector.bitcast {self.f.splat(four, 'i32')} : {self.vi} to {self.vb}")
        return self.p.machine.dot(self.code, total, weights, four)

    def _block(self, block: Value, cells: Sequence[Value], zero: Value | None) -> list[Value]:
        """For each row the sum over a block of what its first digits give, on the scale of the first."""
        code, p, first = self.code, self.p, self.digits.first
        chunks = p.block // self.chunk
        starts = [code.at((cell, first * p.block)) for cell in cells]
        # Sums that wait for one another in turn take the time of a block of 32.
        chains = 2 if p.bits == 4 and chunks > 4 and 2 * len(cells) * first <= p.machine.registers - 6 else 1

        def chunk(number: Value | int, totals: Sequence[Value]) -> list[Value]:
            totals = list(totals)
            for half, weights in enumerate(self._weights(block, number)):
                for r, start in enumerate(starts):
                    for d in range(first):
                        place = code.at(start, (number, self.chunk), d * p.block + 4 * half)
                        i = (r * first + d) * chains + half % chains
                        totals[i] = self._dot(totals[i], weights, "digits", place)
            return totals

        nothing = code.constant("0", self.vi)
        totals = [t for cell in cells for d in range(first) for t in [self._start(cell, d), nothing][:chains]]
        unrolled = next(n for n in UNROLL if chunks % n == 0)
        with code.loop(0, chunks, [(t, self.vi) for t in totals], step=unrolled) as loop:
            for i in range(unrolled):
                loop.values[:] = chunk(code.at(loop.index, i), loop.values)
        totals = loop.results
        if chains == 2:
            pairs = zip(totals[::2], totals[1::2], strict=True)
            totals = [code(f"arith.addi {one}, {other} : {self.vi}") for one, other in pairs]
        step = code.constant(repr(1 / self.digits.base), self.vf)
        values = []
        for r, cell in enumerate(cells):
            floats = [self._finish(totals[r * first + d], cell, d, zero) for d in range(first)]
            value = floats.pop()
            while floats:
                value = code(f"math.fma {value}, {step}, {floats.pop()} : {self.vf}")
            values.append(value)
        return values

    def _more(self, block: Value, cell: Value, zero: Value | None) -> Value:
        """What a block's further digits give, on the scale of its first."""
        code, p, digits = self.code, self.p, self.digits
        count = code(f"arith.index_cast {self.f.load('counts', cell)} : i32 to index")
        scale = code.constant(repr(digits.base**-digits.first), self.vf)
        with code.loop(0, count, [(code.constant("0.0", self.vf), self.vf), (scale, self.vf)]) as loop:
            digit = code.at(loop.index, digits.first)
            start = code.at((cell, digits.more * p.block), (loop.index, p.block))
            with code.loop(0, p.block // self.chunk, [(self._start(cell, digit), self.vi)]) as chunks:
                for half, weights in enumerate(self._weights(block, chunks.index)):
                    place = code.at(start, (chunks.index, self.chunk), 4 * half)
                    chunks.values[0] = self._dot(chunks.values[0], weights, "more", place)
            part = self._finish(chunks.results[0], cell, digit, zero)
            value, scale = loop.values
            step = code.constant(repr(1 / digits.base), self.vf)
            loop.values[:] = [
                code(f"math.fma {part}, {scale}, {value} : {self.vf}"),
                code(f"arith.mulf {scale}, {step} : {self.vf}"),
            ]
        return loop.results[0]

    def _store(self, value: Value, row: Value) -> None:
        code, p, m = self.code, self.p, self.p.machine
        start = code.at((self.column, m.lanes))
        place = code.at((row, p.columns), start)
        if p.columns % m.lanes == 0:
            self.f.store(value, "y", place, self.vf)
            return
        left = code(f"arith.subi {code.index(p.columns)}, {start} : index")
        self.f.store_part(value, "y", place, left, self.vf)
