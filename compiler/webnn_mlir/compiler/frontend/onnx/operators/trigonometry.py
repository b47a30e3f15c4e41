"""Inverse trigonometric and hyperbolic functions, of which WebNN has none: by formulas that keep float32's accuracy.

Near zero, where exp and log would lose digits, polynomials in x² take their place; float16 is computed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..importer import NodeBuilder
from ..registry import add

LARGE = 1500.0
"""Above this x² ± 1 is x² in float32."""


class _Numbers:
    """Arithmetic on float32 operands and numbers."""

    def __init__(self, w: NodeBuilder):
        self.w = w

    def number(self, value: float) -> MLOperand:
        return self.w.scalar(value, DataType.FLOAT32)

    def polynomial(self, x: MLOperand, *coefficients: float) -> MLOperand:
        """x + x · z · (c₀ + c₁ z + …) where z = x²: an odd function that is x near zero."""
        z = self.w.mul(x, x)
        return self.w.add(x, self.w.mul(x, self.w.mul(z, self.horner(z, coefficients))))

    def horner(self, z: MLOperand, coefficients: Sequence[float]) -> MLOperand:
        """c₀ + c₁ z + …"""
        *rest, total = map(self.number, coefficients)
        for coefficient in reversed(rest):
            total = self.w.add(self.w.mul(total, z), coefficient)
        return total

    def below(self, x: MLOperand, limit: float, then: MLOperand, otherwise: MLOperand) -> MLOperand:
        return self.w.where(self.w.lesser(x, self.number(limit)), then, otherwise)

    def signed(self, magnitude: MLOperand, like: MLOperand) -> MLOperand:
        negative = self.w.lesser(like, self.number(0))
        return self.w.where(negative, self.w.neg(magnitude), magnitude)


def _atan(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """atan(y) = π/4 + atan((y - 1) / (y + 1)) = π/2 - atan(1 / y), which leaves |y| < tan(π/8)."""
    n = _Numbers(w)
    y, one = w.abs(x), n.number(1)
    middle, end = math.tan(math.pi / 8), math.tan(3 * math.pi / 8)
    shifted = w.div(w.sub(y, one), w.add(y, one))
    reduced = n.below(y, middle, y, n.below(y, end, shifted, w.neg(w.reciprocal(y))))
    offset = n.below(y, middle, n.number(0), n.below(y, end, n.number(math.pi / 4), n.number(math.pi / 2)))
    rest = n.polynomial(reduced, -3.33329491539e-1, 1.99777106478e-1, -1.38776856032e-1, 8.05374449538e-2)
    return n.signed(w.add(offset, rest), x)


def _asin(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """atan(x / sqrt((1 - x)(1 + x)))"""
    one = _Numbers(w).number(1)
    return _atan(w, w.div(x, w.sqrt(w.mul(w.sub(one, x), w.add(one, x)))))


def _acos(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """2 atan(sqrt((1 - x) / (1 + x)))"""
    n = _Numbers(w)
    one = n.number(1)
    half = _atan(w, w.sqrt(w.div(w.sub(one, x), w.add(one, x))))
    return w.mul(half, n.number(2))


def _sinh(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """h² / 2 - 1 / (2 h²) with h = exp(|x| / 2), which overflows no sooner than the result."""
    n = _Numbers(w)
    half_power, inverse = _halves(w, x)
    series = n.polynomial(x, 1 / 6, 1 / 120, 1 / 5040, 1 / 362880)
    return n.below(w.abs(x), 1, series, n.signed(w.sub(half_power, inverse), x))


def _cosh(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """h² / 2 + 1 / (2 h²) with h = exp(|x| / 2)"""
    return w.add(*_halves(w, x))


def _halves(w: NodeBuilder, x: MLOperand) -> tuple[MLOperand, MLOperand]:
    """exp(|x|) / 2 and exp(-|x|) / 2"""
    half = _Numbers(w).number(0.5)
    root = w.exp(w.mul(w.abs(x), half))
    return w.mul(root, w.mul(root, half)), w.mul(w.exp(w.neg(w.abs(x))), half)


def _asinh(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """log(|x| + sqrt(x² + 1)), log(2 |x|) where x² would overflow"""
    n = _Numbers(w)
    y = w.abs(x)
    series = n.polynomial(x, -1.6666288134e-1, 7.4847586088e-2, -4.2699340972e-2, 2.0122003309e-2)
    inner = w.log(w.add(y, w.sqrt(w.add(w.mul(y, y), n.number(1)))))
    return n.below(y, 0.5, series, n.signed(n.below(y, LARGE, inner, _log_double(w, y)), x))


def _acosh(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """log(x + sqrt((x - 1)(x + 1))), log(2 x) where x² would overflow; near 1, sqrt(x - 1) times a polynomial of it"""
    n = _Numbers(w)
    one = n.number(1)
    z = w.sub(x, one)
    near = n.horner(z, (1.4142135263, -1.1784741703e-1, 2.6454905019e-2, -7.5272886713e-3, 1.7596881071e-3))
    inner = w.log(w.add(x, w.sqrt(w.mul(z, w.add(x, one)))))
    return n.below(z, 0.5, w.mul(w.sqrt(z), near), n.below(x, LARGE, inner, _log_double(w, x)))


def _log_double(w: NodeBuilder, x: MLOperand) -> MLOperand:
    return w.add(w.log(x), _Numbers(w).number(math.log(2)))


def _atanh(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """log((1 + x) / (1 - x)) / 2"""
    n = _Numbers(w)
    one = n.number(1)
    series = n.polynomial(
        x, 3.33337300303e-1, 1.99782164500e-1, 1.46691431730e-1, 8.24370301058e-2, 1.81740078349e-1
    )
    far = w.mul(w.log(w.div(w.add(one, x), w.sub(one, x))), n.number(0.5))
    return n.below(w.abs(x), 0.5, series, far)


def _row(formula: Callable[[NodeBuilder, MLOperand], MLOperand]) -> Callable[..., Any]:
    def build(w: NodeBuilder, input: MLOperand) -> Any:
        w.require(input.data_type.is_float, f"input has data type {input.data_type}; it must be a float")
        narrow = input.data_type is DataType.FLOAT16
        result = formula(w, w.cast(input, DataType.FLOAT32) if narrow else input)
        return w.cast(result, DataType.FLOAT16) if narrow else result

    return build


for name, formula in {
    "Acos": _acos, "Acosh": _acosh, "Asin": _asin, "Asinh": _asinh, "Atan": _atan, "Atanh": _atanh, "Cosh": _cosh,
    "Sinh": _sinh,
}.items():  # fmt: skip
    add(name, _row(formula))
