"""Puts kernels that follow each other into one dispatch, between which the threads of the runtime need not meet.

Given:
    %h = flow.dispatch @dense_8x64x64_relu::@…(%x, %w, %b)
    %y = flow.dispatch @dense_8x64x32::@…(%h, %v, %c)
Result:
    %y, %0 = flow.dispatch @sequences::@sequence_0(%x, %w, %b, %v, %c) : … -> (…, tensor<2560xi8>)

What only the kernels themselves read lies in memory of the sequence, %0, where values share places that they do not
need at the same time. It begins with what counts the work that is done. Reshapes between kernels are nothing; another
operation between them ends a sequence where a kernel needs it.

Where a sequence is all that a run does, in memory of the caller, several devices can share a run: see
webnn-caller-memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from iree.compiler import ir

from .. import binding
from ..binding import Tensor
from ..kernels import executable, sequence
from ..kernels.function import Dispatch
from ..kernels.sequence import Kernels, Place, Stage
from ..program import Program
from . import register_pass
from . import webnn_caller_memory as caller

EXECUTABLE = "sequences"

LINE = 64
"""Bytes of a line of the cache."""

Group = list[ir.Operation]


@register_pass("webnn-sequences")
def sequences(program: Program) -> None:
    made: list[Kernels] = []
    functions = list(binding.functions(program.module))
    for function in functions:
        for group in list(_groups(program, function)):
            shared = _is_whole(function, group)
            if shared or len(group) > 1:
                dispatches = [caller.add_dispatches(function)] if shared else []
                made.append(_in_sequence(program, group, f"sequence_{len(made)}", dispatches))
    if made:
        kernels = {stage.kernel.name: stage.kernel for one in made for stage in one.stages}
        own = (text for one in made for text in one.functions())
        texts = [*(kernel.routine() for kernel in kernels.values()), *own]
        executable.add(program, EXECUTABLE, {one.name: sequence.WORKGROUPS for one in made}, texts)
        executable.remove_unused(program, kernels, functions)


def _in_sequence(program: Program, group: Group, name: str, dispatches: Sequence[ir.Value]) -> Kernels:
    """Replaces a group by a sequence, which is told how many `dispatches` do a run, if there is such a value."""
    plan = _Plan(program, group)
    kernels = plan.kernels(name, bool(dispatches))
    plan.replace(name, dispatches)
    return kernels


def _is_whole(function: ir.Operation, group: Group) -> bool:
    """Whether a group is all that a run does, in memory that the caller knows."""
    *operations, last = (op.operation for op in function.regions[0].blocks[0].operations)
    given = [binding.unshaped(value) for value in last.operands]
    return (
        caller.brings_memory(function)
        and bool(group)
        and all(op in group or _is_free(op) for op in operations)
        and all(value.owner in group for value in given)
        and len(set(given)) == len(given)
    )


def _kernel(program: Program, operation: ir.Operation) -> Dispatch | None:
    kernel = program.kernels.get(executable.name_of(operation) or "")
    return kernel if kernel and kernel.workgroups <= sequence.WORKGROUPS else None


def _groups(program: Program, function: ir.Operation) -> Iterator[Group]:
    """The kernels of each sequence: none needs what is no kernel and needs one of them."""
    group: Group = []
    inside: set[ir.Operation] = set()
    behind: set[ir.Operation] = set()
    for operation in (op.operation for op in function.regions[0].blocks[0].operations):
        needed = {binding.unshaped(operand).owner for operand in _needed(operation)}
        if _kernel(program, operation):
            if needed & behind:
                yield group
                group, inside, behind = [], set(), set()
            group.append(operation)
            inside.add(operation)
        elif not binding.is_view(operation) and needed & (inside | behind):
            behind.add(operation)
    yield group


def _is_free(operation: ir.Operation) -> bool:
    """Whether a run has nothing to do for it: a constant, or the same bits in another shape or with another sign."""
    constant = not len(operation.operands) and not len(operation.regions)
    return constant or binding.is_view(operation) or operation.name == "stablehlo.bitcast_convert"


def _needed(operation: ir.Operation) -> Iterator[ir.Value]:
    """The operands of an operation, and of those in its regions, which may use what stands around it."""
    yield from operation.operands
    for region in operation.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield from _needed(inner.operation)


@dataclass
class _Inner:
    """A value that only the sequence needs: where it lies, which stage writes it, and which ones read it."""

    begin: int
    end: int
    writer: int
    readers: list[int]

    @property
    def last(self) -> int:
        return max([self.writer, *self.readers])


class _Plan:
    """Where the values of a sequence lie. Its arguments are what it reads, what others read of it, and memory of its
    own, where the counters come first."""

    def __init__(self, program: Program, group: Group):
        self.group = group
        self.dispatches = [kernel for operation in group if (kernel := _kernel(program, operation))]
        self.counters = 8 * sequence.counters(len(group))
        self.after: list[set[int]] = [set() for _ in group]
        results = [(number, value) for number, operation in enumerate(group) for value in operation.results]
        numbers = {operation: number for number, operation in enumerate(group)}
        self.inputs: dict[ir.Value, int] = {}
        readers: dict[ir.Value, list[int]] = {value: [] for _, value in results}
        for number, operation in enumerate(group):
            for operand in operation.operands:
                stored = binding.unshaped(operand)
                if stored in readers:
                    readers[stored].append(number)
                    self.after[number].add(numbers[stored.owner])
                else:
                    self.inputs.setdefault(operand, len(self.inputs))
        self.outputs = [v for _, v in results if not numbers.keys() >= set(binding.used_by(v))]
        self.inner: dict[ir.Value, _Inner] = {}
        for number, value in results:
            if value not in self.outputs:
                self._place(value, number, readers[value])

    def _place(self, value: ir.Value, writer: int, readers: list[int]) -> None:
        """Finds the first place for a value that is free when it is written. Who used it before must be done then."""
        size, begin = _size(value), self.counters
        for other in sorted(self.inner.values(), key=lambda one: one.begin):
            if other.last >= writer and other.begin < begin + size and begin < other.end:
                begin = other.end
        self.inner[value] = new = _Inner(begin, begin + size, writer, readers)
        for other in self.inner.values():
            if other is not new and other.begin < new.end and new.begin < other.end:
                self.after[writer] |= {other.writer, *other.readers}

    @property
    def memory(self) -> int:
        """Bytes of its own."""
        return max((one.end for one in self.inner.values()), default=self.counters)

    def kernels(self, name: str, shared: bool) -> Kernels:
        stages = [
            Stage(kernel, tuple(self._place_of(v) for v in [*operation.operands, *operation.results]), frozenset(after))
            for operation, kernel, after in zip(self.group, self.dispatches, self.after, strict=True)
        ]
        return Kernels(name, stages, self._own + 1, Place(self._own), shared)

    @property
    def _own(self) -> int:
        """The last argument."""
        return len(self.inputs) + len(self.outputs)

    def _place_of(self, value: ir.Value) -> Place:
        stored = binding.unshaped(value)
        if stored in self.inner:
            return Place(self._own, self.inner[stored].begin)
        if stored in self.outputs:
            return Place(len(self.inputs) + self.outputs.index(stored))
        return Place(self.inputs[value])

    def replace(self, name: str, numbers: Sequence[ir.Value]) -> None:
        """Calls the sequence, on values and numbers, in place of its kernels."""
        own = ir.RankedTensorType.get([self.memory], ir.IntegerType.get_signless(8))
        last = self.group[-1]
        with ir.InsertionPoint(last), last.location:
            types = [*(value.type for value in self.outputs), own]
            results = executable.call(EXECUTABLE, name, [*self.inputs, *numbers], types)
        for value, result in zip(self.outputs, results, strict=False):
            value.replace_all_uses_with(result)
        for operation in reversed(self.group):
            _erase(operation)
        _move_behind(results[0].owner)


def _size(value: ir.Value) -> int:
    """The bytes of a value, in whole lines of a cache."""
    tensor = Tensor.of(value)
    bits = math.prod(tensor.shape) * int(tensor.element.lstrip("fi"))
    return -(-bits // (8 * LINE)) * LINE


def _erase(operation: ir.Operation) -> None:
    """With its results in other shapes, which nothing uses any more."""
    for use in [use for result in operation.results for use in result.uses]:
        _erase(use.owner)
    operation.erase()


def _move_behind(call: ir.Operation) -> None:
    """Moves what needs a call's results, and stands before it, behind it."""
    moved, place = {call}, call
    for operation in [op.operation for op in call.operation.parent.regions[0].blocks[0].operations]:
        if operation == call:
            return
        if any(operand.owner in moved for operand in _needed(operation)):
            operation.move_after(place)
            moved.add(operation)
            place = operation
