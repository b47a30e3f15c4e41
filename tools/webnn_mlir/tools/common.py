"""What the tools share: diagnostics on standard error, exit statuses, files that appear whole or not at all."""

from __future__ import annotations

import argparse
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Main = Callable[[list[str] | None], int]

GRAPH_SUFFIXES = (".webnn", ".json", ".onnx", ".mlir", ".mlirbc")
"""What the names of graphs end in."""


def report_errors(tool: str) -> Callable[[Main], Callable[..., int]]:
    """Turns the errors of bad input into exit status 1 and one line a problem, without a traceback."""

    def decorate(main: Main) -> Callable[..., int]:
        @functools.wraps(main)
        def wrapped(argv: list[str] | None = None) -> int:
            from webnn_mlir.dialects.webnn.diagnostics import GraphError

            warnings.showwarning = _print_warning  # type: ignore[assignment]
            try:
                return main(argv)
            except GraphError as error:
                print_diagnostics(error.diagnostics)
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                return 1
            except KeyboardInterrupt:
                print(f"{tool}: interrupted", file=sys.stderr)
                return 130
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                print(f"{where}error: {error.strerror or error}", file=sys.stderr)
            except (ValueError, TypeError, RuntimeError, ImportError) as error:
                print(f"{tool}: error: {' '.join(str(error).split())}", file=sys.stderr)
            except MemoryError:
                print(f"{tool}: error: not enough memory", file=sys.stderr)
            return 1

        return wrapped

    return decorate


def _print_warning(message: Warning | str, *_: Any) -> None:
    print(f"warning: {message}", file=sys.stderr)


def print_diagnostics(diagnostics: Iterable[Any]) -> None:
    """One line a problem on standard error."""
    from webnn_mlir.dialects.webnn.diagnostics import Diagnostic

    for diagnostic in diagnostics:
        one = Diagnostic(**diagnostic) if isinstance(diagnostic, dict) else diagnostic
        print(" ".join(str(one).splitlines()), file=sys.stderr)


def add_specialization(parser: argparse.ArgumentParser) -> None:
    """The options that size a graph's dynamic dimensions and fix an ONNX model's inputs."""
    parser.add_argument("--dim", action="append", metavar="NAME=N", help="the size of a dynamic dimension")
    parser.add_argument("--input-shape", action="append", metavar="NAME=N,N,…", help="the shape of a model's input")
    parser.add_argument("--const", action="append", metavar="NAME=VALUE",
                        help="make a model's input a constant: a number, numbers with commas, or FILE.npy")  # fmt: skip


TARGET_OPTIONS = ("target", "target_cpu", "target_triple", "vulkan_target", "cuda_arch", "metal_platform")


def add_targets(parser: argparse.ArgumentParser) -> None:
    """The options that say what is compiled for."""
    for option, default, metavar, text in [
        ("--target", "cpu", "TARGET", "cpu, vulkan, cuda, metal, vmvx, wasm32; several with commas make one"),
        ("--target-cpu", "host", "CPU", "host, generic, or a processor that LLVM knows; with commas those of "
         "x86-64-v4, x86-64-v3, x86-64-v2 and generic of which one is taken when it is loaded"),
        ("--target-triple", "", "TRIPLE", "another machine's CPU, such as aarch64-linux-gnu"),
        ("--vulkan-target", "desktop", "GPU", "desktop (what their drivers share), ada, rdna3, …"),
        ("--cuda-arch", "sm_80", "ARCH", "the oldest NVIDIA GPU to run on (default sm_80)"),
        ("--metal-platform", "macos", "SYSTEM", "macos, ios or ios-simulator"),
    ]:
        parser.add_argument(option, default=default, metavar=metavar, help=text)


def parse_targets(args: argparse.Namespace) -> dict[str, str]:
    """What `add_targets`'s options say, by the names of CompileOptions."""
    return {name: getattr(args, name) for name in TARGET_OPTIONS}


def parse_specialization(args: argparse.Namespace) -> Any:
    """What `add_specialization`'s options say, as the driver takes it. Raises ValueError."""
    from webnn_mlir.compiler.specialization import Specialization

    return Specialization(
        parse_dims(args.dim),
        {name: _parse_shape(name, text) for name, text in parse_pairs("--input-shape", args.input_shape)},
        {name: _parse_value(name, text) for name, text in parse_pairs("--const", args.const)},
    )


def parse_pairs(option: str, values: Iterable[str] | None) -> Iterable[tuple[str, str]]:
    """Name and value of each `NAME=VALUE`. Raises ValueError."""
    seen = set()
    for value in values or ():
        name, equals, text = value.rpartition("=")
        if not equals or not name or not text:
            raise ValueError(f"{option} {value!r} must be NAME=VALUE")
        if name in seen:
            raise ValueError(f"{option} {name} is given twice")
        seen.add(name)
        yield name, text


def _parse_shape(name: str, text: str) -> list[int]:
    sizes = [size.strip() for size in text.replace("x", ",").split(",")]
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise ValueError(f"--input-shape {name}={text} must be positive integers with commas")
    return [int(size) for size in sizes]


def _parse_value(name: str, text: str) -> Any:
    if text.endswith(".npy"):
        import numpy as np

        return np.load(text, allow_pickle=False)
    try:
        numbers = [float(n) if not _is_integer(n) else int(n) for n in text.split(",")]
    except ValueError:
        raise ValueError(f"--const {name}={text} must be a number, numbers with commas, or FILE.npy") from None
    return numbers if "," in text else numbers[0]


def _is_integer(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()


def parse_dims(options: Iterable[str] | None) -> dict[str, int]:
    """The sizes of dynamic dimensions from `NAME=N` options. Raises ValueError."""
    dims: dict[str, int] = {}
    for option in options or ():
        name, _, size = option.rpartition("=")
        if not name or not size.isdecimal() or int(size) < 1:
            raise ValueError(f"--dim {option!r} must be NAME=N with N a positive integer")
        if dims.setdefault(name, int(size)) != int(size):
            raise ValueError(f"--dim {name} is given twice, as {dims[name]} and {size}")
    return dims


def memory_size(text: str) -> int:
    """Bytes, from a number with or without K, M or G."""
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].upper() in units else (text, "")
    try:
        value = int(float(number) * units.get(unit, 1))
    except (ValueError, OverflowError):
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number of bytes")
    return value


def read_text(path: str) -> str:
    """The text of a file, or of standard input for `-`. Raises GraphError where it is not UTF-8."""
    from webnn_mlir.dialects.webnn.diagnostics import Diagnostic, GraphError

    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise GraphError([Diagnostic(f"byte {error.start} is not UTF-8", place=path)]) from None


def write_text(path: str, text: str) -> None:
    """Writes a file whole, or to standard output for `-`."""
    if path == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    from webnn_mlir.dialects.files import write_whole

    write_whole(Path(path), lambda temporary: temporary.write_text(text))
