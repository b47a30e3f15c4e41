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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType, Descriptor, OpView
from webnn_mlir.dialects.webnn.ops import _windows

from .. import binding
from ..binding import Tensor
from ..emitter import Emitter
from ..kernels import choice, convolution, winograd
from ..kernels.convolution import Convolution, Direction
from ..kernels.epilogue import Epilogue, Operand, Step
from ..kernels.machine import Machine
from ..kernels.packing import Array, Packing
from ..kernels.winograd import Winograd
from ..program import Program
from ..quantized import Layout, sizes
from . import register_pass

MOST_STEPS = 16
MOST_OPERANDS = 6
"""Beside input and weights."""


@register_pass("webnn-convolution")
def convolutions(program: Program) -> None:
    machine = choice.machine_of(program)
    if machine is None:
        return
    # The ops of all are found before the first is replaced: none belongs to two.
    operations = list(binding.webnn_operations(program.module))
    order = {operation: number for number, operation in enumerate(operations)}
    fused: dict[ir.Value, _Fused] = {}
    for operation in operations:
        if operation.name in KERNELS and (layer := _layer(program, machine, operation)):
            found = _Fused(program, layer, order)
            found.follow()
            fused[found.result.value] = found

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        result = next(iter(operation.results))
        return [fused[result].compute()] if result in fused else None

    if binding.rewrite(program.module, pattern, sweep=True):
        binding.erase_dead(program.module)


Place = tuple[ir.Operation, int]
"""An operand of an op, which may be another value by the time it is needed."""


@dataclass(frozen=True)
class _Layer:
    """A convolution with the constant that its filter is, how that is packed, and the name of choices about it."""

    operation: ir.Operation
    kernel: Convolution
    constant: ir.Operation
    packing: Packing
    place: str
    winograd: bool


def _layer(program: Program, machine: Machine, operation: ir.Operation) -> _Layer | None:
    """A convolution that a kernel computes faster than IREE; None for the others."""
    _, op, (result,) = binding.view(operation)
    if op.input.data_type is not DataType.FLOAT32 or op.input_layout != "nhwc":
        return None
    found = KERNELS[operation.name](machine, op, result)
    if found is None or not convolution.pays(found[0]):
        return None
    kernel, (columns, depth) = found
    source = _source(op.filter)
    if source is None or not _at_hand(program, source[0]):
        return None
    place = kernel.name
    forms = ["kernel", *["winograd"] * winograd.fits(kernel), "iree"]
    default = "winograd" if winograd.pays(kernel) else "kernel"
    form = program.choose("convolution", place, default, forms, work=kernel.products)
    if form == "iree":
        return None
    kernel = _sized(program, kernel, Winograd(kernel).product if form == "winograd" else kernel)
    constant, layout = source
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
    return _Layer(operation, kernel, constant, packing, place, form == "winograd")


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


def _source(value: Tensor) -> tuple[ir.Operation, Layout] | None:
    """The constant whose elements a value has, and where they are in it."""
    owner = value.value.owner
    if isinstance(owner, ir.Block):
        return None
    if owner.name == "webnn.constant":
        return owner.operation, Layout.of(value.shape)
    if owner.name not in ("webnn.transpose", "webnn.reshape"):
        return None
    _, op, (result,) = binding.view(owner.operation)
    source = _source(op.input)
    if source is None:
        return None
    constant, layout = source
    moved = layout.transpose(op.permutation) if owner.name == "webnn.transpose" else layout.reshape(result.shape)
    return (constant, moved) if moved else None


def _at_hand(program: Program, constant: ir.Operation) -> bool:
    """Whether a constant can be packed: the bytes of those in an archive are packed when that is written."""
    external = program.options.get("weights") == "external"
    return "key" not in constant.attributes or external or binding.decode(constant.attributes["key"]) in program.weights


class _Fused:
    """A convolution and the ops that follow it. `result` is what they give; `order` has all ops, but for those that
    others have taken."""

    def __init__(self, program: Program, layer: _Layer, order: dict[ir.Operation, int]):
        self.program, self.layer, self.order = program, layer, order
        self.result = Tensor.of(layer.operation.results[0])
        self.shape = self.result.shape
        self.affine: list[tuple[str, Place]] = []
        """Ops on each channel with constants, in order."""
        self.steps = _Steps()

    def follow(self) -> None:
        while self._follow_affine():
            pass
        self._follow_steps()

    def _follow_affine(self) -> bool:
        """Takes a sum or a product with a constant for each channel."""
        users = _users(self.result.value)
        if len(users) != 1 or users[0] not in self.order or users[0].name not in AFFINE or not self._fits(users[0]):
            return False
        turned = users[0].operands[0] != self.result.value
        other = Tensor.of(users[0].operands[0 if turned else 1])
        if (turned and not AFFINE[users[0].name]) or not self._per_channel(other):
            return False
        if not binding.is_constant(other.value):
            return False
        self.affine.append((users[0].name.removeprefix(binding.PREFIX), (users[0], 0 if turned else 1)))
        self._take(users)
        return True

    def _follow_steps(self) -> None:
        """Takes element-wise ops, in order, up to the last at which all that is known meets in one value."""
        steps, numbers, new = self.steps, {self.result.value: 0}, []
        open_ = [self.result.value]
        while len(steps.steps) < MOST_STEPS:
            users = [user for value in open_ for user in _users(value) if user not in new]
            if not all(user in self.order for user in users):
                return
            user = min(users, key=self.order.__getitem__)
            made = self._with(steps, user, numbers) if user.name in STEPS and self._fits(user) else None
            if made is None:
                return
            steps = made
            numbers[user.results[0]] = len(steps.steps)
            new.append(user)
            open_ = [v for v in (*open_, user.results[0]) if any(u not in new for u in _users(v))]
            if open_ == [user.results[0]]:
                self.steps = steps
                self._take(new)

    def _take(self, operations: Sequence[ir.Operation]) -> None:
        for operation in operations:
            self.order.pop(operation, None)
        self.result = Tensor.of(operations[-1].results[0])

    def _fits(self, operation: ir.Operation) -> bool:
        result = Tensor.of(operation.results[0])
        return result.data_type is DataType.FLOAT32 and result.shape == self.shape

    def _per_channel(self, value: Tensor) -> bool:
        """Whether it is one number, or one for each channel."""
        count = math.prod(value.shape)
        return count == 1 or count == self.shape[-1] == value.shape[-1]

    def _with(self, before: _Steps, operation: ir.Operation, numbers: dict[ir.Value, int]) -> _Steps | None:
        """The steps with those of an op; None where an operand does not fit."""
        _, op, _ = binding.view(operation)
        tensors, channels = list(before.tensors), list(before.channels)
        operands: list[Operand] = []
        for place, value in enumerate(operation.operands):
            tensor = Tensor.of(value)
            if value in numbers:
                operands.append(numbers[value])
            elif (number := self._number(tensor)) is not None:
                operands.append(number)
            elif tensor.shape == self.shape:
                operands.append(f"t{len(tensors)}")
                tensors.append((operation, place))
            elif math.prod(tensor.shape) > 1 and self._per_channel(tensor):
                operands.append(f"c{len(channels)}")
                channels.append((operation, place))
            else:
                return None
        made = STEPS[operation.name](op, operands, len(before.steps))
        if not made or len(tensors) + len(channels) > MOST_OPERANDS:
            return None
        return _Steps((*before.steps, *made), tuple(tensors), tuple(channels))

    def _number(self, value: Tensor) -> float | None:
        """The value of a constant of one element."""
        if math.prod(value.shape) != 1 or value.data_type is not DataType.FLOAT32:
            return None
        array = self._array(value.value)
        number = math.nan if array is None else float(array.reshape(-1)[0])
        return number if math.isfinite(number) else None

    def _array(self, value: ir.Value) -> Array | None:
        """The elements of a value that is computed from constants at hand; those of an archive may be exchanged."""
        owner = value.owner
        if isinstance(owner, ir.Block):
            return None
        if owner.name == "webnn.constant":
            if "key" not in owner.attributes:
                return np.array(owner.attributes["value"])
            data, tensor = self.program.weights.get(binding.decode(owner.attributes["key"])), Tensor.of(value)
            if data is None or self.program.options.get("weights") == "external":
                return None
            return data.view(np.float32).reshape(tensor.shape) if tensor.data_type is DataType.FLOAT32 else None
        if owner.name not in EVALUATED:
            return None
        operands = [self._array(operand) for operand in owner.operands]
        if any(o is None for o in operands):
            return None
        with np.errstate(all="ignore"):
            return EVALUATED[owner.name](Tensor.of(value).shape, *operands)

    def compute(self) -> Tensor:
        """The dispatch of the kernel."""
        b, layer = Emitter(), self.layer
        _, op, _ = binding.view(layer.operation)
        scale, bias = self._scale_and_bias(op.bias)
        steps, channels, tensors = self.steps.steps, _at(self.steps.channels), _at(self.steps.tensors)
        repeat = layer.kernel.outputs // self.shape[-1]
        channels = [_repeated(t, repeat) for t in channels]
        scale, bias = (None if t is None else self._evaluated(_repeated(t, repeat)) for t in (scale, bias))
        if scale is not None:
            factors = [t for t in (scale, bias) if t is not None]
            names = [f"c{len(channels) + i}" for i in range(len(factors))]
            first = Step("mul" if bias is None else "fma", (0, *names))
            steps, channels, bias = (first, *(step.after(1) for step in steps)), channels + factors, None
        epilogue = Epilogue(steps, bias is not None, len(channels), len(tensors))
        kernel = replace(layer.kernel, epilogue=epilogue)
        weights = choice.parameter(self.program, layer.constant, f"lanes{layer.packing.lanes}", layer.packing)
        values = [op.input, weights, *([] if bias is None else [bias]), *channels, *tensors]
        flat = [b.reshape(v, [math.prod(v.shape)]) for v in values]
        function = winograd.function(Winograd(kernel)) if layer.winograd else convolution.function(kernel)
        self.program.comes_of(layer.place, function.name)
        return b.reshape(choice.dispatch(self.program, function, flat)[0], self.shape)

    def _scale_and_bias(self, bias: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Of all that is done to each channel: sum · scale + bias."""
        w, channels = binding.DialectBuilder(), [self.shape[-1]]
        scale: Tensor | None = None
        for name, place in self.affine:
            (value,) = _at([place])
            flat = w.reshape(value, [math.prod(value.shape)])
            other = flat if list(flat.shape) == channels else w.expand(flat, channels)
            zero, one = (w.full(n, Descriptor(DataType.FLOAT32, tuple(channels))) for n in (0, 1))
            if name in ("add", "sub"):
                bias = getattr(w, name)(zero if bias is None else bias, other)
            else:
                scale = getattr(w, name)(one if scale is None else scale, other)
                bias = bias if bias is None else getattr(w, name)(bias, other)
        return scale, bias

    def _evaluated(self, value: Tensor | None) -> Tensor | None:
        """The value as a constant, if it can be: IREE would compile a module to compute it."""
        array = None if value is None else self._array(value.value)
        if array is None or value is None or value.value.owner.name == "webnn.constant":
            return value
        dense = ir.DenseElementsAttr.get(np.ascontiguousarray(array), type=binding.type_of(value.descriptor))
        return binding.DialectBuilder().constant(dense)


@dataclass(frozen=True)
class _Steps:
    """Steps of an epilogue and their operands."""

    steps: tuple[Step, ...] = ()
    tensors: tuple[Place, ...] = ()
    channels: tuple[Place, ...] = ()


def _repeated(value: Tensor, times: int) -> Tensor:
    """What each channel has, for so many of each."""
    if times == 1:
        return value
    w, count = binding.DialectBuilder(), math.prod(value.shape)
    repeated: Tensor = w.reshape(w.expand(w.reshape(value, [1, count]), [times, count]), [times * count])
    return repeated


def _at(places: Sequence[Place]) -> list[Tensor]:
    return [Tensor.of(operation.operands[number]) for operation, number in places]


def _users(value: ir.Value) -> list[ir.Operation]:
    users: list[ir.Operation] = []
    for use in value.uses:
        if use.owner.operation not in users:
            users.append(use.owner.operation)
    return users


AFFINE = {"webnn.add": True, "webnn.mul": True, "webnn.sub": False, "webnn.div": False}
"""Ops, and whether their operands can change places."""

EVALUATED: dict[str, Callable[..., Array]] = {
    "webnn.add": lambda _, a, b: a + b, "webnn.sub": lambda _, a, b: a - b, "webnn.mul": lambda _, a, b: a * b,
    "webnn.div": lambda _, a, b: a / b, "webnn.sqrt": lambda _, a: np.sqrt(a),
    "webnn.reshape": lambda shape, a: a.reshape(shape), "webnn.expand": lambda shape, a: np.broadcast_to(a, shape),
}  # fmt: skip
"""How ops of float32 constants are computed, given the result's shape."""

Make = Callable[[OpView, Sequence[Operand], int], Sequence[Step]]


def _binary(name: str) -> Make:
    return lambda op, operands, count: [Step(name, tuple(operands))]


def _division(op: OpView, operands: Sequence[Operand], count: int) -> Sequence[Step]:
    x, y = operands
    if isinstance(y, float) and y and math.isfinite(1 / y):
        return [Step("mul", (x, 1 / y))]
    return [Step("div", (x, y))]


def _extreme(name: str, bound: str) -> Make:
    """The greater or the less of two operands; with a number, it is a bound."""

    def make(op: OpView, operands: Sequence[Operand], count: int) -> Sequence[Step]:
        number = next((o for o in operands if isinstance(o, float)), None)
        if number is None:
            return [Step(name, tuple(operands))]
        (x,) = (o for o in operands if not isinstance(o, float))
        return [Step(bound, (x, number))]

    return make


def _clamp(op: OpView, operands: Sequence[Operand], count: int) -> Sequence[Step]:
    steps: list[Step] = []
    for name, value in (("atLeast", op.min_value), ("atMost", op.max_value)):
        if value is not None and math.isfinite(value):
            steps.append(Step(name, (count + 1 if steps else operands[0], float(value))))
    return steps


STEPS: dict[str, Make] = {
    **{f"webnn.{name}": _binary(name) for name in ("add", "sub", "mul", "neg", "abs", "sigmoid")},
    "webnn.div": _division, "webnn.max": _extreme("max", "atLeast"), "webnn.min": _extreme("min", "atMost"),
    "webnn.clamp": _clamp,
}  # fmt: skip
"""By their op: the steps of one with some operands, after so many others; none where it cannot follow."""
