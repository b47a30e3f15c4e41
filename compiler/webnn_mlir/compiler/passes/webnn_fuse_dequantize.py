"""Makes a dequantizeLinear of constant weights, and the matmul, gemm or conv2d that it feeds, one linalg.generic.

Given:
    %w = "webnn.dequantizeLinear"(%q, %scale, %zero) : (tensor<4096x512xi4>, …) -> tensor<4096x512xf32>
    %y = "webnn.matmul"(%x, %w) : (tensor<1x4096xf32>, tensor<4096x512xf32>) -> tensor<1x512xf32>
Result:
    %q = flow.tensor.bitcast %bytes : tensor<1048576xi8> -> tensor<128x32x64xi32>
    %y = linalg.generic … ins(%x, %q, %scale, %zero) {
        y += x * (q - zero) * scale
    }

Otherwise the whole weight matrix is written to memory in floating point and read again. The weights may pass through
reshapes and transposes on their way. int4 stays packed up to the loads of the generic, which shift the elements out of
words; only rows of an odd number of them are unpacked, to a byte each. A dequantizeLinear that stays is a remark, with
the reason.

Where the processor has a kernel for the product (kernels/choice.py), the result is that kernel's dispatches instead:
    %d:3 = flow.dispatch @exact_digits_1x4096_i4_block32::@… (%x)
    %y = flow.dispatch @exact_1x4096x512_i4_block32_f32::@… (%d#0, %d#1, %d#2, %packed, %scales, …)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType, Descriptor, OpView
from webnn_mlir.dialects.webnn.int4 import pack_int4, unpack_int4

from .. import binding, lowering
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice
from ..program import Program
from ..quantized import Access, Axes, Axis, Index, Layout, Steps, axes_of, contract, extent, flat, sizes
from . import register_pass

TYPES = (DataType.INT4, DataType.UINT4, DataType.INT8, DataType.UINT8)
CONSTANT, DEQUANTIZE = "webnn.constant", "webnn.dequantizeLinear"
RESHAPE, TRANSPOSE = "webnn.reshape", "webnn.transpose"
VIEWS = (RESHAPE, TRANSPOSE, "webnn.identity")


class Missed(Exception):
    """Why a fusion does not apply."""


@register_pass("webnn-fuse-dequantize")
def fuse_dequantize(program: Program) -> None:
    fuser = Fuser(program)
    binding.rewrite(program.module, fuser.rewrite)
    binding.erase_dead(program.module)
    for operation in binding.webnn_operations(program.module):
        if operation.name == DEQUANTIZE:
            reason = fuser.missed.get(operation.results[0]) or _first_other_use(operation)
            program.remarks.append(replace(binding.diagnostic(operation, f"not fused: {reason}"), severity="remark"))


class Fuser:
    """Rewrites the ops that weights feed. `missed` has a reason for each dequantizeLinear, by its result, that one of
    them did not take in."""

    def __init__(self, program: Program):
        self.program = program
        self.emitter = Emitter()
        self.missed: dict[ir.Value, str] = {}

    def rewrite(self, operation: ir.Operation) -> list[Tensor] | None:
        name = operation.name.removeprefix(binding.PREFIX)
        if name not in CONSUMERS:
            return None
        fields, emit = CONSUMERS[name]
        _, op, (result,) = binding.view(operation)
        for field in fields:
            source, views = _path(getattr(op, field).value)
            if source is None or source.name != DEQUANTIZE:
                continue
            try:
                weights = LazyWeights(self, source, views)
                value = emit(self.emitter, op, field, weights, result)
            except Missed as reason:
                self.missed[source.results[0]] = f"{name}: {reason}"
                continue
            return [self.emitter.convert(value, result.data_type.mlir)]
        return None


class LazyWeights:
    """The operand of an op that a dequantizeLinear feeds. Raises Missed unless its weights are such as can be fused.

    `layout` may be refined; nothing is built before `contract`.
    """

    def __init__(self, fuser: Fuser, source: ir.Operation, views: Sequence[ir.Operation]):
        self.fuser = fuser
        self.constant, before = _path(source.operands[0])
        self.scale, self.zero_point = (Tensor.of(v) for v in list(source.operands)[1:])
        if self.constant is None or self.constant.name != CONSTANT:
            raise Missed("the weights are not constant")
        descriptor = Tensor.of(self.constant.results[0]).descriptor
        self.data_type = descriptor.data_type
        if self.data_type not in TYPES:
            raise Missed(f"the weights are {self.data_type}, not one of {', '.join(TYPES)}")
        layout = _through(Layout.of(descriptor.shape), before).quantized(self.scale.shape)
        if layout is None:
            raise Missed(f"scales of shape {list(self.scale.shape)} cut across the weights' dimensions in memory")
        self.layout = _through(layout, views)

    def contract(self, x: Tensor, index: Sequence[Index], result: Axes) -> Tensor:
        """The sum over the axes that the result has not: see `quantized.contract`."""
        b = self.fuser.emitter
        read = tuple(i for i, n in zip(index, x.shape, strict=True) if n > 1)
        access = Access(self.layout.data, self.layout.scale, read, result).collapsed()
        stored_zero, nibbles, zero_nibbles = _stored(self.zero_point), None, None
        if self.data_type.bits == 4:
            access, nibbles = access.packed(access.data)
            if stored_zero is not None:
                access, zero_nibbles = access.packed(access.scale)
        data = self._steps(self.constant, access.data, nibbles)
        zero_point: Steps | None = None
        if stored_zero is None:
            zero_point = self._elements(self.zero_point, access.scale)
        elif _splat(self.fuser.program, stored_zero) != 0:
            zero_point = self._steps(stored_zero, access.scale, zero_nibbles)
        x, scale = b.reshape(x, [extent(i) for i in access.x]), b.reshape(self.scale, sizes(access.scale))
        return contract(b, access, x, data, scale, zero_point)

    def kernel(self, x: Tensor, depth: Axes, columns: Axes) -> Tensor | None:
        """x [rows, depth] times the weights by a kernel of the machine that the program is compiled for, in float32;
        None where none fits."""
        machine = choice.machine_of(self.fuser.program)
        constants = self.constant, _stored(self.scale), _stored(self.zero_point)
        blocks = tuple(a for a in depth if a in self.layout.scale)
        if machine is None or depth[: len(blocks)] != blocks:
            return None
        if not all(c is not None and self._at_hand(c) for c in constants):
            return None

        def matrix(constant: ir.Operation, data: Axes, rest: Axes) -> choice.Matrix:
            element = Tensor.of(constant.results[0]).data_type.value
            axes = (*columns, *rest)
            places = tuple(data.index(a) if a in data else -1 for a in axes)
            return choice.Matrix(constant, element, tuple(sizes(data)), places, tuple(sizes(axes)), len(columns))

        weights, scale, zero = constants
        operands = choice.Operands(
            matrix(weights, self.layout.data, depth), matrix(scale, self.layout.scale, blocks),
            matrix(zero, self.layout.scale, blocks), _splat(self.fuser.program, zero),
        )  # fmt: skip
        return choice.multiply(self.fuser.program, self.fuser.emitter, machine, x, operands)

    def _at_hand(self, constant: ir.Operation) -> bool:
        """Whether a constant can be packed: the bytes of those in an archive are packed when that is written."""
        program = self.fuser.program
        if "key" not in constant.attributes or program.options.get("weights") == "external":
            return True
        return binding.decode(constant.attributes["key"]) in program.weights

    def _steps(self, constant: ir.Operation, axes: Axes, nibbles: Axis | None) -> Steps:
        """A constant's bytes in the shape of the axes, as words of all elements of the axis `nibbles`.

        IREE compiles neither small constants nor masked loads of int4; of words it does.
        """
        if nibbles is None:
            return self._elements(Tensor.of(constant.results[0]), axes)
        b, shape = self.fuser.emitter, sizes(a for a in axes if a is not nibbles)
        packed = b.bitcast(_packed(constant), "i8")
        segments = {"operandSegmentSizes": "array<i32: 1, 0, 0>"}
        words = b.op("flow.tensor.bitcast", [packed], [(shape, f"i{4 * nibbles.size}")], segments)[0]
        return Steps(words, self.data_type, nibbles)

    def _elements(self, value: Tensor, axes: Axes) -> Steps:
        """A byte an element; int4 is unpacked where its rows fill no whole number of bytes."""
        b = self.fuser.emitter
        return Steps(b.reshape(b.bitcast(lowering.widen(b, value), "i8"), sizes(axes)), self.data_type)


# Following values


def _path(value: ir.Value) -> tuple[ir.Operation | None, list[ir.Operation]]:
    """The op that makes a value, None for an argument, and the reshapes and transposes that follow it, in order."""
    views: list[ir.Operation] = []
    while not isinstance(value.owner, ir.Block):
        operation = value.owner.operation
        if operation.name not in VIEWS:
            return operation, views[::-1]
        views.append(operation)
        value = operation.operands[0]
    return None, views[::-1]


def _through(layout: Layout, views: Sequence[ir.Operation]) -> Layout:
    """A layout seen through reshapes and transposes."""
    for operation in views:
        _, op, (result,) = binding.view(operation)
        if operation.name == RESHAPE:
            layout = _reshape(layout, result.shape)
        elif operation.name == TRANSPOSE:
            layout = layout.transpose(op.permutation)
    return layout


def _reshape(layout: Layout, shape: Sequence[int]) -> Layout:
    reshaped = layout.reshape(shape)
    if reshaped is None:
        raise Missed(f"the reshape to {list(shape)} cuts across dimensions or blocks")
    return reshaped


def _packed(constant: ir.Operation) -> Tensor:
    """A constant of int4 or uint4 as one of its bytes."""
    descriptor = Tensor.of(constant.results[0]).descriptor
    bytes_ = Descriptor(DataType.UINT8, (descriptor.byte_length,))
    attributes = {"key": constant.attributes["key"]} if "key" in constant.attributes else {}
    if not attributes:
        data = pack_int4(binding.int4_elements(constant.attributes["value"], descriptor), descriptor.data_type)
        attributes = {"value": ir.DenseElementsAttr.get(data, type=binding.type_of(bytes_))}
    with constant.location, ir.InsertionPoint(constant):
        return Tensor.of(ir.Operation.create(CONSTANT, [binding.type_of(bytes_)], [], attributes).results[0])


def _stored(value: Tensor) -> ir.Operation | None:
    """The constant whose elements, in memory's order, a value has."""
    constant, views = _path(value.value)
    known = constant is not None and constant.name == CONSTANT and all(v.name != TRANSPOSE for v in views)
    return constant if known else None


def _splat(program: Program, constant: ir.Operation) -> int | None:
    """The value that all elements of a constant of integers have, if its bytes are at hand and there is one."""
    descriptor = Tensor.of(constant.results[0]).descriptor
    nibbles = descriptor.data_type.bits == 4
    if "key" not in constant.attributes:
        value = constant.attributes["value"]
        elements = binding.int4_elements(value, descriptor) if nibbles else np.array(value)
    else:
        data = program.weights.get(binding.decode(constant.attributes["key"]))
        if data is None:
            return None
        elements = unpack_int4(data, descriptor) if nibbles else data.view(descriptor.data_type.numpy)
    first = int(elements.reshape(-1)[0])
    return first if (elements == first).all() else None


def _first_other_use(operation: ir.Operation) -> str:
    """What a value feeds, behind views, that is no contraction."""
    for use in operation.results[0].uses:
        user = use.owner.operation
        if user.name in VIEWS:
            return _first_other_use(user)
        if user.name.removeprefix(binding.PREFIX) not in CONSUMERS:
            return f"it feeds {user.name}, which is no matmul, gemm or conv2d"
    return "another operand of the same op is fused"


# The ops: each returns its result in float32


def _matmul(b: Emitter, op: OpView, field: str, weights: LazyWeights, result: Descriptor) -> Tensor:
    return b.reshape(_product(b, op.a if field == "b" else op.b, weights, left=field == "a"), result.shape)


def _product(b: Emitter, x: Tensor, weights: LazyWeights, *, left: bool) -> Tensor:
    """x @ weights, or weights @ x when they are `left`, broadcast over leading dimensions; axes for dimensions."""
    *weights_batch, rows, columns = weights.layout.dims
    if not left and not flat(weights_batch):
        x, weights_batch = b.reshape(x, [math.prod(x.shape[:-1]), x.shape[-1]]), []
        y = weights.kernel(x, rows, columns)
        if y is not None:
            return y
    others = math.prod(x.shape[:-1]) if not left else x.shape[-1]
    if not choice.linalg_pays(others, math.prod(sizes(weights.layout.data))):
        raise Missed(f"{others} {'columns' if left else 'rows'} are multiplied faster with weights in floating point")
    kept, summed = (columns, rows) if not left else (rows, columns)
    other = axes_of(x.shape[-1] if left else x.shape[-2])
    x_batch, batch = [], []
    rank = max(x.rank - 2, len(weights_batch))
    for i in range(-rank, 0):
        ours = weights_batch[i] if -i <= len(weights_batch) else ()
        size = x.shape[i - 2] if -i <= x.rank - 2 else 1
        shared = ours or axes_of(size)
        batch.append(shared)
        x_batch.append(shared if size > 1 else ())
    x_axes = flat([*x_batch, summed, other] if left else [*x_batch, other, summed])
    axes = flat([*batch, kept, other] if left else [*batch, other, kept])
    return weights.contract(b.reshape(x, sizes(x_axes)), [{a: 1} for a in x_axes], axes)


def _gemm(b: Emitter, op: OpView, field: str, weights: LazyWeights, result: Descriptor) -> Tensor:
    """alpha * a' @ b' + beta * c, where ' may transpose."""
    left = field == "a"
    x, x_turned, turned = (op.b, op.b_transpose, op.a_transpose) if left else (op.a, op.a_transpose, op.b_transpose)
    if turned:
        weights.layout = weights.layout.transpose([1, 0])
    if x_turned:
        x = b.transpose(x, [1, 0])
    product = b.reshape(_product(b, x, weights, left=left), result.shape)
    if op.alpha != 1:
        product = b.multiply(product, op.alpha)
    if op.c is None or op.beta == 0:
        return product
    c = b.convert(op.c, "f32")
    return b.add(product, c if op.beta == 1 else b.multiply(c, op.beta))


def _conv2d(b: Emitter, op: OpView, field: str, weights: LazyWeights, result: Descriptor) -> Tensor:
    """Axes by letter: n, g (groups), o and i (channels of a group), H, W (of the output), h and w (of the kernel)."""
    shape = dict(zip(op.filter_layout, (math.prod(sizes(d)) for d in weights.layout.dims), strict=True))
    shape |= {"g": op.groups, "o": shape["o"] // op.groups}
    names = op.filter_layout.replace("o", "go")
    weights.layout = _reshape(weights.layout, [shape[d] for d in names])
    axes = dict(zip(names, weights.layout.dims, strict=True))
    output = dict(zip(op.input_layout, result.shape, strict=True))
    axes |= {"n": axes_of(output["n"]), "H": axes_of(output["h"]), "W": axes_of(output["w"])}
    window = {
        d: _index(axes[d.upper()], stride) | _index(axes[d], dilation)
        for d, stride, dilation in zip("hw", op.strides, op.dilations, strict=True)
    }

    low, high = ([dict(zip("hw", op.padding[i::2], strict=True)).get(d, 0) for d in op.input_layout] for i in (0, 1))
    x = b.pad(op.input, 0, low, high)
    # What lies beyond the last window is not read.
    x = b.slice(x, [0] * 4, [extent(window[d]) if d in window else x.shape[i] for i, d in enumerate(op.input_layout)])
    read, written = op.input_layout.replace("c", "gi"), op.input_layout.replace("c", "go")
    index = [i for d in read for i in ([window[d]] if d in window else [{a: 1} for a in axes[d]])]
    result_axes = flat(axes[d.upper() if d in window else d] for d in written)
    y = b.reshape(weights.contract(b.reshape(x, [extent(i) for i in index]), index, result_axes), result.shape)
    if op.bias is None:
        return y
    return b.add(y, b.broadcast_in_dim(b.convert(op.bias, "f32"), y.shape, [op.input_layout.index("c")]))


def _index(axes: Axes, unit: int) -> dict[Axis, int]:
    """A dimension's index in terms of its axes, times `unit`."""
    index: dict[Axis, int] = {}
    for axis in reversed(axes):
        index[axis] = unit
        unit *= axis.size
    return index


CONSUMERS: dict[str, tuple[tuple[str, ...], Callable[[Emitter, OpView, str, LazyWeights, Descriptor], Tensor]]] = {
    "matmul": (("b", "a"), _matmul),
    "gemm": (("b", "a"), _gemm),
    "conv2d": (("filter",), _conv2d),
}
"""For each op the operands that may be weights, in order of preference, and what builds it."""
