"""The declarations: a file an operator, or a table a file for operators that differ in one entry."""

from importlib import import_module
from pathlib import Path


def load() -> None:
    """Imports every declaration beside this file."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.stem.startswith("_"):
            import_module(f"{__name__}.{path.stem}")
