"""Activations of vectors of float32, as they follow a product."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .code import Code, Value
from .exponential import exponential, greater, real

NUMERATOR = (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
             -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)  # fmt: skip
DENOMINATOR = (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
               -1.42647390514189e-02)  # fmt: skip
"""erf(x) = x · N(x²) / D(x²) for |x| <= 4, where it is 1 to all digits; the highest powers first."""


def relu(code: Code, x: Value, vf: str) -> Value:
    """max(0, x); NaN stays."""
    return greater(code, code.constant("0.0", vf), x, vf)


def gelu(code: Code, x: Value, vf: str) -> Value:
    """x / 2 · (1 + erf(x / sqrt(2)))"""
    half = code(f"arith.mulf {x}, {real(code, 0.5, vf)} : {vf}")
    part = erf(code, code(f"arith.mulf {x}, {real(code, math.sqrt(0.5), vf)} : {vf}"), vf)
    return code(f"math.fma {half}, {part}, {half} : {vf}")


def erf(code: Code, x: Value, vf: str) -> Value:
    """Within three ulps. NaN stays."""
    low, high = real(code, -4.0, vf), real(code, 4.0, vf)
    x = greater(code, low, x, vf)
    above = code(f"arith.cmpf olt, {high}, {x} : {vf}")
    x = code(f"arith.select {above}, {high}, {x} : {vf.replace('f32', 'i1')}, {vf}")
    square = code(f"arith.mulf {x}, {x} : {vf}")
    numerator, denominator = (_series(code, coefficients, square, vf) for coefficients in (NUMERATOR, DENOMINATOR))
    return code(f"arith.divf {code(f'arith.mulf {x}, {numerator} : {vf}')}, {denominator} : {vf}")


def _series(code: Code, coefficients: Sequence[float], x: Value, vf: str) -> Value:
    total = real(code, coefficients[0], vf)
    for coefficient in coefficients[1:]:
        total = code(f"math.fma {total}, {x}, {real(code, coefficient, vf)} : {vf}")
    return total


TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
"""tanh(x) = x + x³ · P(x²) for |x| < 0.625, the highest powers first."""

MOST = 88.0
"""exp of which is finite."""


def tanh(code: Code, x: Value, vf: str) -> Value:
    """1 - 2 / (exp(2 |x|) + 1) with the sign of x; near 0 a series. Within two ulps; NaN stays."""
    size, bits = code(f"math.absf {x} : {vf}"), vf.replace("f32", "i1")
    most, one = real(code, MOST / 2, vf), code.constant("1.0", vf)
    above = code(f"arith.cmpf ogt, {size}, {most} : {vf}")
    bounded = code(f"arith.select {above}, {most}, {size} : {bits}, {vf}")
    power = exponential(code, code(f"arith.addf {bounded}, {bounded} : {vf}"), vf)
    part = code(f"arith.divf {code.constant('2.0', vf)}, {code(f'arith.addf {power}, {one} : {vf}')} : {vf}")
    far = code(f"math.copysign {code(f'arith.subf {one}, {part} : {vf}')}, {x} : {vf}")
    square = code(f"arith.mulf {x}, {x} : {vf}")
    cube = code(f"arith.mulf {square}, {x} : {vf}")
    near = code(f"math.fma {cube}, {_series(code, TANH, square, vf)}, {x} : {vf}")
    is_near = code(f"arith.cmpf olt, {size}, {real(code, 0.625, vf)} : {vf}")
    return code(f"arith.select {is_near}, {near}, {far} : {bits}, {vf}")


def sigmoid(code: Code, x: Value, vf: str) -> Value:
    """1 / (1 + exp(-x))"""
    one = code.constant("1.0", vf)
    least = greater(code, real(code, -MOST, vf), x, vf)
    power = exponential(code, code(f"arith.negf {least} : {vf}"), vf)
    return code(f"arith.divf {one}, {code(f'arith.addf {one}, {power} : {vf}')} : {vf}")


ACTIVATIONS: dict[str, Callable[[Code, Value, str], Value]] = {"relu": relu, "gelu": gelu}
"""By the name of their op."""

LONG = frozenset({"gelu"})
"""Those that take many instructions, and a vector each for what they have computed and for their constants."""
