"""Functions that IREE computes too coarsely or slowly, for float32 and integers: `Emitter` has them as methods.

IREE's sine is off by 1e-3 at 1e5 and infinite at 1e18; its power knows no negative bases, loses 90 ulp, and cuts
integer exponents to six bits. These compute in float64. Where IREE makes that float32, they are no worse than its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .binding import Tensor

if TYPE_CHECKING:
    from .emitter import Emitter, Like

_TWO_OVER_PI = 0x_A2F9836E_4E441529_FC2757D1_F534DDC0_DB629599_3C439041_FE5163AB
"""The first 224 bits of 2/pi behind the point."""
_CHUNK = 28
_QUARTER_TURN = math.pi / 2


def sine(b: Emitter, x: Tensor) -> Tensor:
    return _sine_from_quadrant(b, x, 0)


def cosine(b: Emitter, x: Tensor) -> Tensor:
    return _sine_from_quadrant(b, x, 1)


def _sine_from_quadrant(b: Emitter, x: Tensor, ahead: int) -> Tensor:
    """sin(x + ahead · pi/2)"""
    sin, cos, quadrant = _reduced(b, x)
    quadrant = b.add(quadrant, ahead)
    value = b.select(has_bit(b, quadrant, 0), cos, sin)
    return b.convert(b.select(has_bit(b, quadrant, 1), b.negate(value), value), "f32")


def tangent(b: Emitter, x: Tensor) -> Tensor:
    sin, cos, quadrant = _reduced(b, x)
    odd = has_bit(b, quadrant, 0)
    return b.convert(b.divide(b.select(odd, b.negate(cos), sin), b.select(odd, sin, cos)), "f32")


def _reduced(b: Emitter, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sine and cosine of x less its nearest multiple of pi/2, and that multiple: a quadrant, counted modulo 4.

    x · 2/pi is summed over 2/pi's chunks of 28 bits. The product of a chunk and the 24 bits of x is exact in float64,
    and so is what is left of it modulo 4: that is how every float32 has the right quadrant (Payne and Hanek).
    """
    wide = b.convert(x, "f64")
    turns = None
    for i in range(224 // _CHUNK):
        chunk = (_TWO_OVER_PI >> (224 - _CHUNK * (i + 1))) & (2**_CHUNK - 1)
        product = b.multiply(wide, math.ldexp(chunk, -_CHUNK * (i + 1)))
        rest = b.subtract(product, b.multiply(_nearest(b, b.multiply(product, 0.25)), 4.0))
        turns = rest if turns is None else b.add(turns, rest)
    assert turns is not None
    nearest = _nearest(b, turns)
    r = b.multiply(b.subtract(turns, nearest), _QUARTER_TURN)
    square = b.multiply(r, r)
    # Taylor: on [-pi/4, pi/4] the first term left out is below 1e-11.
    sin = b.multiply(r, polynomial(b, square, [(-1) ** k / math.factorial(2 * k + 1) for k in range(6)]))
    cos = polynomial(b, square, [(-1) ** k / math.factorial(2 * k) for k in range(7)])
    # The quadrant of an infinity or a NaN is any: sine and cosine are NaN.
    finite = b.select(b.compare(nearest, nearest, "EQ"), nearest, 0.0)
    return sin, cos, b.convert(finite, "i32")


def _nearest(b: Emitter, x: Tensor) -> Tensor:
    """An integer within a half, either one at a tie."""
    return b.floor(b.add(x, 0.5))


def round_nearest_even(b: Emitter, x: Tensor) -> Tensor:
    """Adds and takes away 2^23, where float32's digits end at the units: IREE's own takes ten times as long."""
    digits = float(2**23)
    shift = b.select(b.compare(x, 0.0, "LT"), b.full(-digits, (), x.element), digits)
    rounded = b.subtract(b.add(x, shift), shift)
    return b.select(b.compare(b.abs(x), digits, "LT"), rounded, x)


def polynomial(b: Emitter, x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """The sum of coefficients[k] · x^k, by Horner's rule."""
    value: Like = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        value = b.add(b.multiply(value, x), c)
    assert isinstance(value, Tensor)
    return value


def has_bit(b: Emitter, x: Tensor, place: int) -> Tensor:
    return b.compare(b.and_(x, 1 << place), 0, "NE")


def power(b: Emitter, x: Tensor, y: Tensor) -> Tensor:
    """x^y with C's special cases."""
    return power_of(b, x, y, _magnitude, round_nearest_even)


def power_of(
    b: Emitter,
    x: Tensor,
    y: Tensor,
    magnitude: Callable[[Emitter, Tensor, Tensor], Tensor],
    rounded: Callable[[Emitter, Tensor], Tensor],
) -> Tensor:
    """C's special cases around |x|^y, with the sign of an odd power."""
    size = b.abs(x)
    one = b.or_(b.compare(y, 0.0, "EQ"), b.compare(size, 1.0, "EQ"))
    value = b.select(one, 1.0, magnitude(b, size, y))
    half = b.multiply(y, 0.5)
    # Not with floor: without SSE 4.1, LLVM makes its comparison a call of truncf, which is not there to link.
    whole = b.compare(rounded(b, y), y, "EQ")
    odd = b.and_(whole, b.compare(rounded(b, half), half, "NE"))
    signed = b.compare(b.bitcast(x, "i32"), 0, "LT")
    value = b.select(b.and_(odd, signed), b.negate(value), value)
    finite = b.compare(size, math.inf, "LT")
    undefined = b.and_(b.and_(b.compare(x, 0.0, "LT"), finite), b.not_(whole))
    return b.select(undefined, math.nan, value)


def _magnitude(b: Emitter, x: Tensor, y: Tensor) -> Tensor:
    """x^y for x >= 0, or NaN: 2^(y · log2 x)."""
    logarithm = b.select(
        b.and_(b.compare(x, math.inf, "LT"), b.compare(x, 0.0, "GT")),
        _log2(b, x),
        b.convert(b.select(b.compare(x, 0.0, "EQ"), -math.inf, x), "f64"),
    )
    return _exp2(b, b.multiply(b.convert(y, "f64"), logarithm))


def _log2(b: Emitter, x: Tensor) -> Tensor:
    """log2 in float64 of positive, finite float32: x = 2^e · m with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s)."""
    bits = b.bitcast(x, "i32")
    e = b.shift_right_arithmetic(b.subtract(bits, 0x3F3504F3), 23)
    m = b.convert(b.bitcast(b.subtract(bits, b.shift_left(e, 23)), "f32"), "f64")
    s = b.divide(b.subtract(m, 1.0), b.add(m, 1.0))
    series = polynomial(b, b.multiply(s, s), [2 / math.log(2) / (2 * k + 1) for k in range(8)])
    return b.add(b.multiply(s, series), b.convert(e, "f64"))


def _exp2(b: Emitter, x: Tensor) -> Tensor:
    """2^x in float32 of float64: 2^k · e^(f · log 2) with an integer k and f in [-1/2, 1/2]."""
    number = b.compare(x, x, "EQ")
    x = b.select(number, b.minimum(b.maximum(x, -200.0), 200.0), 0.0)
    nearest = _nearest(b, x)
    value = polynomial(b, b.subtract(x, nearest), [math.log(2) ** k / math.factorial(k) for k in range(10)])
    k = b.convert(nearest, "i32")
    half = b.shift_right_arithmetic(k, 1)
    # In two steps, each factor of which is a normal float32.
    for part in (half, b.subtract(k, half)):
        factor = b.bitcast(b.shift_left(b.add(part, 127), 23), "f32")
        value = b.multiply(value, b.convert(factor, "f64"))
    return b.select(number, b.convert(value, "f32"), math.nan)


def integer_power(b: Emitter, x: Tensor, y: Tensor) -> Tensor:
    """x^y modulo 2^bits by squaring. A negative exponent gives 1/x^-y truncated, which is 0 but for 1 and -1."""
    signed = not x.data_type.is_unsigned
    value: Tensor = b.full(1, y.shape, x.element)
    square, rest = x, y
    for _ in range(x.data_type.bits - signed):
        value = b.select(has_bit(b, rest, 0), b.multiply(value, square), value)
        square, rest = b.multiply(square, square), b.shift_right_logical(rest, 1)
    if not signed:
        return value
    unit = b.compare(b.abs(x), 1, "EQ")
    inverse = b.select(unit, b.select(has_bit(b, y, 0), x, 1), 0)
    return b.select(b.compare(y, 0, "LT"), inverse, value)
