"""webnn-conformance: runs a corpus of graphs and API calls against this implementation."""

from __future__ import annotations

import argparse
import functools
import os
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from webnn_mlir.dialects.targets import EXCLUDED

from ..common import add_targets, parse_targets, report_errors
from .checking import Record, check
from .corpus import Case, read_cases, read_tests
from .engines import Engine, IreeEngine, XlaEngine
from .pool import Pool
from .report import Report
from .validation import replay

EXAMPLE = """examples:
  webnn-conformance --cases wpt/conformance --target cpu -O3 --json results.json
  webnn-conformance --cases wpt/conformance --filter 'conv2d|gemm' --engine xla
  webnn-conformance --validation --kind builder --cases wpt
  webnn-conformance --onnx --filter 'test_conv'"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-conformance",
        description="Compiles and runs the graphs of a corpus, each with its constants as inputs and once more as they "
        "are, and compares the outputs within the corpus's tolerance. The exit status is 0 when none failed.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--cases", type=Path, metavar="DIR", help="the folder of the corpus")
    what.add_argument("--onnx", action="store_true", help="the backend tests of the installed onnx package")
    p.add_argument("--excluded", action="store_true", help="with --onnx: run what is excluded, and nothing else")
    p.add_argument("--validation", action="store_true", help="replay the API calls of DIR/validation and DIR/traces")
    p.add_argument("--kind", choices=["builder", "lifecycle"], help="which of the API calls; by default all")
    add_targets(p)
    p.add_argument("--engine", choices=["iree", "xla"], default="iree", help="what compiles and runs the StableHLO")
    p.add_argument("-O", dest="opt_level", type=int, choices=range(4), default=2, help="optimization level")
    p.add_argument("--filter", type=_pattern, default=re.compile(""), metavar="REGEX", help="only ids that match")
    p.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N", help="worker processes")
    p.add_argument("--batch", type=_positive, default=None, metavar="N", help="graphs that are compiled to one module")
    p.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help="limit for a batch, then for a case")
    p.add_argument("--json", metavar="OUT", help="write a record a case; - for standard output")
    p.add_argument("--list-failures", type=int, default=50, metavar="N", help="how many failures are told one by one")
    return p


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number")
    return int(text)


@report_errors("webnn-conformance")
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    report = Report()
    if args.onnx:
        _check_onnx(args, report)
    elif args.validation:
        _replay_all(args, report)
    else:
        _check_all(args, report)
    if not report.records:
        raise ValueError(f"{args.cases or 'onnx'}: nothing in the corpus matches")
    report.print(args.list_failures)
    if args.json:
        report.write(args.json, engine=args.engine, target=args.target, optLevel=args.opt_level)
    return 1 if report.count("failed") else 0


def _replay_all(args: argparse.Namespace, report: Report) -> None:
    tests = [t for t in read_tests(args.cases) if args.kind in (None, t.kind) and args.filter.search(t.id)]
    with report.showing_progress(len(tests)):
        for test in tests:
            report.add(replay(test, args.target.split(",")[0]))


def _check_all(args: argparse.Namespace, report: Report) -> None:
    engine = _engine(args)
    folder = args.cases / "conformance" if (args.cases / "conformance").is_dir() else args.cases
    cases = [c for c in read_cases(folder) if args.filter.search(c.id)]
    targets = args.target.split(",") if args.engine == "iree" else []
    wanted = []
    for case in cases:
        if reason := case.known_issue or _out_of_limits(case, targets):
            report.add(Record(case.id, case.file, "skipped", reason, 0.0))
        else:
            wanted.append(case)
    batches = [wanted[i : i + engine.batch] for i in range(0, len(wanted), engine.batch)]
    jobs = min(args.jobs, len(batches))
    with report.showing_progress(len(wanted)):
        Pool(functools.partial(check, engine=engine), _blame, jobs=jobs, timeout=args.timeout).run(batches, report.add)


def _out_of_limits(case: Case, targets: Sequence[str]) -> str | None:
    """Why a case is not for the targets: the data type that one of them does not have."""
    used = {str(t.descriptor.data_type) for t in (*case.inputs.values(), *case.outputs.values())}
    used |= {a["value"] for operator in case.operators for a in operator["arguments"] if isinstance(a["value"], str)}
    reasons = {str(data_type): reason for target in targets for data_type, reason in EXCLUDED.get(target, {}).items()}
    return next((f"{name}: {reasons[name]}" for name in sorted(used) if name in reasons), None)


def _check_onnx(args: argparse.Namespace, report: Report) -> None:
    if find_spec("onnx") is None:
        raise ValueError("onnx is not installed; pip install 'webnn-mlir[onnx]' has it")
    from .onnx_cases import read_exclusions, read_onnx_cases, reason_to_exclude
    from .onnx_checking import check_onnx, record

    engine, exclusions = _engine(args), read_exclusions()
    wanted = []
    for case in read_onnx_cases():
        if args.filter.search(case.name):
            reason = reason_to_exclude(case, exclusions)
            if bool(reason) == args.excluded:
                wanted.append(case)
            elif reason:
                report.add(record(case, "skipped", reason))
    batches = [wanted[i : i + engine.batch] for i in range(0, len(wanted), engine.batch)]
    with report.showing_progress(len(wanted)):
        Pool(
            functools.partial(check_onnx, engine=engine),
            lambda case, message: record(case, "failed", f"crash: the process {message}"),
            jobs=max(1, min(args.jobs, len(batches))),
            timeout=args.timeout,
        ).run(batches, report.add)


def _blame(case: Case, message: str) -> Record:
    return Record(case.id, case.file, "failed", f"the process {message}", 0.0)


def _engine(args: argparse.Namespace) -> Engine:
    for package, extra in [("iree.compiler", "compiler"), *([("jax", "xla")] if args.engine == "xla" else [])]:
        if find_spec(package) is None:
            raise ValueError(f"{package} is not installed; pip install 'webnn-mlir[{extra}]' has it")
    batch = {} if args.batch is None else {"batch": args.batch}
    if args.engine == "xla":
        return XlaEngine(**batch)
    from webnn_mlir.runtime.devices import choose

    options = parse_targets(args)
    choose(options["target"].split(",")[:1])
    return IreeEngine((*options.items(), ("opt_level", args.opt_level)), **batch)


if __name__ == "__main__":
    sys.exit(main())
