"""The command of a page that is generated: writes it, or says whether the file is as it would be written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .common import report_errors


def page_command(name: str, file: str, description: str, page: Callable[[], str]) -> Callable[..., int]:
    """The `main` of the module `name`, for a page that is kept in `file`."""
    prog = f"python -m webnn_mlir.tools.{name}"

    @report_errors(name)
    def main(argv: list[str] | None = None) -> int:
        p = argparse.ArgumentParser(
            prog=prog, description=description, epilog=f"example:\n  {prog} {file}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        p.add_argument("file", type=Path)
        p.add_argument("--check", action="store_true", help="change nothing; fail when the file is stale")
        args = p.parse_args(argv)
        text = page()
        if not args.check:
            args.file.write_text(text)
            return 0
        if args.file.read_text() != text:
            print(f"{args.file}: error: is stale; run {prog} {args.file}", file=sys.stderr)
            return 1
        return 0

    return main
