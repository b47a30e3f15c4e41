"""What targets lack, and how the lowering says it otherwise: the methods of `Emitter` that it replaces.

* `float64`: the device computes in no more than float32.
* `narrow division`: integers of 8 and 16 bits are divided in 32: IREE's SPIR-V lowering widens no unsigned ones.
* `narrow shift`: nor are they shifted, where IREE's virtual machine keeps bits that 8 do not hold.
* `truncation`: conversions to integers round to nearest, and there are none to 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from . import elementary_float32
from .binding import Tensor

if TYPE_CHECKING:
    from .emitter import Emitter

Method = Callable[..., Tensor]


def _widened(name: str) -> Method:
    """An operation of integers of 8 or 16 bits, computed in 32."""

    def method(b: Emitter, x: Tensor, y: Tensor) -> Tensor:
        wide = {"i8": "i32", "i16": "i32", "ui8": "ui32", "ui16": "ui32"}.get(x.element, x.element)
        operands = [b.convert(t, wide) for t in (x, y)]
        return b.convert(b.op(f"stablehlo.{name}", operands, [(x.shape, wide)])[0], x.element)

    return method


def _truncated(b: Emitter, x: Tensor, element: str) -> Tensor:
    """A float as an integer: what is behind the point goes first, and what has fewer bits is made of 32."""
    whole = b.select(b.compare(x, 0.0, "LT"), b.ceil(x), b.floor(x))
    wide = element if element.endswith(("32", "64")) else "i32"
    return b.convert(b.op("stablehlo.convert", [whole], [(x.shape, wide)])[0], element)


REPLACED: dict[str, dict[str, Method]] = {
    "float64": {
        "cosine": elementary_float32.cosine,
        "power": elementary_float32.power,
        "round_nearest_even": elementary_float32.round_nearest_even,
        "sine": elementary_float32.sine,
        "tan": elementary_float32.tangent,
    },
    "narrow division": {name: _widened(name) for name in ("divide", "remainder")},
    "narrow shift": {"shift_right_arithmetic": _widened("shift_right_arithmetic")},
    "truncation": {"convert": _truncated},
}


def replaced(lacks: Iterable[str]) -> dict[str, Method]:
    """The methods that take the place of those that are not to be had."""
    return {name: method for lack in sorted(lacks) for name, method in REPLACED[lack].items()}
