"""The passes, a file each, and the pipeline they stand in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ..program import Program

PASSES: dict[str, Pass] = {}
"""Every webnn pass by its name."""


@dataclass(frozen=True)
class Pass:
    """A pass over a program. It raises GraphError with all it finds wrong."""

    name: str
    run: Callable[[Program], None]

    @property
    def description(self) -> str:
        return (import_module(self.run.__module__).__doc__ or "").strip()


def register_pass(name: str) -> Callable[[Callable[[Program], None]], Callable[[Program], None]]:
    """Registers a function as a pass; the file has the same name in snake_case, and so has its test."""

    def register(run: Callable[[Program], None]) -> Callable[[Program], None]:
        if name in PASSES:
            raise ValueError(f"pass {name} is registered twice")
        PASSES[name] = Pass(name, run)
        return run

    return register


for _path in sorted(Path(__file__).parent.glob("webnn_*.py")):
    import_module(f"{__name__}.{_path.stem}")
