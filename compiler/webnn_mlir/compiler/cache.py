"""The cache of compiled artifacts: one folder an entry, named by the digest of all that the artifact depends on.

The folder is made private (0700). An entry appears whole, by a rename, and carries the digests of its files, which are
checked before it is used, once for each state that a file is in; a damaged entry is removed and built again. Two
processes that want the same entry wait for one another, so that it is built once.
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
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webnn_mlir.dialects.files import write_whole

if TYPE_CHECKING:
    from filelock import FileLock

ENVIRONMENT = "WEBNN_MLIR_CACHE_DIR"
DIGESTS = "digests.json"
CHECKED = "checked.json"
"""The states of an entry's files in which their digests were right."""
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
    from importlib.metadata import version

    digest = hashlib.sha256()
    for package in ("webnn-mlir", "iree-base-compiler"):
        digest.update(version(package).encode())
    for path in sorted(Path(file) for file in _sources()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def toolchain_state() -> str:
    """Changes at least when `toolchain_digest` does, and reads no file: the states of the sources and of IREE."""
    spec = find_spec("iree.compiler")
    iree = [os.path.join(folder, "version.py") for folder in (spec and spec.submodule_search_locations) or ()]
    states = {file: state(file) for file in (*_sources(), *iree)}
    return hashlib.sha256(json.dumps(states, sort_keys=True).encode()).hexdigest()


def _sources() -> Iterator[str]:
    """The files of the passes and declarations."""
    import webnn_mlir.dialects.webnn as dialect

    for root in (__file__, dialect.__file__):
        for folder, _, files in os.walk(os.path.dirname(root)):
            yield from (os.path.join(folder, file) for file in files if file.endswith(".py"))


State = list[int] | None


def state(path: str | os.PathLike[str]) -> State:
    """Device, number, bytes and times of a file; None of one that is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


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
        from filelock import Timeout

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

    def peek(self, key: str) -> Path | None:
        """The folder of an entry whose files are in the state in which they were checked. It needs no lock: no file in
        an entry ever changes, the entry may only go."""
        entry = self.folder / key
        try:
            checked = json.loads((entry / CHECKED).read_text())
            if not checked or any(_identity(entry / name) != identity for name, identity in checked.items()):
                return None
            os.utime(entry)
        except (OSError, ValueError, AttributeError):
            return None
        return entry

    def get(self, key: str) -> Path | None:
        """The folder of a whole entry, or None; a damaged one is removed. The entry must be locked."""
        entry = self.folder / key
        if not entry.is_dir():
            return None
        if checked := self.peek(key):
            return checked
        try:
            identities = {path.name: _identity(path) for path in entry.iterdir() if path.name != CHECKED}
            digests = json.loads((entry / DIGESTS).read_text())
            if not digests or any(_digest(entry / name) != digest for name, digest in digests.items()):
                raise ValueError("digest")
        except (OSError, ValueError, AttributeError):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        with suppress(OSError):
            write_whole(entry / CHECKED, lambda path: path.write_text(json.dumps(identities)))
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
            files = sorted(temporary.iterdir())
            (temporary / DIGESTS).write_text(json.dumps({file.name: _digest(file) for file in files}))
            identities = {file.name: _identity(file) for file in temporary.iterdir()}
            (temporary / CHECKED).write_text(json.dumps(identities))
            entry = self.folder / key
            shutil.rmtree(entry, ignore_errors=True)
            temporary.rename(entry)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._prune(keep=entry)
        return entry

    def _lock(self, key: str) -> FileLock:
        from filelock import FileLock

        return FileLock(self.folder / f"{key}.lock")

    def _prune(self, keep: Path) -> None:
        """Removes the entries used longest ago, but none that is in use, and nothing that is no entry."""
        from filelock import Timeout

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


def _identity(path: Path) -> State:
    """The state of a file but for the last time, which a link to the file changes."""
    return (state(path) or [])[:-1] or None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
