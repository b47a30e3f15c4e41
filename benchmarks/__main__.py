"""The command: measures rows, prints a table, and writes JSON, a page and a plot. Each number of threads has a process
of its own."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from webnn_mlir.tools.measuring.machine import machine
from webnn_mlir.tools.measuring.rounds import FULL, OURS, QUICK

from .measure import measure
from .report import described, name_of, write_page, write_plot
from .rows import all_rows


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    p.add_argument("--rows", default="*", help="groups, or names as group/name, with commas; may have *")
    p.add_argument("--threads", default=f"1,{os.cpu_count()}", help="numbers of threads, with commas")
    p.add_argument("--quick", action="store_true", help="few rounds")
    p.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    p.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the ratios there")
    p.add_argument("--markdown", type=Path, metavar="FILE.md", help="write a page with table, plot and reasons there")
    p.add_argument("--results", type=Path, metavar="FILE", help="take what --json wrote instead of measuring")
    p.add_argument("--list", action="store_true", help="list the rows")
    p.add_argument("--one", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    return p


def command_of(args: argparse.Namespace) -> str:
    """What measures the same: where the results went says nothing of them."""
    given = [f"--{name}={getattr(args, name)}" for name in ("rows", "threads")
             if getattr(args, name) != parser().get_default(name)]  # fmt: skip
    return shlex.join(["python", "-m", "benchmarks", *given, *["--quick"] * args.quick])


def main() -> int:
    args = parser().parse_args()
    patterns = [p if "/" in p else f"{p}/*" for p in args.rows.split(",")]
    rows = [r for r in all_rows() if any(fnmatch.fnmatch(name_of(r), p) for p in patterns)]
    if args.list:
        print("\n".join(map(name_of, rows)))
        return 0
    if args.one:
        for row in rows:
            result = measure(row, args.one, QUICK if args.quick else FULL)
            print(json.dumps(result.to_json()), flush=True)
        return 0
    if args.results:
        data = json.loads(args.results.read_text())
    else:
        data = {"machine": machine(), "command": command_of(args), "results": []}
    print(header(data["machine"]))
    for result in data["results"]:
        print(line_of(result))
    for threads in [] if args.results else map(int, args.threads.split(",")):
        command = [sys.executable, "-m", "benchmarks", "--rows", args.rows, "--one", str(threads)]
        with subprocess.Popen(command + ["--quick"] * args.quick, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                data["results"].append(json.loads(line))
                print(line_of(data["results"][-1]), flush=True)
        if child.returncode:
            return child.returncode
    data["results"].sort(key=lambda result: (result["group"], result["name"], result["threads"]))
    if args.json:
        args.json.write_text(json.dumps(data, indent=1) + "\n")
    if args.plot:
        write_plot(args.plot, data["results"])
    if args.markdown:
        write_page(args.markdown, data, all_rows(), args.plot)
    return 0


def header(about: dict) -> str:
    columns = "| row | threads | ours | best rival | ratio of medians; of least times | goal | error | all rivals |"
    return f"{described(about)}\n\n{columns}\n|{' --- |' * 8}"


def line_of(result: dict) -> str:
    """A line of the table: the median, and the medians of the fastest and the slowest round."""
    timings = result["timings"]

    def shown(name: str) -> str:
        t = timings[name]
        return f"{t['median']:.0f} ({t['rounds'][0]:.0f}-{t['rounds'][1]:.0f}) {result['unit']}"

    others = [f"{name} {shown(name)}" for name in timings if name != OURS]
    others += [f"{name}: {reason}" for name, reason in result["failures"].items()]
    ratio = "" if result["ratio"] is None else f"{result['ratio']:.2f}; {result['least_ratio']:.2f}"
    cells = (name_of(result), result["threads"], shown(OURS), result["best"], ratio,
             result["goal"], f"{timings[OURS]['error']:.1g}", ", ".join(others))  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main())
