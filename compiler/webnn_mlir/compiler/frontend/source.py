"""Source files: read within limits and with the place of every character, written whole or not at all."""

from __future__ import annotations

import bisect
import contextlib
import math
import os
import re
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import IO

from webnn_mlir.dialects.webnn import Diagnostic, GraphError, Place

from ..recall import look_at

MAX_SOURCE_BYTES = 128 * 2**20
"""A graph file, a manifest or a header may be this long: weights belong beside it."""
MAX_TOKENS = 1_000_000
"""A graph file may have this many tokens; a list of plain integers counts as one."""
MAX_DEPTH = 32
"""Brackets may nest this deep."""


class Source:
    """A file's text, and the place of an offset in it."""

    def __init__(self, file: str, text: str):
        self.file, self.text = file, text

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in re.finditer("\n", self.text))]

    def place(self, offset: int) -> Place:
        line = bisect.bisect_right(self._line_starts, offset)
        return Place(self.file, line, offset - self._line_starts[line - 1] + 1)

    def failure(self, message: str, offset: int) -> GraphError:
        return GraphError([Diagnostic(message, place=self.place(offset))])


def failure(message: str, file: str | os.PathLike[str]) -> GraphError:
    return GraphError([Diagnostic(message, place=os.fspath(file))])


@contextlib.contextmanager
def os_errors(file: str | os.PathLike[str]) -> Iterator[None]:
    """Turns an OSError into a GraphError of one line."""
    try:
        yield
    except OSError as error:
        raise failure(error.strerror or str(error) or type(error).__name__, file) from None
    except ValueError as error:  # a path with a null character
        raise failure(str(error), file) from None


def size_of_file(path: str | os.PathLike[str]) -> int:
    """The bytes of a regular file. Raises GraphError for anything else: a pipe or a device could be endless."""
    look_at(path)
    with os_errors(path):
        status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise failure("is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file", path)
    return status.st_size


def read_source(path: str | os.PathLike[str], *, what: str) -> Source:
    """The text of a UTF-8 file; `what` names it in errors. Raises GraphError."""
    size = size_of_file(path)
    if size > MAX_SOURCE_BYTES:
        raise failure(f"has {size} bytes; {what} may have {MAX_SOURCE_BYTES}", path)
    with os_errors(path), open(path, "rb") as file:
        data = file.read(MAX_SOURCE_BYTES + 1)
    return decode(data, os.fspath(path), what=what)


def decode(data: bytes, file: str, *, what: str) -> Source:
    """UTF-8 bytes as a source. Raises GraphError at the first byte that is none."""
    try:
        source = Source(file, data.decode())
    except UnicodeDecodeError as error:
        good = Source(file, data[: error.start].decode())
        raise good.failure(
            f"byte 0x{data[error.start]:02x} is not UTF-8; this is not {what}", len(good.text)
        ) from None
    if not source.text.strip():
        raise failure(f"is empty; this is not {what}", file)
    return source


def parse_number(text: str) -> int | float:
    """A JSON number: an integer of 64 bits or a finite double. Raises ValueError with the rule."""
    if text.lstrip("-").isdigit():
        # Twenty digits hold every integer of 64 bits, and bound the time that int() takes.
        if len(text) > 21 or not -(2**63) <= (value := int(text)) < 2**64:
            raise ValueError(f"{shorten(text)} must fit in 64 bits")
        return value if text != "-0" else -0.0
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{shorten(text)} must be a finite number")
    return number


def shorten(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def quote(text: object) -> str:
    """A name or a value of a file for a message: one line, of bounded length."""
    if isinstance(text, tuple | list) and len(text) > 8:
        return f"a list of {len(text)}"
    return shorten(repr(text))


class Outputs:
    """Files that appear together, each whole, when the block ends without an exception; otherwise nothing is left."""

    def __init__(self) -> None:
        self._staged: list[tuple[Path, Path, IO[bytes]]] = []

    def open(self, path: str | os.PathLike[str]) -> IO[bytes]:
        """A binary file to write what `path` will hold. Raises GraphError."""
        target = Path(path)
        with os_errors(path):
            if target.exists() and not target.is_file():
                raise failure("is a directory" if target.is_dir() else "is not a regular file", path)
            temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
            file = open(temporary, "xb")  # noqa: SIM115
        self._staged.append((temporary, target, file))
        return file

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            for _temporary, target, file in self._staged:
                with os_errors(target):
                    file.close()
            if kind is None:
                for temporary, target, _file in self._staged:
                    with os_errors(target):
                        os.replace(temporary, target)
        finally:
            for temporary, _target, _file in self._staged:
                temporary.unlink(missing_ok=True)
