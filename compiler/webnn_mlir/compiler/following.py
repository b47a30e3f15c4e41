"""Element-wise ops that follow what a kernel computes, as its epilogue: they are done before it stores its results.

What is added and multiplied for each channel by constants, as batch normalization does, becomes one scale and one bias.
Ops follow if what they take goes nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType, Descriptor, OpView

from . import binding
from .binding import Tensor
from .emitter import Emitter
from .kernels import choice
from .kernels.epilogue import Epilogue, Operand, Step
from .kernels.function import Dispatch
from .kernels.machine import Machine
from .kernels.packing import Array
from .program import Program

MOST_STEPS = 16
MOST_OPERANDS = 6
"""Beside those of the kernel itself."""


class Kernel(Protocol):
    """What computes an op, or some, and what follows."""

    @property
    def following(self) -> Following: ...

    def compute(self) -> Tensor:
        """The result, where `following` has it."""


def rewrite(program: Program, find: Callable[[ir.Operation, Ops], Kernel | None]) -> None:
    """Replaces the ops for which a kernel is found, and what follows each, by what it computes.

    The ops of all are found before the first is replaced: none belongs to two.
    """
    ops = Ops({operation: number for number, operation in enumerate(binding.webnn_operations(program.module))})
    for operation in list(ops.order):
        if operation in ops.order and (kernel := find(operation, ops)):
            ops.take(kernel)

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        result = next(iter(operation.results))
        return [ops.kernels[result].compute()] if result in ops.kernels else None

    if binding.rewrite(program.module, pattern, sweep=True):
        binding.erase_dead(program.module)


def fuse(
    program: Program,
    find: Callable[[Machine, ir.Operation, Ops], Fusable | None],
    function: Callable[[Any], Dispatch],
) -> None:
    """Replaces the ops for which kernels are found, and what follows each, by a dispatch of the kernel's function, on
    all operands of the op."""
    machine = choice.machine_of(program)
    if machine is None:
        return

    def found(operation: ir.Operation, ops: Ops) -> _Fused | None:
        kernel = find(machine, operation, ops)
        if kernel is None:
            return None
        return _Fused(program, operation, Following(program, operation.results[0], ops), kernel, function)

    rewrite(program, found)


class Fusable(Protocol):
    """A kernel with an epilogue, a dataclass."""

    @property
    def columns(self) -> int:
        """What an operand for each channel has elements for: the channels, maybe several times."""

    @property
    def epilogue(self) -> Epilogue: ...


@dataclass(frozen=True)
class _Fused:
    program: Program
    operation: ir.Operation
    following: Following
    kernel: Any
    function: Callable[[Any], Dispatch]

    def compute(self) -> Tensor:
        """The dispatch of the kernel."""
        b, following = Emitter(), self.following
        epilogue, operands = following.epilogue(repeat=self.kernel.columns // following.shape[-1], biased=False)
        function = self.function(replace(self.kernel, epilogue=epilogue))
        flat = [b.reshape(v, [math.prod(v.shape)]) for v in (*map(Tensor.of, self.operation.operands), *operands)]
        return b.reshape(choice.dispatch(self.program, function, flat)[0], following.shape)


@dataclass
class Ops:
    """All ops in `order`, but for those that have been taken, and the kernels that compute them, by their results."""

    order: dict[ir.Operation, int]
    kernels: dict[ir.Value, Kernel] = field(default_factory=dict)

    def take(self, kernel: Kernel) -> None:
        for operation in kernel.following.taken:
            del self.order[operation]
        self.kernels[kernel.following.result.value] = kernel

    def is_stored(self, value: ir.Value) -> bool:
        """Whether it is an argument or a kernel's result, maybe in another shape."""
        return choice.is_stored(value) or binding.unshaped(value) in self.kernels


Place = tuple[ir.Operation, int]
"""An operand of an op, which may be another value by the time it is needed."""


class Following:
    """The ops `taken` that follow a value in float32, whose channels are last. `result` is what they give together. If
    there is a `first`, others than that may follow the value too."""

    def __init__(self, program: Program, value: ir.Value, ops: Ops, first: ir.Operation | None = None):
        self.program, self.order = program, ops.order
        self.value, self.first = value, first
        self._number_in_first = 0 if first is None else list(first.operands).index(value)
        self.taken: set[ir.Operation] = set()
        self.result = Tensor.of(value)
        self.shape = self.result.shape
        self.affine: list[tuple[str, Place]] = []
        """Ops on each channel with constants, in order."""
        self.steps = _Steps()

        while self._follow_affine():
            pass
        self._follow_steps()

    def _follow_affine(self) -> bool:
        """Takes a sum or a product with a constant for each channel."""
        users = self._users(self.result.value)
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
            users = [user for value in open_ for user in self._users(value) if user not in new]
            if not all(user in self.order for user in users):
                return
            user = min(users, key=self.order.__getitem__)
            made = self._with(steps, user, numbers) if user.name in STEPS and self._fits(user) else None
            if made is None:
                return
            steps = made
            numbers[user.results[0]] = len(steps.steps)
            new.append(user)
            open_ = [v for v in (*open_, user.results[0]) if any(u not in new for u in self._users(v))]
            if open_ == [user.results[0]]:
                self.steps = steps
                self._take(new)

    @property
    def source(self) -> Tensor:
        """The value that the first one takes, as it is now."""
        assert self.first is not None
        (source,) = _at([(self.first, self._number_in_first)])
        return source

    def _users(self, value: ir.Value) -> list[ir.Operation]:
        """What uses a value, of those that may follow."""
        if self.first is not None and value == self.value:
            return [self.first]
        users: list[ir.Operation] = []
        for use in value.uses:
            if use.owner.operation not in users:
                users.append(use.owner.operation)
        return users

    def _take(self, operations: Sequence[ir.Operation]) -> None:
        self.taken |= set(operations)
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

    def epilogue(
        self, bias: Tensor | None = None, repeat: int = 1, *, biased: bool = True
    ) -> tuple[Epilogue, list[Tensor]]:
        """The epilogue with its operands, where the op itself adds a bias to each channel. The kernel's channels are
        those of the op so many times; `biased` tells that its values can begin with a bias."""
        scale, bias = self._scale_and_bias(bias)
        steps, channels, tensors = self.steps.steps, _at(self.steps.channels), _at(self.steps.tensors)
        channels = [_repeated(t, repeat) for t in channels]
        scale, bias = (None if t is None else self._evaluated(_repeated(t, repeat)) for t in (scale, bias))
        factors = [t for t in (scale, bias) if t is not None]
        if factors and (scale is not None or not biased):
            names = [f"c{len(channels) + i}" for i in range(len(factors))]
            first = Step("fma" if len(factors) > 1 else "add" if scale is None else "mul", (0, *names))
            steps, channels, bias = (first, *(step.after(1) for step in steps)), channels + factors, None
        epilogue = Epilogue(steps, bias is not None, len(channels), len(tensors))
        return epilogue, [*([] if bias is None else [bias]), *channels, *tensors]

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
    **{f"webnn.{name}": _binary(name) for name in ("add", "sub", "mul", "neg", "abs", "sigmoid", "tanh")},
    "webnn.div": _division, "webnn.max": _extreme("max", "atLeast"), "webnn.min": _extreme("min", "atMost"),
    "webnn.clamp": _clamp,
}  # fmt: skip
"""By their op: the steps of one with some operands, after so many others; none where it cannot follow."""
