"""webnn-check: one line a problem, all at once, or one line that says ok."""

import json
import re

import pytest

from webnn_mlir.compiler import cache
from webnn_mlir.tools.check import main

GRAPH = """webnn_graph "g" v1 {
  inputs { x: f32[2, 3]; }
  consts { w: f32[3] @scalar(2.0); }
  nodes { a = add(x, w); y = exp(a); }
  outputs { y; }
}
"""
WRONG = """webnn_graph "g" v1 {
  inputs { x: f32[2, 3]; i: i32[5]; }
  nodes {
    a = add(x, i);
    y = exp(x);
    b = softmax(x, 7);
    c = nothing(y);
  }
  outputs { y; }
}
"""
DYNAMIC = GRAPH.replace("f32[2, 3]", 'f32[dyn("n", 8), 3]')
MLIR = """func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "webnn.exp"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
"""
WRONG_MLIR = """func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "webnn.exp"(%x) {label = "first"} : (tensor<2xf32>) -> tensor<3xf32>
  %1 = "webnn.nothing"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
"""
MIXED = MLIR.replace("  return", "  %1 = stablehlo.abs %0 : tensor<2xf32>\n  return").replace("return %0", "return %1")


@pytest.fixture
def tool(tmp_path, monkeypatch, capsys):
    """tool(file, text, *options) -> exit status, standard output, standard error; with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cache.ENVIRONMENT, str(tmp_path / "cache"))

    def call(file, text, *options):
        (tmp_path / file).write_text(text)
        status = main([file, *options])
        return status, *capsys.readouterr()

    return call


def test_ok(tool, tmp_path):
    status, out, err = tool("g.webnn", GRAPH)
    assert (status, err) == (0, "")
    assert re.fullmatch(r"ok: 2 operators, 1 constant with 12 bytes; compiles for cpu in \d+\.\d\d s\n", out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "g.webnn"]


def test_without_iree(tool, tmp_path):
    status, out, err = tool("g.mlir", MLIR, "--no-compile")
    assert (status, err) == (0, "")
    assert out.startswith("ok: 1 operator, 0 constants with 0 bytes; lowers for cpu in ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.mlir"]


def test_json(tool):
    _, out, _ = tool("g.webnn", GRAPH, "--json", "--no-compile")
    report = json.loads(out)
    assert report["ok"] is True
    assert report["operators"] == {"add": 1, "exp": 1}
    assert (report["problems"], report["remarks"]) == ([], [])
    status, out, err = tool("wrong.webnn", WRONG, "--json")
    report = json.loads(out)
    assert (status, err, report["ok"]) == (1, "", False)
    assert len(report["problems"]) == 3
    assert report["problems"][0]["place"].startswith("wrong.webnn:4:")


def test_every_problem_at_once(tool):
    status, out, err = tool("wrong.webnn", WRONG)
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert [line.split(":")[:2] for line in lines] == [["wrong.webnn", "4"], ["wrong.webnn", "6"], ["wrong.webnn", "7"]]
    assert "'webnn.add'" in lines[0]
    assert "data type int32" in lines[0]
    assert "nothing" in lines[2]


def test_every_problem_of_mlir_at_once(tool):
    status, out, err = tool("wrong.mlir", WRONG_MLIR)
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "wrong.mlir:2:8: error: 'webnn.exp' (label \"first\"): results have type tensor<3xf32>; "
        "the operator gives tensor<2xf32>",
        "wrong.mlir:3:8: error: 'webnn.nothing': is not an op of the webnn dialect",
    ]


def test_dynamic_dimensions(tool):
    status, out, _ = tool("d.webnn", DYNAMIC, "--dim", "n=4", "--no-compile")
    assert (status, out[:3]) == (0, "ok:")
    for options in ([], ["--dim", "n=9"], ["--dim", "m=4"]):
        status, out, err = tool("d.webnn", DYNAMIC, *options)
        assert (status, out) == (1, "")
        assert "d.webnn" in err


def test_other_dialects_compile_uncounted(tool):
    status, out, _ = tool("mixed.mlir", MIXED)
    assert status == 0
    assert re.fullmatch(r"ok: compiles for cpu in \d+\.\d\d s\n", out)


@pytest.mark.parametrize(
    ("file", "text", "options", "message"),
    [
        ("g.webnn", "", [], "g.webnn"),
        ("g.json", "[" * 100000, [], "g.json"),
        ("g.mlir", "func.func @main(", [], "g.mlir:1:"),
        ("g.webnn", GRAPH, ["--target", "abacus"], "target 'abacus' must be one of cpu"),
        ("g.webnn", GRAPH, ["--target-cpu", "abacus"], "the compiler knows no such target: target_cpu 'abacus'"),
        ("g.mlir", MLIR, ["--timeout", "0.001"], "the compiler was ended after the time limit of 0.001 s"),
    ],
)
def test_one_line_for_one_problem(tool, file, text, options, message):
    status, out, err = tool(file, text, *options)
    assert (status, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_a_missing_file(tool, capsys):
    assert main(["no.webnn"]) == 1
    assert main(["no.mlir"]) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["no.webnn", "no.mlir"]
