"""Finds gelu where it is written as its formula, as files of other formats have it: kernels know it as a whole.

Given:
    %u = "webnn.div"(%x, %root2)
    %e = "webnn.erf"(%u)
    %f = "webnn.add"(%e, %one)
    %m = "webnn.mul"(%x, %f)
    %y = "webnn.mul"(%m, %half)
Result:
    %y = "webnn.gelu"(%x)

The factors may come in any order, and as divisors; what lies between is used by nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from iree.compiler import ir

from .. import binding
from ..binding import DialectBuilder, Tensor
from ..program import Program
from . import register_pass

SCALED = ("webnn.mul", "webnn.div")
NEAR = 1e-6
"""How far constants in float32 may be from what they stand for."""


@register_pass("webnn-gelu")
def gelus(program: Program) -> None:
    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        if operation.name not in SCALED or not _ends(operation):
            return None
        x = _argument(operation)
        return None if x is None else [DialectBuilder().gelu(x)]

    binding.rewrite(program.module, pattern, sweep=True)


@dataclass
class _Product:
    """A product taken apart: its constant, and the values that are multiplied."""

    constant: float = 1.0
    factors: list[ir.Value] = field(default_factory=list)

    @classmethod
    def of(cls, value: ir.Value, *, outermost: bool = False) -> _Product:
        owner = value.owner
        if isinstance(owner, ir.Block) or owner.name not in SCALED or not (outermost or _is_only_used_here(value)):
            number = binding.number_of(Tensor.of(value))
            return cls(1.0, [value]) if number is None else cls(number)
        a, b = map(cls.of, owner.operands)
        if owner.name == "webnn.mul":
            return cls(a.constant * b.constant, a.factors + b.factors)
        if b.factors or not b.constant:
            return cls(1.0, [value])
        return cls(a.constant / b.constant, a.factors)


def _is_only_used_here(value: ir.Value) -> bool:
    return len(list(value.uses)) == 1


def _ends(operation: ir.Operation) -> bool:
    """Whether the product that it is part of ends here."""
    uses = [use.owner.name for use in operation.results[0].uses]
    return not (len(uses) == 1 and uses[0] in SCALED)


def _argument(operation: ir.Operation) -> Tensor | None:
    """The x of x / 2 · (1 + erf(x / sqrt(2))); None where it is something else."""
    product = _Product.of(operation.results[0], outermost=True)
    if len(product.factors) != 2 or not math.isclose(product.constant, 0.5, rel_tol=NEAR):
        return None
    for x, other in (product.factors, product.factors[::-1]):
        inner = _of_erf(other)
        if inner and inner.factors == [x] and math.isclose(inner.constant, math.sqrt(0.5), rel_tol=NEAR):
            found = Tensor.of(x)
            return found if found.shape == Tensor.of(operation.results[0]).shape else None
    return None


def _of_erf(value: ir.Value) -> _Product | None:
    """u of 1 + erf(u)."""
    owner = value.owner
    if isinstance(owner, ir.Block) or owner.name != "webnn.add" or not _is_only_used_here(value):
        return None
    for one, other in (owner.operands, list(owner.operands)[::-1]):
        if binding.number_of(Tensor.of(one)) == 1 and _is_erf(other):
            return _Product.of(other.owner.operands[0])
    return None


def _is_erf(value: ir.Value) -> bool:
    return not isinstance(value.owner, ir.Block) and value.owner.name == "webnn.erf" and _is_only_used_here(value)
