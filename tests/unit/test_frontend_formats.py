"""Graph files: what is read, what is written, and where what is wrong with one stands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webnn_mlir.compiler.frontend import read_document, read_graph, write_document
from webnn_mlir.compiler.frontend.document import (
    Argument,
    Const,
    Document,
    DynamicDimension,
    InlineBytes,
    Input,
    Output,
    Scalar,
    Statement,
    Weights,
)
from webnn_mlir.dialects.webnn import DataType, GraphError, Place

TEXT = '''\
# a comment
webnn_graph "resnet \\"head\\"" v1 @quantized {
  inputs { x: f32[dyn("batch", 8), 4]; }
  consts {
    W: f32[4, 2] @weights("head.weight"); # another
    b: f32[2];
    s: f16[] @scalar(-2.5e-1);
    z: i4[3] @bytes([33, 3]);
  }
  nodes {
    m = matmul(x, W);
    [y] = add(m, b);
    [p, q] = split(y, splits=[1, 1], axis=1);
    r = softmax(p, 1);
    t = transpose(q, permutation=[1, 0]);
    alias = t;
    c = conv2d(r, alias, inputLayout="nhwc", padding=[0, 1, 0, 1], groups=1, bias=b);
  }
  outputs { r, t; c }
}
'''

DOCUMENT = Document(
    'resnet "head"',
    1,
    True,
    (Input("x", DataType.FLOAT32, (DynamicDimension("batch", 8), 4)),),
    (
        Const("W", DataType.FLOAT32, (4, 2), Weights("head.weight")),
        Const("b", DataType.FLOAT32, (2,), Weights("b")),
        Const("s", DataType.FLOAT16, (), Scalar(-0.25)),
        Const("z", DataType.INT4, (3,), InlineBytes(b"\x21\x03")),
    ),
    (
        Statement("m", "matmul", (Argument("x"), Argument("W"))),
        Statement("y", "add", (Argument("m"), Argument("b")), outputs=("y",)),
        Statement("p", "split", (Argument("y"),), {"splits": Argument((1, 1)), "axis": Argument(1)}, ("p", "q")),
        Statement("r", "softmax", (Argument("p"), Argument(1))),
        Statement("t", "transpose", (Argument("q"),), {"permutation": Argument((1, 0))}),
        Statement("alias", "", (Argument("t"),)),
        Statement(
            "c",
            "conv2d",
            (Argument("r"), Argument("alias")),
            {
                "inputLayout": Argument("nhwc"),
                "padding": Argument((0, 1, 0, 1)),
                "groups": Argument(1),
                "bias": Argument("b"),
            },
        ),
    ),
    (Output("r", "r"), Output("t", "t"), Output("c", "c")),
)


def _read(tmp_path: Path, name: str, content: str | bytes) -> Document:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_document(path)


def _problems(tmp_path: Path, name: str, content: str | bytes) -> list[str]:
    """What is wrong with a file, without its folder."""
    with pytest.raises(GraphError) as error:
        _read(tmp_path, name, content)
    return [str(d).replace(f"{tmp_path}{os.sep}", "") for d in error.value.diagnostics]


def test_text_is_read(tmp_path: Path) -> None:
    document = _read(tmp_path, "g.webnn", TEXT)
    assert document == DOCUMENT
    assert document.nodes[2].place == Place(str(tmp_path / "g.webnn"), 13, 5)
    assert document.nodes[2].options["axis"].place == Place(str(tmp_path / "g.webnn"), 13, 43)
    assert document.consts[3].place == Place(str(tmp_path / "g.webnn"), 8, 5)


def test_text_is_written_and_read_again(tmp_path: Path) -> None:
    write_document(DOCUMENT, tmp_path / "g.webnn")
    assert read_document(tmp_path / "g.webnn") == DOCUMENT
    once = (tmp_path / "g.webnn").read_text()
    write_document(read_document(tmp_path / "g.webnn"), tmp_path / "h.webnn")
    assert (tmp_path / "h.webnn").read_text() == once


def test_json_holds_what_text_holds(tmp_path: Path) -> None:
    pytest.importorskip("webnn_mlir.dialects.webnn.ops.softmax")
    write_document(DOCUMENT, tmp_path / "g.json")
    document = read_document(tmp_path / "g.json")
    # The positional number of softmax has the name there that the declaration gives it.
    assert document.nodes[3] == Statement("r", "softmax", (Argument("p"),), {"axis": Argument(1)})
    write_document(document, tmp_path / "again.webnn")
    assert read_document(tmp_path / "again.webnn") == document
    write_document(document, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "g.json").read_bytes()


JSON = {
    "format": "webnn-graph-json",
    "version": 2,
    "inputs": {"x": {"dataType": "float32", "shape": [{"name": "batch", "maxSize": 8}, 3]}},
    "nodes": [{"id": "o", "op": "reshape", "inputs": ["x"], "options": {"newShape": [3, 2]}, "outputs": None}],
    "outputs": {"y": "o"},
}


def test_json_is_read(tmp_path: Path) -> None:
    document = _read(tmp_path, "g.json", json.dumps(JSON, indent=1))
    assert document.inputs == (Input("x", DataType.FLOAT32, (DynamicDimension("batch", 8), 3)),)
    assert document.nodes == (Statement("o", "reshape", (Argument("x"),), {"newShape": Argument((3, 2))}),)
    assert document.outputs == (Output("y", "o"),)
    assert document.nodes[0].place == Place(str(tmp_path / "g.json"), 17, 3)


def test_an_output_of_another_name_is_a_renaming_in_text(tmp_path: Path) -> None:
    write_document(_read(tmp_path, "g.json", json.dumps(JSON)), tmp_path / "g.webnn")
    assert "    y = o;\n" in (tmp_path / "g.webnn").read_text()


def test_dynamic_dimensions_in_options(tmp_path: Path) -> None:
    graph = json.loads(json.dumps(JSON))
    graph["nodes"][0]["options"]["newShape"] = [3, {"name": "batch", "maxSize": 8}]
    document = _read(tmp_path, "g.json", json.dumps(graph))
    assert document.nodes[0].options["newShape"].value == (3, DynamicDimension("batch", 8))
    write_document(document, tmp_path / "h.json")
    assert read_document(tmp_path / "h.json") == document
    with pytest.raises(GraphError, match="cannot hold a dynamic dimension as an argument"):
        write_document(document, tmp_path / "h.webnn")
    assert not (tmp_path / "h.webnn").exists()


HEADER = 'webnn_graph "g" v2 {\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "g.webnn: error: is empty; this is not a graph"),
        (" \n", "g.webnn: error: is empty; this is not a graph"),
        ("hello", "g.webnn:1:1: error: 'hello' is unexpected; expected 'webnn_graph'"),
        ('webnn_graph "g" v3 {}', "g.webnn:1:17: error: version 3 is not supported; it must be 1 or 2"),
        ('webnn_graph "g" v1 {', "g.webnn:1:21: error: the file ends too early; expected 'consts'"),
        (HEADER + "}}", "g.webnn:2:2: error: '}' is unexpected; expected the end of the file"),
        (HEADER + "inputs { x f32[2]; } }", "g.webnn:2:12: error: 'f32' is unexpected; expected ':'"),
        (HEADER + "inputs { x: f64[2]; } }", "g.webnn:2:13: error: data type 'f64' must be one of f32, f16"),
        (HEADER + "inputs { x: f32[-2]; } }", "g.webnn:2:17: error: '-2' is unexpected; expected"),
        (HEADER + "inputs { x: f32[99999999999999999999999]; } }", "g.webnn:2:16: error: 9999"),
        (HEADER + 'consts { c: f32[dyn("b", 3)]; } }', "g.webnn:2:10: error: a constant's shape has no dynamic"),
        (HEADER + "consts { c: f32[1] @scalar(nan); } }", "g.webnn:2:28: error: 'nan' is unexpected; expected a num"),
        (HEADER + "consts { c: f32[1] @scalar(1e999); } }", "g.webnn:2:28: error: 1e999 must be a finite number"),
        (HEADER + "consts { c: f32[1] @scalar(+1); } }", "g.webnn:2:28: error: '+' is unexpected; expected a number"),
        (HEADER + "consts { c: u8[1] @bytes([256]); } }", "g.webnn:2:19: error: bytes must be integers from 0 to 255"),
        (HEADER + "consts { c: u8[1] @bytes([1.5]); } }", "g.webnn:2:19: error: bytes must be integers from 0 to 255"),
        (HEADER + 'consts { c: u8[1] @scalar(1) @weights("c"); } }', "g.webnn:2:30: error: constant 'c' has more than"),
        (HEADER + "consts { c: u8[1] @ones; } }", "g.webnn:2:19: error: '@ones' is unexpected; expected"),
        (HEADER + "nodes { y = relu(x) } }", "g.webnn:2:21: error: '}' is unexpected; expected ';'"),
        (HEADER + "nodes { y = relu(x,) } }", "g.webnn:2:20: error: ')' is unexpected"),
        (HEADER + "nodes { y = relu(x(1)); } }", "g.webnn:2:19: error: '(' is unexpected; expected ')' or ','"),
        (HEADER + "nodes { // no\n } }", "g.webnn:2:12: error: 'no' is unexpected"),
        (HEADER + "nodes { y = pad(x, a=1, a=2); } }", "g.webnn:2:25: error: argument 'a' is given twice"),
        (HEADER + "nodes { y = relu(x, a=1" + "0" * 30 + "); } }", "g.webnn:2:23: error: 1000"),
        (HEADER + "nodes { y = relu(" + "[" * 40 + "]" * 40 + "); } }", "g.webnn:2:50: error: brackets nest deeper"),
        (HEADER + "nodes { y = relu(" + "[" * 100_000, "g.webnn:2:50: error: brackets nest deeper than 32"),
        (HEADER + 'nodes { y = relu("x); } }', "g.webnn:2:18: error: '\"' is unexpected"),
    ],
)
def test_errors_in_text(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = _problems(tmp_path, "g.webnn", text)
    assert problem.startswith(expected)
    assert "\n" not in problem
    assert len(problem) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "g.json:1:1: error: this is not a graph"),
        ("{}", "g.json:1:1: error: this is not a graph"),
        ('{"format": "webnn-graph-json"', "g.json:1:30: error: the file ends too early; expected ',' or '}'"),
        ('{"format": NaN}', "g.json:1:12: error: 'NaN' is unexpected; expected a value"),
        ('{"format": -Infinity}', "g.json:1:12: error: '-Infinity' is unexpected; expected a value"),
        ('{"a": 1,\n "a": 2}', "g.json:2:2: error: 'a' is a duplicate"),
        ('{"a": 1e400}', "g.json:1:7: error: 1e400 must be a finite number"),
        ('{"a": ' + "1" * 5000 + "}", "g.json:1:7: error: 1111"),
        ('{"a": 01}', "g.json:1:7: error: '01' is unexpected; expected a value"),
        ('{"a": 1.}', "g.json:1:7: error: '1.' is unexpected; expected a value"),
        ('{"a": 18446744073709551616}', "g.json:1:7: error: 18446744073709551616 must fit in 64 bits"),
        ('{"a": "\\ud800"}', "g.json:1:7: error: a string has half of a surrogate pair"),
        ('{"a": "\t"}', "g.json:1:8: error: invalid control character"),
        ('{"a": "\\x"}', "g.json:1:8: error: invalid \\escape"),
        ('{"a": "x', "g.json:1:7: error: unterminated string starting"),
        ('{"a" 1}', "g.json:1:6: error: '1' is unexpected; expected ':'"),
        ('{"a": [1, 2,]}', "g.json:1:13: error: ']' is unexpected; expected a value"),
        ('{"a": 1} x', "g.json:1:10: error: 'x' is unexpected; expected the end of the file"),
        ("\ufeff{}", "g.json:1:1: error: '\\ufeff' is unexpected; expected a value"),
        ("[" * 100_000, "g.json:1:33: error: brackets nest deeper than 32"),
        ('{"a":' * 100_000, "g.json:1:161: error: brackets nest deeper than 32"),
        ("\x00\x01\x02", "g.json:1:1: error: '\\x00' is unexpected; expected a value"),
    ],
)
def test_errors_in_json(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = _problems(tmp_path, "g.json", text)
    assert problem.startswith(expected)
    assert "\n" not in problem
    assert len(problem) < 300


def _with_init(init: dict[str, object]) -> Callable[[Any], object]:
    return lambda g: g.update(consts={"c": {"dataType": "int8", "shape": [1], "init": init}})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda g: g.pop("version"), ["g.json:1:1: error: 'version' is required"]),
        (lambda g: g.update(version=3), ["g.json:3:13: error: 'version' is 3; it must be 1 or 2"]),
        (lambda g: g.update(version=True), ["g.json:3:13: error: 'version' is True; it must be 1 or 2"]),
        (lambda g: g.update(extra=1), ["g.json:35:2: error: unknown member 'extra'"]),
        (lambda g: g.update(name=5), ["g.json:35:10: error: 'name' is 5; it must be a string or null"]),
        (lambda g: g["inputs"]["x"].update(dataType="float64"),
         ["g.json:6:16: error: 'dataType' is 'float64'; it must be 'float32' or "]),
        (lambda g: g["inputs"]["x"]["shape"].append(-1), ["g.json:13:5: error: item 2 is -1; it must be at least 0"]),
        (lambda g: g["inputs"]["x"]["shape"].append(1.0), ["g.json:13:5: error: item 2 is 1.0; it must be an integer"]),
        (lambda g: g["inputs"]["x"]["shape"][0].pop("maxSize"), ["g.json:8:5: error: 'maxSize' is required"]),
        (lambda g: g["nodes"][0].update(extra=1, inputs=3), [
            "g.json:20:14: error: 'inputs' is 3; it must be a list",
            "g.json:28:4: error: unknown member 'extra'",
        ]),
        (lambda g: g["nodes"][0]["inputs"].append(7), ["g.json:22:5: error: item 1 is 7; it must be a string"]),
        (lambda g: g["nodes"][0]["options"].update(a={"b": 1}),
         ["g.json:28:10: error: an object is not understood here"]),
        (_with_init({"kind": "zeros"}),
         ["g.json:42:13: error: 'kind' is 'zeros'; it must be 'weights' or 'scalar' or 'inlineBytes'"]),
        (_with_init({"kind": "weights"}),
         ["g.json:41:12: error: 'ref' is required"]),
        (_with_init({"kind": "scalar", "value": "1"}),
         ["g.json:43:14: error: 'value' is '1'; it must be a number"]),
        (_with_init({"kind": "inlineBytes", "bytes": [1, 256]}),
         ["g.json:43:14: error: 'bytes' must be integers from 0 to 255"]),
        (_with_init({"kind": "weights", "ref": "c", "bytes": []}),
         ["g.json:44:5: error: unknown member 'bytes'"]),
    ],
)
def test_errors_in_the_structure_of_json(tmp_path: Path, change: Callable[[Any], object], expected: list[str]) -> None:
    graph = json.loads(json.dumps(JSON))
    change(graph)
    found = _problems(tmp_path, "g.json", json.dumps(graph, indent=1))
    assert len(found) == len(expected)
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith(start)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    for name in ("g.webnn", "g.json", "g.other"):
        assert _problems(tmp_path, name, b'webnn\n  "\xff"') == [
            f"{name}:2:4: error: byte 0xff is not UTF-8; this is not a graph"
        ]


def test_the_content_tells_the_format_of_other_names(tmp_path: Path) -> None:
    assert _read(tmp_path, "g.txt", TEXT) == DOCUMENT
    assert _read(tmp_path, "h.txt", json.dumps(JSON)).outputs == (Output("y", "o"),)
    assert _problems(tmp_path, "i.txt", "GGUF") == [
        "i.txt:1:1: error: this is not a graph: neither .webnn text nor webnn-graph-json"
    ]


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.webnn")
    for name, rule in [("no.webnn", "No such file"), ("", "is a directory"), ("pipe.webnn", "is not a regular file"),
                       ("a\0b", "embedded null byte")]:
        with pytest.raises(GraphError, match=rule) as error:
            read_graph(tmp_path / name)
        assert len(error.value.diagnostics) == 1
        assert "\n" not in str(error.value)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "g.webnn").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(GraphError, match=f"has {2**40} bytes; a graph may have {128 * 2**20}"):
        read_document(tmp_path / "g.webnn")


def test_too_many_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webnn_mlir.compiler.frontend.positional_json.MAX_TOKENS", 50)
    monkeypatch.setattr("webnn_mlir.compiler.frontend.webnn_text.MAX_TOKENS", 50)
    assert _problems(tmp_path, "g.json", "[" + "[],\n" * 99) == ["g.json:50:1: error: more than 50 values"]
    assert _problems(tmp_path, "g.webnn", TEXT) == ["g.webnn:8:10: error: more than 50 tokens"]


# Writing


@pytest.mark.parametrize(
    ("document", "name", "expected"),
    [
        (Document(inputs=(Input("a b", DataType.INT8, (1,)),)), "g.webnn", "cannot hold the name 'a b'"),
        (Document(inputs=(Input("", DataType.INT8, (1,)),)), "g.webnn", "cannot hold the name ''"),
        (Document(nodes=(Statement("ü", "relu"),)), "g.webnn", "cannot hold the name 'ü'"),
        (Document(nodes=(Statement("n", "relu", outputs=("y",)),)), "g.webnn", "cannot hold node id 'n' beside"),
        (Document(nodes=(Statement("n", "relu", outputs=()),)), "g.webnn", "cannot hold node 'n' without outputs"),
        (Document(nodes=(Statement("n", "relu", (Argument("a b"),)),)), "g.webnn", "cannot hold the name 'a b'"),
        (Document(nodes=(Statement("n", "clamp", (), {"minValue": Argument(float("inf"))}),)), "g.webnn", "number inf"),
        (Document(nodes=(Statement("n", "clamp", (), {"minValue": Argument(float("nan"))}),)), "g.json", "number nan"),
        (Document(nodes=(Statement("n", "neg", (Argument(2.0),)),)), "g.json", "cannot hold 2.0 as an operand"),
        (Document(consts=(Const("c", DataType.FLOAT32, (), Scalar(float("inf"))),)), "g.json", "the number inf"),
        (Document(outputs=(Output("a", "b"),), inputs=(Input("a", DataType.INT8, (1,)),)), "g.webnn", "output 'a'"),
        (Document(inputs=(Input("a", DataType.INT8, ()), Input("a", DataType.INT8, ()))), "g.json", "two inputs"),
        (Document(name="\ud800"), "g.json", "is not a character that UTF-8 has"),
        (Document(), "g.onnx", "the name ends in '.onnx'; it must end in .webnn or .json"),
    ],
)
def test_what_a_format_cannot_hold_is_an_error(tmp_path: Path, document: Document, name: str, expected: str) -> None:
    with pytest.raises(GraphError) as error:
        write_document(document, tmp_path / name)
    assert expected in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_odd_names_stay_in_json(tmp_path: Path) -> None:
    document = Document(inputs=(Input("a b\n\u2028\"", DataType.INT8, (1,)),), outputs=(Output("ü", "x y"),))
    write_document(document, tmp_path / "g.json")
    assert read_document(tmp_path / "g.json") == document


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_document(DOCUMENT, tmp_path / "g.webnn")
    before = (tmp_path / "g.webnn").read_bytes()
    with pytest.raises(GraphError):
        write_document(Document(inputs=(Input("a b", DataType.INT8, (1,)),)), tmp_path / "g.webnn")
    assert (tmp_path / "g.webnn").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["g.webnn"]


def test_what_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name, rule in [("folder.json", "is a directory"), ("pipe.json", "is not a regular file"),
                       ("no/g.json", "No such file")]:
        with pytest.raises(GraphError, match=rule):
            write_document(DOCUMENT, tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.json", "pipe.json"]
