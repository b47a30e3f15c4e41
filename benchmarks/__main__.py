"""The command: measures rows, prints a table, and writes JSON. Each number of threads has a process of its own."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .measure import FULL, OURS, QUICK, measure
from .rows import all_rows

PACKAGES = ("webnn-mlir", "iree-base-compiler", "iree-base-runtime", "onnxruntime", "openvino", "jax", "ai-edge-litert",
            "numpy")  # fmt: skip


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    p.add_argument("--rows", default="*", help="groups, or names as group/name, with commas; may have *")
    p.add_argument("--threads", default=f"1,{os.cpu_count()}", help="numbers of threads, with commas")
    p.add_argument("--quick", action="store_true", help="few rounds")
    p.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    p.add_argument("--list", action="store_true", help="list the rows")
    p.add_argument("--one", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    return p


def main() -> int:
    args = parser().parse_args()
    patterns = [p if "/" in p else f"{p}/*" for p in args.rows.split(",")]
    rows = [r for r in all_rows() if any(fnmatch.fnmatch(f"{r.group}/{r.name}", p) for p in patterns)]
    if args.list:
        print("\n".join(f"{r.group}/{r.name}" for r in rows))
        return 0
    if args.one:
        for row in rows:
            result = measure(row, args.one, QUICK if args.quick else FULL)
            print(json.dumps(result.to_json()), flush=True)
        return 0
    print(header())
    results = []
    for threads in map(int, args.threads.split(",")):
        command = [sys.executable, "-m", "benchmarks", "--rows", args.rows, "--one", str(threads)]
        with subprocess.Popen(command + ["--quick"] * args.quick, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                results.append(json.loads(line))
                print(line_of(results[-1]), flush=True)
        if child.returncode:
            return child.returncode
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "results": results}, indent=1) + "\n")
    return 0


def header() -> str:
    about = machine()
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    columns = "| row | threads | ours | best rival | ratio of medians; of least times | goal | error | all rivals |"
    return f"{about['cpu']}, {about['cores']} cores; {versions}\n\n{columns}\n|{' --- |' * 8}"


def line_of(result: dict) -> str:
    """A line of the table; times in microseconds: the median, and the medians of the fastest and the slowest round."""
    timings = result["timings"]

    def shown(name: str) -> str:
        t = timings[name]
        return f"{t['median']:.0f} ({t['rounds'][0]:.0f}-{t['rounds'][1]:.0f})"

    others = [f"{name} {shown(name)}" for name in timings if name != OURS]
    others += [f"{name}: {reason}" for name, reason in result["failures"].items()]
    ratio = "" if result["ratio"] is None else f"{result['ratio']:.2f}; {result['least_ratio']:.2f}"
    cells = (f"{result['group']}/{result['name']}", result["threads"], shown(OURS), result["best"], ratio,
             result["goal"], f"{timings[OURS]['error']:.1g}", ", ".join(others))  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def machine() -> dict:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"cpu": cpu_model(), "cores": os.cpu_count(), "versions": versions}


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
