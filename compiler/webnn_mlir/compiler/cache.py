"""The cache of compiled artifacts: one folder an entry, named by the digest of all that the artifact depends on.

The folder is made private (0700). An entry appears whole, by a rename, and carries the digests of its files, which are
checked before it is used; a damaged entry is removed and built again. Two processes that want the same entry wait for
one another, so that it is built once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

ENVIRONMENT = "WEBNN_MLIR_CACHE_DIR"
DIGESTS = "digests.json"
_ENTRY = re.compile(r"[0-9a-f]{64}")

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
    """The cache in a folder, which is made if it is not there.

    Raises OSError when it cannot be, or when others could write to it: they could have their code run.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if os.name == "posix" and (status.st_uid != os.getuid() or status.st_mode & 0o022):
            raise PermissionError(1, "others may write to this cache folder", str(folder))

    @contextmanager
    def locked(self, key: str, timeout: float | None = None) -> Iterator[None]:
        """Holds the entry against other processes. Raises TimeoutError after `timeout` seconds of waiting."""
        lock = self._lock(key)
        try:
            lock.acquire(timeout=-1 if timeout is None else timeout)
        except Timeout:
            message = f"another process has been compiling the same graph for {timeout:g} s"
            raise TimeoutError(message) from None
        try:
            yield
        finally:
            lock.release()

    def get(self, key: str) -> Path | None:
        """The folder of a whole entry, or None; a damaged one is removed. The entry must be locked."""
        entry = self.folder / key
        if not entry.is_dir():
            return None
        try:
            digests = json.loads((entry / DIGESTS).read_text())
            if not digests or any(_digest(entry / name) != digest for name, digest in digests.items()):
                raise ValueError("digest")
        except (OSError, ValueError, AttributeError):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        os.utime(entry)
        return entry

    def put(self, key: str, fill: Callable[[Path], Any]) -> Path:
        """Makes an entry of the files that `fill` writes into the folder it is given. The entry must be locked."""
        # What a process that was killed here has left.
        for left in self.folder.glob(f"{key}.*.new"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".new", dir=self.folder))
        try:
            fill(temporary)
            digests = {p.name: _digest(p) for p in sorted(temporary.iterdir())}
            (temporary / DIGESTS).write_text(json.dumps(digests))
            entry = self.folder / key
            shutil.rmtree(entry, ignore_errors=True)
            temporary.rename(entry)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._prune(keep=entry)
        return entry

    def _lock(self, key: str) -> FileLock:
        return FileLock(self.folder / f"{key}.lock")

    def _prune(self, keep: Path) -> None:
        """Removes the entries used longest ago, but none that is in use, and nothing that is no entry."""
        found = [(*_used(entry), entry) for entry in self.folder.iterdir() if _ENTRY.fullmatch(entry.name)]
        total = sum(size for _, size, _ in found)
        for _, size, entry in sorted(found):
            if total <= MAX_BYTES:
                break
            if entry == keep:
                continue
            with suppress(Timeout), self._lock(entry.name).acquire(timeout=0):
                shutil.rmtree(entry, ignore_errors=True)
                total -= size


def _used(entry: Path) -> tuple[float, int]:
    """When an entry was last used, and its bytes; zeros for one that another process is removing."""
    try:
        return entry.stat().st_mtime, sum(path.stat().st_size for path in entry.iterdir())
    except OSError:
        return 0.0, 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
