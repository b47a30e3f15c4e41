"""Tables: drawn on a terminal, plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table under a title; numbers stand right."""
    if not rows:
        return
    numeric = [all(_is_number(row[column]) for row in rows) for column in range(len(header))]
    if sys.stdout.isatty():
        _draw(title, header, rows, numeric)
        return
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    print(f"{title}:")
    for line in (header, *rows):
        cells = zip(line, widths, numeric, strict=True)
        print("  " + "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in cells).rstrip())


def _is_number(text: str) -> bool:
    return text.replace(",", "").isdecimal()


def _draw(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for name, right in zip(header, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)
