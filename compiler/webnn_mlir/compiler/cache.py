"""The cache of compiled artifacts: one folder an entry, named by the digest of all that the artifact depends on.

The folder is private (0700). An entry appears whole, by a rename, and carries the digests of its files, which are
checked before it is used; a damaged entry is removed and built again. Two processes that want the same entry wait for
one another, so that it is built once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

ENVIRONMENT = "WEBNN_MLIR_CACHE_DIR"
MAX_BYTES = 2 * 2**30
"""When the cache grows over this, the entries used longest ago go."""


def default_folder() -> Path:
    """The user's cache folder, or the one that the environment names."""
    from platformdirs import user_cache_path

    return Path(os.environ.get(ENVIRONMENT) or user_cache_path("webnn-mlir"))


@lru_cache(maxsize=1)
def toolchain_digest() -> str:
    """Stands for the compiler itself: the versions of the packages and the sources of the passes and declarations."""
    digest = hashlib.sha256()
    for package in ("webnn-mlir", "iree-base-compiler"):
        digest.update(version(package).encode())
    import webnn_mlir.dialects.webnn as dialect

    roots = [Path(__file__).parent, Path(dialect.__file__).parent]
    for path in sorted(p for root in roots for p in root.rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


class Cache:
    """The cache in a folder, which is made when it is first written."""

    def __init__(self, folder: Path):
        self.folder = folder

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Holds the entry against other processes."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with FileLock(self.folder / f"{key}.lock"):
            yield

    def get(self, key: str) -> Path | None:
        """The folder of a whole entry, or None; a damaged one is removed."""
        entry = self.folder / key
        if not entry.is_dir():
            return None
        try:
            digests = json.loads((entry / "digests.json").read_text())
            if not digests or any(_digest(entry / name) != digest for name, digest in digests.items()):
                raise ValueError("digest")
        except (OSError, ValueError, AttributeError):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        os.utime(entry)
        return entry

    def put(self, key: str, fill: Callable[[Path], Any]) -> Path:
        """Makes an entry of the files that `fill` writes into the folder it is given."""
        temporary = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        try:
            fill(temporary)
            digests = {p.name: _digest(p) for p in sorted(temporary.iterdir())}
            (temporary / "digests.json").write_text(json.dumps(digests))
            entry = self.folder / key
            shutil.rmtree(entry, ignore_errors=True)
            temporary.rename(entry)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._prune(keep=entry)
        return entry

    def _prune(self, keep: Path) -> None:
        others = (e for e in self.folder.iterdir() if e.is_dir() and e != keep)
        entries = sorted(others, key=lambda e: e.stat().st_mtime)
        sizes = {e: sum(p.stat().st_size for p in e.iterdir()) for e in [*entries, keep]}
        total = sum(sizes.values())
        for entry in entries:
            if total <= MAX_BYTES:
                break
            shutil.rmtree(entry, ignore_errors=True)
            total -= sizes[entry]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
