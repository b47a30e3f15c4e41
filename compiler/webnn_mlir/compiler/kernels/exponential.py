"""exp of vectors of float32, as softmax needs it."""

from __future__ import annotations

import math

from .code import Code, Value

SHIFT = 1.5 * 2**23 + 127
"""Added to a number, it leaves the nearest integer, and 127, in the low bits."""

LN2 = (0.693115234375, 3.194618329871446e-05)
"""ln 2 as a float of 12 bits, whose products with exponents are exact, and the rest."""

SERIES = (
    0.0013748822966590524, 0.008369628340005875, 0.04166964441537857, 0.16666512191295624, 0.49999988079071045, 1, 1,
)  # fmt: skip
"""exp(r) = 1 + r + r² · (…) for |r| <= ln(2) / 2: within 3e-9 of itself, the last powers first."""


def exponential(code: Code, x: Value, vf: str) -> Value:
    """exp(x) of x up to 88, within an ulp; 0 below the least normal number. NaN stays.

    exp(n · ln 2 + r) = 2ⁿ · exp(r), where 2ⁿ is n + 127 in the place of an exponent.
    """
    vi = vf.replace("f32", "i32")

    def fma(a: Value, b: Value | float, c: Value | float) -> Value:
        b, c = (v if isinstance(v, str) else real(code, v, vf) for v in (b, c))
        return code(f"math.fma {a}, {b}, {c} : {vf}")

    x = greater(code, real(code, -127 * math.log(2), vf), x, vf)
    shifted = fma(x, 1 / math.log(2), SHIFT)
    n = code(f"arith.subf {shifted}, {real(code, SHIFT, vf)} : {vf}")
    r = fma(n, -LN2[1], fma(n, -LN2[0], x))
    power = real(code, SERIES[0], vf)
    for coefficient in SERIES[1:]:
        power = fma(power, r, coefficient)
    bits = code(f"arith.bitcast {shifted} : {vf} to {vi}")
    exponent = code(f"arith.shli {bits}, {code.constant('23', vi)} : {vi}")
    return code(f"arith.mulf {power}, {code(f'arith.bitcast {exponent} : {vi} to {vf}')} : {vf}")


def greater(code: Code, a: Value, b: Value, vf: str) -> Value:
    """The greater of two vectors in one instruction; b where either is NaN."""
    return code(f"arith.select {code(f'arith.cmpf ogt, {a}, {b} : {vf}')}, {a}, {b} : {vf.replace('f32', 'i1')}, {vf}")


def real(code: Code, value: float, type_: str) -> Value:
    """A constant of float32."""
    return code.constant("0xFF800000" if value == -math.inf else f"{value:.9e}", type_)
