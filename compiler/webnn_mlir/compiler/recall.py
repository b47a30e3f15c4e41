"""What files were compiled to before: an artifact in the cache is found by the files' state, without reading them.

A record stands in a folder of the cache under the digest of the path, of what is fixed of the graph, of the options and
of the compiler. It holds the artifact's own key and the state of every file that reading looked at, those that were
looked for and not there too. What warns while it is read is not recorded: it would warn only once.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from .cache import Cache, State, state, toolchain_state
from .specialization import Specialization

RECORD = "record.json"

_looked_at: ContextVar[dict[str, State] | None] = ContextVar("looked_at", default=None)


def look_at(path: str | os.PathLike[str]) -> None:
    """Notes that what is read depends on a file; to be called before it is opened, or found missing."""
    noted = _looked_at.get()
    if noted is not None:
        noted.setdefault(os.path.abspath(path), state(path))


class Reading:
    """What reading a graph depends on: `files` with their states, and whether it `warned`."""

    def __init__(self) -> None:
        self.files: dict[str, State] = {}
        self.warned = False


@contextmanager
def reading() -> Iterator[Reading]:
    """Notes what is looked at inside. Warnings are given when it ends."""
    found = Reading()
    token = _looked_at.set(found.files)
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            yield found
    finally:
        _looked_at.reset(token)
        found.warned = bool(caught)
        for warning in caught:
            warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)


def file_key(path: Path, specialization: Specialization, options: dict[str, Any], host: str) -> str:
    """The key of a path's record."""
    digest = hashlib.sha256(toolchain_state().encode())
    constants = {name: np.asarray(value) for name, value in specialization.constants.items()}
    shapes = {name: list(map(int, shape)) for name, shape in specialization.input_shapes.items()}
    described = {name: [str(value.dtype), list(value.shape)] for name, value in constants.items()}
    fixed = [dict(specialization.dims), shapes, described]
    digest.update(json.dumps(["file", os.path.abspath(path), fixed, options, host], sort_keys=True).encode())
    for name in sorted(constants):
        digest.update(np.ascontiguousarray(constants[name]).tobytes())
    return digest.hexdigest()


def recall(cache: Cache, key: str) -> str | None:
    """The key of the artifact that the files were compiled to, if they are what they were."""
    entry = _records(cache).peek(key)
    try:
        record = json.loads((entry / RECORD).read_text()) if entry else None
    except OSError:
        return None
    if not record or any(state(path) != known for path, known in record["files"].items()):
        return None
    artifact: str = record["artifact"]
    return artifact


def remember(cache: Cache, key: str, found: Reading, artifact: str) -> None:
    """Records what the files were compiled to."""
    record = json.dumps({"files": found.files, "artifact": artifact})
    records = _records(cache)
    with records.locked(key):
        records.put(key, lambda folder: (folder / RECORD).write_text(record))


def _records(cache: Cache) -> Cache:
    return Cache(cache.folder / "files")
