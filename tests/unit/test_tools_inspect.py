"""webnn-inspect: what it says about graphs and artifacts, and its picture."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from webnn_mlir.compiler.driver import outline_source
from webnn_mlir.compiler.frontend import write_graph
from webnn_mlir.dialects.webnn import OPS, GraphBuilder
from webnn_mlir.runtime import compile
from webnn_mlir.tools.dot import dot, quote
from webnn_mlir.tools.inspect import graph_report, main
from webnn_mlir.tools.outline import MACS, Outline


def graph(label=""):
    builder = GraphBuilder()
    x = builder.input("x", "float32", [64, 32])
    w = builder.constant(np.arange(2048, dtype=np.float32).reshape(64, 32), name="W")
    y = builder.add(builder.exp(x), w, label=label)
    return builder.graph({"y": builder.reduce_sum(y, axes=[0]), "z": y})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspect")
    write_graph(graph(), folder / "model.webnn")
    write_graph(graph(), folder / "model.json")
    (folder / "model.mlir").write_text(compile_text(graph("a label")))
    compile(graph(), weights="external", opt_level=0, cache=False).save(folder / "model.vmfb")
    return folder


def compile_text(graph):
    from webnn_mlir.compiler.driver import compile_source
    from webnn_mlir.compiler.options import CompileOptions

    return compile_source(graph, CompileOptions(emit="webnn")).text


@pytest.fixture
def tool(folder, monkeypatch, capsys):
    """tool(*arguments) -> exit status, standard output, standard error; in the folder of the files."""
    monkeypatch.chdir(folder)

    def call(*arguments):
        status = main(list(map(str, arguments)))
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize("suffix", ["webnn", "json", "mlir"])
def test_graph(tool, suffix):
    status, out, err = tool(f"model.{suffix}", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    x = {"name": "x", "dataType": "float32", "shape": [64, 32], "bytes": 8192}
    assert report["inputs"] == [x]
    assert report["constants"] == [x | {"name": "W"}]
    assert report["outputs"] == [x | {"name": "y", "shape": [32], "bytes": 128}, x | {"name": "z"}]
    assert report["operators"] == {"exp": 1, "add": 1, "reduceSum": 1}
    assert (report["operatorCount"], report["depth"], report["constantBytes"]) == (3, 3, 8192)


def test_graph_as_text(tool):
    status, out, err = tool("model.mlir", "--op-table")
    assert (status, err) == (0, "")
    assert "operators: 3, depth 3, 0 MACs\nconstants: 1, 8,192 bytes\n" in out
    assert re.search(r"^  x +float32 +\[64, 32\] +8,192$", out, re.MULTILINE)
    row = r"^  %1 +add +a label +%0 float32\[64, 32\], W float32\[64, 32\] +%1 float32\[64, 32\]$"
    assert re.search(row, out, re.MULTILINE)
    assert "\x1b" not in out


def test_artifact(tool, folder):
    status, out, err = tool("model.vmfb", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    x = {"name": "x", "dataType": "float32", "shape": [64, 32], "bytes": 8192}
    assert report["inputs"] == [x]
    assert report["parameters"] == [x | {"name": "W"}]
    assert report["parameterBytes"] == 8192
    assert report["bytes"] == (folder / "model.vmfb").stat().st_size
    code = [size for name, size in report["parts"].items() if name.endswith(".so")]
    assert sum(report["nativeCode"].values()) == sum(code) > 0
    assert report["dispatches"] >= len(report["kernels"]) >= 1
    assert all(kernel.startswith("main_dispatch_") for kernel in report["kernels"])
    status, out, _ = tool("model.vmfb")
    assert f"dispatches: {report['dispatches']}, of {len(report['kernels'])} kernels" in out


def test_an_artifact_is_not_loaded(folder):
    """Its native code never is: no context is made, and the compiler isn't there."""
    code = (
        "import sys; sys.modules['iree.compiler'] = sys.modules['webnn_mlir.compiler'] = None\n"
        "import iree.runtime as rt; rt.SystemContext = rt.VmContext = rt.Config = None\n"
        "from webnn_mlir.tools.inspect import main; sys.exit(main(['model.vmfb']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert "native code: " in done.stdout


def test_multiplications():
    builder = GraphBuilder()

    def x(*shape):
        return builder.input(f"x{len(builder._inputs)}", "float32", shape)

    cases = {
        "matmul": (lambda: builder.matmul(x(5, 2, 3), x(5, 3, 4)), 5 * 2 * 3 * 4),
        "gemm": (lambda: builder.gemm(x(3, 2), x(4, 3), a_transpose=True, b_transpose=True), 2 * 3 * 4),
        "conv2d": (lambda: builder.conv2d(x(1, 4, 5, 5), x(6, 2, 3, 3), groups=2), 6 * 3 * 3 * 2 * 3 * 3),
        "convTranspose2d": (lambda: builder.conv_transpose2d(x(1, 2, 3, 3), x(2, 4, 2, 2)), 2 * 9 * 4 * 4),
        "gruCell": (lambda: builder.gru_cell(x(2, 3), x(12, 3), x(12, 4), x(2, 4), 4), 2 * (12 * 3 + 12 * 4)),
        "lstm": (lambda: builder.lstm(x(5, 2, 3), x(1, 16, 3), x(1, 16, 4), 5, 4)[0], 5 * 2 * (16 * 3 + 16 * 4)),
    }
    there = {name: case for name, case in cases.items() if name in OPS}
    assert there
    results = {name: build() for name, (build, _) in there.items()}
    outline = Outline.parse(outline_source(builder.graph(results)))
    for node in outline.nodes:
        assert MACS[node.op](outline, node) == there[node.op][1], node.op
    assert outline.macs == sum(expected for _, expected in there.values())


# The picture


def test_dot(tool, tmp_path):
    status, out, err = tool("model.webnn", "--dot", tmp_path / "model.dot")
    assert status == 0
    assert out.startswith("model.webnn: graph ")
    assert err == f"picture written to {tmp_path / 'model.dot'}\n"
    written = (tmp_path / "model.dot").read_text()
    status, out, err = tool("model.webnn", "--dot", "-")
    assert (status, out, err) == (0, written, "")
    nodes = re.findall(r"^  (\w+) \[label=\"(.*)\", shape=(\w+),", written, re.MULTILINE)
    assert nodes == [
        ("input0", r"x\nfloat32[64, 32]", "ellipse"),
        ("constant0", r"W\nfloat32[64, 32]", "cylinder"),
        ("op0", r"exp\nfloat32[64, 32]", "box"),
        ("op1", r"add\nfloat32[64, 32]", "box"),
        ("op2", r"reduceSum\nfloat32[32]", "box"),
        ("output0", r"y\nfloat32[32]", "ellipse"),
        ("output1", r"z\nfloat32[64, 32]", "ellipse"),
    ]
    edges = re.findall(r"^  (\w+) -> (\w+)", written, re.MULTILINE)
    assert edges == [
        ("input0", "op0"),
        ("op0", "op1"),
        ("constant0", "op1"),
        ("op1", "op2"),
        ("op2", "output0"),
        ("op1", "output1"),
    ]


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ('say "hi"', r'"say \"hi\""'),
        ("C:\\new", r'"C:\\new"'),
        ("end\\", r'"end\\"'),
        ('\\"', r'"\\\""'),
        ("\\N \\G", r'"\\N \\G"'),
        ("a\nb\0", r'"a\\x0ab\\x00"'),
        ("日本", '"日本"'),
        ("}; evil [x=1", '"}; evil [x=1"'),
    ],
)
def test_quoting(name, quoted):
    assert quote(name) == quoted
    # As Graphviz reads it, the quotation ends where it should.
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', quoted)


def test_labels_are_in_the_picture():
    outline = Outline.parse(outline_source(graph('odd "label"')))
    assert r'op1 [label="add\nodd \"label\"\nfloat32[64, 32]"' in dot(outline)
    assert graph_report("f", outline)["name"] == "main"


# MLIR and errors

TWICE = """
func.func @f(%a: tensor<2xf32> {webnn.name = "x"}, %b: tensor<2xf32> {webnn.name = "x"}) -> tensor<2xf32> {
  %0 = "webnn.add"(%a, %b) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
"""
TWO = "func.func @f() { return }\nfunc.func @g() { return }\n"
OTHER = """
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.abs %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}
"""
WRONG = """
func.func @f(%x: tensor<2xf32>) -> tensor<3xf32> {
  %0 = "webnn.abs"(%x) {label = "l"} : (tensor<2xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
"""
SAME_KEY = """
func.func @f(%x: tensor<2xf32>) -> (tensor<2xf32>) {
  %0 = "webnn.constant"() {key = "k"} : () -> tensor<2xf32>
  %1 = "webnn.constant"() {key = "k"} : () -> tensor<2xf32>
  %2 = "webnn.concat"(%x, %0, %1, %x) {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<8xf32>
  %3 = "webnn.add"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %3 : tensor<2xf32>
}
"""  # noqa: E501


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TWICE, "has two inputs of the name 'x'"),
        (TWO, "the module has 2 functions; a graph is one"),
        (OTHER, "'stablehlo.abs': is no op of the webnn dialect"),
        (WRONG, "'webnn.abs' (label \"l\"): results have type tensor<3xf32>; the operator gives tensor<2xf32>"),
        ("func.func @f(", "x.mlir:1:"),
        ("\xff", "error: "),
    ],
)
def test_mlir_that_is_no_graph(tool, tmp_path, text, message):
    path = tmp_path / "x.mlir"
    path.write_bytes(text.encode("latin-1"))
    status, out, err = tool(path, "--dot", tmp_path / "x.dot")
    assert (status, out) == (1, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "x.dot").exists()


@pytest.mark.skipif("concat" not in OPS, reason="concat is not declared")
def test_one_key_for_two_constants(tool, tmp_path):
    (tmp_path / "x.mlir").write_text(SAME_KEY)
    status, out, err = tool(tmp_path / "x.mlir", "--dot", "-")
    assert (status, err) == (0, "")
    assert re.findall(r"(\w+) -> op0", out) == ["input0", "constant0", "constant1", "input0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.webnn"], "no.webnn: error: "),
        (["no.vmfb"], "no.vmfb: error: No such file"),
        (["model.vmfb", "--dot", "-"], "are for graphs (.webnn, .json, .onnx, .mlir, .mlirbc)"),
        (["model.webnn", "--dot", "no/x.dot"], "no"),
        (["model.webnn", "--dim", "n"], "--dim 'n' must be NAME=N"),
        (["model.mlir", "--dim", "n=3"], "MLIR has no dynamic dimensions with names; 'n' is given a size"),
        (["model.safetensors"], "is no .vmfb file"),
    ],
)
def test_errors_are_one_line(tool, arguments, message):
    status, out, err = tool(*arguments)
    assert (status, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) == 1
