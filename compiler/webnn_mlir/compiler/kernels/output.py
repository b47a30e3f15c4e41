"""What follows sums of convolutions: the epilogue, and vectors of the result."""

from __future__ import annotations

from collections.abc import Sequence

from .code import Value
from .epilogue import Epilogue
from .function import Function


class Output:
    """y[lines, width, outputs], written by `f`. Operands of the epilogue are those of `f`."""

    def __init__(self, f: Function, epilogue: Epilogue, width: int, outputs: int, together: int = 1):
        self.f, self.code, self.epilogue, self.width, self.outputs = f, f.code, epilogue, width, outputs
        self.together, self.lanes, self.vf = together, f.machine.lanes, f.machine.vector("f32")

    def store(
        self, sums: Sequence[Value], line: Value, start: Value, channels: Sequence[Value],
        lefts: Sequence[Value | None],
    ) -> None:  # fmt: skip
        """The epilogue on sums, place after place from `start` on, of some vectors of channels, with how many channels
        there are from each on where that may be less than a vector."""
        known: dict[tuple[str, int], Value] = {}
        first = self.code.at((line, self.width * self.outputs), (start, self.outputs))
        if self.together > 1:
            self._store_together(sums, first)
            return
        for n, value in enumerate(sums):
            p, i = divmod(n, len(channels))
            place = self.code.at(first, channels[i], p * self.outputs)

            def load(name: str, i: int = i, place: Value = place) -> Value:
                if name.startswith("t"):
                    return self.load(name, place, lefts[i])
                if (name, i) not in known:
                    known[name, i] = self.load(name, channels[i], lefts[i])
                return known[name, i]

            value = self.epilogue.write(self.f, value, load)
            if left := lefts[i]:
                self.f.store_part(value, "y", place, left, self.vf)
            else:
                self.f.store(value, "y", place, self.vf)

    def _store_together(self, sums: Sequence[Value], first: Value) -> None:
        """The same for sums of less than half a vector, which are put together."""
        code = self.code
        known: dict[str, Value] = {}
        for begin in range(0, len(sums), self.together):
            part = sums[begin : begin + self.together]
            place, left = code.at(first, begin * self.outputs), code.index(len(part) * self.outputs)
            value = part[0]
            for n, other in enumerate(part[1:], 1):
                before, after = range(n * self.outputs), range(2 * self.lanes - n * self.outputs)
                value = self._shuffle(value, other, [*before, *after[self.lanes :]])

            def load(name: str, place: Value = place, left: Value = left) -> Value:
                if name.startswith("t"):
                    return self.load(name, place, left)
                if name not in known:
                    one = self.load(name, code.index(0), code.index(self.outputs))
                    known[name] = self._shuffle(one, one, [lane % self.outputs for lane in range(self.lanes)])
                return known[name]

            self.f.store_part(self.epilogue.write(self.f, value, load), "y", place, left, self.vf)

    def load(self, name: str, place: Value, left: Value | None) -> Value:
        return self.f.load_part(name, place, left, self.vf) if left else self.f.load(name, place, self.vf)

    def _shuffle(self, a: Value, b: Value, lanes: Sequence[int]) -> Value:
        return self.code(f"vector.shuffle {a}, {b} {list(lanes)} : {self.vf}, {self.vf}")
