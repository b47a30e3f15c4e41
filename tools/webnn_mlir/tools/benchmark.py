"""webnn-benchmark: a model's speed here, beside other engines, and where its time goes."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import add_specialization, parse_specialization, report_errors
from .tables import print_table

if TYPE_CHECKING:
    from .measuring.engines import Array, Contender, Runner

EXAMPLE = """examples:
  webnn-benchmark model.onnx --against onnxruntime,openvino --dim batch=1
  webnn-benchmark model.webnn --against xla --threads 1
  webnn-benchmark model.vmfb --profile

Inputs are random from a seed: floats from -1 to 1, integers 0 or 1, which are good for masks and indices; --input gives
others, as webnn-run has them."""

PERCENTILES = (50, 90, 99)
PROFILED_SECONDS, PROFILED_RUNS = 1.0, (3, 100)
"""How long a profile is recorded, and the least and the most runs."""
SHOWN = 20
"""The dispatches of a profile that are printed; --json has all."""

Json = dict[str, Any]
Files = tuple[Path, Path | None]


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-benchmark",
        description="Compiles a model at -O3 and measures its runs, in turn with those of other engines, once their "
        "answers agree. Times are microseconds; below a ratio of 1 we are ahead.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("model", type=Path, help="a graph (.onnx, .webnn, .json), or an artifact (.vmfb)")
    p.add_argument("--against", default="", metavar="ENGINES", help="onnxruntime, openvino, xla, with commas")
    p.add_argument("--threads", default=f"1,{os.cpu_count()}", help="numbers of threads, with commas")
    p.add_argument("--rounds", type=int, default=15, metavar="N", help="rounds in which all take turns (default 15)")
    p.add_argument("--seconds", type=float, default=0.25, help="how long each runs in a round (default 0.25)")
    add_specialization(p)
    p.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="an input's value, as webnn-run")
    p.add_argument("--inputs", type=Path, metavar="FILE.npz", help="inputs by name; --input overrides")
    p.add_argument("--accuracy", choices=["exact", "dynamic"], default="exact", help="as webnn-compile has it")
    p.add_argument("--tolerance", type=float, default=1e-3,
                   help="largest difference from the first rival, of an output's largest value (1e-3)")  # fmt: skip
    p.add_argument("--profile", action="store_true",
                   help="tell how long each dispatch takes, of a model with one for each kernel")  # fmt: skip
    p.add_argument("--json", action="store_true", help="print JSON")
    p.add_argument("--one", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    return p


@report_errors("webnn-benchmark")
def main(argv: list[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    args = parser().parse_args(given)
    threads = _check_arguments(args)
    if args.one:
        print(json.dumps(_measured(args, args.one)))
        return 0
    from .measuring.machine import machine

    about = machine()
    results = []
    for number in threads:
        # Engines size their threads when they are loaded: each number has a process of its own.
        command = [sys.executable, "-m", __spec__.name, *given, "--one", str(number)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            return done.returncode if done.returncode > 0 else _ended(-done.returncode)
        results.append(json.loads(done.stdout))
    if args.json:
        print(json.dumps({"model": str(args.model), "machine": about, "results": results}, indent=2))
        return 0
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    print(f"{about['cpu']}, {about['cores']} cores; {versions}")
    for result in results:
        _print(result)
    return 0


def _ended(signal: int) -> int:
    print(f"webnn-benchmark: error: an engine ended the process with signal {signal}", file=sys.stderr)
    return 1


def _check_arguments(args: argparse.Namespace) -> list[int]:
    """The numbers of threads. Raises ValueError, or OSError for a model that is not there."""
    from .measuring.rivals import chosen

    threads = [text.strip() for text in args.threads.split(",")]
    if not all(text.isdecimal() and 1 <= int(text) <= (os.cpu_count() or 1) for text in threads):
        raise ValueError(f"--threads {args.threads} must be numbers from 1 to {os.cpu_count()} with commas")
    if args.rounds < 1 or not args.seconds > 0 or not args.tolerance >= 0:
        raise ValueError("--rounds and --seconds must be positive, --tolerance not negative")
    if not args.model.is_file():
        raise FileNotFoundError(2, "no such file", str(args.model))
    chosen(args.against, args.model)
    if args.model.suffix == ".vmfb" and (args.dim or args.input_shape or args.const):
        raise ValueError(f"{args.model} is an artifact: --dim, --input-shape and --const are for graphs")
    return list(map(int, threads))


def _measured(args: argparse.Namespace, threads: int) -> Json:
    """What one number of threads gives. Raises ValueError where an answer of ours is not the first rival's."""
    from .measuring.engines import artifact
    from .measuring.rivals import chosen
    from .measuring.rounds import OURS, Effort, interleaved

    specialization = parse_specialization(args)
    path, archive = _artifact(args, specialization)
    inputs = _inputs(path, args)
    runners: dict[str, Runner] = {OURS: artifact(path, inputs, archive)(threads)}
    runners[OURS].run()
    failures = {}
    for name, rival in chosen(args.against, args.model).items():
        try:
            runner = _ready(rival.contender(args.model, inputs, specialization), threads)
        except Exception as error:  # whatever another engine raises
            failures[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            runners[name] = runner
    reference = next((name for name in runners if name != OURS), None)
    result: Json = {"threads": threads, "reference": reference, "failures": failures}
    if reference:
        result["difference"] = _difference(runners[OURS], runners[reference])
        if not result["difference"] <= args.tolerance:
            raise ValueError(f"{args.model}: differs from {reference} by {result['difference']:.2g} of an output's "
                             f"largest value; --tolerance is {args.tolerance:g}")  # fmt: skip
    times = interleaved(runners, Effort(args.rounds, args.seconds))
    result["timings"] = {name: _timing([t for r in rounds for t in r]) for name, rounds in times.items()}
    if args.profile:
        apart = _artifact(args, specialization, sequences=False)
        result["profile"] = _profile(apart, inputs, threads, result["timings"][OURS]["p50"])
    return result


def _artifact(args: argparse.Namespace, specialization: Any, *, sequences: bool = True) -> Files:
    """The artifact to measure, and the archive of its weights. Without `sequences` each kernel is a dispatch."""
    if args.model.suffix == ".vmfb":
        archive = args.model.with_suffix(".irpa")
        return args.model, archive if archive.exists() else None
    import atexit
    import tempfile

    from webnn_mlir.runtime import compile

    folder = tempfile.TemporaryDirectory(prefix="benchmark-")
    atexit.register(folder.cleanup)
    compiled = compile(
        args.model, opt_level=3, accuracy=args.accuracy, dims=specialization.dims,
        input_shapes=specialization.input_shapes, constants=specialization.constants, sequences=sequences,
    )  # fmt: skip
    path, *archives = compiled.save(Path(folder.name) / "model.vmfb")
    return path, archives[0] if archives else None


def _inputs(path: Path, args: argparse.Namespace) -> dict[str, Array]:
    from webnn_mlir.runtime.artifact import open_module
    from webnn_mlir.runtime.device import instance

    from .run import read_inputs, split_option

    inputs = open_module(path, instance())[2].inputs
    given = {split_option(option, inputs)[0] for option in args.input}
    if args.inputs:
        from .arrays import Archive

        with Archive(args.inputs) as archive:
            given.update(archive.names)
    left = {name: d for name, d in inputs.items() if name not in given}
    some = {name: d for name, d in inputs.items() if name in given}
    arrays = _random(left) | (read_inputs(some, args.input, args.inputs) if given else {})
    return {name: arrays[name] for name in inputs}


def _random(descriptors: Mapping[str, Any]) -> dict[str, Array]:
    import numpy as np

    from .run import random

    generator = np.random.default_rng(0)
    return {
        name: random(number, d) if d.data_type.is_float else generator.integers(0, 2, d.shape).astype(d.data_type.numpy)
        for number, (name, d) in enumerate(descriptors.items())
    }


def _ready(contender: Contender, threads: int) -> Runner:
    runner = contender(threads)
    runner.run()
    return runner


def _difference(ours: Runner, reference: Runner) -> float:
    """The largest difference between outputs, each in units of its largest value."""
    import numpy as np

    assert ours.results
    assert reference.results
    largest = 0.0
    for one, other in zip(ours.results(), reference.results(), strict=True):
        wide = np.asarray(other, np.float64)
        difference = np.abs(np.asarray(one, np.float64).reshape(wide.shape) - wide)
        if wide.size:
            # What is not a number anywhere makes the difference that.
            largest = float(np.maximum(largest, difference.max() / max(np.abs(wide).max(), np.finfo(np.float32).tiny)))
    return largest


def _timing(times: list[float]) -> dict[str, float]:
    import numpy as np

    percentiles = np.percentile(times, PERCENTILES)
    return {"least": min(times), **{f"p{p}": float(t) for p, t in zip(PERCENTILES, percentiles, strict=True)}}


def _profile(files: Files, inputs: Mapping[str, Array], threads: int, median: float) -> Json:
    from .measuring.profile import profile

    least, most = PROFILED_RUNS
    runs = round(min(max(PROFILED_SECONDS * 1e6 / median, least), most))
    path, archive = files
    found = profile(path, inputs, threads, runs, archive)
    return {"run": found.run, "outside": found.outside, "dispatches": [vars(d) for d in found.dispatches]}


def _print(result: Json) -> None:
    threads, timings = result["threads"], result["timings"]
    ours = next(iter(timings.values()))
    columns = list(ours)
    rows = []
    for name, timing in timings.items():
        ratio = "" if timing is ours else f"{ours['p50'] / timing['p50']:.2f}"
        rows.append([name, *(_microseconds(timing[column]) for column in columns), ratio])
    print_table(f"{threads} thread{'s' * (threads > 1)}", ["", *columns, "ratio of p50"], rows)
    for name, reason in result["failures"].items():
        print(f"  {name}: {reason}")
    if result["reference"]:
        difference = f"{result['difference']:.2g} of an output's largest value"
        print(f"  largest difference from {result['reference']}: {difference}")
    else:
        print("  no reference: the answers are not compared")
    if "profile" in result:
        _print_profile(result["profile"])


def _print_profile(profile: Json) -> None:
    total = profile["run"]
    dispatches = profile["dispatches"]
    rows = [
        [d["name"], f"{d['count']:g}", _microseconds(d["wall"]), _microseconds(d["work"]), f"{d['wall'] / total:.0%}"]
        for d in dispatches[:SHOWN]
    ]
    if more := dispatches[SHOWN:]:
        wall, work = (sum(d[key] for d in more) for key in ("wall", "work"))
        count = f"{sum(d['count'] for d in more):g}"
        rows.append([f"{len(more)} more", count, _microseconds(wall), _microseconds(work), f"{wall / total:.0%}"])
    outside = profile["outside"]
    rows.append(["outside dispatches", "", _microseconds(outside), "", f"{outside / total:.0%}"])
    print_table(f"profile of a run of {_microseconds(total)} µs", ["dispatch", "runs", "µs", "of threads", ""], rows)


def _microseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
