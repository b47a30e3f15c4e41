"""Errors for the person who wrote the graph: place, operator and label, value, rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A place in a source file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Diagnostic:
    """One message about a graph, printed as the compilers of the field print theirs.

    `op` is WebNN's, or another dialect's with its name before it: `onnx.Conv`.
    """

    message: str
    severity: str = "error"
    place: Place | str | None = None
    op: str | None = None
    label: str | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        label = f' (label "{_shown(self.label)}")' if self.label else ""
        op = self.op if not self.op or "." in self.op else f"webnn.{self.op}"
        what = f"'{op}'{label}: " if op else ""
        return f"{where}{self.severity}: {what}{self.message}"


def _shown(label: str) -> str:
    """A label on one line of bounded length, whatever the graph's author put there."""
    printable = label if label.isprintable() else ascii(label)[1:-1]
    return printable if len(printable) <= 120 else f"{printable[:117]}..."


class GraphError(Exception):
    """Everything found wrong with a graph or a file, gathered."""

    def __init__(self, diagnostics: Iterable[Diagnostic]):
        self.diagnostics = list(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


class OpError(TypeError):
    """An operator's operands or options break a rule of the specification (its TypeError)."""

    def __init__(self, rule: str, op: str | None = None, label: str = ""):
        self.rule, self.op, self.label = rule, op, label
        prefix = f"[{label}] " if label else ""
        super().__init__(f"{prefix}{op}: {rule}" if op else f"{prefix}{rule}")

    def diagnostic(self, place: Place | str | None = None) -> Diagnostic:
        return Diagnostic(self.rule, place=place, op=self.op, label=self.label or None)


class InvalidStateError(RuntimeError):
    """The specification's InvalidStateError: a call that the object's state does not allow."""
