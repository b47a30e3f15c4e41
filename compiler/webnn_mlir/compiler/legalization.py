"""What targets lack, and how the lowering says it otherwise: the methods of `Emitter` that it replaces.

* `float64`: the device computes in no more than float32.
* `narrow division`: integers of 8 and 16 bits are divided in 32: IREE's SPIR-V lowering widens no unsigned ones.
* `narrow shift`: nor are they shifted, where IREE's virtual machine keeps bits that 8 do not hold.
* `sums of other widths`: where operands of products and reductions are converted before, or reductions after, IREE's
  SPIR-V lowering computes them in memory that a workgroup shares, misses barriers there, and runs out of it.
* `shared starts`: where several windows start from the same values, IREE lets the dispatch of one write these for the
  others, which it does not compile for CUDA.
* `C's library`: what IREE makes of softmax as a whole calls its maximum.
* `truncation`: conversions to integers round to nearest, and there are none to 8 bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from iree.compiler import ir

from . import elementary_float32
from .binding import Tensor, element_type, tensor_type

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


_ENDS = ("barrier", "constant", "dot_general", "convolution", "reduce", "reduce_window", "sort", "gather", "scatter")


def _made_of(value: ir.Value, found: Callable[[ir.Operation], bool], seen: set[ir.Operation]) -> Iterator[ir.Operation]:
    """The ops from whose results a value is computed by what moves elements or computes each by itself."""
    if isinstance(value.owner, ir.Block) or value.owner.operation in seen:
        return
    owner = value.owner.operation
    seen.add(owner)
    if found(owner):
        yield owner
    elif not owner.name.endswith(_ENDS):
        for operand in owner.operands:
            yield from _made_of(operand, found, seen)


def _widens(operation: ir.Operation) -> bool:
    """Whether it makes floats of what has fewer bits."""
    if operation.name != "stablehlo.convert" or _bits(operation.operands[0]) >= _bits(operation.results[0]):
        return False
    return isinstance(ir.ShapedType(operation.results[0].type).element_type, ir.FloatType)


def _bits(value: ir.Value) -> int:
    return int(re.sub(r"\D", "", str(ir.ShapedType(value.type).element_type)))


def _summed(b: Emitter, x: Tensor) -> Tensor:
    """What is summed, with barriers behind the conversions from fewer bits that it is computed from."""
    for conversion in list(_made_of(x.value, _widens, set())):
        wide = Tensor.of(conversion.results[0])
        with ir.InsertionPoint.after(conversion):
            (apart,) = b.barrier(wide)
        wide.value.replace_all_uses_except(apart.value, apart.value.owner.operation)
        if x.value == wide.value:
            x = apart
    return x


def _narrowed(b: Emitter, x: Tensor) -> Tensor:
    """What becomes float16, computed before that if it is computed from sums."""
    sums = _made_of(x.value, lambda operation: operation.name == "stablehlo.reduce", set())
    return x if next(sums, None) is None else b.barrier(x)[0]


def _start_of_its_own(b: Emitter, start: Tensor) -> Tensor:
    """A scalar that IREE does not know to be the same as others; its bits, since IREE's host has no float16."""
    element = f"i{_bits(start.value)}"
    bits = b.bitcast(start, element).value
    for name, type_ in [
        ("tensor.extract", element_type(element)),
        ("util.optimization_barrier", element_type(element)),
        ("tensor.from_elements", tensor_type((), element)),
    ]:
        bits = ir.Operation.create(name, results=[type_], operands=[bits]).results[0]
    return b.bitcast(Tensor(bits, element, ()), start.element)


def _apart(b: Emitter, x: Tensor) -> Tensor:
    return b.barrier(x)[0]


REPLACED: dict[str, dict[str, Method]] = {
    "float64": {
        "cosine": elementary_float32.cosine,
        "power": elementary_float32.power,
        "round_nearest_even": elementary_float32.round_nearest_even,
        "sine": elementary_float32.sine,
        "tan": elementary_float32.tangent,
    },
    "C's library": {"stabilizer": _apart},
    "narrow division": {name: _widened(name) for name in ("divide", "remainder")},
    "narrow shift": {"shift_right_arithmetic": _widened("shift_right_arithmetic")},
    "shared starts": {"start": _start_of_its_own},
    "truncation": {"convert": _truncated},
    "sums of other widths": {"summed": _summed, "narrowed": _narrowed},
}


def replaced(lacks: Iterable[str]) -> dict[str, Method]:
    """The methods that take the place of those that are not to be had."""
    return {name: method for lack in sorted(lacks) for name, method in REPLACED[lack].items()}
