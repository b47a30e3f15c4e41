"""Matrix product of float32 rows and quantized columns, by dot products of bytes.

In each block of a row, x is a sum of digits, which are signed bytes, each on a scale smaller than the one before:

    x = s * (d0 + d1 / b + d2 / b^2 + …) with s = max |x| / D and b = 2 D, where D is the greatest digit

so sum x * (q - zero) is a sum of integer products, exact but for what the digits leave of x. That is `TOLERANCE` of
each element at most: the first digits (`Digits.first`) are always there. Where they leave more of a few elements of a
block, what they leave is multiplied in float32, an element at a time; where of many, the block has more digits. One
digit alone is the usual dynamic quantization. x that is not finite gives NaN.

Weights lie in groups of as many columns as the machine has lanes, and there block after block. Each lane has four
successive weights of its column; those of 4 bits share a byte with the four after them, which lie in its upper half.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .code import Value, tree
from .function import Dispatch, ProductFunction, written_once
from .product import Product

TOLERANCE = 2.0**-17
"""What digits may leave of an element of x, relative to it; 8e-6."""

FIRST = 2.0**-23
"""What the first digits may leave, relative to the greatest element of a block. Of normally distributed elements they
then leave more than `TOLERANCE` of one in seventy."""

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
    """How a product is computed: with one digit, or with as many as make it `exact`.

    The columns are divided among `workgroups`.
    """

    product: Product
    exact: bool
    workgroups: int

    @property
    def first(self) -> int:
        """Digits of every block: base^-n is what n of them leave of the greatest element."""
        return math.ceil(math.log(FIRST) / -math.log(self.base)) if self.exact else 1

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
    def few(self) -> int:
        """Elements of a block that are cheaper one at a time than as one more digit of the block."""
        return self.product.block // 16 + 2

    @property
    def singles(self) -> int:
        """Places for such elements of a row: vectors of them are written, of which the next one covers the rest."""
        return self.product.blocks * self.few + self.product.machine.lanes

    @property
    def scratch(self) -> dict[str, str]:
        """What the digits are written to, for each block of each row (a cell): they themselves; the scale of the first
        one; for each the negated sum over the block, times the zero point if all weights share it. With `exact`, for
        each row how many of its blocks have more digits, which those are, how many each has, and these; and how many
        single elements there are of which the digits leave too much, and for each where in a group of columns its
        weights lie, how many bits lie above them in a word, and the bits of what is left of it."""
        p = self.product
        cells = p.rows * p.blocks
        types = {
            "digits": f"{cells * self.first * p.block}xi8",
            "scales": f"{cells}xf32",
            "sums": f"{cells * self.count}x{'f32' if p.zero is None else 'i32'}",
        }
        if self.exact:
            types |= {"lengths": f"{p.rows}xi32", "listed": f"{cells}xi32", "counts": f"{cells}xi32"}
            types |= {"more": f"{cells * self.more * p.block}xi8", "singles": f"{p.rows}xi32"}
            types |= dict.fromkeys(("places", "aboves", "rests"), f"{p.rows * self.singles}xi32")
        return types


@written_once
def functions(digits: Digits) -> list[Dispatch]:
    """The functions that compute a product of rows x into y."""
    p = digits.product
    x, y = {"x": f"{p.rows * p.depth}xf32"}, {"y": f"{p.rows * p.columns}xf32"}
    # Products of the same rows share their digits: nothing in the name is the columns' own.
    kind = "exact" if digits.exact else "dynamic"
    sums = "" if p.zero is None else f"_zero{p.zero % 256}"
    name = f"{kind}_digits_{p.rows}x{p.depth}_i{p.bits}_block{p.block}{sums}"
    quantize = ProductFunction(name, p, x, digits.scratch)
    quantize_row(quantize, digits)
    multiply = ProductFunction(f"{kind}_{p.name}", p, digits.scratch | p.weights, y)
    multiply_columns(multiply, digits)
    return [quantize.dispatch(p.rows), multiply.dispatch(digits.workgroups)]


# Digits


def quantize_row(f: ProductFunction, digits: Digits) -> None:
    """Writes the digits of the row of x that has the number of the workgroup."""
    code, p = f.code, f.product
    if not digits.exact:
        with code.loop(0, p.blocks) as loop:
            _Block(f, digits, loop.index).write()
        return
    # Carried are how many blocks with further digits and how many single elements are listed.
    with code.loop(0, p.blocks, [(code.index(0), "index")] * 2) as loop:
        block = _Block(f, digits, loop.index)
        ts, rests = block.write()
        loop.values[:] = block.write_what_is_left(ts, rests, *loop.values)
    for name, length in zip(("lengths", "singles"), loop.results, strict=True):
        f.store(code(f"arith.index_cast {length} : index to i32"), name, f.workgroup)


class _Block:
    """A block of a row being written as digits: `number` in the row, and among the blocks of all rows its cell."""

    def __init__(self, f: ProductFunction, digits: Digits, number: Value):
        self.f, self.code, self.p, self.digits = f, f.code, f.product, digits
        self.number, self.cell = number, f.code.at((f.workgroup, f.product.blocks), number)
        self.lanes = min(self.p.machine.lanes, self.p.block)
        self.vf, self.vi, self.vb, self.bits = (f"vector<{self.lanes}x{e}>" for e in ("f32", "i32", "i8", "i1"))
        self.base = self.code.constant(str(digits.base), self.vf)

    def write(self) -> tuple[list[Value], list[Value]]:
        """Writes the first digits; x on their first one's scale, and what they leave of it, on that of a next one."""
        code, f, digits, vf = self.code, self.f, self.digits, self.vf
        top = code.constant(str(self.p.machine.digit(self.p.bits) * 1.0), "f32")
        xs = self._x()
        # Below this the scale would be subnormal, and its inverse overflow; what digits leave makes up for it.
        greatest = code(f"arith.maximumf {self._greatest(xs)}, {code.constant('1.0e-34', 'f32')} : f32")
        f.store(code(f"arith.divf {greatest}, {top} : f32"), "scales", self.cell)
        inverse = code(f"vector.broadcast {code(f'arith.divf {top}, {greatest} : f32')} : f32 to {vf}")
        ts = rests = [code(f"arith.mulf {v}, {inverse} : {vf}") for v in xs]
        for d in range(digits.first):
            place = code.at((self.cell, digits.first * self.p.block), d * self.p.block)
            rests = self._take_digit(rests, d, "digits", place)
        return ts, rests

    def write_what_is_left(
        self, ts: Sequence[Value], rests: Sequence[Value], listed: Value, singles: Value
    ) -> list[Value]:
        """Writes what the first digits leave too much of: further digits, or single elements where they are few. How
        many blocks and elements are listed after it."""
        code, f, digits = self.code, self.f, self.digits
        # On the scale of the next digit.
        factor = code.constant(repr(TOLERANCE * digits.base**digits.first), self.vf)
        limits = [code(f"arith.mulf {code(f'math.absf {t} : {self.vf}')}, {factor} : {self.vf}") for t in ts]
        over = self._over(rests, limits)
        counts = [self._count(mask) for mask in over]
        count = tree(lambda a, b: code(f"arith.addi {a}, {b} : index"), counts)
        many = code(f"arith.cmpi ugt, {count}, {code.index(digits.few)} : index")
        with code.when(many):
            self._further_digits(rests, limits)
            number = code(f"arith.index_cast {self.number} : index to i32")
            f.store(number, "listed", code.at((f.workgroup, self.p.blocks), listed))
        none = code.index(0)
        count = code(f"arith.select {many}, {none}, {count} : index")
        with code.when(code(f"arith.cmpi ne, {count}, {none} : index")):
            self._single_elements(rests, over, counts, code.at((f.workgroup, digits.singles), singles))
        one = code(f"arith.index_castui {many} : i1 to index")
        return [code.at(listed, one), code.at(singles, count)]

    def _x(self) -> list[Value]:
        """Vectors of x, 0 beyond the end of the row."""
        code, f, p = self.code, self.f, self.p
        start = code.at((self.number, p.block))
        vectors = []
        for i in range(0, p.block, self.lanes):
            place = code.at((f.workgroup, p.depth), start, i)
            if p.depth % p.block == 0:
                vectors.append(f.load("x", place, self.vf))
            else:
                left = code(f"arith.subi {code.index(p.depth)}, {code.at(start, i)} : index")
                vectors.append(f.load_part("x", place, left, self.vf))
        return vectors

    def _greatest(self, vectors: Sequence[Value]) -> Value:
        """The greatest absolute value; NaN if there is one. Bits without a sign are in the order of the floats."""
        code, vf, vi = self.code, self.vf, self.vi
        bits = [code(f"vector.bitcast {code(f'math.absf {v} : {vf}')} : {vf} to {vi}") for v in vectors]
        most = tree(lambda a, b: code(f"arith.maxui {a}, {b} : {vi}"), bits)
        most = code(f"vector.reduction <maxui>, {most} : {vi} into i32")
        return code(f"arith.bitcast {most} : i32 to f32")

    def _rounded(self, t: Value) -> Value:
        """To the nearest integer, halves to even ones; IREE makes `math.roundeven` of 25 operations."""
        return self.code(f'llvm.call_intrinsic "llvm.roundeven"({t}) : ({self.vf}) -> {self.vf}')

    def _take_digit(self, vectors: Sequence[Value], digit: Value | int, name: str, place: Value) -> list[Value]:
        """Writes a digit of vectors on its scale, and its sum; what is left, on the next one's."""
        code, vf = self.code, self.vf
        wholes = [self._rounded(t) for t in vectors]
        rests = []
        for i, (t, whole) in enumerate(zip(vectors, wholes, strict=True)):
            integer = code(f"arith.fptosi {whole} : {vf} to {self.vi}")
            byte = code(f"arith.trunci {integer} : {self.vi} to {self.vb}")
            self.f.store(byte, name, code.at(place, i * self.lanes), self.vb)
            rests.append(code(f"arith.mulf {code(f'arith.subf {t}, {whole} : {vf}')}, {self.base} : {vf}"))
        self._store_sum(digit, wholes)
        return rests

    def _store_sum(self, digit: Value | int, wholes: Sequence[Value]) -> None:
        code, zero = self.code, self.p.zero
        total = self.f.sum_of(tree(lambda a, b: code(f"arith.addf {a}, {b} : {self.vf}"), wholes), self.vf)
        total = code(f"arith.mulf {total}, {code.constant(str(-1.0 if zero is None else -float(zero)), 'f32')} : f32")
        if zero is not None:
            total = code(f"arith.fptosi {total} : f32 to i32")
        self.f.store(total, "sums", code.at((self.cell, self.digits.count), digit))

    def _over(self, rests: Sequence[Value], limits: Sequence[Value]) -> list[Value]:
        """Masks of the elements of which more is left than their limit."""
        code, vf = self.code, self.vf
        pairs = zip(rests, limits, strict=True)
        return [code(f"arith.cmpf ogt, {code(f'math.absf {rest} : {vf}')}, {limit} : {vf}") for rest, limit in pairs]

    def _any(self, masks: Sequence[Value]) -> Value:
        """Whether a mask has an element."""
        mask = tree(lambda a, b: self.code(f"arith.ori {a}, {b} : {self.bits}"), masks)
        return self.code(f"vector.reduction <or>, {mask} : {self.bits} into i1")

    def _count(self, mask: Value) -> Value:
        """How many elements a mask has."""
        code, integer = self.code, f"i{self.lanes}"
        bits = code(f"vector.bitcast {mask} : {self.bits} to vector<1x{integer}>")
        bits = code(f"vector.extract {bits}[0] : {integer} from vector<1x{integer}>")
        return code(f"arith.index_castui {code(f'math.ctpop {bits} : {integer}')} : {integer} to index")

    def _further_digits(self, rests: Sequence[Value], limits: Sequence[Value]) -> None:
        """Digits until what is left is within the limits."""
        code, digits, vf = self.code, self.digits, self.vf
        with code.loop(0, digits.more, [(v, vf) for v in (*rests, *limits)]) as loop:
            rests, limits = loop.values[: len(rests)], loop.values[len(rests) :]
            with code.when(self._any(self._over(rests, limits))):
                place = code.at((self.cell, digits.more * self.p.block), (loop.index, self.p.block))
                self._take_digit(rests, code.at(loop.index, digits.first), "more", place)
                self.f.store(code(f"arith.index_cast {code.at(loop.index, 1)} : index to i32"), "counts", self.cell)
            left = [code(f"arith.subf {rest}, {self._rounded(rest)} : {vf}") for rest in rests]
            loop.values[:] = [code(f"arith.mulf {v}, {self.base} : {vf}") for v in (*left, *limits)]

    def _single_elements(
        self, rests: Sequence[Value], over: Sequence[Value], counts: Sequence[Value], place: Value
    ) -> None:
        """Lists the elements of which too much is left, and what: their vectors, pushed together."""
        code, f, p, vf, vi = self.code, self.f, self.p, self.vf, self.vi
        chunk = 32 // p.bits
        step = code.constant(repr(self.digits.base**-self.digits.first), vf)
        scale = code(f"vector.broadcast {f.load('scales', self.cell)} : f32 to {vf}")
        start = code(f"arith.index_cast {code.at((self.number, p.block_bytes))} : index to i32")
        start = code(f"vector.broadcast {start} : i32 to {vi}")
        for i, (rest, mask, count) in enumerate(zip(rests, over, counts, strict=True)):
            elements = range(i * self.lanes, (i + 1) * self.lanes)
            at = code.constant(str([element // chunk * 4 * p.machine.lanes for element in elements]), vi)
            # In a word's bytes lie elements 0 to 3, and above them, where there are eight, 4 to 7.
            above = [32 - p.bits - 8 * (element % 4) - 4 * (element % chunk // 4) for element in elements]
            rest = code(f"arith.mulf {code(f'arith.mulf {rest}, {step} : {vf}')}, {scale} : {vf}")
            columns = {
                "places": code(f"arith.addi {start}, {at} : {vi}"),
                "aboves": code.constant(str(above), vi),
                "rests": code(f"vector.bitcast {rest} : {vf} to {vi}"),
            }
            for name, values in columns.items():
                f.store(f.compressed(values, mask, vi), name, place, vi)
            place = code.at(place, count)


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
                value = self._with_singles(value, row, zero)
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

    def _with_singles(self, total: Value, row: Value, zero: Value | None) -> Value:
        """The total with what the digits leave of a row's single elements."""
        code, p, f = self.code, self.p, self.f
        count = code(f"arith.index_cast {f.load('singles', row)} : i32 to index")
        with code.loop(0, count, [(total, self.vf)]) as loop:
            number = code.at((row, self.digits.singles), loop.index)
            place = code(f"arith.index_cast {f.load('places', number)} : i32 to index")
            block = code(f"arith.divui {place}, {code.index(p.block_bytes)} : index")
            block = code.at((self.column, p.blocks), block)
            place = code.at((self.column, p.blocks * p.block_bytes), place)
            weights = self._single_weights(place, f.load("aboves", number), zero if p.whole else f.zeros(block))
            if not p.whole:
                weights = code(f"arith.mulf {weights}, {f.scales(block)} : {self.vf}")
            rest = f.splat(code(f"arith.bitcast {f.load('rests', number)} : i32 to f32"), "f32")
            loop.values[0] = code(f"math.fma {weights}, {rest}, {loop.values[0]} : {self.vf}")
        return loop.results[0]

    def _single_weights(self, place: Value, above: Value, zero: Value | None) -> Value:
        """The weights for one element, which so many bits lie above of, less their zero points, as floats."""
        code, p, vi = self.code, self.p, self.vi
        words = code(f"vector.bitcast {self.f.load('weights', place, self.vb)} : {self.vb} to {vi}")
        words = code(f"arith.shli {words}, {self.f.splat(above, 'i32')} : {vi}")
        shift = "shrsi" if p.signed else "shrui"
        words = code(f"arith.{shift} {words}, {code.constant(str(32 - p.bits), vi)} : {vi}")
        weights = code(f"arith.sitofp {words} : {vi} to {self.vf}")
        zero = code.constant(repr(float(p.zero)), self.vf) if p.zero is not None else zero
        return code(f"arith.subf {weights}, {zero} : {self.vf}")

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

    def _sums(self, block: Value, name: str, starts: Sequence[Value], begins: Sequence[Value]) -> list[Value]:
        """For each place where a block's digits start: what its integer sum begins with, and the products of weights
        and digits."""
        code, p = self.code, self.p
        chunks = p.block // self.chunk
        # Sums that wait for one another in turn take the time of a block of 32.
        chains = 2 if p.bits == 4 and chunks > 4 and 2 * len(starts) <= p.machine.registers - 6 else 1
        nothing = code.constant("0", self.vi)
        totals = [t for begin in begins for t in [begin, nothing][:chains]]
        unrolled = next(n for n in UNROLL if chunks % n == 0)
        with code.loop(0, chunks, [(t, self.vi) for t in totals], step=unrolled) as loop:
            for number in [code.at(loop.index, i) for i in range(unrolled)]:
                for half, weights in enumerate(self._weights(block, number)):
                    for n, start in enumerate(starts):
                        i, place = n * chains + half % chains, code.at(start, (number, self.chunk), 4 * half)
                        loop.values[i] = p.machine.dot(code, loop.values[i], weights, self._digits(name, place))
        totals = loop.results
        if chains == 1:
            return totals
        pairs = zip(totals[::2], totals[1::2], strict=True)
        return [code(f"arith.addi {one}, {other} : {self.vi}") for one, other in pairs]

    def _digits(self, name: str, place: Value) -> Value:
        """Four digits, in all lanes."""
        bytes_ = self.f.load(name, place, "vector<4xi8>")
        four = self.code(f"vector.bitcast {bytes_} : vector<4xi8> to vector<1xi32>")
        four = self.code(f"vector.extract {four}[0] : i32 from vector<1xi32>")
        return self.code(f"vector.bitcast {self.f.splat(four, 'i32')} : {self.vi} to {self.vb}")

    def _block(self, block: Value, cells: Sequence[Value], zero: Value | None) -> list[Value]:
        """For each row the sum over a block of what its first digits give, on the scale of the first."""
        code, p, first = self.code, self.p, self.digits.first
        starts = [code.at((cell, first * p.block), d * p.block) for cell in cells for d in range(first)]
        sums = self._sums(block, "digits", starts, [self._start(cell, d) for cell in cells for d in range(first)])
        step = code.constant(repr(1 / self.digits.base), self.vf)
        values = []
        for r, cell in enumerate(cells):
            floats = [self._finish(sums[r * first + d], cell, d, zero) for d in range(first)]
            value = floats.pop()
            while floats:
                value = code(f"math.fma {value}, {step}, {floats.pop()} : {self.vf}")
            values.append(value)
        return values

    def _more(self, block: Value, cell: Value, zero: Value | None) -> Value:
        """What a block's further digits give, on the scale of its first."""
        code, p, digits = self.code, self.p, self.digits
        count = code(f"arith.index_cast {self.f.load('counts', cell)} : i32 to index")
        scale, step = (code.constant(repr(digits.base**power), self.vf) for power in (-digits.first, -1))
        with code.loop(0, count, [(code.constant("0.0", self.vf), self.vf), (scale, self.vf)]) as loop:
            value, scale = loop.values
            digit = code.at(loop.index, digits.first)
            start = code.at((cell, digits.more * p.block), (loop.index, p.block))
            (total,) = self._sums(block, "more", [start], [self._start(cell, digit)])
            part = self._finish(total, cell, digit, zero)
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
