"""Sine, cosine, tangent and power without float64, for targets that have none: GPUs, and IREE's virtual machine.

What needs more digits than float32 has is done in integers, or in two parts of 12 bits whose products are exact. No
step rests on a sum being rounded: drivers of GPUs take the liberty to make x of (x + y) - y.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from .binding import Tensor
from .elementary import has_bit, polynomial, power_of

if TYPE_CHECKING:
    from .emitter import Emitter

_WORDS = (0x00000000, 0x28BE60DB, 0x9391054A, 0x7F09D5F4, 0x7D4D3770, 0x36D8A566, 0x4F10E410, 0x7F9458EA)
"""The first 224 bits of 1/(2 pi) behind the point, after 32 zeros."""
_MANTISSA = 2**23
_SPECIAL = 255
"""The exponent of infinities and NaN."""


def sine(b: Emitter, x: Tensor) -> Tensor:
    return _from_quadrant(b, x, 0)


def cosine(b: Emitter, x: Tensor) -> Tensor:
    return _from_quadrant(b, x, 1)


def _from_quadrant(b: Emitter, x: Tensor, ahead: int) -> Tensor:
    """sin(x + ahead · pi/2), which is even in x with one quarter turn ahead and odd with none."""
    sin, cos, quadrant, finite = _reduced(b, x)
    quadrant = b.add(quadrant, ahead)
    value = b.select(has_bit(b, quadrant, 0), cos, sin)
    value = b.select(has_bit(b, quadrant, 1), b.negate(value), value)
    if not ahead:
        value = b.select(_is_negative(b, x), b.negate(value), value)
    return b.select(finite, value, math.nan)


def tangent(b: Emitter, x: Tensor) -> Tensor:
    sin, cos, quadrant, finite = _reduced(b, x)
    odd = has_bit(b, quadrant, 0)
    value = b.divide(b.select(odd, b.negate(cos), sin), b.select(odd, sin, cos))
    return b.select(finite, b.select(_is_negative(b, x), b.negate(value), value), math.nan)


def _is_negative(b: Emitter, x: Tensor) -> Tensor:
    return b.compare(b.bitcast(x, "i32"), 0, "LT")


def _reduced(b: Emitter, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sine and cosine of |x| less its nearest multiple of pi/2, that multiple, and whether x is finite.

    |x| = m · 2^(e-150) with 24 bits of m. Of m · 2^(e-150) / (2 pi), the integer part is full turns: 96 bits of
    1/(2 pi) from the place on that e tells, times m and modulo 1, leave the fraction of a turn with 64 bits.
    """
    bits = b.bitcast(x, "ui32")
    exponent = b.and_(b.shift_right_logical(bits, 23), 255)
    m = b.or_(b.and_(bits, _MANTISSA - 1), _MANTISSA)
    # Below 1/2 there is nothing to reduce.
    place = b.subtract(b.maximum(exponent, 126), 118)
    first, second, third = _words(b, place)
    high, low = b.multiply(m, first), b.multiply(m, second)
    high = b.add(high, _high_product(b, m, second))
    sum_ = b.add(low, _high_product(b, m, third))
    high, low = b.add(high, b.convert(b.compare(sum_, low, "LT"), "ui32")), sum_
    quadrant = b.shift_right_logical(b.add(high, 1 << 29), 30)
    rest = b.bitcast(b.subtract(high, b.shift_left(quadrant, 30)), "i32")
    fraction = b.add(b.multiply(b.convert(rest, "f32"), 2.0**-32), b.multiply(b.convert(low, "f32"), 2.0**-64))
    reduce = b.compare(exponent, 126, "GE")
    r = b.select(reduce, b.multiply(fraction, 2 * math.pi), b.abs(x))
    quadrant = b.select(reduce, b.bitcast(quadrant, "i32"), 0)
    square = b.multiply(r, r)
    # Taylor: on [-pi/4, pi/4] the first terms left out are below 2e-9 and 2e-9.
    sin = b.multiply(r, polynomial(b, square, [(-1) ** k / math.factorial(2 * k + 1) for k in range(5)]))
    cos = polynomial(b, square, [(-1) ** k / math.factorial(2 * k) for k in range(6)])
    return sin, cos, quadrant, b.compare(exponent, _SPECIAL, "LT")


def _words(b: Emitter, place: Tensor) -> list[Tensor]:
    """Three words of 32 bits from a bit of _WORDS on, which is from 8 to 137."""
    index, shift = b.shift_right_logical(place, 5), b.and_(place, 31)
    several = []
    for offset in range(4):
        word = b.full(_WORDS[offset], place.shape, "ui32")
        for i in range(1, 5):
            word = b.select(b.compare(index, i, "EQ"), _WORDS[offset + i], word)
        several.append(word)
    # Twice, for a shift by 32 is none.
    rest = b.subtract(31, shift)
    return [
        b.or_(b.shift_left(word, shift), b.shift_right_logical(b.shift_right_logical(following, 1), rest))
        for word, following in pairwise(several)
    ]


def _high_product(b: Emitter, x: Tensor, y: Tensor) -> Tensor:
    """The upper 32 bits of the product of two ui32."""
    (x1, x0), (y1, y0) = ((b.shift_right_logical(t, 16), b.and_(t, 0xFFFF)) for t in (x, y))
    middle = b.add(b.multiply(x0, y1), b.shift_right_logical(b.multiply(x0, y0), 16))
    other = b.add(b.multiply(x1, y0), b.and_(middle, 0xFFFF))
    return b.add(
        b.multiply(x1, y1), b.add(b.shift_right_logical(middle, 16), b.shift_right_logical(other, 16))
    )


def round_nearest_even(b: Emitter, x: Tensor) -> Tensor:
    return b.op("stablehlo.round_nearest_even", [x], [(x.shape, x.element)])[0]


def power(b: Emitter, x: Tensor, y: Tensor) -> Tensor:
    """x^y with C's special cases."""
    return power_of(b, x, y, _magnitude, round_nearest_even)


def _magnitude(b: Emitter, x: Tensor, y: Tensor) -> Tensor:
    """x^y for x >= 0, or NaN: 2^(y · log2 x), the logarithm in two parts, of which one is short."""
    positive = b.and_(b.compare(x, math.inf, "LT"), b.compare(x, 0.0, "GT"))
    high, low = _log2(b, x)
    logarithm = b.select(positive, b.add(high, low), b.select(b.compare(x, 0.0, "EQ"), -math.inf, x))
    rough = b.multiply(y, logarithm)
    y1 = _short(b, y)
    main = b.multiply(y1, high)
    rest = b.add(b.multiply(y1, low), b.multiply(b.subtract(y, y1), logarithm))
    within = b.and_(positive, b.compare(b.abs(rough), 200.0, "LT"))
    main, rest = b.select(within, main, b.minimum(b.maximum(rough, -200.0), 200.0)), b.select(within, rest, 0.0)
    nearest = b.floor(b.add(b.add(main, rest), 0.5))
    value = polynomial(
        b, b.add(b.subtract(main, nearest), rest), [math.log(2) ** k / math.factorial(k) for k in range(8)]
    )
    number = b.compare(rough, rough, "EQ")
    k = b.convert(b.select(number, nearest, 0.0), "i32")
    half = b.shift_right_arithmetic(k, 1)
    # In two steps, each factor of which is a normal float32.
    for part in (half, b.subtract(k, half)):
        value = b.multiply(value, b.bitcast(b.shift_left(b.add(part, 127), 23), "f32"))
    return b.select(number, value, math.nan)


def _log2(b: Emitter, x: Tensor) -> tuple[Tensor, Tensor]:
    """log2 of positive, finite x in two parts: x = 2^e · m, log2 m = 2/log 2 · atanh(s), s = (m - 1)/(m + 1)."""
    bits = b.bitcast(x, "i32")
    e = b.shift_right_arithmetic(b.subtract(bits, 0x3F3504F3), 23)
    m = b.bitcast(b.subtract(bits, b.shift_left(e, 23)), "f32")
    e = b.convert(e, "f32")
    above, sum_ = b.subtract(m, 1.0), b.add(m, 1.0)
    s = b.divide(above, sum_)
    s1, sum1 = _short(b, s), _short(b, sum_)
    sum0 = b.subtract(m, b.subtract(sum1, 1.0))
    s0 = b.divide(b.subtract(b.subtract(above, b.multiply(s1, sum1)), b.multiply(s1, sum0)), sum_)
    scale = 2 / math.log(2)
    scale1 = math.floor(scale * 2**10) / 2**10
    square = b.multiply(s, s)
    series = b.multiply(square, polynomial(b, square, [scale / (2 * k + 3) for k in range(5)]))
    main = b.multiply(s1, scale1)
    rest = b.add(b.add(b.multiply(s0, scale1), b.multiply(s, scale - scale1)), b.multiply(s, series))
    high = _short(b, b.add(e, b.add(main, rest)))
    return high, b.add(b.subtract(main, b.subtract(high, e)), rest)


def _short(b: Emitter, x: Tensor) -> Tensor:
    """x cut to 12 bits."""
    return b.bitcast(b.and_(b.bitcast(x, "ui32"), 0xFFFFF000), "f32")
