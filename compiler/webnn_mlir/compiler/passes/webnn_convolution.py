"""Computes convolutions with constant weights in float32, and element-wise ops that follow, by one kernel each.

Given:
    %w = "webnn.constant"() {key = "w"} : () -> tensor<64x64x3x3xf32>
    %f = "webnn.transpose"(%w) {permutation = array<i64: 2, 3, 1, 0>} : … -> tensor<3x3x64x64xf32>
    %c = "webnn.conv2d"(%x, %f, %bias) {inputLayout = "nhwc", filterLayout = "hwio", …} : … -> tensor<1x56x56x64xf32>
    %s = "webnn.add"(%c, %shortcut) : …
    %y = "webnn.max"(%zero, %s) : …
Result:
    %y = flow.dispatch @convolution_3x3_56x56x64x64_…::@…(%x, %packed, %bias, %shortcut)

The weights are packed when the module is compiled. What is added and multiplied for each channel by constants, as batch
normalization does, becomes one scale and one bias. Ops follow if what they take from the convolution goes nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType, Descriptor, OpView
from webnn_mlir.dialects.webnn.ops import _windows

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..following import Following, Ops, rewrite
from ..kernels import choice, convolution, winograd
from ..kernels.convolution import Convolution, Direction
from ..kernels.machine import Machine
from ..kernels.packing import Packing
from ..kernels.winograd import Winograd
from ..program import Program
from ..quantized import moved_from, sizes
from . import register_pass


@register_pass("webnn-convolution")
def convolutions(program: Program) -> None:
    machine = choice.machine_of(program)
    if machine is None:
        return

    def find(operation: ir.Operation, ops: Ops) -> _Layer | None:
        return _layer(program, machine, operation, ops) if operation.name in KERNELS else None

    rewrite(program, find)


@dataclass(frozen=True)
class _Layer:
    """A convolution with the constant that its filter is, how that is packed, and the name of choices about it."""

    program: Program
    operation: ir.Operation
    following: Following
    kernel: Convolution
    constant: ir.Operation
    packing: Packing
    place: str
    winograd: bool

    def compute(self) -> Tensor:
        """The dispatch of the kernel."""
        b = Emitter()
        _, op, _ = binding.view(self.operation)
        epilogue, operands = self.following.epilogue(op.bias, self.kernel.outputs // self.following.shape[-1])
        kernel = replace(self.kernel, epilogue=epilogue)
        weights = choice.parameter(self.program, self.constant, f"lanes{self.packing.lanes}", self.packing)
        flat = [b.reshape(v, [math.prod(v.shape)]) for v in (op.input, weights, *operands)]
        function = winograd.function(Winograd(kernel)) if self.winograd else convolution.function(kernel)
        self.program.comes_of(self.place, function.name)
        return b.reshape(choice.dispatch(self.program, function, flat)[0], self.following.shape)


def _layer(program: Program, machine: Machine, operation: ir.Operation, ops: Ops) -> _Layer | None:
    """A convolution that a kernel computes faster than IREE; None for the others."""
    _, op, (result,) = binding.view(operation)
    if op.input.data_type is not DataType.FLOAT32 or op.input_layout != "nhwc":
        return None
    found = KERNELS[operation.name](machine, op, result)
    if found is None or not convolution.pays(found[0]):
        return None
    kernel, (columns, depth) = found
    source = moved_from(op.filter.value, choice.is_constant)
    if source is None or not choice.is_at_hand(program, source[0].owner):
        return None
    place = kernel.name
    forms = ["kernel", *["winograd"] * winograd.fits(kernel), "iree"]
    default = "winograd" if winograd.pays(kernel) else "kernel"
    form = program.choose("convolution", place, default, forms, work=kernel.products)
    if form == "iree":
        return None
    kernel = _sized(program, kernel, Winograd(kernel).product if form == "winograd" else kernel)
    constant, layout = source[0].owner.operation, source[1]
    product, transform = kernel, tuple[float, ...]()
    if form == "winograd":
        product, depth, transform = Winograd(kernel).product, "whi", tuple(chain.from_iterable(winograd.FILTER))
    lanes = kernel.outputs if kernel.depthwise else product.vectors * machine.lanes
    dims = dict(zip(op.filter_layout, layout.dims, strict=True))
    outer, inner = ([axis for letter in letters for axis in dims[letter]] for letters in (columns, depth))
    packing = Packing(
        "float32", tuple(sizes(layout.data)), tuple(layout.data.index(a) for a in outer + inner),
        tuple(sizes(outer + inner)), len(outer), lanes, product.depth, transform=transform,
        parts=1 if kernel.depthwise else kernel.groups,
    )  # fmt: skip
    following = Following(program, operation.results[0], ops)
    return _Layer(program, operation, following, kernel, constant, packing, place, form == "winograd")


def _sized(program: Program, kernel: Convolution, product: Convolution) -> Convolution:
    """The kernel with the sizes that were chosen for its product, which in Winograd's form is another one."""
    place, work, default, direct = kernel.name, kernel.products, product.vectors, product is kernel
    if not kernel.depthwise:
        vectors = program.choose("convolution.vectors", place, default, product.possible_vectors, work=work)
        kernel = kernel if vectors == default else replace(kernel, chosen_vectors=vectors)
    if not direct or work < 2 * convolution.WORKGROUP_PRODUCTS:
        return kernel
    most = program.choose("convolution.workgroups", place, kernel.most_workgroups, work=work)
    return replace(kernel, most_workgroups=most)


Found = tuple[Convolution, tuple[str, str]]
"""A kernel, and the filter's dimensions that are columns and depth of its weights."""


def _convolution(machine: Machine, op: OpView, result: Descriptor) -> Found:
    filters = dict(zip(op.filter_layout, op.filter.shape, strict=True))
    (top, _), (left, _) = _windows.pairs(op.padding)
    batch, height, width, channels = op.input.shape
    kernel = Convolution(
        machine, batch,
        Direction(height, result.shape[1], filters["h"], op.strides[0], op.dilations[0], top),
        Direction(width, result.shape[2], filters["w"], op.strides[1], op.dilations[1], left),
        channels, filters["o"], op.groups,
    )  # fmt: skip
    return kernel.flat, ("o", "hwi")


def _transposed(machine: Machine, op: OpView, result: Descriptor) -> Found | None:
    """One whose filter is as large as its strides: each element of the result depends on one place of the input."""
    filters = dict(zip(op.filter_layout, op.filter.shape, strict=True))
    batch, height, width, channels = op.input.shape
    rows, columns = op.strides
    whole = [filters["h"], filters["w"], *result.shape[1:3]] == [rows, columns, height * rows, width * columns]
    if not whole or any(op.padding) or op.groups > 1:
        return None
    vertical, horizontal = Direction(height, height, 1), Direction(width, width, 1)
    kernel = Convolution(machine, batch, vertical, horizontal, channels, columns * filters["o"], rows=rows)
    return kernel.flat, ("wo", "hi")


KERNELS: dict[str, Callable[[Machine, OpView, Descriptor], Found | None]] = {
    "webnn.conv2d": _convolution, "webnn.convTranspose2d": _transposed,
}  # fmt: skip
"""By their op."""
