"""Tuning: the file of decisions, what they change, and the search for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from webnn_mlir.compiler import driver
from webnn_mlir.compiler.driver import CompileOptions, Controls
from webnn_mlir.compiler.frontend import write_graph
from webnn_mlir.compiler.tuning import CHOICES, Decision, Place, TuningError, TuningFile, Value
from webnn_mlir.dialects.webnn import Descriptor, Graph, GraphBuilder, GraphError
from webnn_mlir.runtime import compile, load
from webnn_mlir.tools.compile import main
from webnn_mlir.tools.tuning import report
from webnn_mlir.tools.tuning.bench import ModuleBench
from webnn_mlir.tools.tuning.search import Decisions, Rejected, Search, Variant, fastest, nearest, next_wave

OPTIONS = CompileOptions()
RANDOM = np.random.default_rng(0)

# The file


def _file(**changes: Any) -> Any:
    decisions: list[Decision] = [("dense.width", "dense_8x64x512", 4), ("packing", "module 0", "off")]
    return json.loads(TuningFile.of(OPTIONS, decisions, model="m.onnx").text()) | changes


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(_file()))
    file = TuningFile.read(path)
    file.check(OPTIONS, path)
    assert file.decisions == (("dense.width", "dense_8x64x512", 4), ("packing", "module 0", "off"))
    assert driver.tuned(OPTIONS, path).tuning == file.decisions


def _decisions(**changes: Any) -> dict[str, Any]:
    return {"decisions": [{"choice": "packing", "place": "module 0", "value": "on", **changes}]}


BAD = {
    "is no JSON": b"{",
    "is no tuning file": b"[]",
    "version 2": _file(version=2),
    "machine must be": _file(machine=1),
    "decisions must be": _file(decisions={}),
    "decision 0 must have": _file(decisions=[3]),
    "and nothing else": _file(**_decisions(run="rm")),
    "'flags' is no choice": _file(**_decisions(choice="flags")),
    "a place is text": _file(**_decisions(place="x" * 1000)),
    "must be one of on, off": _file(**_decisions(value="--iree-flag")),
    "'True'; must be one of": _file(**_decisions(choice="dense.width", value=True)),
    "decides something twice": _file(decisions=2 * _decisions()["decisions"]),
    "is larger than": b" " * (2**22 + 1),
    "no JSON": b"[" * 100000,
}


@pytest.mark.parametrize("message", BAD)
def test_a_damaged_file_is_an_error(tmp_path: Path, message: str) -> None:
    path, content = tmp_path / "t.json", BAD[message]
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(TuningError, match=message) as error:
        driver.tuned(OPTIONS, path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"machine": "0"}, OPTIONS, "another machine"),
        ({"compiler": "0"}, OPTIONS, "another version"),
        ({}, replace(OPTIONS, opt_level=3), "measured with opt_level '2', not 3"),
        ({}, replace(OPTIONS, accuracy="dynamic"), "measured with accuracy 'exact', not 'dynamic'"),
    ],
)
def test_what_was_measured_otherwise_is_not_followed(
    tmp_path: Path, changes: dict[str, str], options: CompileOptions, message: str
) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(_file(**changes)))
    with pytest.raises(TuningError, match=message):
        driver.tuned(options, path)


def test_every_choice_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/tuning.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("| `")]
    assert [name for line in table for name in re.findall(r"`([^`]*)`", line.split("|")[1])] == list(CHOICES)


# What is decided


def _normal(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


def _dense(b: GraphBuilder) -> Any:
    return b.gelu(b.matmul(b.input("x", "float32", [40, 640]), b.constant(_normal(640, 96))))


def _convolution(b: GraphBuilder) -> Any:
    x = b.input("x", "float32", [1, 14, 14, 32])
    return b.relu(b.conv2d(x, b.constant(_normal(80, 3, 3, 32)), padding=[1] * 4, input_layout="nhwc",
                           filter_layout="ohwi"))  # fmt: skip


def _pointwise(b: GraphBuilder) -> Any:
    x = b.input("x", "float32", [1, 14, 14, 64])
    return b.conv2d(x, b.constant(_normal(80, 1, 1, 64)), input_layout="nhwc", filter_layout="ohwi")


def _attention(b: GraphBuilder) -> Any:
    q, k, v = (b.input(name, "float32", [2, 70, 32]) for name in "qkv")
    return b.matmul(b.softmax(b.matmul(q, b.transpose(k, permutation=[0, 2, 1])), axis=2), v)


def _rows(b: GraphBuilder) -> Any:
    return b.softmax(b.input("x", "float32", [16, 200]), axis=1)


def _matvec(b: GraphBuilder) -> Any:
    return b.matmul(b.input("x", "float32", [1, 256]), b.input("w", "float32", [256, 512]))


def _quantized(b: GraphBuilder) -> Any:
    weights = b.constant(Descriptor.of("int8", [128, 64]), RANDOM.integers(-128, 128, (128, 64)).astype(np.int8))
    scale, zero = b.constant(np.abs(_normal(4, 64))), b.constant(np.zeros((4, 64), np.int8))
    return b.matmul(b.input("x", "float32", [6, 128]), b.dequantize_linear(weights, scale, zero))


GRAPHS: dict[str, Callable[[GraphBuilder], Any]] = {
    "dense": _dense, "convolution": _convolution, "pointwise": _pointwise, "attention": _attention, "rows": _rows,
    "matvec": _matvec, "quantized": _quantized,
}  # fmt: skip


def _graph(name: str) -> Graph:
    b = GraphBuilder()
    return b.graph({"y": GRAPHS[name](b)})


def _inputs(graph: Graph) -> dict[str, Any]:
    return {name: _normal(*operand.descriptor.shape) for name, operand in graph.inputs.items()}


def _places(graph: Graph, tuning: Any = ()) -> list[Place]:
    options = CompileOptions(tuning=tuning, emit="flow")
    return driver.compile_source(graph, options, Controls(use_cache=False)).choices


@pytest.mark.parametrize("name", GRAPHS)
def test_every_value_at_every_place_gives_the_same_answer(name: str, tmp_path: Path) -> None:
    graph = _graph(name)
    inputs, path = _inputs(graph), tmp_path / "t.json"
    expected = compile(graph).run(inputs)["y"]
    places = [p for p in _places(graph) if not p.name.startswith("module")]
    assert places
    for place in places:
        assert place.default in place.values
        assert set(place.values) <= set(CHOICES[place.choice].values)
        for value in place.values:
            path.write_text(TuningFile.of(OPTIONS, [(place.choice, place.name, value)]).text())
            answer = compile(graph, tuning=path).run(inputs)["y"]
            np.testing.assert_allclose(answer, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max(), err_msg=value)


@pytest.mark.parametrize(
    ("name", "choice", "value"),
    [("dense", "dense", "iree"), ("dense", "dense.width", 1), ("dense", "dense.panel", 256),
     ("convolution", "convolution", "iree"), ("convolution", "convolution", "kernel"),
     ("convolution", "convolution.vectors", 1), ("pointwise", "convolution.workgroups", 2),
     ("attention", "attention", "iree"), ("attention", "attention.keys", 16), ("rows", "rows", "iree"),
     ("matvec", "matvec", "iree"), ("quantized", "quantized", "tiles")],
)  # fmt: skip
def test_a_decision_is_followed(name: str, choice: str, value: Value) -> None:
    graph = _graph(name)
    place = next(p for p in _places(graph) if p.choice == choice)
    assert place.default != value
    texts = [
        driver.compile_source(graph, CompileOptions(tuning=t, emit="flow"), Controls(use_cache=False)).text
        for t in ((), ((choice, place.name, value),))
    ]
    assert texts[0] != texts[1]


def test_decisions_about_a_module_hold_for_no_other() -> None:
    first, second = (next(p.name for p in _places(_graph(name)) if p.choice == "fusion") for name in ("rows", "dense"))
    assert first != second
    assert first == next(p.name for p in _places(_graph("rows")) if p.choice == "fusion")


def test_decisions_that_do_not_fit_are_errors() -> None:
    graph = _graph("convolution")
    place = next(p for p in _places(graph) if p.choice == "convolution.vectors")
    with pytest.raises(GraphError, match=r"convolution.vectors of convolution_3x3.* is 8; must be one of 1, 2, 3"):
        _places(graph, (("convolution.vectors", place.name, 8),))
    with pytest.raises(GraphError, match="nothing of it is about this graph, such as rows of softmax_3x5"):
        _places(graph, (("rows", "softmax_3x5", "iree"),))


def test_what_is_about_another_graph_is_remarked() -> None:
    graph = _graph("rows")
    place = next(p for p in _places(graph) if p.choice == "rows")
    tuning = (("rows", place.name, "iree"), ("rows", "softmax_3x5", "iree"))
    compilation = driver.compile_source(graph, CompileOptions(tuning=tuning), Controls(use_cache=False))
    assert "rows of softmax_3x5 is not in this graph" in str(compilation.remarks[0])


def test_decisions_are_part_of_the_key(tmp_path: Path) -> None:
    graph = _graph("rows")
    place = next(p for p in _places(graph) if p.choice == "rows")
    controls = Controls(cache_dir=tmp_path)
    for options, cached in [
        (OPTIONS, False),
        (replace(OPTIONS, tuning=(("rows", place.name, "iree"),)), False),
        (OPTIONS, True),
        (replace(OPTIONS, tuning=(("rows", place.name, "iree"),)), True),
    ]:
        assert driver.compile_source(graph, options, controls).cached == cached


# The search


class FakeBench:
    """A machine on which a variant takes as long as `time` says; of a budget, each trial takes one."""

    def __init__(self, places: Sequence[Place], time: Callable[[Decisions], Mapping[str, float]], budget: int = 100):
        self.places, self.time, self.budget = places, time, budget
        self.built: list[Decisions] = []

    def build(self, decisions: Decisions) -> Variant:
        self.budget -= 1
        self.built.append(decisions)
        if "broken" in decisions.values():
            raise Rejected("does not compile")
        return Variant(decisions, self.places)

    def same(self, best: Variant, decisions: Decisions) -> bool:
        return self.time(best.decisions) == self.time(decisions)

    def ratio(self, best: Variant, other: Variant) -> float:
        return sum(self.time(other.decisions).values()) / sum(self.time(best.decisions).values())

    def dispatches(self, variants: Sequence[Variant]) -> list[dict[str, float]]:
        return [dict(self.time(v.decisions)) for v in variants]

    def left(self) -> float:
        return self.budget

    def trial(self) -> float:
        return 1


def _vectors(name: str, default: int = 2) -> Place:
    return Place("convolution.vectors", name, default, (1, 2, 3, 4), 1.0, [f"{name} function"])


def _search(bench: FakeBench) -> Decisions:
    return Search(bench, Variant({}, bench.places)).run().decisions


def test_sizes_are_found_for_each_place_at_once() -> None:
    best = {"a": 4, "b": 1, "c": 2}
    places = [_vectors(name) for name in best]

    def time(decisions: Decisions) -> dict[str, float]:
        chosen = {name: int(decisions.get(("convolution.vectors", name), 2)) for name in best}
        return {f"{name} function": 1 + abs(chosen[name] - best[name]) for name in best}

    bench = FakeBench(places, time)
    assert _search(bench) == {("convolution.vectors", "a"): 4, ("convolution.vectors", "b"): 1}
    assert len(bench.built) == 4


def _forms(bad: Sequence[int], count: int = 8) -> FakeBench:
    places = [Place("rows", f"p{n}", "kernel", ("kernel", "iree"), float(count - n)) for n in range(count)]

    def time(decisions: Decisions) -> dict[str, float]:
        return {f"p{n}": (3 if n in bad else 0.5) if ("rows", f"p{n}") in decisions else 1 for n in range(count)}

    return FakeBench(places, time)


def test_forms_that_are_faster_everywhere_take_one_trial() -> None:
    bench = _forms(bad=[])
    assert len(_search(bench)) == 8
    assert len(bench.built) == 1


def test_forms_are_found_by_halves() -> None:
    assert set(_search(_forms(bad=[0, 5]))) == {("rows", f"p{n}") for n in (1, 2, 3, 4, 6, 7)}


def test_nothing_is_decided_where_nothing_is_faster() -> None:
    assert _search(_forms(bad=range(8))) == {}


def test_the_search_ends_with_its_budget() -> None:
    bench = _forms(bad=range(8))
    bench.budget = 4
    assert _search(bench) == {}
    assert len(bench.built) == 3


def test_what_fails_is_left_out() -> None:
    places = [Place("packing", "module 0", "on", ("on", "broken")), Place("rows", "p", "kernel", ("kernel", "iree"))]
    told: list[str] = []
    bench = FakeBench(places, lambda decisions: {"p": 1 - 0.5 * (("rows", "p") in decisions)})
    search = Search(bench, Variant({}, places), told.append)
    assert search.run().decisions == {("rows", "p"): "iree"}
    assert "packing = broken of module 0: does not compile" in told


def test_what_forms_the_same_dispatches_is_not_built() -> None:
    places = [Place("fusion", "module 0", "default", ("default", "on", "off"))]
    bench = FakeBench(places, lambda decisions: {"p": 0.5 if "off" in decisions.values() else 1})
    assert _search(bench) == {("fusion", "module 0"): "off"}
    assert len(bench.built) == 1


def test_a_kernel_has_one_size_changed_at_a_time() -> None:
    width = Place("dense.width", "d", 2, (1, 2), dispatches=["d"])
    panel = Place("dense.panel", "d", 512, (256, 512), dispatches=["d"])
    form = Place("convolution", "a", "kernel", ("kernel", "winograd", "iree"), dispatches=["a"])
    places = [panel, width, _vectors("a"), form, Place("rows", "r", "kernel", ("kernel", "iree"))]
    known: set[tuple[str, str]] = set()
    for expected in ([form, width], [_vectors("a"), panel], []):
        wave = next_wave(places, known)
        assert wave == expected
        known |= {(p.choice, p.name) for p in wave}


def test_sizes_next_to_the_default_come_first() -> None:
    assert nearest(Place("convolution.vectors", "a", 5, (1, 2, 3, 4, 5, 6), dispatches=["a"])) == [4, 6, 3, 2]
    assert nearest(Place("dense.panel", "a", 640, (128, 512, 1024), dispatches=["a"])) == [512, 128, 1024]
    form = Place("convolution", "a", "winograd", ("kernel", "winograd", "iree"), dispatches=["a"])
    assert nearest(form) == ["kernel"]


def test_dispatches_that_are_not_measured_decide_nothing() -> None:
    place = _vectors("a")
    variants = [Variant({}, [place]), Variant({("convolution.vectors", "a"): 3}, [place])]
    assert fastest([place], variants, [{"a function": 2.0}, {}]) == {}
    assert fastest([place], variants, [{"a function": 2.0}, {"a function": 1.99}]) == {}
    assert fastest([place], variants, [{"a function": 2.0}, {"a function": 1.0}]) == {("convolution.vectors", "a"): 3}


# The tool


def test_a_tuned_artifact_gives_the_same_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is, something is tried.
    monkeypatch.setattr(ModuleBench, "trial", lambda _: 0.0)
    graph, path, tuned = _graph("dense"), tmp_path / "g.webnn", tmp_path / "g.vmfb"
    write_graph(graph, path)
    assert main([str(path), "-o", str(tuned), "--tune", "--tune-budget", "3", "--json"]) == 0
    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    file = tmp_path / "g.tuning.json"
    assert set(summary["files"]) == {str(tuned), str(file)}
    told = summary["tuning"]
    assert 0 < told["seconds"]["after"] <= told["seconds"]["before"]
    assert told["tried"] > 0
    kept = TuningFile.read(file).decisions
    assert sum(sum(values.values()) for values in told["chosen"].values()) == len(kept)
    assert main([str(path), "-o", str(tmp_path / "again.vmfb"), "--tuning", str(file)]) == 0
    inputs = _inputs(graph)
    expected = compile(graph).run(inputs)["y"]
    for artifact in (tuned, tmp_path / "again.vmfb"):
        np.testing.assert_allclose(load(artifact).run(inputs)["y"], expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tune", "--target", "vulkan"], "cannot with --target=vulkan"),
        (["--tune", "--target-triple", "aarch64-linux-gnu"], "cannot with --target-triple=aarch64-linux-gnu"),
        (["--tune", "--target-cpu", "x86-64-v3,generic"], "--target-cpu=x86-64-v3,generic is several"),
        (["--tune", "--emit", "flow"], "--emit=flow makes none"),
        (["--tune", "-o", "-"], "give --tuning FILE"),
        (["--tune", "--tune-budget", "0"], "--tune-budget must be positive"),
        (["--tune-budget", "5"], "--tune-budget is for --tune"),
        (["--tuning", "none.json"], "none.json: error: No such file"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    path = tmp_path / "g.webnn"
    write_graph(_graph("rows"), path)
    assert main([str(path), "-o", str(tmp_path / "g.vmfb"), *arguments]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "g.vmfb").exists()


def test_a_processor_that_is_not_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def features(flags: tuple[str, ...]) -> frozenset[str]:
        return frozenset({"avx", "magic"} if any("other" in flag for flag in flags) else {"avx"})

    monkeypatch.setattr(report, "target_features", features)
    with pytest.raises(ValueError, match="cannot run code for other: it lacks magic"):
        report._check_processor(CompileOptions(target_cpu="other"))
