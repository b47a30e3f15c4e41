"""The rows, a module for each group of them: `ROWS` lists them, in the order of the table."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..row import Row


def all_rows() -> list[Row]:
    """Every row of the modules beside this one."""
    names = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))
    return [row for name in names for row in import_module(f"{__name__}.{name}").ROWS]
