"""What a measurement is written as: a page with table and reasons, and a plot."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from webnn_mlir.dialects.files import write_whole
from webnn_mlir.tools.measuring.rounds import OURS

from .row import Row

Json = dict[str, Any]

PAGE = """# Performance

The time of a run against that of other engines in the same process, in turn with them, after all answers were checked.
A ratio is our median over that of the best rival in the row: below 1 we are ahead. The rivals have their best settings,
we the defaults of `-O3`.

{machine}

Measured by `{command}`; `--plot` and `--markdown` write the plot and this page.
{plot}
{table}
{reasons}"""

REASONS = """
## Above their goal

{}
"""


def name_of(result: Json | Row) -> str:
    fields = result if isinstance(result, Mapping) else vars(result)
    return f"{fields['group']}/{fields['name']}"


def write_page(path: Path, data: Json, rows: Sequence[Row], plot: Path | None) -> None:
    """Writes the page of a measurement; `data` holds the machine, the command and the results."""
    results = data["results"]
    link = f"\n![ratio of our time to the best rival's, a row each]({_relative(plot, path)})\n" if plot else ""
    above = {name_of(r) for r in results if r["ratio"] is not None and r["ratio"] > r["goal"]}
    texts: dict[str, list[str]] = {}
    for row in rows:
        if name_of(row) in above and row.tried:
            texts.setdefault(row.tried, []).append(name_of(row))
    reasons = [f"* **{', '.join(names)}**: {' '.join(text.split())}" for text, names in texts.items()]
    text = PAGE.format(
        machine=described(data["machine"]), command=data["command"], plot=link, table="\n".join(_table(results)),
        reasons=REASONS.format("\n".join(reasons)) if reasons else "",
    )  # fmt: skip
    write_whole(path, lambda temporary: temporary.write_text(text))


def described(machine: Json) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return f"{machine['cpu']}, {machine['cores']} cores; {versions}"


def _relative(path: Path, page: Path) -> str:
    return Path(os.path.relpath(path, page.parent)).as_posix()


def _table(results: Sequence[Json]) -> list[str]:
    columns = ["row", "threads", "unit", "ours", "best rival", "its", "ratio", "goal", "others"]
    lines = [f"| {' | '.join(columns)} |", "| --- | ---: | --- | ---: | --- | ---: | ---: | ---: | --- |"]
    for result in results:
        unit, scale = ("MB", 1e-6) if result["unit"] == "bytes" else (result["unit"], 1)
        medians = {name: _shown(timing["median"] * scale) for name, timing in result["timings"].items()}
        best, ratio = result["best"], result["ratio"]
        others = [f"{name} {medians[name]}" for name in medians if name not in (OURS, best)]
        met = "" if ratio is None else f"**{ratio:.2f}**" if ratio <= result["goal"] else f"{ratio:.2f}"
        cells = [name_of(result), result["threads"], unit, medians[OURS], best, medians.get(best, ""), met,
                 result["goal"], ", ".join([*others, *(f"{name}: none" for name in result["failures"])])]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write_plot(path: Path, results: Sequence[Json]) -> None:
    """Draws the ratio of each row as an SVG, on an axis of logarithms, a point for each number of threads, and the goal
    as a line."""
    import matplotlib

    matplotlib.use("svg")
    # Equal results give equal files.
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    shown = [r for r in results if r["ratio"] is not None]
    names = list(dict.fromkeys(map(name_of, shown)))
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.28 * len(names)), layout="constrained")
    goals = {name_of(r): r["goal"] for r in shown}
    axes.scatter(list(goals.values()), list(map(names.index, goals)), marker="|", s=120, color="black", label="goal")
    for threads, marker in zip(sorted({r["threads"] for r in shown}), "osD^v" * len(shown), strict=False):
        chosen = [r for r in shown if r["threads"] == threads]
        ratios, places = [r["ratio"] for r in chosen], [names.index(name_of(r)) for r in chosen]
        axes.scatter(ratios, places, marker=marker, s=24, label=f"{threads} thread{'s' * (threads > 1)}")
    axes.axvline(1, color="gray", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("our time over that of the best rival; left of 1 we are ahead")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", alpha=0.3)
    axes.legend(loc="best")
    write_whole(path, lambda temporary: figure.savefig(temporary, format="svg", metadata={"Date": None}))
    pyplot.close(figure)
