"""webnn-config: where the installed parts lie, for build systems."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

EXAMPLE = """examples:
  webnn-config --json
  cmake -S . -B build -DWebNNMLIR_DIR=$(webnn-config --cmakedir)"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-config",
        description="Prints where the installed parts of webnn-mlir lie, for build systems.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--cmakedir", action="store_true", help="the folder of the CMake package WebNNMLIR")
    what.add_argument("--version", action="store_true", help="the version of webnn-mlir")
    what.add_argument("--json", action="store_true", help="both, and the versions of IREE, as JSON")
    return p


def config() -> dict[str, str | None]:
    """All there is to say; a distribution that is not installed has the version None."""
    return {
        "version": _version("webnn-mlir"),
        "cmakedir": str(Path(__file__).parent / "cmake"),
        "python": sys.executable,
        "iree-base-compiler": _version("iree-base-compiler"),
        "iree-base-runtime": _version("iree-base-runtime"),
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    found = config()
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        print(found["cmakedir" if args.cmakedir else "version"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
