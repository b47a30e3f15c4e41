"""A function of an executable being written, and how it is dispatched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .code import Code, Value, tree
from .machine import Machine
from .product import Product

AS_IT_IS = "#iree_codegen.translation_info<pipeline = #iree_codegen.no_pipeline>"
"""Neither tiled nor vectorized: IREE only lowers what is written."""

ROUTINE = f"{{no_inline, llvm.bareptr, llvm.no_inline, translation_info = {AS_IT_IS}}}"
"""What a function has that entries call: neither MLIR nor LLVM puts it into them, it takes a pointer for each memory,
and IREE does not look for tiles in it."""

written_once = lru_cache(maxsize=64)
"""For what writes a kernel's functions: layers of one shape share them."""


@dataclass(frozen=True)
class Dispatch:
    """A function for a machine, how many workgroups it is called in, its operands and its results: names and types
    ("8xf32"). The body calls the number of the workgroup `%workgroup` and the memory `%m0`, `%m1`, …,
    the operands before the results."""

    name: str
    machine: Machine
    workgroups: int
    operands: Mapping[str, str]
    results: Mapping[str, str]
    body: str

    @property
    def memories(self) -> list[str]:
        """The types of the memory."""
        return [f"memref<{type_}>" for type_ in (*self.operands.values(), *self.results.values())]

    def entry(self) -> str:
        """The function as IREE dispatches it."""
        arguments = ", ".join(f"%b{i}: !stream.binding" for i in range(len(self.memories)))
        spans = [
            f"%m{i} = stream.binding.subspan %b{i}[%start] : !stream.binding -> {type_}"
            for i, type_ in enumerate(self.memories)
        ]
        head = f"func.func @{self.name}({arguments}) attributes {{translation_info = {AS_IT_IS}}} {{"
        start = ["%workgroup = hal.interface.workgroup.id[0] : index", "%start = arith.constant 0 : index"]
        return "\n".join([head, *start, *spans, self.body, "return", "}"])

    @property
    def within(self) -> str:
        """What the routine is called."""
        return f"{self.name}_within"

    def routine(self) -> str:
        """The function as a sequence calls it."""
        arguments = ", ".join(["%workgroup: index", *(f"%m{i}: {type_}" for i, type_ in enumerate(self.memories))])
        head = f"func.func private @{self.within}({arguments}) attributes {ROUTINE} {{"
        return "\n".join([head, self.body, "return", "}"])


class Function:
    """A function on memory that `operands` and `results` name."""

    workgroup: Value = "%workgroup"

    def __init__(self, name: str, machine: Machine, operands: Mapping[str, str], results: Mapping[str, str]):
        self.name, self.machine, self.operands, self.results = name, machine, operands, results
        self.types = {**operands, **results}
        self.code = Code()
        self.memory = {name: f"%m{i}" for i, name in enumerate(self.types)}

    def dispatch(self, workgroups: int) -> Dispatch:
        return Dispatch(self.name, self.machine, workgroups, self.operands, self.results, self.code.text())

    def part(self, count: int, parts: int, number: Value | None = None) -> tuple[Value, Value]:
        """Where the part of a range begins and ends that has a number: this workgroup's."""
        code, number = self.code, number or self.workgroup
        begin, end = (
            code(f"arith.divui {code.at((number, count), n)}, {code.index(parts)} : index") for n in (0, count)
        )
        return begin, end

    def spread(
        self, rows: int, workgroups: int
    ) -> tuple[tuple[Value, Value], Callable[[int], tuple[Value, Value]], int]:
        """For each of at most so many workgroups some rows, or where there are fewer rows, one of them: the range of
        rows, what gives the part of a range within a row, and how many workgroups there are."""
        code, blocks = self.code, min(rows, workgroups)
        groups = workgroups // blocks
        block = code(f"arith.divui {self.workgroup}, {code.index(groups)} : index")
        group = code(f"arith.remui {self.workgroup}, {code.index(groups)} : index")
        return self.part(rows, blocks, block), lambda count: self.part(count, groups, group), blocks * groups

    def scratch(self, name: str, type_: str) -> None:
        """Memory on the stack."""
        self.types[name] = type_
        properties = "alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>"
        self.memory[name] = self.code(f'"memref.alloca"() <{{{properties}}}> : () -> memref<{type_}>')

    def load(self, name: str, place: Value, type_: str | None = None) -> Value:
        memory = f"memref<{self.types[name]}>"
        if type_:
            return self.code(f"vector.load {self.memory[name]}[{place}] : {memory}, {type_}")
        return self.code(f"memref.load {self.memory[name]}[{place}] : {memory}")

    def store(self, value: Value, name: str, place: Value, type_: str | None = None) -> None:
        memory = f"memref<{self.types[name]}>"
        operation = "vector.store" if type_ else "memref.store"
        self.code.do(f"{operation} {value}, {self.memory[name]}[{place}] : {memory}{f', {type_}' if type_ else ''}")

    def prefetch(self, name: str, place: Value, vectors: int, cache: int = 2) -> None:
        """Brings vectors that will be read to the first or second cache. They may lie behind the memory."""
        memory = f"memref<{self.types[name]}>"
        elements = self.machine.lanes * (4 if memory.endswith("i8>") else 1)
        for i in range(vectors):
            here = self.code.at(place, i * elements)
            self.code.do(f"memref.prefetch {self.memory[name]}[{here}], read, locality<{4 - cache}>, data : {memory}")

    def load_part(self, name: str, place: Value, left: Value, type_: str, others: Value | None = None) -> Value:
        """A vector of floats of which `left` are there, if that is less than the vector has; 0 for the others, or what
        the vector `others` has there."""
        code, memory = self.code, f"memref<{self.types[name]}>"
        bits, others = type_.replace("f32", "i1"), others or code.constant("0.0", type_)
        mask = code(f"vector.create_mask {left} : {bits}")
        return code(
            f"vector.maskedload {self.memory[name]}[{place}], {mask}, {others} : {memory}, {bits}, {type_} into {type_}"
        )

    def store_part(self, value: Value, name: str, place: Value, left: Value, type_: str) -> None:
        """Stores the first `left` elements of a vector of floats."""
        code, memory = self.code, f"memref<{self.types[name]}>"
        bits = type_.replace("f32", "i1")
        mask = code(f"vector.create_mask {left} : {bits}")
        code.do(f"vector.maskedstore {self.memory[name]}[{place}], {mask}, {value} : {memory}, {bits}, {type_}")

    def greatest(self, vectors: Sequence[Value], vf: str) -> Value:
        """The greatest element; NaN if one is."""
        vector = tree(lambda a, b: self.code(f"arith.maximumf {a}, {b} : {vf}"), vectors)
        return self.code(f"vector.reduction <maximumf>, {vector} : {vf} into f32")

    def transposed(self, rows: Sequence[Value]) -> list[Value]:
        """The columns of a square of floats, whose rows are vectors: halves, quarters, … change places."""
        lanes, vf = self.machine.lanes, self.machine.vector("f32")
        vectors, distance = list(rows), 1
        while distance < lanes:
            upper = [n for n in range(lanes) if not n & distance]
            # Of the lanes of two vectors, one after the other.
            first = [n if n in upper else lanes + n - distance for n in range(lanes)]
            second = [n + distance if n in upper else lanes + n for n in range(lanes)]
            for n in upper:
                a, b = vectors[n], vectors[n + distance]
                vectors[n], vectors[n + distance] = (
                    self.code(f"vector.shuffle {a}, {b} {taken} : {vf}, {vf}") for taken in (first, second)
                )
            distance *= 2
        return vectors

    def compressed(self, vector: Value, mask: Value, vi: str) -> Value:
        """A vector of integers that begins with those that a mask has. LLVM has it on all machines for these alone."""
        name, bits, nothing = "llvm.experimental.vector.compress", vi.replace("i32", "i1"), self.code.constant("0", vi)
        return self.code(f'llvm.call_intrinsic "{name}"({vector}, {mask}, {nothing}) : ({vi}, {bits}, {vi}) -> {vi}')

    def splat(self, value: Value, element: str) -> Value:
        return self.code(f"vector.broadcast {value} : {element} to {self.machine.vector(element)}")

    def sum_of(self, vector: Value, vf: str) -> Value:
        """Of the elements of a vector of floats, in whatever order is fastest."""
        return self.code(f"vector.reduction <add>, {vector} fastmath<reassoc> : {vf} into f32")


class ProductFunction(Function):
    """A function that multiplies with quantized weights."""

    def __init__(self, name: str, product: Product, operands: Mapping[str, str], results: Mapping[str, str]):
        super().__init__(name, product.machine, operands, results)
        self.product = product

    def scales(self, block: Value) -> Value:
        """The scales of a block of a group of columns, in float32."""
        p = self.product
        type_, vf = p.machine.vector(p.scale), p.machine.vector("f32")
        scales = self.load("factors", self.code.at((block, p.machine.lanes)), type_)
        return scales if p.scale == "f32" else self.code(f"arith.extf {scales} : {type_} to {vf}")

    def zeros(self, block: Value) -> Value | None:
        """The zero points of a block of a group of columns as floats, None where all weights share one."""
        p, m = self.product, self.product.machine
        if p.zero is not None:
            return None
        type_, vi, vf = m.vector("i8"), m.vector("i32"), m.vector("f32")
        zero = self.load("zeros", self.code.at((block, m.lanes)), type_)
        extend = "extsi" if p.signed else "extui"
        return self.code(f"arith.sitofp {self.code(f'arith.{extend} {zero} : {type_} to {vi}')} : {vi} to {vf}")
