"""webnn-compile: from a graph to a native artifact, or to the MLIR on the way there."""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .common import (
    add_specialization,
    add_targets,
    memory_size,
    parse_pairs,
    parse_specialization,
    parse_targets,
    print_diagnostics,
    report_errors,
    write_text,
)  # fmt: skip

EXAMPLE = """examples:
  webnn-compile model.webnn -o model.vmfb
  webnn-compile model.json -o model.vmfb --dim batch=8 --target-cpu generic -O3
  webnn-compile model.onnx -o model.vmfb --dim batch=1 --dim sequence=128
  webnn-compile model.onnx -O3 --tune --tune-budget 300 -o model.vmfb
  webnn-compile model.onnx -O3 --tuning model.tuning.json -o model.vmfb
  webnn-compile model.onnx --emit webnn-json -o model.json
  webnn-compile model.webnn --emit stablehlo -o -"""

EMITS = ("webnn-json", "stablehlo-portable", "jax-export", "webnn", "decomposed", "stablehlo", "linalg", "flow", "vmfb")
PORTABLE = {"stablehlo-portable": ".mlirbc", "jax-export": ".jaxexport"}
"""What OpenXLA's consumers read, and how the names of such files end."""


TUNE_BUDGET = 120.0
"""Seconds."""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-compile",
        description="Compiles a WebNN graph (.webnn, .json, .mlir with webnn ops) or an ONNX model to a native "
        "artifact. Weights are looked for beside the graph.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("input", help="the graph")
    p.add_argument("-o", "--output", help="where the result goes; - for standard output; by default INPUT.vmfb, or "
                   "standard output for text")  # fmt: skip
    p.add_argument("--emit", choices=EMITS, default="vmfb",
                   help="how far to go; webnn-json writes a .json or .webnn file and its .safetensors, "
                   "stablehlo-portable a versioned artifact of StableHLO, jax-export a function of JAX")  # fmt: skip
    add_specialization(p)
    add_targets(p)
    p.add_argument("-O", dest="opt_level", type=int, choices=range(4), default=2, help="optimization level (default 2)")
    p.add_argument("--weights", choices=["auto", "embed", "external"], default="auto",
                   help="inside the .vmfb, or in an .irpa archive beside it; auto: external above 256 MiB")  # fmt: skip
    p.add_argument("--archive", type=Path, metavar="FILE.irpa",
                   help="where external weights go (default: beside the result); artifacts may share one")  # fmt: skip
    p.add_argument("--alias", action="append", default=[], metavar="OUTPUT=INPUT",
                   help="let an output that is a scatter into an input take over its memory")  # fmt: skip
    p.add_argument("--accuracy", choices=["exact", "dynamic"], default="exact",
                   help="dynamic: what quantized weights are multiplied with may be rounded to 8 bits")  # fmt: skip
    p.add_argument("--no-sequences", action="store_true",
                   help="a dispatch for each kernel: slower, but profiles can tell them apart")  # fmt: skip
    p.add_argument("--pass-pipeline", help="webnn and MLIR passes to run instead of our own up to StableHLO")
    p.add_argument("--iree-flag", action="append", default=[], metavar="FLAG", help="a flag for IREE's compiler")
    p.add_argument("--cache-dir", type=Path, help="where artifacts are kept (default: in the user's cache folder)")
    p.add_argument("--no-cache", action="store_true", help="compile even if the cache has it")
    p.add_argument("--timeout", type=float, metavar="SECONDS", help="end the compiler after this long")
    p.add_argument("--max-memory", type=memory_size, metavar="BYTES", help="end the compiler above this; 4G, 512M")
    p.add_argument("--tune", action="store_true",
                   help="measure what can be decided otherwise on this machine, and keep what is faster")  # fmt: skip
    p.add_argument("--tune-budget", type=float, metavar="SECONDS", help=f"how long (default {TUNE_BUDGET:g})")
    p.add_argument("--tuning", type=Path, metavar="FILE",
                   help="what was decided: read, or written with --tune (by default beside the result)")  # fmt: skip
    p.add_argument("--print-missed", action="store_true", help="print why fusions did not apply")
    p.add_argument("--mlir-print-ir-after-all", action="store_true", help="print the IR after each webnn pass")
    p.add_argument("--mlir-timing", action="store_true", help="print the seconds of each pass")
    p.add_argument("--save-temps", type=Path, metavar="DIR", help="keep the IR of each stage, and what IREE makes")
    p.add_argument("--crash-reproducer", type=Path, metavar="FILE", help="keep the module the compiler crashed on")
    p.add_argument("--json", action="store_true", help="print a summary as JSON on standard output")
    return p


class Progress:
    """One line a stage on standard error, with the time it took, when it is a terminal."""

    def __init__(self, timing: bool):
        self.show = timing or sys.stderr.isatty()
        self.start = time.perf_counter()

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "print":
            print(event["text"], file=sys.stderr)
        elif self.show:
            print(f"  {event['name']:<28} {event['seconds']:8.3f} s", file=sys.stderr)


@report_errors("webnn-compile")
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    specialization = parse_specialization(args)
    start = time.perf_counter()
    from webnn_mlir.runtime.compiled import compiler

    driver = compiler()
    if args.emit == "webnn-json":
        return _convert(driver, args, specialization, start)
    if args.emit in PORTABLE:
        return _write_portable(args, specialization, start)
    options = driver.CompileOptions(
        **parse_targets(args),
        opt_level=args.opt_level,
        weights=args.weights,
        emit=args.emit,
        pass_pipeline=args.pass_pipeline,
        iree_flags=tuple(args.iree_flag),
        aliases=tuple(parse_pairs("--alias", args.alias)),
        accuracy=args.accuracy,
        sequences=not args.no_sequences,
    )
    output = args.output or ("-" if args.emit != "vmfb" else str(Path(args.input).with_suffix(".vmfb")))
    _check_output(output, args)
    controls = driver.Controls(
        cache_dir=args.cache_dir,
        use_cache=not args.no_cache,
        timeout=args.timeout,
        max_memory=args.max_memory,
        print_after_all=args.mlir_print_ir_after_all,
        save_temps=args.save_temps,
        crash_reproducer=args.crash_reproducer,
        on_event=Progress(args.mlir_timing),
    )
    tuned = None
    if args.tune:
        from .tuning.report import tune

        path = args.tuning or _tuning_beside(output)
        tuned = tune(args.input, options, controls, specialization, args.tune_budget or TUNE_BUDGET, path)
        compilation = tuned.compilation
    else:
        options = driver.tuned(options, args.tuning) if args.tuning else options
        compilation = driver.compile_source(args.input, options, controls, specialization=specialization)
    if args.print_missed:
        print_diagnostics(compilation.remarks)
    if compilation.text is not None:
        write_text(output, compilation.text)
        files = [] if output == "-" else [Path(output)]
    else:
        files = _save(compilation, output, args.archive)
    if tuned:
        files.append(path)
    _summary(args, compilation, files, time.perf_counter() - start, tuned)
    return 0


def _convert(driver: Any, args: argparse.Namespace, specialization: Any, start: float) -> int:
    """Writes the graph as a graph file."""
    output = args.output or str(Path(args.input).with_suffix(".json"))
    if output == "-":
        raise ValueError("--emit webnn-json writes a file, and its weights beside it: give -o FILE.json")
    _check_output(output, args)
    files = driver.convert_source(args.input, Path(output), specialization=specialization)
    _summary(args, None, files, time.perf_counter() - start)
    return 0


def _write_portable(args: argparse.Namespace, specialization: Any, start: float) -> int:
    """Writes the graph for consumers of OpenXLA."""
    from webnn_mlir.dialects.files import write_whole

    if find_spec("jaxlib") is None:
        raise ValueError(f"--emit {args.emit} needs jaxlib; pip install 'webnn-mlir[xla]' has it")
    from webnn_mlir import jax

    output = args.output or str(Path(args.input).with_suffix(PORTABLE[args.emit]))
    if output == "-":
        raise ValueError(f"--emit {args.emit} writes a file: give -o FILE{PORTABLE[args.emit]}")
    _check_output(output, args)
    graph = jax.read(args.input, specialization)
    data = jax.portable(graph) if args.emit == "stablehlo-portable" else bytes(jax.export(graph).serialize())
    write_whole(Path(output), lambda temporary: temporary.write_bytes(data))
    _summary(args, None, [Path(output)], time.perf_counter() - start)
    return 0


def _check_output(output: str, args: argparse.Namespace) -> None:
    """What can be known to fail is said before the work, not after."""
    if args.tune_budget is not None and not args.tune:
        raise ValueError("--tune-budget is for --tune")
    if args.tune_budget is not None and not args.tune_budget > 0:
        raise ValueError(f"--tune-budget must be positive, not {args.tune_budget:g}")
    if output == "-":
        if args.json:
            raise ValueError("--json and the result cannot both go to standard output: give -o FILE")
        return
    path = Path(output)
    if path.is_dir():
        raise IsADirectoryError(21, "is a directory", output)
    if not path.parent.is_dir():
        raise FileNotFoundError(2, "no such folder", str(path.parent))
    if path.exists() and Path(args.input).exists() and path.samefile(args.input):
        raise ValueError(f"{output}: is the input itself")
    if args.save_temps:
        args.save_temps.mkdir(parents=True, exist_ok=True)


def _tuning_beside(output: str) -> Path:
    """Where decisions go if no place is given."""
    if output == "-":
        raise ValueError("--tune writes a file of decisions: give --tuning FILE, or -o FILE to have it beside that")
    return Path(output).with_suffix(".tuning.json")


def _save(compilation: Any, output: str, archive: Path | None) -> list[Path]:
    if output == "-":
        if compilation.parameters:
            raise ValueError("external weights need a file to lie beside: give -o FILE or --weights=embed")
        sys.stdout.buffer.write(compilation.vmfb.read_bytes())
        return []
    from webnn_mlir.runtime.compiled import save

    return save(compilation, Path(output), archive)


def _summary(
    args: argparse.Namespace, compilation: Any, files: list[Path], elapsed: float, tuned: Any = None
) -> None:
    sizes = {str(f): f.stat().st_size for f in files}
    if args.json:
        passes = compilation.seconds if compilation else {}
        summary = {
            "input": args.input,
            "emit": args.emit,
            "files": sizes,
            "cached": bool(compilation and compilation.cached),
            "seconds": {"total": elapsed, "iree": passes.get("iree", 0.0), "passes": passes},
            "remarks": [str(r) for r in compilation.remarks] if compilation else [],
        }
        print(json.dumps(summary | ({"tuning": tuned.to_json()} if tuned else {}), indent=2))
        return
    if tuned:
        tuned.print(files[-1])
    if sys.stderr.isatty() and files:
        written = ", ".join(f"{name} ({size:,} bytes)" for name, size in sizes.items())
        cached = ", from the cache" if compilation and compilation.cached else ""
        print(f"{written} in {elapsed:.2f} s{cached}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
