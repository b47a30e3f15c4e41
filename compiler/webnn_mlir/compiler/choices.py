"""What is decided for a module as a whole, by what its products cost: IREE's global flags help one and ruin another.

Data tiling packs the operands of products into tiles. The weights that are constants are packed when the module is
compiled, or once when it is loaded; all else at every call. One core of a Zen 4, against products that are not packed:

| product | not packed | packed |
| --- | --- | --- |
| 512x1024 by 1024x1024, constant | 32 ms | 10 ms |
| 1x4096 by 4096x4096, constant | 16 ms | 5.6 ms |
| 128x1024 by 1024x1024, weights as an argument | 7.0 ms | 3.0 ms |
| 1x4096 by 4096x4096, weights as an argument | 18 ms | 33 ms |

Thus with m rows and weights of e elements, packing wins 20 ns for 1000 multiplications where the weights are constant;
otherwise it costs 1 ns an element besides, which few rows do not win back. What is packed at a call is a dispatch, or
slows down one that it becomes a part of: in the detector of PP-OCR a mean over 96x25600 takes 24 ms instead of 2 where
it is packed for a product of 2304 multiplications, which wins nothing.
"""

from __future__ import annotations

import math
import re

from iree.compiler import ir

from . import binding
from .program import Program

GAIN_PER_PRODUCT = 0.04
"""Nanoseconds that a multiplication is quicker with packed operands."""
COST_PER_ELEMENT = 0.9
"""Nanoseconds that packing an element takes at a call."""
COST_PER_PRODUCT = 2000
"""Nanoseconds that packing takes at a call, however little there is."""

CONSTANTS = ("stablehlo.constant", "arith.constant", "util.global.load")
IREE_FLAGS = {
    "fusion": "--iree-dispatch-creation-enable-aggressive-fusion",
    "transposes": "--iree-opt-aggressively-propagate-transposes",
    "splitReduction": "--iree-dispatch-creation-enable-split-reduction",
    "generalMatmul": "--iree-opt-generalize-matmul",
    "unrolling": "--iree-llvmcpu-loop-unrolling",
}
"""What IREE decides by its optimization level; by the choices that tuning has about it."""

PRODUCTS = ("stablehlo.dot_general", "stablehlo.convolution")


def flags(program: Program) -> list[str]:
    """The flags of IREE for a lowered module."""
    place = program.tuning.module if program.tuning else ""
    packing = "on" if gain_of_packing(program.module) > 0 else "off"
    if _has_products(program.module):
        packing = program.choose("packing", place, packing)
    found = ["--iree-opt-data-tiling=true"] if packing == "on" else []
    for choice, flag in IREE_FLAGS.items():
        value = program.choose(choice, place, "default")
        if value != "default":
            found.append(f"{flag}={str(value == 'on').lower()}")
    return found


def _has_products(module: ir.Module) -> bool:
    return any(o.name in PRODUCTS for f in binding.functions(module) for o in f.regions[0].blocks[0].operations)


def gain_of_packing(module: ir.Module) -> float:
    """Nanoseconds that data tiling wins, over all products of a module."""
    gain = 0.0
    for function in binding.functions(module):
        constant: set[ir.Value] = set()
        for operation in function.regions[0].blocks[0].operations:
            operands = list(operation.operands)
            if operation.name in CONSTANTS or (operands and all(v in constant for v in operands)):
                constant.update(operation.results)
            elif operation.name in PRODUCTS:
                gain += _gain(operation.operation, constant)
    return gain


def _gain(product: ir.Operation, constant: set[ir.Value]) -> float:
    shapes = [list(ir.ShapedType(v.type).shape) for v in product.operands]
    results: int = math.prod(ir.ShapedType(product.results[0].type).shape)
    multiplications = results * _summed(product, shapes)
    packed: int = sum(math.prod(s) for v, s in zip(product.operands, shapes, strict=True) if v not in constant)
    return GAIN_PER_PRODUCT * multiplications - COST_PER_ELEMENT * packed - COST_PER_PRODUCT


def _summed(product: ir.Operation, shapes: list[list[int]]) -> int:
    """How many products each element of the result is the sum of."""
    if product.name == "stablehlo.dot_general":
        numbers = str(product.attributes["dot_dimension_numbers"])
        found = re.search(r"lhs_contracting_dimensions = \[([\d, ]*)\]", numbers)
        return math.prod(shapes[0][int(axis)] for axis in found[1].split(",") if axis.strip()) if found else 1
    # The filter's output channels are where its numbers have an o.
    letters = str(product.attributes["dimension_numbers"]).split("]x[")[1].split("]")[0].replace(" ", "").split(",")
    return math.prod(size for size, letter in zip(shapes[1], letters, strict=True) if letter != "o")
