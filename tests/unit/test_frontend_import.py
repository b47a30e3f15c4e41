"""What a document means: every argument is used or is an error, and all errors come at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from webnn_mlir.compiler.frontend import read_graph
from webnn_mlir.compiler.specialization import Specialization
from webnn_mlir.dialects.webnn import Graph, GraphError, MLOperand, Node
from webnn_mlir.dialects.webnn.int4 import unpack_int4

INPUTS = "x: f32[2, 3]; w: f32[3, 4]; b: f32[4]; i: i32[2, 3]; r: f32[6, 3]; s: f32[2, 4]; u: u8[2, 3];"


def _read(tmp_path: Path, nodes: str, outputs: str = "y", consts: str = "", **options: Any) -> Graph:
    path = tmp_path / "g.webnn"
    path.write_text(
        f'webnn_graph "g" v1 {{ inputs {{ {INPUTS} }} consts {{ {consts} }}\nnodes {{\n{nodes}\n}}\n'
        f"outputs {{ {outputs} }} }}\n"
    )
    return read_graph(path, **options)


def _node(tmp_path: Path, statement: str, **options: Any) -> Node:
    """The last node of a graph."""
    return _read(tmp_path, statement, **options).nodes[-1]


def _problems(tmp_path: Path, nodes: str, **options: Any) -> list[str]:
    with pytest.raises(GraphError) as error:
        _read(tmp_path, nodes, **options)
    return [str(d).replace(f"{tmp_path}{os.sep}", "") for d in error.value.diagnostics]


def _array(operand: MLOperand) -> Any:
    assert operand.constant
    descriptor = operand.descriptor
    if descriptor.data_type.bits == 4:
        return unpack_int4(operand.constant.data, descriptor)
    return operand.constant.data.view(descriptor.data_type.numpy).reshape(descriptor.shape)


def _read_json(tmp_path: Path, nodes: list[dict[str, Any]], outputs: dict[str, str], **graph: Any) -> Graph:
    inputs = {n: {"dataType": "float32", "shape": shape} for n, shape in graph.pop("inputs", {"x": [2, 3]}).items()}
    data = {"format": "webnn-graph-json", "version": 2, "inputs": inputs, "nodes": nodes, "outputs": outputs, **graph}
    (tmp_path / "g.json").write_text(json.dumps(data))
    return read_graph(tmp_path / "g.json")


# Arguments


@pytest.mark.parametrize(
    ("statement", "fields"),
    [
        ("y = softmax(x, 1);", {"axis": 1}),
        ("y = softmax(x, axis=1);", {"axis": 1}),
        ("y = reshape(x, [3, 2]);", {"new_shape": (3, 2)}),
        ("y = reshape(x, newShape=[3, 2]);", {"new_shape": (3, 2)}),
        ("y = reshape(x, new_shape=[3, 2]);", {"new_shape": (3, 2)}),
        ("y = reshape(new_shape=[3, 2], input=x);", {"new_shape": (3, 2)}),
        ("y = transpose(x, permutation=[1, 0]);", {"permutation": (1, 0)}),
        ("y = cast(x, float16);", {"data_type": "float16"}),
        ('y = cast(x, to="float16");', {"data_type": "float16"}),
        ('y = cast(x, dataType="float16");', {"data_type": "float16"}),
        ("y = cast(x, type=float16);", {"data_type": "float16"}),
        ("y = slice(x, [0, 1], [2, 2], strides=[1, 2]);", {"starts": (0, 1), "sizes": (2, 2), "strides": (1, 2)}),
        ("y = slice(x, sizes=[2, 2], starts=[0, 1]);", {"starts": (0, 1), "sizes": (2, 2)}),
        ("y = pad(x, [1, 2], [0, 3], value=-1);", {"beginning_padding": (1, 2), "ending_padding": (0, 3), "value": -1}),
        ("y = pad(x, ending_padding=[0, 3], beginning_padding=[1, 2]);", {"ending_padding": (0, 3)}),
        ("y = concat(x, r, axis=0);", {"axis": 0}),
        ("y = concat(x, r, 0);", {"axis": 0}),
        ("y = concat([x, r], 0);", {"axis": 0}),
        ("y = concat(axis=0, inputs=[x, r]);", {"axis": 0}),
        ("y = tile(x, repetitions=[1, 2]);", {"repetitions": (1, 2)}),
        ("y = clamp(x, minValue=0, maxValue=6.5);", {"min_value": 0, "max_value": 6.5}),
        ("y = clamp(x, min_value=null, max_value=1);", {"max_value": 1}),
        ("y = triangular(x, k=1, upper=false);", {"diagonal": 1, "upper": False}),
        ("y = triangular(x, diagonal=-1);", {"diagonal": -1, "upper": True}),
        ("y = gather(x, i, axis=1, batchDimensions=0);", {"axis": 1}),
        ("y = argMax(x, 1, keepDimensions=true);", {"axis": 1, "keep_dimensions": True}),
        ('y = relu(x, label="the \\"one\\"");', {}),
    ],
)
def test_arguments_of_every_form(tmp_path: Path, statement: str, fields: dict[str, Any]) -> None:
    node = _node(tmp_path, statement)
    assert {name: node.fields[name] for name in fields} == fields
    assert node.label == ('the "one"' if "label" in statement else "")
    assert (node.place and node.place.line, node.place and node.place.column) == (3, 1)


@pytest.mark.parametrize(
    "statement",
    ["y = gemm(x, w, b);", "y = gemm(x, w, c=b);", 'y = gemm(x, w, c="b");', "y = gemm(x, w, c=0);"],
)
def test_optional_operands_of_every_form(tmp_path: Path, statement: str) -> None:
    graph = _read(tmp_path, statement)
    assert graph.nodes[0].fields["c"] is graph.inputs["b"]


def test_normalizations_keep_their_scale_and_bias(tmp_path: Path) -> None:
    consts = "g: f32[3] @scalar(2); h: f32[3] @scalar(1);"
    for call in ("layerNormalization(x, g, h)", "layerNormalization(x, scale=g, bias=h)",
                 "layerNormalization(x, h, scale=g)"):
        graph = _read(tmp_path, f"y = {call};", consts=consts)
        assert [graph.nodes[0].fields[n] for n in ("scale", "bias")] == graph.constants
    assert _problems(tmp_path, "y = layerNormalization(x, null, h, scale=g);", consts=consts) == [
        "g.webnn:3:33: error: 'webnn.layerNormalization': operand 'h' is one too many; it takes 3"
    ]
    graph = _read(tmp_path, "y = layerNormalization(x, null, h);", consts=consts)
    assert graph.nodes[0].fields["scale"] is None
    assert graph.nodes[0].fields["bias"] is graph.constants[1]


def test_gru_takes_the_specifications_defaults_and_all_its_operands(tmp_path: Path) -> None:
    consts = (
        "q: f32[5, 2, 3] @scalar(1); w1: f32[1, 12, 3] @scalar(1); r1: f32[1, 12, 4] @scalar(1);"
        "c: f32[1, 12] @scalar(1); d: f32[1, 12] @scalar(2);"
    )
    graph = _read(tmp_path, "[y] = gru(q, w1, r1, c, d, 5, 4);", consts=consts)
    fields = graph.nodes[0].fields
    assert (fields["steps"], fields["hidden_size"], fields["reset_after"]) == (5, 4, True)
    assert (fields["bias"], fields["recurrent_bias"]) == (graph.constants[3], graph.constants[4])
    graph = _read(tmp_path, "y = gru(q, w1, r1, steps=5, hidden_size=4, recurrentBias=d);", consts=consts)
    assert graph.nodes[0].fields["bias"] is None
    assert graph.nodes[0].fields["recurrent_bias"] is graph.constants[4]


def test_operands_by_number(tmp_path: Path) -> None:
    """They count the inputs, then the constants, each sorted, then the values of the nodes in the file's order."""
    consts = {"k": {"dataType": "float32", "shape": [4], "init": {"kind": "scalar", "value": 1}},
              "j": {"dataType": "float32", "shape": [4], "init": {"kind": "scalar", "value": 2}}}
    inputs = {"x": [2, 3], "b": [3, 4]}
    for number, name in [(2, "j"), (3, "k")]:
        node = {"id": "y", "op": "gemm", "inputs": ["x", "b"], "options": {"c": number}}
        graph = _read_json(tmp_path, [node], {"y": "y"}, consts=consts, inputs=inputs)
        used = graph.nodes[0].fields["c"]
        assert used.constant.name == name
    nodes = [{"id": "y", "op": "gemm", "inputs": ["x", "b"], "options": {"c": 5}},
             {"id": "t", "op": "tanh", "inputs": ["j"]}]
    graph = _read_json(tmp_path, nodes, {"y": "y"}, consts=consts, inputs=inputs)
    assert [n.op.name for n in graph.nodes] == ["tanh", "gemm"]
    nodes[0]["options"]["c"] = 6  # type: ignore[index]
    with pytest.raises(GraphError, match=r"'webnn\.gemm': c: there is no operand number 6"):
        _read_json(tmp_path, nodes, {"y": "y"}, consts=consts, inputs=inputs)


def test_numbers_as_operands(tmp_path: Path) -> None:
    for nodes in ("y = add(x, 1.5);", "y = add(1.5, x);", "c = 1.5; y = add(x, c);", "y = add(a=x, b=c); c = 1.5;"):
        graph = _read(tmp_path, nodes)
        (operand,) = graph.constants
        assert (operand.data_type, operand.shape, _array(operand).item()) == ("float32", (), 1.5)
    assert str(_node(tmp_path, "y = add(i, 7);").fields["b"].descriptor) == "int32[]"
    assert str(_node(tmp_path, "y = where(u, x, 0);").fields["false_value"].descriptor) == "float32[]"
    assert _problems(tmp_path, "y = add(i, 1.5);") == [
        "g.webnn:3:1: error: 'webnn.add': b: 1.5 must be an integer from -2147483648 to 2147483647 for int32"
    ]
    assert _problems(tmp_path, "y = add(1, 2);") == [
        "g.webnn:3:1: error: 'webnn.add': a: no operand gives the number 1 a data type; declare it as a constant"
    ]


def test_a_renaming_is_the_same_value(tmp_path: Path) -> None:
    graph = _read(tmp_path, "t = tanh(x); y = t; z = y;", "y, z")
    assert graph.outputs["y"] is graph.outputs["z"] is graph.nodes[0].results[0]
    assert len(graph.nodes) == 1


def test_shape_of_an_older_dialect_is_a_constant(tmp_path: Path) -> None:
    graph = _read(tmp_path, "n = shape(x); y = identity(n);")
    np.testing.assert_array_equal(_array(graph.constants[0]), np.array([2, 3], np.int64))


def test_several_results(tmp_path: Path) -> None:
    graph = _read(tmp_path, "[p, y] = split(x, [1, 2], axis=1);")
    assert graph.outputs["y"].shape == (2, 2)
    graph = _read(tmp_path, "[a, b2, y] = split(x, 3, axis=1);")
    assert graph.outputs["y"].index == 2
    assert _problems(tmp_path, "[a, y] = split(x, [1, 1, 1], axis=1);") == [
        "g.webnn:3:1: error: 'webnn.split': has 3 results; 2 names for them given"
    ]
    assert _problems(tmp_path, "[a, y] = tanh(x);") == [
        "g.webnn:3:1: error: 'webnn.tanh': has 1 result; 2 names for them given"
    ]
    # The builder would make them all.
    assert _problems(tmp_path, f"y = split(x, {2**31 - 1}, axis=1);") == [
        f"g.webnn:3:1: error: 'webnn.split': splits into {2**31 - 1} results; 1 name for them given"
    ]


def test_nodes_may_stand_in_any_order(tmp_path: Path) -> None:
    graph = _read(tmp_path, "y = tanh(b1);\nb1 = neg(a1);\na1 = exp(x);\nz = abs(x);", "y, z")
    assert [n.op.name for n in graph.nodes] == ["exp", "neg", "tanh", "abs"]


def test_a_long_chain(tmp_path: Path) -> None:
    count = 20_000
    lines = [f"n{i} = neg(n{i - 1});" for i in range(1, count)]
    graph = _read(tmp_path, "\n".join([*reversed(lines), "n0 = neg(x);"]), f"n{count - 1}")
    assert len(graph.nodes) == count


def test_everything_that_is_there_is_kept(tmp_path: Path) -> None:
    graph = _read(tmp_path, "y = tanh(x); unused = neg(x);", consts="c: f32[2] @scalar(1);")
    assert len(graph.nodes) == 2
    assert len(graph.constants) == 1
    assert list(graph.inputs) == ["x", "w", "b", "i", "r", "s", "u"]
    assert graph.name == "g"


# Constants


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("f32[3]", "0.1", np.full(3, 0.1, np.float32)),
        ("f16[2, 2]", "-2.5", np.full((2, 2), -2.5, np.float16)),
        ("i64[2]", "-9223372036854775808", np.full(2, -(2**63), np.int64)),
        ("u64[2]", "18446744073709551615", np.full(2, 2**64 - 1, np.uint64)),
        ("i8[5]", "-128", np.full(5, -128, np.int8)),
        ("i4[5]", "-8", np.full(5, -8, np.int8)),
        ("u4[3]", "15", np.full(3, 15, np.uint8)),
        ("i32[]", "3.0", np.array(3, np.int32)),
    ],
)
def test_fills(tmp_path: Path, type_: str, value: str, expected: Any) -> None:
    graph = _read(tmp_path, "y = tanh(x);", consts=f"c: {type_} @scalar({value});")
    np.testing.assert_array_equal(_array(graph.constants[0]), expected)
    constant = graph.constants[0].constant
    assert constant
    assert constant.name == "c"


@pytest.mark.parametrize(
    ("const", "rule"),
    [
        ("f16[2] @scalar(70000)", "70000 is too large for float16"),
        ("f32[2] @scalar(1e39)", "1e+39 is too large for float32"),
        ("i8[2] @scalar(128)", "128 must be an integer from -128 to 127 for int8"),
        ("u8[2] @scalar(-1)", "-1 must be an integer from 0 to 255 for uint8"),
        ("i32[2] @scalar(1.5)", "1.5 must be an integer from -2147483648 to 2147483647 for int32"),
        ("i4[2] @scalar(8)", "8 must be an integer from -8 to 7 for int4"),
        ("f32[2] @bytes([1, 2, 3])", "'webnn.constant' (label \"c\"): 3 bytes given; float32[2] has 8"),
        ("i4[3] @bytes([1])", "constant 'c' has 1 bytes; int4[3] has 2 packed two a byte, or 3 one a byte"),
        ("f32[0] @bytes([])", "dimension 0 of shape [0] must be from 1 to 2147483647"),
        ("f32[2147483648] @scalar(0)", "dimension 2147483648 of shape [2147483648] must be from 1 to 2147483647"),
        ("f32[65536, 65536] @scalar(0)", "shape [65536, 65536] has 4294967296 elements; at most 2147483647"),
        (f"f32[{', '.join('1' * 65)}] @scalar(0)", "the shape has 65 dimensions; at most 64 are supported"),
        ("f32[2]", "its weights are not there; looked for model.safetensors, g.safetensors, g.weights, model.weights"),
    ],
)
def test_faulty_constants(tmp_path: Path, const: str, rule: str) -> None:
    (problem,) = _problems(tmp_path, "y = add(c, x);", consts=f"c: {const};")
    assert rule in problem
    assert problem.startswith("g.webnn:1:" if "weights" not in rule else "g.webnn: error: ")


@pytest.mark.parametrize("type_", ["f32", "f16", "i64", "u64", "i32", "u32", "i8", "u8", "i4", "u4"])
def test_large_fills_of_every_data_type(tmp_path: Path, type_: str) -> None:
    graph = _read(tmp_path, "y = identity(c);", consts=f"c: {type_}[9999] @scalar(3);")
    assert [n.op.name for n in graph.nodes] == ["expand", "identity"]
    assert _array(graph.constants[0]).item() == 3


def test_large_fills_take_no_memory(tmp_path: Path) -> None:
    graph = _read(tmp_path, "y = tanh(c);", consts="c: f32[2147483647] @scalar(0.5);")
    assert [n.op.name for n in graph.nodes] == ["expand", "tanh"]
    assert sum(o.constant.data.nbytes for o in graph.constants if o.constant) == 4


# Dynamic dimensions


def _dynamic(tmp_path: Path, dims: dict[str, int]) -> Graph:
    (tmp_path / "g.webnn").write_text(
        'webnn_graph "g" v1 { inputs { x: f32[dyn("batch", 8), 4];\ny: f32[dyn("batch", 6), dyn("time", 99)]; }\n'
        "nodes { a = neg(x); b = neg(y); } outputs { a, b } }"
    )
    return read_graph(tmp_path / "g.webnn", specialization=Specialization(dims))


def test_dynamic_dimensions_get_their_sizes(tmp_path: Path) -> None:
    graph = _dynamic(tmp_path, {"batch": 6, "time": 99})
    assert [o.shape for o in graph.inputs.values()] == [(6, 4), (6, 99)]


@pytest.mark.parametrize(
    ("dims", "rules"),
    [
        ({"batch": 7, "time": 1}, ["2:1: error: dynamic dimension 'batch' has size 7; it must be from 1 to 6"]),
        ({"batch": 0, "time": 1}, ["1:31: error: dynamic dimension 'batch' has size 0; it must be from 1 to 8",
                                   "2:1: error: dynamic dimension 'batch' has size 0; it must be from 1 to 6"]),
        ({"batch": 2}, ["2:1: error: dynamic dimension 'time' needs a size from 1 to 99 (--dim time=N)"]),
        ({"batch": True, "time": 1}, ["1:31: error: dynamic dimension 'batch' has size True; it must be from 1 to 8",
                                      "2:1: error: dynamic dimension 'batch' has size True; it must be from 1 to 6"]),
        ({"batch": 2, "time": 1, "seq": 3},
         ["1:13: error: there is no dynamic dimension 'seq'; there are: batch, time"]),
    ],
)
def test_sizes_keep_their_bounds(tmp_path: Path, dims: dict[str, int], rules: list[str]) -> None:
    with pytest.raises(GraphError) as error:
        _dynamic(tmp_path, dims)
    assert [str(d).removeprefix(f"{tmp_path / 'g.webnn'}:") for d in error.value.diagnostics] == rules


def test_dynamic_dimensions_in_arguments(tmp_path: Path) -> None:
    data = {
        "format": "webnn-graph-json",
        "version": 2,
        "inputs": {"x": {"dataType": "float32", "shape": [{"name": "n", "maxSize": 8}, 3]}},
        "nodes": [{"id": "y", "op": "reshape", "inputs": ["x"],
                   "options": {"newShape": [3, {"name": "n", "maxSize": 8}]}}],
        "outputs": {"y": "y"},
    }
    (tmp_path / "g.json").write_text(json.dumps(data))
    assert read_graph(tmp_path / "g.json", specialization=Specialization({"n": 5})).outputs["y"].shape == (3, 5)


# Errors


@pytest.mark.parametrize(
    ("nodes", "rules"),
    [
        ("y = tnah(x);", ["3:1: error: unknown operator 'tnah'"]),
        ("y = tanh(q);", ["3:10: error: 'webnn.tanh': there is no value called 'q'"]),
        ("y = tanh();", ["3:1: error: 'webnn.tanh': 'input' is required"]),
        ("y = tanh(x, w);", ["3:13: error: 'webnn.tanh': operand 'w' is one too many; it takes 1"]),
        ("y = tanh(x, 1);", ["3:13: error: 'webnn.tanh': argument 1 fits no parameter; options are given by name"]),
        ("y = tanh(x, axis=1);", ["3:18: error: 'webnn.tanh': unknown option 'axis'; it takes input"]),
        ("y = tanh([x]);", ["3:10: error: 'webnn.tanh': ('x',) must be an operand"]),
        ("y = tanh(true);", ["3:10: error: 'webnn.tanh': True must be an operand"]),
        ("y = tanh(x, label=1);", ["3:19: error: 'webnn.tanh': label must be a string"]),
        ('y = add(x, i, label="l");', ["3:1: error: 'webnn.add' (label \"l\"): b has data type int32; it must be"]),
        ("y = add(x, w);", ["3:1: error: 'webnn.add': "]),
        ("y = add(x, a=w);", ["3:1: error: 'webnn.add': "]),
        ("y = softmax(x, 5);", ["3:1: error: 'webnn.softmax': axis 5"]),
        ("y = softmax(x, 1.5);", ["3:1: error: 'webnn.softmax': axis: 1.5 must be an integer"]),
        ("y = softmax(x, 1, axis=1);", ["3:16: error: 'webnn.softmax': argument 1 fits no parameter"]),
        ("y = cast(x, to=float16, dataType=float16);", ["3:34: error: 'webnn.cast': 'dataType' is given twice"]),
        ("y = cast(x, to=float64);", ["3:1: error: 'webnn.cast': dataType: 'float64' must be one of float32"]),
        ("y = clamp(x, minValue=[1]);", ["3:1: error: 'webnn.clamp': minValue: [1] must be a number"]),
        ("y = gemm(x, w, c=1.5);", ["3:18: error: 'webnn.gemm': c: 1.5 must be an operand's name or number"]),
        ("y = gather(x, i, batchDimensions=1);", ["3:34: error: 'webnn.gather': 'batchDimensions' is 1; only 0 is"]),
        (f"y = reshape(x, [{', '.join(['2147483647'] * 5000)}]);",
         ["3:16: error: 'webnn.reshape': a list of 5000 is given; at most 4096 are supported"]),
        ("y = reshape(x, [2147483647, 2147483647]);", ["3:1: error: 'webnn.reshape': "]),
        ("y = tile(x, [2147483647, 2147483647]);", ["3:1: error: 'webnn.tile': "]),
        ("y = expand(x, [2147483647, 2, 3]);", ["3:1: error: 'webnn.expand': output: shape [2147483647, 2, 3] has"]),
        ("y = pad(x, [4294967295, 0], [0, 0]);", ["3:1: error: 'webnn.pad': "]),
        ("y = x;", ["5:11: error: output 'y' is an input; it must be the result of an operator"]),
        ("y = 1;", ["5:11: error: output 'y' is a constant; it must be the result of an operator"]),
        ("y = null;", ["3:5: error: None must be an operand"]),
        ("y = tanh(x);\ny = neg(x);", ["4:1: error: 'y' is a duplicate; the first is at "]),
        ("y = tanh(x);\nx = neg(y);", ["4:1: error: 'x' is a duplicate; the first is at "]),
        ("[y, y] = split(x, 2);", ["3:1: error: 'y' is a duplicate; the first is at "]),
        ("y = tanh(y);", ["3:1: error: nodes form a cycle: 'y' needs 'y'"]),
        ("y = tanh(a);\na = neg(z);\nz = exp(a);", ["4:1: error: nodes form a cycle: 'a' needs 'z' needs 'a'"]),
        ("z = tanh(x);", ["5:11: error: there is no value called 'y'"]),
        # One error for each mistake, none for what follows from it.
        ("a = tanh(q);\nc = neg(a);\ny = add(c, p);",
         ["3:10: error: 'webnn.tanh': there is no value called 'q'", "5:12: error: 'webnn.add': there is no value"]),
        ("a = tnah(x);\ny = softmax(a, 9);\nz = softmax(x, 9);",
         ["3:1: error: unknown operator 'tnah'", "5:1: error: 'webnn.softmax': axis 9"]),
    ],
)
def test_errors_and_nothing_that_follows_from_them(tmp_path: Path, nodes: str, rules: list[str]) -> None:
    found = _problems(tmp_path, nodes)
    assert len(found) == len(rules), found
    for problem, rule in zip(found, rules, strict=True):
        assert problem.startswith(f"g.webnn:{rule}")
        assert "\n" not in problem
        assert len(problem) < 400


def test_a_graph_without_outputs(tmp_path: Path) -> None:
    assert _problems(tmp_path, "y = tanh(x);", outputs="") == ["g.webnn:1:13: error: at least one output is required"]
    assert _problems(tmp_path, "y = tanh(x);", outputs="y, y") == ["g.webnn:5:14: error: output 'y' is a duplicate"]


def test_many_cycles_take_little(tmp_path: Path) -> None:
    nodes = "\n".join(f"n{i} = add(n{i + 1}, n0);" for i in range(5000))
    (problem,) = _problems(tmp_path, f"{nodes}\nn5000 = neg(n2500); y = neg(x);")
    assert problem.endswith("needs (2493 more) needs 'n2500'") or "form a cycle" in problem
    assert len(problem) < 300
