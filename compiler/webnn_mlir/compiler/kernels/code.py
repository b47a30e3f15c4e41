"""MLIR text of a function, written statement by statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Value = str
"""The name of an SSA value."""


@dataclass
class Loop:
    """A loop being written: its index, the values it carries, and after it the values that it leaves."""

    index: Value
    values: list[Value]
    results: list[Value]


class Code:
    """Statements of one function. Calling it writes an operation of one result and returns the result's name."""

    def __init__(self) -> None:
        self._constants: dict[str, Value] = {}
        self._lines: list[str] = []
        self._count = 0

    def text(self) -> str:
        """The function's body, constants first."""
        return "\n".join([f"{name} = arith.constant {what}" for what, name in self._constants.items()] + self._lines)

    def __call__(self, operation: str) -> Value:
        name = self.name()
        self.do(f"{name} = {operation}")
        return name

    def do(self, statement: str) -> None:
        """Writes a statement without results."""
        self._lines.append(statement)

    def constant(self, value: str, type_: str) -> Value:
        """A constant; a vector's is a splat."""
        what = f"dense<{value}> : {type_}" if type_.startswith("vector") else f"{value} : {type_}"
        return self._constants.setdefault(what, f"%c{len(self._constants)}")

    def index(self, value: int) -> Value:
        return self.constant(str(value), "index")

    def at(self, *terms: tuple[Value | int, int] | Value | int) -> Value:
        """An index: the sum of terms, of which a pair is a product."""
        total, offset = "", 0
        for term in terms:
            factor, unit = term if isinstance(term, tuple) else (term, 1)
            if isinstance(factor, int):
                offset += factor * unit
                continue
            product = factor if unit == 1 else self(f"arith.muli {factor}, {self.index(unit)} : index")
            total = self(f"arith.addi {total}, {product} : index") if total else product
        if not total:
            return self.index(offset)
        return self(f"arith.addi {total}, {self.index(offset)} : index") if offset else total

    @contextmanager
    def loop(
        self, start: Value | int, end: Value | int, carried: Sequence[tuple[Value, str]] = (), step: int = 1
    ) -> Iterator[Loop]:
        """A counted loop that carries values of the types given; the body replaces `values` by the next ones."""
        bounds = [b if isinstance(b, str) else self.index(b) for b in (start, end, step)]
        loop = Loop(self.name(), [self.name() for _ in carried], [])
        types = ", ".join(t for _, t in carried)
        head = f"scf.for {loop.index} = {bounds[0]} to {bounds[1]} step {bounds[2]}"
        if carried:
            result = self.name()
            loop.results = [f"{result}#{i}" if len(carried) > 1 else result for i in range(len(carried))]
            pairs = ", ".join(f"{inner} = {outer}" for inner, (outer, _) in zip(loop.values, carried, strict=True))
            head = f"{result}{f':{len(carried)}' if len(carried) > 1 else ''} = {head} iter_args({pairs}) -> ({types})"
        self.do(head + " {")
        yield loop
        if carried:
            self.do(f"scf.yield {', '.join(loop.values)} : {types}")
        self.do("}")

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        self.do(f"scf.if {condition} {{")
        yield
        self.do("}")

    def name(self) -> Value:
        self._count += 1
        return f"%v{self._count}"


def tree(combine: Callable[[Value, Value], Value], values: Sequence[Value]) -> Value:
    """Folds values in pairs."""
    values = list(values)
    while len(values) > 1:
        pairs = [combine(*values[i : i + 2]) for i in range(0, len(values) - 1, 2)]
        values = pairs + values[len(pairs) * 2 :]
    return values[0]
