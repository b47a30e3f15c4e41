"""webnn-opt: runs passes on MLIR text, as mlir-opt does."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from webnn_mlir.compiler.kernels.machine import BY_NAME

from .common import print_diagnostics, read_text, report_errors, write_text

EXAMPLE = """example:
  webnn-opt --webnn-decompose --webnn-to-stablehlo --canonicalize model.mlir
  webnn-opt --pass-pipeline='builtin.module(webnn-decompose, func.func(cse))' model.mlir -o out.mlir"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-opt",
        description="Runs passes on MLIR text. Every pass is a flag, the webnn passes and MLIR's and IREE's own; they "
        "run in the order given.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("input", nargs="?", default="-", help="MLIR text; - for standard input")
    p.add_argument("-o", "--output", default="-", help="where the result goes; - for standard output")
    p.add_argument("--pass-pipeline", help="builtin.module(pass, pass{option=value}, ...)")
    p.add_argument("--split-input-file", action="store_true", help="treat the parts between '// -----' one by one")
    p.add_argument("--verify-diagnostics", action="store_true", help="check against the expected-error comments")
    p.add_argument("--weights", choices=["embed", "external"], default="embed", help="how keyed constants are lowered")
    p.add_argument("--target", type=_targets, default={}, help="what the result is for: cpu, vulkan, … (default: cpu)")
    p.add_argument("--machine", choices=sorted(BY_NAME), help="the processor whose kernels are used (default: none)")
    p.add_argument("--accuracy", choices=["exact", "dynamic"], default="exact", help="of quantized products")
    p.add_argument("--print-missed", action="store_true", help="print why fusions did not apply")
    p.add_argument("--mlir-print-ir-after-all", action="store_true", help="print the IR after each pass")
    p.add_argument("--mlir-print-debuginfo", action="store_true", help="print locations")
    p.add_argument("--mlir-timing", action="store_true", help="print the seconds of each pass")
    p.add_argument("--show-passes", action="store_true", help="list the webnn passes and what they do")
    return p


def _targets(text: str) -> dict[str, Any]:
    from webnn_mlir.compiler.options import CompileOptions
    from webnn_mlir.compiler.targets import lacks

    targets = CompileOptions(text).targets
    return {"targets": targets, "lacks": sorted(lacks(targets))}


@report_errors("webnn-opt")
def main(argv: list[str] | None = None) -> int:
    args, rest = parser().parse_known_args(argv)
    flags = [flag for flag in rest if flag.startswith("--")]
    if other := [flag for flag in rest if flag not in flags]:
        parser().error(f"unrecognized arguments: {' '.join(other)}")
    if args.show_passes:
        return show_passes()
    from webnn_mlir.compiler.pipeline_text import parse_pipeline

    passes = [_pass(flag) for flag in flags]
    if args.pass_pipeline:
        passes += parse_pipeline(args.pass_pipeline)
    name = "<stdin>" if args.input == "-" else args.input
    text = read_text(args.input)
    texts, failed = [], False
    for part in split(text) if args.split_input_file else [text]:
        answer = run_part(part, name, passes, args)
        found = answer.get("diagnostics", []) + answer.get("remarks", [])
        if args.verify_diagnostics:
            problems = check_expected(part, name, found)
            failed |= bool(problems)
            print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
        else:
            failed |= not answer["ok"]
            print_diagnostics(found if args.print_missed else answer.get("diagnostics", []))
        texts.append(answer.get("text", ""))
    if failed:
        return 1
    if not args.verify_diagnostics:
        write_text(args.output, "// -----\n".join(texts))
    return 0


def _pass(flag: str) -> str:
    """`--name` or `--name=a=1 b=2`, as mlir-opt takes them."""
    name, _, options = flag.removeprefix("--").partition("=")
    return f"{name}{{{options}}}" if options else name


def show_passes() -> int:
    from webnn_mlir.compiler.passes import PASSES

    for name, p in PASSES.items():
        print(f"--{name}\n    {p.description.splitlines()[0]}")
    return 0


def split(text: str) -> list[str]:
    """The parts between `// -----` lines, each with as many empty lines before it as keep its line numbers right."""
    parts = []
    lines = 0
    for part in re.split(r"^// -----.*\n", text, flags=re.MULTILINE):
        parts.append("\n" * lines + part)
        lines += part.count("\n") + 1
    return parts


def run_part(text: str, name: str, passes: list[str], args: argparse.Namespace) -> dict[str, Any]:
    from webnn_mlir.compiler.worker import shared_worker

    request = {
        "job": "opt",
        "source": {"text": text, "file": name},
        "passes": passes,
        "pass_options": {"weights": args.weights, "machine": args.machine, "accuracy": args.accuracy, **args.target},
        "print_after_all": args.mlir_print_ir_after_all,
        "locations": args.mlir_print_debuginfo,
    }

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "print":
            print(event["text"], file=sys.stderr)
        elif args.mlir_timing:
            print(f"{event['seconds']:9.4f} s  {event['name']}", file=sys.stderr)

    return shared_worker().request(request, on_event)


_EXPECTED = re.compile(r"expected-(error|warning|remark|note)\s*(?:@([+-]\d+|above|below|unknown))?\s*\{\{(.*?)\}\}")
_OFFSETS = {"": "0", "above": "-1", "below": "1"}


def check_expected(text: str, name: str, found: list[dict[str, Any]]) -> list[str]:
    """What the diagnostics and the `expected-…` comments of a text disagree about."""
    problems = []
    left = list(found)
    for number, line in enumerate(text.splitlines(), 1):
        for severity, where, message in _EXPECTED.findall(line):
            at = None if where == "unknown" else number + int(_OFFSETS.get(where, where))
            for diagnostic in left:
                if diagnostic["severity"] == severity and message in text_of(diagnostic) and at == line_of(diagnostic):
                    left.remove(diagnostic)
                    break
            else:
                problems.append(f'{name}:{number}: error: expected {severity} "{message}" was not produced')
    return problems + [f"{d['place'] or name}: error: unexpected {d['severity']}: {text_of(d)}" for d in left]


def text_of(diagnostic: dict[str, Any]) -> str:
    from webnn_mlir.dialects.webnn import Diagnostic

    return str(Diagnostic(**{**diagnostic, "place": None, "severity": "error"})).removeprefix("error: ")


def line_of(diagnostic: dict[str, Any]) -> int | None:
    match = re.search(r":(\d+):\d+$", diagnostic["place"] or "")
    return int(match[1]) if match else None


if __name__ == "__main__":
    sys.exit(main())
