"""Graphs that an application keeps from one run to the next.

https://github.com/webmachinelearning/webnn/blob/main/webnn-graph-cache-explainer.md

A folder of the user's an application, which others cannot write to: artifacts are native code. An entry is a folder
with the artifact and a record of it, whose file names the folder and appears by a rename: a process that reads it sees
the old entry or the new one, whole. What the record says of the files is checked when they are loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webnn_mlir.dialects.files import write_whole

from .errors import ArtifactError

if TYPE_CHECKING:
    from .compiled import Files
    from .graph import MLGraph

ENVIRONMENT = "WEBNN_MLIR_CACHE_DIR"
VMFB, IRPA, SUFFIX = "graph.vmfb", "graph.irpa", ".json"


class GraphCache:
    """The graphs of an application for a target. Raises OSError where the folder cannot be used."""

    def __init__(self, application: str | None, folder: str | Path | None, target: str):
        name = application or Path(sys.argv[0] or "python").stem
        self._folder = Path(folder or _default_folder()) / "graphs" / _digest(f"{name}\n{target}")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid"):
            status = self._folder.stat()
            if status.st_uid != os.getuid() or status.st_mode & 0o022:
                raise PermissionError(f"{self._folder}: others can write to it, and could have their code run")

    def save(self, key: str, graph: MLGraph) -> None:
        """Keeps a graph under a key, in place of what was there."""
        if not isinstance(key, str) or not key:
            raise TypeError(f"saveGraph: key {key!r} must be a non-empty string")
        record = self._record(key)
        before = self._folder_of(record)
        folder = Path(tempfile.mkdtemp(prefix="graph-", dir=self._folder))
        try:
            files = graph.save(folder / VMFB)
            about = {
                "key": key,
                "label": graph.label,
                "machine": machine(),
                "folder": folder.name,
                "digests": {file.name: _file_digest(file) for file in files},
            }
            write_whole(record, lambda path: path.write_text(json.dumps(about)))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _remove(before)

    def find(self, key: str) -> tuple[Files, str] | None:
        """The files under a key and the label of the graph; None where there are none for this machine and version.

        Raises ArtifactError where they are damaged.
        """
        from .compiled import Files

        record = self._record(key)
        for _ in range(3):
            about = self._read(record)
            if about is None or about["machine"] != machine():
                return None
            folder = self._folder / about["folder"]
            try:
                for name, digest in about["digests"].items():
                    if _file_digest(folder / name) != digest:
                        raise self._damaged(key, f"{name} is not what was saved")
                archive = folder / IRPA if IRPA in about["digests"] else None
                return Files.of(folder / VMFB, archive), about["label"]
            except FileNotFoundError as error:
                if self._read(record) == about:
                    raise self._damaged(key, f"{error.filename} is missing") from None
                # Another process has saved another graph meanwhile.
        return None

    def keys(self) -> list[str]:
        """All keys, sorted; damaged entries have none."""
        return sorted(self._keys())

    def delete(self, key: str) -> bool:
        """Removes what is under a key, damaged or not."""
        record = self._record(key)
        folder = self._folder_of(record)
        try:
            record.unlink()
        except FileNotFoundError:
            return False
        _remove(folder)
        return True

    def _keys(self) -> Iterator[str]:
        for record in self._folder.glob(f"*{SUFFIX}"):
            with suppress(ArtifactError):
                if about := self._read(record):
                    yield about["key"]

    def _record(self, key: str) -> Path:
        return self._folder / f"{_digest(key)}{SUFFIX}"

    def _folder_of(self, record: Path) -> Path | None:
        try:
            about = self._read(record)
        except ArtifactError:
            return None
        return self._folder / about["folder"] if about else None

    def _read(self, record: Path) -> dict[str, Any] | None:
        """What a record says, if it is there. Raises ArtifactError for a damaged one."""
        try:
            about = json.loads(record.read_bytes())
            strings = [about["key"], about["label"], about["machine"], about["folder"], *about["digests"].values()]
            inside = Path(about["folder"]).name == about["folder"] and set(about["digests"]) in ({VMFB}, {VMFB, IRPA})
            if not (inside and all(isinstance(s, str) for s in strings) and record == self._record(about["key"])):
                raise ValueError("it does not say what a record must")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ArtifactError(f"{record}: the record of a saved graph is damaged: {error}") from None
        found: dict[str, Any] = about
        return found

    def _damaged(self, key: str, rule: str) -> ArtifactError:
        return ArtifactError(f"the graph that was saved as {key!r} is damaged: {rule}; delete_graph removes it")


def _default_folder() -> Path:
    """Where a user's caches are kept, or the folder that the environment names."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "webnn-mlir"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "webnn-mlir" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "webnn-mlir"


@lru_cache
def machine() -> str:
    """What an artifact was made by and for: the versions, and the processor's instructions."""
    features = ""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = "".join(sorted({line for line in lines if line.startswith(("flags", "Features"))}))
    versions = [version("webnn-mlir"), version("iree-base-runtime")]
    return _digest("\n".join([*versions, platform.system(), platform.machine(), features]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
