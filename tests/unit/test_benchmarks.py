"""The benchmarks' own rules: answers are checked before times count, and a rival that fails is left out."""

import json

import numpy as np
import pytest
from benchmarks.__main__ import command_of, line_of, parser
from benchmarks.measure import WrongAnswer, measure
from benchmarks.report import write_page, write_plot
from benchmarks.row import Row, Runner, Work
from benchmarks.rows import all_rows
from benchmarks.rows.int4 import work

from webnn_mlir.tools.measuring import rounds
from webnn_mlir.tools.measuring.rounds import Effort

SHORT = Effort(2, 0.002)
EXPECTED = np.array([1.0, 2.0])


class Clock:
    """Stands for `time` where it is measured: only sleeping takes time."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(rounds, "time", clock)
    return clock


def contender(answer=EXPECTED, run=lambda: None, memory=None):
    return lambda threads: Runner(run, lambda: np.asarray(answer), memory=memory)


def failing(threads):
    raise RuntimeError("no such engine\nand more")


def row(ours, rivals, bound=1e-3):
    return Row("g", "n", lambda: Work(ours, rivals, EXPECTED, np.abs(EXPECTED)), bound, 1.0)


def test_ratio_is_to_the_best_rival(clock):
    def taking(seconds):
        return contender(run=lambda: clock.sleep(seconds))

    rivals = {"slow": taking(0.02), "fast": taking(0.005), "none": failing}
    result = measure(row(taking(0.01), rivals), 1, SHORT)
    assert result.best == "fast"
    assert result.ratio == pytest.approx(2)
    assert result.timings["slow"].median == pytest.approx(20000)
    assert result.failures == {"none": "RuntimeError: no such engine"}
    line = line_of(json.loads(json.dumps(result.to_json())))
    assert line.startswith("| g/n | 1 | ")
    assert "none: RuntimeError: no such engine" in line


def test_memory_is_compared_where_the_row_says_so():
    work = Work(contender(memory=10), {"rival": contender(memory=40)}, EXPECTED, np.abs(EXPECTED))
    result = measure(Row("g", "n", lambda: work, 1e-3, 0.3, unit="bytes"), 1, SHORT)
    assert (result.timings["ours"].median, result.ratio) == (10, 0.25)


def test_a_limit_gives_no_answer():
    limits = {"limit": contender([3.0, 3.0]), "rival": contender([3.0, 3.0])}
    work = Work(contender(), limits, EXPECTED, np.abs(EXPECTED), ("limit",))
    result = measure(Row("g", "n", lambda: work, 1e-3, 1.0), 1, SHORT)
    assert result.best == "limit"
    assert "WrongAnswer" in result.failures["rival"]


def test_a_wrong_answer_of_ours_is_an_error():
    with pytest.raises(WrongAnswer, match=r"error is 0\.5 of the magnitude; the bound is 0\.001"):
        measure(row(contender([1.0, 3.0]), {}), 1, SHORT)


@pytest.mark.parametrize("answer", [[1.0, 3.0], [1.0, np.nan]])
def test_a_wrong_answer_of_a_rival_is_left_out(answer):
    result = measure(row(contender(), {"rival": contender(answer)}), 1, SHORT)
    assert "WrongAnswer" in result.failures["rival"]
    assert result.best == ""
    assert result.to_json()["ratio"] is None


def test_rows_have_names_of_their_own():
    names = [(r.group, r.name) for r in all_rows()]
    assert len(set(names)) == len(names) > 0


@pytest.mark.parametrize("dynamic", [False, True])
def test_int4_rows_are_right(dynamic):
    small = work(1, 64, 32, 32, dynamic=dynamic)
    # Rivals are not needed for the tests; their rows fail where they are not installed.
    result = measure(Row("int4", "small", lambda: small, 2e-2 if dynamic else 1e-5, 1.0), 1, SHORT)
    assert set(result.failures) | set(result.timings) == {"ours", "onnxruntime", "openvino"}
    assert result.timings["ours"].error <= (2e-2 if dynamic else 1e-5)


def test_page_and_plot(tmp_path):
    """Reasons stand there for rows above their goal, and only for these."""
    rows = [Row("g", name, lambda: None, 1e-3, 1.0, tried=f"reason of {name}") for name in ("ahead", "behind", "alone")]
    results = [
        {"group": "g", "name": row.name, "threads": threads, "goal": 1.0, "unit": "µs", "ratio": ratio, "best": "rival",
         "timings": {"ours": {"median": 1234.5}, "rival": {"median": 50.0}}, "failures": {"other": "RuntimeError: no"}}
        for row, ratio in zip(rows, (0.5, 2.0, None), strict=True) for threads in (1, 2)
    ]  # fmt: skip
    machine = {"cpu": "C", "cores": 2, "versions": {"numpy": "2"}}
    data = {"machine": machine, "command": "the command", "results": results}
    (tmp_path / "images").mkdir()
    plot, page = tmp_path / "images" / "p.svg", tmp_path / "p.md"
    write_plot(plot, results)
    write_page(page, data, rows, plot)
    text = page.read_text()
    assert "](images/p.svg)" in text
    assert "`the command`" in text
    assert "| g/behind | 2 | µs | 1,234 | rival | 50 | 2.00 | 1.0 | other: none |" in text
    assert "**0.50**" in text
    assert [f"reason of {name}" in text for name in ("ahead", "behind", "alone")] == [False, True, False]
    drawn = plot.read_text()
    assert all(name in drawn for name in ("g/ahead", "g/behind", "1 thread", "goal"))
    assert "g/alone" not in drawn


def test_the_command_names_what_is_measured_and_no_files():
    args = parser().parse_args(["--quick", "--rows", "int4/*", "--json", "/a/b.json", "--plot", "/a/b.svg"])
    assert command_of(args) == "python -m benchmarks '--rows=int4/*' --quick"
    assert command_of(parser().parse_args(["--markdown", "/a/b.md"])) == "python -m benchmarks"
