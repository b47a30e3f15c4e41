"""webnn-check: whether a graph compiles for a target, and every reason why not."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .common import (
    add_specialization,
    add_targets,
    memory_size,
    parse_specialization,
    parse_targets,
    print_diagnostics,
    report_errors,
)

if TYPE_CHECKING:
    from webnn_mlir.dialects.webnn import Diagnostic

EXAMPLE = """examples:
  webnn-check model.webnn
  webnn-check model.json --dim batch=8 --target vulkan --json
  webnn-check model.mlir --no-compile"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-check",
        description="Says whether a graph (.webnn, .json, .onnx, .mlir) compiles for a target, or every reason why "
        "not, one a line. The exit status is 0 if it does.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("input", help="the graph")
    add_specialization(p)
    add_targets(p)
    p.add_argument("--no-compile", action="store_true", help="check the graph and lower it, but leave IREE out")
    p.add_argument("--timeout", type=float, metavar="SECONDS", help="end the compiler after this long")
    p.add_argument("--max-memory", type=memory_size, metavar="BYTES", help="end the compiler above this; 4G, 512M")
    p.add_argument("--print-missed", action="store_true", help="print why fusions did not apply")
    p.add_argument("--json", action="store_true", help="print JSON")
    return p


@report_errors("webnn-check")
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    specialization = parse_specialization(args)
    from webnn_mlir.dialects.webnn import Diagnostic, GraphError
    from webnn_mlir.runtime.compiled import compiler

    driver = compiler()
    emit = "stablehlo" if args.no_compile else "vmfb"
    options = driver.CompileOptions(**parse_targets(args), emit=emit)
    controls = driver.Controls(timeout=args.timeout, max_memory=args.max_memory)
    report: dict[str, Any] = {"input": args.input, "target": args.target, "compiled": not args.no_compile}
    problems: list[Diagnostic] = []
    remarks: list[Diagnostic] = []
    start = time.perf_counter()
    try:
        remarks = driver.compile_source(args.input, options, controls, specialization=specialization).remarks
        # A module that has ops of other dialects too may compile, but is no graph to count.
        with suppress(GraphError):
            report |= _counts(driver, args.input, specialization)
    except GraphError as error:
        problems = error.diagnostics
    except driver.worker.WorkerError as error:
        problems = [Diagnostic(str(error), place=args.input)]
    report |= {"ok": not problems, "seconds": time.perf_counter() - start}
    if args.json:
        found = {"problems": list(map(_json, problems)), "remarks": list(map(_json, remarks))}
        print(json.dumps(report | found, indent=2))
    else:
        print_diagnostics([*problems, *(remarks if args.print_missed else [])])
        if not problems:
            print(_verdict(report))
    return 1 if problems else 0


def _counts(driver: Any, source: str, specialization: Any) -> dict[str, Any]:
    """How much there is of the graph that compiled."""
    from .outline import Outline

    outline = Outline.parse(driver.outline_source(source, specialization=specialization))
    return {
        "operators": outline.operators,
        "operatorCount": len(outline.nodes),
        "constants": len(outline.constants),
        "constantBytes": outline.constant_bytes,
    }


def _verdict(report: dict[str, Any]) -> str:
    done = "compiles" if report["compiled"] else "lowers"
    verdict = f"{done} for {report['target']} in {report['seconds']:.2f} s"
    if "operatorCount" not in report:
        return f"ok: {verdict}"
    operators, constants = report["operatorCount"], report["constants"]
    return (
        f"ok: {operators:,} operator{'s' * (operators != 1)}, {constants:,} constant{'s' * (constants != 1)} with "
        f"{report['constantBytes']:,} bytes; {verdict}"
    )


def _json(diagnostic: Diagnostic) -> dict[str, Any]:
    return {**asdict(diagnostic), "place": str(diagnostic.place) if diagnostic.place else None}


if __name__ == "__main__":
    sys.exit(main())
