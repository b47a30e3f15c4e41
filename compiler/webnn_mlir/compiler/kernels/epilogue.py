"""What is done to sums before they are stored: element-wise steps, written behind the kernel that computes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .activation import sigmoid, tanh
from .code import Code, Value
from .exponential import real
from .function import Function

Operand = int | str | float
"""The result of a step, by its number, 0 being the sum; an operand of the kernel by its name; a constant."""

@dataclass(frozen=True)
class Step:
    operation: str
    operands: tuple[Operand, ...]

    def after(self, count: int) -> Step:
        """The step where it stands behind so many more."""
        return Step(self.operation, tuple(o + count if isinstance(o, int) else o for o in self.operands))


@dataclass(frozen=True)
class Epilogue:
    """`steps` in order, of which the last gives the result; where there are none, that is the sum.

    Operands: `bias`, what sums start with, for each channel if there is one; `c0`, … for each channel; `t0`, … for each
    element of the result.
    """

    steps: tuple[Step, ...] = ()
    bias: bool = False
    channels: int = 0
    tensors: int = 0

    def operands(self, channels: int, size: int) -> dict[str, str]:
        """Names and types."""
        names = ["bias"] * self.bias + [f"c{i}" for i in range(self.channels)]
        return dict.fromkeys(names, f"{channels}xf32") | {f"t{i}": f"{size}xf32" for i in range(self.tensors)}

    def write(self, f: Function, value: Value, load: Callable[[str], Value]) -> Value:
        """The result for a vector of sums; `load` gives the vector of an operand."""
        vf, values = f.machine.vector("f32"), [value]
        for step in self.steps:
            operands = [
                values[o] if isinstance(o, int) else load(o) if isinstance(o, str) else real(f.code, o, vf)
                for o in step.operands
            ]
            values.append(OPERATIONS[step.operation](f.code, vf, *operands))
        return values[-1]


def _plain(operation: str) -> Callable[..., Value]:
    return lambda code, vf, *operands: code(f"{operation} {', '.join(operands)} : {vf}")


def _bound(comparison: str) -> Callable[..., Value]:
    """The greater, or the less, of a value and a constant in one instruction; NaN stays."""

    def write(code: Code, vf: str, x: Value, bound: Value) -> Value:
        beyond = code(f"arith.cmpf {comparison}, {bound}, {x} : {vf}")
        return code(f"arith.select {beyond}, {bound}, {x} : {vf.replace('f32', 'i1')}, {vf}")

    return write


def _activation(function: Callable[[Code, Value, str], Value]) -> Callable[..., Value]:
    return lambda code, vf, x: function(code, x, vf)


OPERATIONS: dict[str, Callable[..., Value]] = {
    "add": _plain("arith.addf"), "sub": _plain("arith.subf"), "mul": _plain("arith.mulf"), "div": _plain("arith.divf"),
    "max": _plain("arith.maximumf"), "min": _plain("arith.minimumf"), "fma": _plain("math.fma"),
    "atLeast": _bound("ogt"), "atMost": _bound("olt"), "sigmoid": _activation(sigmoid),
    "tanh": _activation(tanh),
    "neg": _plain("arith.negf"), "abs": _plain("math.absf"),
}  # fmt: skip
