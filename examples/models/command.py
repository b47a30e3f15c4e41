"""What the example scripts share: errors are one line, and what is compiled is said."""

from __future__ import annotations

import functools
import sys
import time
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

from webnn_mlir import GraphError

from .packages import FetchError


def command(main: Callable[[], None]) -> Callable[[], None]:
    """Ends with a line and status 1 where something is missing or wrong."""

    @functools.wraps(main)
    def run() -> None:
        try:
            main()
        except ImportError as error:
            sys.exit(f"{error.name or error} is missing: the extra 'examples' has it: pip install -e '.[examples]'")
        except (FetchError, GraphError, OSError, ValueError, EOFError, wave.Error) as error:
            sys.exit(f"{Path(sys.argv[0]).name}: {error}")

    return run


@functools.cache
def _compiled(path: Path, shapes: tuple[tuple[str, tuple[int, ...]], ...], constants: tuple[tuple[str, int], ...]):
    from .engines import webnn

    start = time.perf_counter()
    said = ", ".join(f"{name}{list(shape)}" for name, shape in shapes)
    print(f"compiling {path.stem} for {said} ... ", end="", file=sys.stderr, flush=True)
    run = webnn(path, dict(shapes), dict(constants))
    print(f"{time.perf_counter() - start:.1f} s", file=sys.stderr)
    return run


def compiled(path: Path, shapes: Mapping[str, tuple[int, ...]], constants: Mapping[str, int] = {}):
    """What runs a model with inputs of these shapes; it is compiled once."""
    return _compiled(path, tuple(shapes.items()), tuple(constants.items()))
