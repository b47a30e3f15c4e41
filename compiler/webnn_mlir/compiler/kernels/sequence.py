"""Kernels one after the other in one dispatch, between which no thread leaves.

Between two dispatches the threads of a runtime meet, and the last one wakes the others: some 20 us, where the kernels
of a convolutional net take 100. Here each thread does workgroups of the first stage as long as there are some that no
one has begun, then of the second one, and so on, and waits only before a stage whose operands are not complete. Who
comes late takes part in what is left; who is alone does it all. What is waited for is always being done by somebody,
who does not wait for anything: this ends with any number of threads.

Of each stage one counter's bits tell which workgroups have been begun, and another one how many are done. The first
thread clears the counters: to have that done before, by a dispatch of its own, would take as long as a small stage, and
what a dispatch changes IREE copies behind it. What was in their memory is not known, so a number that nothing else has
tells that they are clear; who leaves last removes it. A run can be done by several dispatches, each on a device of its
own and on the same memory: then they are told how many they are.

Threads begin a stage at places of their own, the same for all stages: the first one at the start, the second one at the
end, going back, the next two in the middle, away from each other. Most of what a thread reads it has written itself, so
that it lies in its own cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .code import Code, Value
from .function import AS_IT_IS, ROUTINE, Dispatch

WORKGROUPS = 64
"""Threads that can take part, and workgroups of a stage: the bits of a counter."""

COUNTER = "i64"
LINE = 16
"""Counters that lie apart from others, in two lines of a cache, which are fetched together."""
DONE = 8
"""Where the second counter of a stage is."""

STATE, LEFT, TICKETS, FIRST_STAGE = 0, DONE, LINE, 2 * LINE
"""Whether the counters are clear; how many have left; how many have come in; and where the counters of stages begin."""


@dataclass(frozen=True)
class Place:
    """Where memory lies: the argument of the sequence, and how many bytes behind its start."""

    argument: int
    offset: int = 0


@dataclass(frozen=True)
class Stage:
    """A kernel, the places of its memory, and the numbers of the stages that must be done before."""

    kernel: Dispatch
    memory: tuple[Place, ...]
    after: frozenset[int]


@dataclass(frozen=True)
class Kernels:
    """A sequence: its name, its stages, how many arguments it has, and where in them the counters are. `shared` ones
    have an argument more: how many dispatches do the run."""

    name: str
    stages: Sequence[Stage]
    arguments: int
    counters: Place
    shared: bool = False

    def functions(self) -> list[str]:
        """The function as IREE dispatches it, which calls the kernels' routines, and its own routines."""
        return [_Begin(self).text(), _Wait(self).text(), _Entry(self).text()]


def counters(stages: int) -> int:
    """How many counters a sequence has."""
    return FIRST_STAGE + LINE * stages


class _Writer:
    """A function with the counters `%memory`."""

    memory: Value = "%memory"

    def __init__(self, kernels: Kernels):
        self.kernels, self.stages, self.code = kernels, kernels.stages, Code()
        self.type = f"memref<{counters(len(self.stages))}x{COUNTER}>"
        self.zero, self.one, self.last = (self.code.constant(n, COUNTER) for n in ("0", "1", "63"))
        self.none = self.code.constant("-1", COUNTER)

    def look(self, place: Value) -> Value:
        return self.change("addi", place, self.zero)

    def change(self, kind: str, place: Value, value: Value) -> Value:
        """Tells what the counter was. Who reads it finds in memory what was written before it was changed."""
        types = f"({COUNTER}, {self.type}) -> {COUNTER}"
        return self.code(f"memref.atomic_rmw {kind} {value}, {self.memory}[{place}] : {types}")

    def count(self, operation: str, a: Value, b: Value) -> Value:
        return self.code(f"arith.{operation} {a}, {b} : {COUNTER}")

    def equal(self, a: Value, b: Value) -> Value:
        return self.code(f"arith.cmpi eq, {a}, {b} : {COUNTER}")

    def differ(self, a: Value, b: Value) -> Value:
        return self.code(f"arith.cmpi ne, {a}, {b} : {COUNTER}")

    @contextmanager
    def repeat(self, *first: Value) -> Iterator[_Step]:
        """While `condition`, on the values `before`: the body is given `values` by it, and leaves the `next` ones. Then
        `values` are the last ones given."""
        code, names = self.code, [self.code.name() for _ in first]
        types = ", ".join([COUNTER] * len(first))
        result = code.name()
        pairs = ", ".join(f"{name} = {value}" for name, value in zip(names, first, strict=True))
        code.do(f"{result}:{len(first)} = scf.while ({pairs}) : ({types}) -> ({types}) {{")
        step = _Step(code, names)
        yield step
        code.do(f"scf.yield {', '.join(step.next)} : {types}")
        code.do("}")
        step.values = [f"{result}#{i}" for i in range(len(first))]


@dataclass
class _Step:
    """A step of a loop, with what it begins with."""

    code: Code
    before: list[Value]
    values: list[Value] = field(default_factory=list)
    next: list[Value] = field(default_factory=list)

    def while_(self, condition: Value, given: Sequence[Value]) -> list[Value]:
        """Goes on where the condition holds, with values given, which have new names from here on."""
        types = ", ".join([COUNTER] * len(given))
        self.values = [self.code.name() for _ in given]
        self.code.do(f"scf.condition({condition}) {', '.join(given)} : {types}")
        self.code.do("} do {")
        self.code.do(f"^bb0({', '.join(f'{value}: {COUNTER}' for value in self.values)}):")
        return self.values


class _Wait(_Writer):
    """Waits until the counter at `%place` has a value."""

    def text(self) -> str:
        code = self.code
        code.do("scf.while : () -> () {")
        code.do(f"scf.condition({self.differ(self.look('%place'), '%wanted')})")
        code.do("} do {")
        self.stages[0].kernel.machine.pause(code)
        code.do("scf.yield")
        code.do("}")
        arguments = f"%memory: {self.type}, %place: index, %wanted: {COUNTER}"
        head = f"func.func private @{self.kernels.name}_wait({arguments}) attributes {ROUTINE} {{"
        return "\n".join([head, code.text(), "return", "}"])


class _Begin(_Writer):
    """Begins a workgroup of the stage at `%slot`, whose bits are `%full`, of which `%begun` were set when last seen:
    tells which ones are now, and the workgroup, -1 if none is left. A thread takes those next to `%home`, in 64ths of a
    stage, upwards or, if it goes `%back`, downwards."""

    def text(self) -> str:
        code = self.code
        place = self.count("shrui", self.count("muli", "%home", "%workgroups"), code.constant("6", COUNTER))
        upper = self.count("shli", self.none, place)
        with self.repeat("%begun", self.none) as step:
            begun, which = step.before
            searching = code(f"arith.andi {self.differ(begun, '%full')}, {self.equal(which, self.none)} : i1")
            begun, _ = step.while_(searching, [begun, which])
            free = self.count("xori", begun, "%full")
            highest, lowest = self.highest(free, upper), self.lowest(free, upper)
            which = code(f"arith.select %back, {highest}, {lowest} : {COUNTER}")
            bit = self.count("shli", self.one, which)
            before = self.change("ori", "%slot", bit)
            mine = self.equal(self.count("andi", before, bit), self.zero)
            which = code(f"arith.select {mine}, {which}, {self.none} : {COUNTER}")
            step.next = [self.count("ori", before, bit), which]
        types = f"{COUNTER}, {COUNTER}"
        numbers = ", ".join(f"%{name}: {COUNTER}" for name in ("full", "workgroups", "begun", "home"))
        arguments = f"%memory: {self.type}, %slot: index, {numbers}, %back: i1"
        head = f"func.func private @{self.kernels.name}_begin({arguments}) -> ({types})"
        last = f"return {', '.join(step.values)} : {types}"
        return "\n".join([f"{head} attributes {ROUTINE} {{", code.text(), last, "}"])

    def lowest(self, free: Value, upper: Value) -> Value:
        """From the place on upwards; from the start where nothing is left there."""
        return self.code(f"math.cttz {self.some(self.count('andi', free, upper), free)} : {COUNTER}")

    def highest(self, free: Value, upper: Value) -> Value:
        """From below the place on downwards; from the end where nothing is left there."""
        lower = self.count("xori", upper, self.none)
        zeros = self.code(f"math.ctlz {self.some(self.count('andi', free, lower), free)} : {COUNTER}")
        return self.count("subi", self.last, zeros)

    def some(self, bits: Value, others: Value) -> Value:
        return self.code(f"arith.select {self.differ(bits, self.zero)}, {bits}, {others} : {COUNTER}")


class _Entry(_Writer):
    def __init__(self, kernels: Kernels):
        super().__init__(kernels)
        self.spans: dict[tuple[Place, str], Value] = {}
        self.memory = self.span(kernels.counters, self.type)
        for stage in self.stages:
            self.operands(stage)

    def text(self) -> str:
        code, k = self.code, self.kernels
        self.clear()
        # A thread that comes when all has been begun leaves.
        end = len(self.stages) - 1
        with code.when(self.differ(self.begun(end), self.full(end))):
            ticket = self.change("addi", code.index(TICKETS), self.one)
            turned = self.count("shrui", ticket, self.one)
            turned = code(f'llvm.call_intrinsic "llvm.bitreverse.{COUNTER}"({turned}) : ({COUNTER}) -> {COUNTER}')
            self.home = self.count("shrui", turned, code.constant("58", COUNTER))
            self.back = self.differ(self.count("andi", ticket, self.one), self.zero)
            self.write_stages()
        left = self.count("addi", self.change("addi", code.index(LEFT), self.one), self.one)
        with code.when(self.equal(left, self.threads())):
            self.change("assign", code.index(STATE), self.zero)
        arguments = [*(f"%b{i}: !stream.binding" for i in range(k.arguments)), *["%dispatches: i32"] * k.shared]
        head = f"func.func @{k.name}({', '.join(arguments)}) attributes {{translation_info = {AS_IT_IS}}} {{"
        return "\n".join([head, code.text(), "return", "}"])

    def threads(self) -> Value:
        """That come in a run, of all its dispatches."""
        each = self.code.constant(str(WORKGROUPS), COUNTER)
        if not self.kernels.shared:
            return each
        return self.count("muli", each, self.code(f"arith.extui %dispatches : i32 to {COUNTER}"))

    def clear(self) -> None:
        """Clears the counters, or waits for who does."""
        code, state = self.code, self.code.index(STATE)
        digest = hashlib.sha256(" ".join(stage.kernel.name for stage in self.stages).encode()).digest()
        number = int.from_bytes(digest[:7], "little") << 1
        clear, clearing = (code.constant(str(n), COUNTER) for n in (number, number + 1))
        with code.when(self.differ(self.look(state), clear)):
            before = self.change("assign", state, clearing)
            with code.when(self.equal(before, clear)):
                # It has become so meanwhile.
                self.change("assign", state, clear)
            unknown = code(f"arith.andi {self.differ(before, clear)}, {self.differ(before, clearing)} : i1")
            with code.when(unknown):
                with code.loop(STATE + 1, counters(len(self.stages))) as loop:
                    code.do(f"memref.store {self.zero}, {self.memory}[{loop.index}] : {self.type}")
                self.change("assign", state, clear)
            self.wait(state, clear)

    def write_stages(self) -> None:
        code, known = self.code, set[int]()
        for number, stage in enumerate(self.stages):
            for before in sorted(stage.after, reverse=True):
                if before not in known:
                    wanted = self.stages[before].kernel.workgroups
                    self.wait(code.at(self.slot(before), DONE), code.constant(str(wanted), COUNTER))
                    self.learn(known, before)
            self.do(number, stage)

    def learn(self, known: set[int], number: int) -> None:
        """Adds what is done when a stage is: the stage, and those that had to be done before it."""
        left = [number]
        while left:
            one = left.pop()
            if one not in known:
                known.add(one)
                left += self.stages[one].after

    # A stage

    def do(self, number: int, stage: Stage) -> None:
        """All of its workgroups that this thread comes to begin."""
        code, slot = self.code, self.slot(number)
        with self.repeat(self.begun(number), self.none, self.zero) as step:
            begun, _, done = step.before
            begun, which = self.begin(number, begun)
            begun, which, done = step.while_(self.differ(which, self.none), [begun, which, done])
            self.call(stage, code(f"arith.index_cast {which} : {COUNTER} to index"))
            step.next = [begun, which, self.count("addi", done, self.one)]
        *_, done = step.values
        with code.when(self.differ(done, self.zero)):
            self.change("addi", code.at(slot, DONE), done)

    def begin(self, number: int, begun: Value) -> tuple[Value, Value]:
        """What has been begun of a stage now, and the workgroup that this thread has to do, -1 if none is left."""
        workgroups = self.code.constant(str(self.stages[number].kernel.workgroups), COUNTER)
        arguments = [self.memory, self.slot(number), self.full(number), workgroups, begun, self.home, self.back]
        types = f"({self.type}, index{f', {COUNTER}' * 4}, i1) -> ({COUNTER}, {COUNTER})"
        pair = self.code.name()
        self.code.do(f"{pair}:2 = func.call @{self.kernels.name}_begin({', '.join(arguments)}) : {types}")
        return f"{pair}#0", f"{pair}#1"

    def call(self, stage: Stage, workgroup: Value) -> None:
        operands, types = [workgroup, *self.operands(stage)], ["index", *stage.kernel.memories]
        self.code.do(f"func.call @{stage.kernel.within}({', '.join(operands)}) : ({', '.join(types)}) -> ()")

    def wait(self, place: Value, wanted: Value) -> None:
        """Until a counter has a value."""
        types = f"({self.type}, index, {COUNTER}) -> ()"
        self.code.do(f"func.call @{self.kernels.name}_wait({self.memory}, {place}, {wanted}) : {types}")

    # Memory

    def operands(self, stage: Stage) -> list[Value]:
        return [self.span(place, type_) for place, type_ in zip(stage.memory, stage.kernel.memories, strict=True)]

    def span(self, place: Place, type_: str) -> Value:
        if (place, type_) not in self.spans:
            offset, binding = self.code.index(place.offset), f"%b{place.argument}"
            self.spans[place, type_] = self.code(
                f"stream.binding.subspan {binding}[{offset}] : !stream.binding -> {type_}"
            )
        return self.spans[place, type_]

    # Counters

    def slot(self, number: int) -> Value:
        return self.code.index(FIRST_STAGE + LINE * number)

    def full(self, number: int) -> Value:
        """The bits of all of a stage's workgroups."""
        workgroups = self.stages[number].kernel.workgroups
        return self.code.constant(str((1 << workgroups) - 1 if workgroups < WORKGROUPS else -1), COUNTER)

    def begun(self, number: int) -> Value:
        return self.look(self.slot(number))
