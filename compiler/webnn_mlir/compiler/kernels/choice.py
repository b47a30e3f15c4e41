"""Which kernel computes a matrix product with quantized weights, and its dispatches in a program.

What a product costs, in instructions of a vector for 16 weights (AVX-512 with VNNI):

    digits:  0.4 to unpack, and for each row 1.3 with three digits, 0.5 with one
    tiles:   6 to unpack, and for each row 1

so exact products of few rows are computed with digits, others with tiles: `Machine.few` rows is where they meet.
Memory is read at 30 GB/s a core at best, which for one row is all that counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from iree.compiler import ir

from webnn_mlir.dialects.webnn.int4 import pack_int4

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..iree import target_features
from ..program import Program
from . import digits, executable, tiles
from .function import Dispatch
from .machine import BY_NAME, Machine, machine_for
from .packing import NIBBLES, Packed, Packing
from .product import Product

LARGEST_BLOCK = 256
"""Of which the sums of integers fit a float32."""

WHOLE_BLOCK = 128
"""In what kernels work where a column has one scale."""

LINALG_ROWS, LINALG_SMALL = 4, 2**16
"""Where no kernel fits, one loop over quantized weights pays for as many rows: for more, each weight is converted too
often, and a product with weights in floating point takes a third of the time. With fewer weights it does not matter."""

WORKGROUPS = 64
WORKGROUP_BYTES = 2**16
"""Weights of a workgroup, at least."""


@dataclass(frozen=True)
class Matrix:
    """A constant as a matrix of columns and depth; fields as in Packing."""

    constant: ir.Operation
    element: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    sizes: tuple[int, ...]
    columns: int

    @property
    def extents(self) -> tuple[int, int]:
        """How many columns, and how deep."""
        return math.prod(self.sizes[: self.columns]), math.prod(self.sizes[self.columns :])

    def packing(self, machine: Machine, depth: int, repeat: int = 1, *, interleave: bool = False) -> Packing:
        return Packing(
            self.element, self.shape, self.axes, self.sizes, self.columns, machine.lanes, depth, repeat,
            flip_of(self.element, machine), interleave,
        )  # fmt: skip


@dataclass(frozen=True)
class Operands:
    """Quantized weights, with a scale and a zero point for each block of them; `zero` where all zero points are one."""

    weights: Matrix
    scales: Matrix
    zeros: Matrix
    zero: int | None


def flip_of(element: str, machine: Machine) -> int:
    """What is added to stored integers for those that the machine multiplies: unsigned, or signed bytes."""
    if element == "int4":
        return 8
    return 128 if element in ("int8", "uint8") and (element == "uint8") == machine.signed else 0


def stored(value: int, element: str, machine: Machine) -> int:
    """An integer as the machine has it."""
    flipped = value + flip_of(element, machine)
    return flipped % 16 if element in NIBBLES else flipped - 256 * (flipped > 127) if machine.signed else flipped % 256


def block_of(depth: int, scales: int) -> tuple[int, int] | None:
    """The block that kernels work in, and how many of them share a scale (1 too for whole columns); None where none
    fits."""
    if scales == 1:
        return min(WHOLE_BLOCK, -(-depth // 32) * 32), 1
    size = depth // scales
    if size % 16:
        return None
    block = size if size <= LARGEST_BLOCK else max(b for b in range(16, LARGEST_BLOCK + 1, 16) if size % b == 0)
    return block, size // block


def linalg_pays(rows: int, weights: int) -> bool:
    """Whether the Linalg form of a product with so many weights is faster than one with weights in floating point."""
    return rows <= LINALG_ROWS or weights < LINALG_SMALL


def machine_of(program: Program) -> Machine | None:
    """The machine that a program is compiled for: the one that the option `machine` names, or by the flags for IREE in
    the option `flags`; None where there is neither, or a processor that has no kernels."""
    if name := program.options.get("machine"):
        return BY_NAME[name]
    flags = program.options.get("flags")
    return machine_for(target_features(tuple(flags))) if flags else None


def form_of(product: Product) -> str:
    """Of an exact product: the faster one."""
    return "digits" if product.rows <= product.machine.few else "tiles"


def dispatches(product: Product, *, dynamic: bool, form: str | None = None) -> list[Dispatch]:
    """The functions that compute a product, an exact one in some form."""
    weights = product.groups * product.blocks * product.block_bytes
    workgroups = max(1, min(WORKGROUPS, product.groups, weights // WORKGROUP_BYTES))
    if dynamic:
        return digits.functions(digits.Digits(product, exact=False, workgroups=workgroups))
    if (form or form_of(product)) == "digits":
        return digits.functions(digits.Digits(product, exact=True, workgroups=workgroups))
    return tiles.functions(tiles.Tiles(product, max(1, min(workgroups, product.groups // 2))))


def multiply(program: Program, b: Emitter, machine: Machine, x: Tensor, operands: Operands) -> Tensor | None:
    """x [rows, depth] multiplied with quantized weights, in float32; None where their blocks fit no kernel."""
    (columns, depth), (_, scales) = operands.weights.extents, operands.scales.extents
    blocks = block_of(depth, scales)
    if blocks is None:
        return None
    block, repeat = blocks
    element = operands.weights.element
    product = Product(
        machine, x.shape[0], depth, columns, block, bits=4 if element in NIBBLES else 8,
        scale=ELEMENTS[operands.scales.element], whole=scales == 1,
        zero=None if operands.zero is None else stored(operands.zero, element, machine),
    )  # fmt: skip
    packings = {
        "weights": (operands.weights, product.blocks * block, 1, True),
        "factors": (operands.scales, product.scales, repeat, False),
        "zeros": (operands.zeros, product.scales, repeat, False),
    }
    parameters = {}
    for role in product.weights:
        matrix, length, repeated, interleave = packings[role]
        packing = matrix.packing(machine, length, repeated, interleave=interleave)
        parameters[role] = _signless(b, parameter(program, matrix.constant, role, packing))
    dynamic = program.options.get("accuracy") == "dynamic"
    values = {"x": b.reshape(b.convert(x, "f32"), [product.rows * depth]), **parameters}
    work = product.rows * depth * columns
    form = None if dynamic else program.choose("quantized", product.name, form_of(product), work=work)
    for function in dispatches(product, dynamic=dynamic, form=form):
        program.comes_of(product.name, function.name)
        results = dispatch(program, function, [values[operand] for operand in function.operands])
        values |= dict(zip(function.results, results, strict=True))
    return b.reshape(values["y"], [product.rows, columns])


def _signless(b: Emitter, x: Tensor) -> Tensor:
    return b.bitcast(x, x.element.removeprefix("u"))


def dispatch(program: Program, function: Dispatch, operands: Sequence[Tensor]) -> list[Tensor]:
    """Calls a function on flat tensors. Its executable has its name."""
    if function.name not in program.kernels:
        program.kernels[function.name] = function
        executable.add(program, function.name, {function.name: function.workgroups}, [function.entry()])
    types = [ir.Type.parse(f"tensor<{type_}>") for type_ in function.results.values()]
    return [Tensor.of(v) for v in executable.call(function.name, function.name, [t.value for t in operands], types)]


def is_stored(value: ir.Value) -> bool:
    """Whether it is an argument or a kernel's result, maybe in another shape."""
    owner = binding.unshaped(value).owner
    return isinstance(owner, ir.Block) or executable.name_of(owner) is not None


def is_constant(value: ir.Value) -> bool:
    """Whether it is a constant as it is."""
    return not isinstance(value.owner, ir.Block) and value.owner.name == "webnn.constant"


def is_at_hand(program: Program, constant: ir.Operation) -> bool:
    """Whether a constant can be packed: the bytes of those in an archive are packed when that is written."""
    external = program.options.get("weights") == "external"
    return "key" not in constant.attributes or external or binding.decode(constant.attributes["key"]) in program.weights


def parameter(program: Program, constant: ir.Operation, role: str, packing: Packing) -> Tensor:
    """A constant packed, as a constant named after it; one that stands in the module is packed there."""
    type_ = ELEMENTS[packing.element]
    if "key" not in constant.attributes:
        data = packing.apply(_bytes(constant)).view(NUMPY[type_])
        dense = ir.DenseElementsAttr.get(data, type=binding.tensor_type(data.shape, type_))
        return binding.DialectBuilder().constant(dense)
    packed = Packed(binding.decode(constant.attributes["key"]), packing)
    name = _named(program, packed, role)
    shape = [packing.byte_length // np.dtype(NUMPY[type_]).itemsize]
    operation = ir.Operation.create(
        "webnn.constant",
        results=[binding.tensor_type(shape, type_)],
        attributes={"key": ir.StringAttr.get(name)},
    )
    return Tensor.of(operation.results[0])


def _named(program: Program, packed: Packed, role: str) -> str:
    """The key of a packed constant; in an artifact that holds its weights, its bytes are made now."""
    name = f"{packed.source}.{role}"
    while name in program.weights or program.packed.get(name, packed) != packed:
        if program.packed.get(name) == packed:
            return name
        name += "_"
    if name not in program.packed:
        program.packed[name] = packed
        if program.options.get("weights") != "external":
            program.weights[name] = packed.packing.apply(program.weights[packed.source])
    return name


def _bytes(constant: ir.Operation) -> np.ndarray[Any, Any]:
    """The bytes of a constant that stands in the module."""
    value, descriptor = constant.attributes["value"], Tensor.of(constant.results[0]).descriptor
    if descriptor.data_type.bits == 4:
        return pack_int4(binding.int4_elements(value, descriptor), descriptor.data_type)
    return np.ascontiguousarray(np.array(value)).reshape(-1).view(np.uint8)


ELEMENTS = {"int4": "ui8", "uint4": "ui8", "int8": "ui8", "uint8": "ui8", "float32": "f32", "float16": "f16"}
"""Of parameters, by the data types of the constants they are made of."""

NUMPY = {"ui8": "u1", "f32": "f4", "f16": "f2"}
