"""What a run tells: progress on a terminal, failures and skips, a table of files, the last line, JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..common import write_text
from .checking import Record

STATUSES = ("passed", "failed", "skipped")


@dataclass
class Report:
    """The records of a run."""

    records: list[Record] = field(default_factory=list)
    progress: Progress | None = None

    def add(self, record: Record) -> None:
        self.records.append(record)
        if self.progress:
            failed = sum(r.status == "failed" for r in self.records)
            self.progress.update(self.progress.task_ids[0], advance=1, description=f"{failed} failed")

    @contextmanager
    def showing_progress(self, total: int) -> Iterator[None]:
        """A bar on standard error, where that is a terminal."""
        console = Console(stderr=True)
        if not console.is_terminal:
            yield
            return
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console, transient=True) as self.progress:
            self.progress.add_task("", total=total)
            yield
        self.progress = None

    def count(self, status: str) -> int:
        return sum(r.status == status for r in self.records)

    def print(self, listed: int) -> None:
        """Tells the skips, up to `listed` failures, the files that have some, and the last line.

        Of skips for one reason, the first and how many there are.
        """
        self.records.sort(key=lambda r: (r.file, r.id))
        reasons = Counter(r.message for r in self.records if r.status == "skipped")
        for reason, count in reasons.items():
            first = next(r.id for r in self.records if (r.status, r.message) == ("skipped", reason))
            print(f"SKIPPED {first}{f' and {count - 1} more' if count > 1 else ''}: {reason}")
        failures = [r for r in self.records if r.status == "failed"]
        for record in failures[:listed]:
            print(f"FAILED {record.id}: {record.message}")
        if len(failures) > listed:
            print(f"and {len(failures) - listed} more that failed")
        if failures:
            self._print_table()
        print(", ".join(f"{self.count(s)} {s}" for s in STATUSES))

    def _print_table(self) -> None:
        counts = Counter((r.file, r.status) for r in self.records)
        table = Table("file", *STATUSES)
        for name in sorted({r.file for r in self.records if r.status == "failed"}):
            table.add_row(name, *(str(counts[name, s]) for s in STATUSES))
        sys.stdout.flush()
        Console(file=sys.stdout).print(table)

    def write(self, path: str, **about: Any) -> None:
        """Writes the counts and a record a case as JSON."""
        document = {
            **about,
            **{status: self.count(status) for status in STATUSES},
            "records": [asdict(r) for r in self.records],
        }
        write_text(path, json.dumps(document, indent=1) + "\n")
