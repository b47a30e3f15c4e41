"""What processors offer to the kernels: the width of their vectors and a dot product of bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .code import Code, Value

Pause = Callable[[Code], None]
"""What a thread does that waits for another one, again and again."""

Dot = Callable[[Code, Value, Value, Value], Value]
"""sum + weights . digits: in each lane of 32 bits the products of four bytes, of which the digits are signed."""


@dataclass(frozen=True)
class Machine:
    """`lanes` of 32 bits a vector, and `registers` of them. `features` are what LLVM calls the instructions needed.

    `signed` tells whether weights of 8 bits are signed in `dot`; `wide` whether it takes digits to 127 with them: where
    it adds products in 16 bits, it takes them to 64. Up to `few` rows are multiplied faster by digits than in float32.
    Many rows are multiplied with `across` vectors at a time.
    """

    name: str
    lanes: int
    registers: int
    # Names of kernels are digests of what describes them, and must be the same in every process.
    features: frozenset[str] = field(repr=False)
    dot: Dot = field(repr=False)
    pause: Pause = field(repr=False)
    signed: bool = False
    wide: bool = True
    few: int = 8
    across: int = 2

    def digit(self, bits: int) -> int:
        """The greatest digit with weights of so many bits."""
        return 127 if self.wide or bits == 4 else 64

    def vector(self, element: str, scale: int = 1) -> str:
        return f"vector<{self.lanes * scale}x{element}>"


def _intrinsic(code: Code, name: str, result: str, *operands: tuple[Value, str]) -> Value:
    values, types = zip(*operands, strict=True)
    return code(f'llvm.call_intrinsic "{name}"({", ".join(values)}) : ({", ".join(types)}) -> {result}')


def _vnni(name: str, lanes: int) -> Dot:
    ints, bytes_ = f"vector<{lanes}xi32>", f"vector<{4 * lanes}xi8>"
    return lambda code, total, w, x: _intrinsic(code, name, ints, (total, ints), (w, bytes_), (x, bytes_))


def _avx2(code: Code, total: Value, w: Value, x: Value) -> Value:
    bytes_, shorts, ints = "vector<32xi8>", "vector<16xi16>", "vector<8xi32>"
    pairs = _intrinsic(code, "llvm.x86.avx2.pmadd.ub.sw", shorts, (w, bytes_), (x, bytes_))
    fours = _intrinsic(code, "llvm.x86.avx2.pmadd.wd", ints, (pairs, shorts), (code.constant("1", shorts), shorts))
    return code(f"arith.addi {total}, {fours} : {ints}")


def _pause(code: Code) -> None:
    code.do('llvm.call_intrinsic "llvm.x86.sse2.pause"() : () -> ()')


def _yield(code: Code) -> None:
    code.do(f'llvm.call_intrinsic "llvm.aarch64.hint"({code.constant("1", "i32")}) : (i32) -> ()')


_AVX512 = Machine(
    "avx512vnni", 16, 32, frozenset({"avx512vnni", "avx512bw", "avx512vl"}),
    _vnni("llvm.x86.avx512.vpdpbusd.512", 16), _pause,
)  # fmt: skip
# Tiles of 6 rows by 4 vectors, which read more weights and fewer elements of rows than those of 14 by 2, are up to 15 %
# faster there. On Xeons they take up to 20 % longer.
_ZEN5 = replace(_AVX512, name="zen5", features=_AVX512.features | {"avx512vp2intersect", "clzero"}, across=4)

MACHINES = (
    _ZEN5,
    _AVX512,
    Machine(
        "avxvnni", 8, 16, frozenset({"avxvnni", "avx2", "fma"}), _vnni("llvm.x86.avx512.vpdpbusd.256", 8), _pause
    ),
    Machine("avx2", 8, 16, frozenset({"avx2", "fma"}), _avx2, _pause, wide=False, few=2),
    Machine(
        "neondot", 4, 32, frozenset({"dotprod"}), _vnni("llvm.aarch64.neon.sdot.v4i32.v16i8", 4), _yield, signed=True
    ),
)  # fmt: skip
"""The fastest first. Elsewhere the Linalg form is compiled."""


BY_NAME = {machine.name: machine for machine in MACHINES}


def machine_for(features: frozenset[str]) -> Machine | None:
    """The machine of a target with these features."""
    return next((m for m in MACHINES if m.features <= features), None)
