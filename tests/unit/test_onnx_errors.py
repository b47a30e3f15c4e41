"""Bad ONNX models: a line a problem, little time and memory, and never another exception than GraphError."""

import random
import re
import struct
import time
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx, of the extra 'onnx'", exc_type=ImportError)

import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from webnn_mlir.compiler.frontend.onnx import read_onnx
from webnn_mlir.compiler.specialization import Specialization
from webnn_mlir.dialects.webnn import GraphError
from webnn_mlir.tools.compile import main

SECONDS, BYTES = 20, 64 * 2**20
"""The processor's time and the memory that a bad model may take, with memory being traced."""


def value(name, shape=(2, 3), element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def node(op, inputs, outputs, name="here", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=name, **attributes)


def model(nodes, inputs=None, outputs=None, tensors=(), opset=21, functions=(), **fields):
    inputs = [value("x")] if inputs is None else inputs
    outputs = [value("y", None)] if outputs is None else outputs
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(tensors), **fields)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=10)


def tensor(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def external(name, shape, **entries):
    """A float32 tensor whose data lies elsewhere."""
    result = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, entry in entries.items():
        result.external_data.add(key=key, value=str(entry))
    return result


pytestmark = pytest.mark.filterwarnings("ignore::webnn_mlir.compiler.frontend.onnx.inputs.DefaultSize")


@pytest.fixture
def problems(tmp_path):
    """The problems of a model: lines that begin with its file, found in little time and memory."""

    def read(given, specialization=None):
        path = tmp_path / "model.onnx"
        path.write_bytes(given if isinstance(given, bytes) else given.SerializeToString())
        tracemalloc.start()
        start = time.process_time()
        try:
            with pytest.raises(GraphError) as caught:
                read_onnx(path, specialization or Specialization())
            seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert seconds < SECONDS
        assert peak < BYTES
        lines = [str(d) for d in caught.value.diagnostics]
        for line in lines:
            assert line.startswith(f"{path}: error: ")
            assert "\n" not in line
            assert len(line) < 1000
        return [line.removeprefix(f"{path}: error: ") for line in lines]

    return read


RELU = node("Relu", "x", "y")
ADD = node("Add", "x w", "y")
WEIGHT = tensor("w", [[1, 2, 3]], np.float32)


def graph_attribute(nodes, outputs):
    return helper.make_graph(nodes, "body", [], outputs)


def nested(depth):
    """A graph in an attribute of a node in a graph, and so on: written by hand, because protobuf does not write it."""

    def field(number, data):
        length, size = b"", len(data)
        while size >= 0x80:
            length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + data

    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))
    return b"\x08\x0a" + field(7, graph) + field(8, b"\x10\x15")


def function(name, nodes, **fields):
    return helper.make_function(
        "local", name, ["a"], ["b"], nodes, [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)], **fields
    )


def loop(trips, nodes=None):
    body = helper.make_graph(
        nodes or [node("Identity", "c", "d"), node("Relu", "v", "r")],
        "body",
        [value("i", (), TensorProto.INT64), value("c", (), TensorProto.BOOL), value("v")],
        [value("d", (), TensorProto.BOOL), value("r")],
    )
    return model([node("Loop", "m t x", "y", body=body)], tensors=[tensor("m", trips), tensor("t", True, bool)])


def huge(op, *names, **tensors):
    return model([node(op, " ".join(names), "y")], tensors=[tensor(n, v) for n, v in tensors.items()])


def strings(name):
    return helper.make_tensor(name, TensorProto.STRING, [1], [b"text"])


def wrong_length(name="w"):
    return TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1, 3], raw_data=b"12345678")


def sparse():
    return helper.make_sparse_tensor(tensor("s", [1.0], np.float32), tensor("", [0]), [2, 3])


CYCLE = [node("Add", "x b", "a", "first"), node("Relu", "a", "b", "second"), node("Relu", "b", "y", "third")]

BAD = {
    "empty file": (b"", "is empty; this is no ONNX model"),
    "text": (b"webnn_graph {}", "is no ONNX model, or a damaged one"),
    "JSON": (b'{"a": [1, 2, 3]}' * 100, "is no ONNX model"),
    "zeros": (bytes(5000), "is no ONNX model"),
    "no graph": (onnx.ModelProto(ir_version=10), "is no ONNX model: it has no graph"),
    "empty graph": (model([], [], []), "is no ONNX model: it has no graph"),
    "no outputs": (model([RELU], outputs=[]), "at least one output is required"),
    "output that is not there": (model([RELU], outputs=[value("z", None)]), "there is no value called 'z'"),
    "input that is not there": (
        model([node("Add", "x q", "y")]),
        "'onnx.Add' (label \"here\"): there is no value called 'q'",
    ),
    "cycle": (model(CYCLE), "its nodes form a cycle: a node needs its own result"),
    "cycle of one": (model([node("Add", "x y", "y")]), "its nodes form a cycle"),
    "newer opset": (model([RELU], opset=999), r"opset 999 is not known; opsets up to \d+ are"),
    "opset 0": (model([RELU], opset=0), "opset 0 is not known"),
    "negative opset": (model([RELU], opset=-1), "opset -1 is not known"),
    "no opset": (
        helper.make_model(model([RELU]).graph, opset_imports=[helper.make_opsetid("local", 1)]),
        "operators of the domain 'ai.onnx' are used; no opset of it is",
    ),
    "domain without an opset": (
        model([helper.make_node("F", ["x"], ["y"], domain="other")]),
        "operators of the domain 'other' are used; no opset of it is",
    ),
    "unknown operator": (
        model([node("Nothing", "x", "y")]),
        "'onnx.Nothing' (label \"here\"): there is no such operator",
    ),
    "unknown operator of a domain": (
        model([helper.make_node("F", ["x"], ["y"], "n", domain="local")]),
        "'local.F' (label \"n\"): this operator of domain 'local' is not supported",
    ),
    "string input": (
        model([node("Identity", "x", "y")], [value("x", (1,), TensorProto.STRING)]),
        "input 'x': data type STRING is none of WebNN's",
    ),
    "double input": (
        model([RELU], [value("x", (1,), TensorProto.DOUBLE)]),
        "input 'x': data type DOUBLE is none of WebNN's",
    ),
    "string initializer": (
        model([node("Identity", "w", "y")], tensors=[strings("w")]),
        "data type STRING is none of WebNN's",
    ),
    "string attribute": (model([node("Constant", "", "y", value=strings("v"))]), "data type STRING is none of WebNN's"),
    "strings as attribute": (
        model([node("Constant", "", "y", value_strings=["a"])]),
        "'value_strings' is not supported",
    ),
    "unknown attribute": (model([node("Relu", "x", "y", size=3)]), "attribute 'size' is not supported"),
    "attribute of another type": (model([node("Flatten", "x", "y", axis="one")]), "attribute 'axis'"),
    "missing attribute": (model([node("Concat", "x x", "y")]), "attribute 'axis' is missing"),
    "missing input": (model([node("Add", "x", "y")]), "input 'B' is missing"),
    "too many inputs": (model([node("Relu", "x x", "y")]), "2 inputs are given; it takes 1"),
    "two inputs of one name": (model([RELU], [value("x"), value("x")]), "name 'x' is taken by another input"),
    "two results of one name": (model([RELU, node("Abs", "x", "y", "second")]), "'y'"),
    "sequence": (
        model([RELU], [helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2])]),
        "input 'x' must be a tensor of known rank",
    ),
    "optional": (
        model(
            [RELU],
            [helper.make_value_info("x", helper.make_optional_type_proto(helper.make_tensor_type_proto(1, [2])))],
        ),
        "input 'x' must be a tensor of known rank",
    ),
    "input of unknown rank": (model([RELU], [value("x", None)]), "input 'x' must be a tensor of known rank"),
    "input without a type": (
        model([RELU], [onnx.ValueInfoProto(name="x")]),
        "input 'x' must be a tensor of known rank",
    ),
    "sparse": (
        model([node("Relu", "s", "y")], sparse_initializer=[sparse()]),
        "tensor 's' is sparse; only dense ones are",
    ),
    "sparse attribute": (model([node("Constant", "", "y", sparse_value=sparse())]), "tensor 's' is sparse"),
    "shapes that do not fit": (model([ADD], tensors=[tensor("w", [1, 2], np.float32)]), "[2, 3]"),
    "weight of a wrong length": (model([ADD], tensors=[wrong_length()]), "tensor 'w' is damaged: "),
    "weight of negative dimensions": (
        model([ADD], tensors=[TensorProto(name="w", data_type=1, dims=[-1, 3])]),
        "tensor 'w': dimension -1 of shape [-1, 3] must be from 1",
    ),
    "weight of a huge shape": (
        model([ADD], tensors=[TensorProto(name="w", data_type=1, dims=[2**40, 2**40])]),
        "tensor 'w': dimension 1099511627776",
    ),
    "weight of no known type": (model([ADD], tensors=[TensorProto(name="w", data_type=99, dims=[1])]), "99"),
    "no elements": (model([ADD], tensors=[tensor("w", np.zeros((0, 3)), np.float32)]), "dimension 0 of shape [0, 3]"),
    "huge input": (model([RELU], [value("x", (2**40, 3))]), "input 'x': 1099511627776 must be"),
    "huge input of small dimensions": (model([RELU], [value("x", (2**20, 2**20))]), "at most 2147483647 are allowed"),
    "huge ConstantOfShape": (huge("ConstantOfShape", "s", s=[2**30, 2**30]), "1073741824"),
    "huge Expand": (huge("Expand", "x", "s", s=[2**40, 2, 3]), "1099511627776 must be"),
    "huge Tile": (huge("Tile", "x", "r", r=[2**30, 2**30]), "dimension 2147483648"),
    "huge Tile of a weight": (huge("Tile", "k", "r", k=[1, 2], r=[2**40]), "1099511627776 must be"),
    "huge Range": (huge("Range", "a", "b", "c", a=0, b=2**60, c=1), f"it has {2**60} elements; at most {2**24}"),
    "Range of no step": (huge("Range", "a", "b", "c", a=0, b=5, c=0), "delta must not be 0"),
    "huge OneHot": (huge("OneHot", "i", "d", "v", i=[1], d=2**50, v=[0, 1]), "1125899906842624"),
    "huge Pad": (model([node("Pad", "x p", "y")], tensors=[tensor("p", [0, 0, 2**40, 0])]), "onnx.Pad"),
    "huge Resize": (
        model([helper.make_node("Resize", ["x", "", "", "s"], ["y"])], tensors=[tensor("s", [2**40, 3])]),
        "onnx.Resize",
    ),
    "negative shape": (huge("Reshape", "x", "s", s=[-2, 3]), "-2"),
    "Reshape that does not fit": (huge("Reshape", "x", "s", s=[4, -1]), "does not divide 6 elements"),
    "Reshape by a computed shape": (
        model([node("Cast", "x", "s", to=7), node("Reshape", "x s", "y")]),
        "input 'shape' must be known at import; it is computed from 'x'",
    ),
    "endless loop": (loop(2**40), "it has more than 4096 iterations"),
    "deep nesting": (nested(2000), "nest deeper than 64"),
    "nesting": (nested(40), "is no ONNX model, or a damaged one"),
    "function that calls itself": (
        model(
            [helper.make_node("F", ["x"], ["y"], "n", domain="local")],
            functions=[function("F", [helper.make_node("F", ["a"], ["b"], domain="local")])],
        ),
        "calls itself",
    ),
    "functions that call each other": (
        model(
            [helper.make_node("F", ["x"], ["y"], "n", domain="local")],
            functions=[
                function("F", [helper.make_node("G", ["a"], ["b"], domain="local")]),
                function("G", [helper.make_node("F", ["a"], ["b"], domain="local")]),
            ],
        ),
        "calls itself",
    ),
    "function without its result": (
        model([helper.make_node("F", ["x"], ["y"], "n", domain="local")], functions=[function("F", [])]),
        "b",
    ),
    "external data that is not there": (
        model([ADD], tensors=[external("w", [3], location="none.bin")]),
        "tensor 'w': external data 'none.bin' is not there",
    ),
    "external data of no place": (model([ADD], tensors=[external("w", [3])]), "w"),
    "external data above": (
        model([ADD], tensors=[external("w", [3], location="../w.bin")]),
        "must lie in the model's folder",
    ),
    "external data within above": (model([ADD], tensors=[external("w", [3], location="a/../../w.bin")]), "must lie in"),
    "absolute external data": (model([ADD], tensors=[external("w", [3], location="/etc/passwd")]), "must lie in"),
    "external data of a drive": (model([ADD], tensors=[external("w", [3], location="C:\\w.bin")]), "must lie in"),
    "external data in a folder": (model([ADD], tensors=[external("w", [3], location=".")]), "is not there"),
    "external data of a wrong length": (
        model([ADD], tensors=[external("w", [3], location="short.bin", length=5)]),
        "tensor 'w' has 5 bytes; FLOAT[3] has 12",
    ),
    "short external data": (
        model([ADD], tensors=[external("w", [3], location="short.bin")]),
        "has 8 bytes; 12 are needed from byte 0",
    ),
    "external data from behind the end": (
        model([ADD], tensors=[external("w", [3], location="short.bin", offset=2**63)]),
        "w",
    ),
    "external data from before": (
        model([ADD], tensors=[external("w", [3], location="short.bin", offset=-4)]),
        "offset '-4' must be a number",
    ),
    "external data of no number": (
        model([ADD], tensors=[external("w", [3], location="short.bin", offset="x")]),
        "offset 'x' must be a number",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_one_clear_line(problems, tmp_path, name):
    (tmp_path / "short.bin").write_bytes(bytes(8))
    given, expected = BAD[name]
    found = problems(given)
    assert len(found) == 1, found
    assert expected in found[0] or re.search(expected, found[0]), found


def test_all_problems_at_once(problems):
    nodes = [
        node("Nothing", "x", "a", "one"),
        node("Abs", "a", "b", "after"),
        node("NonMaxSuppression", "x x", "c", "two"),
        node("Add", "x w", "d", "three"),
        helper.make_node("F", ["b"], ["y"], "four", domain="local"),
    ]
    found = problems(model(nodes, tensors=[tensor("w", [1, 2], np.float32)]))
    assert [re.search(r'label "(\w+)"', line).group(1) for line in found] == ["one", "two", "three", "four"]


def test_names_are_shown_on_one_line(problems):
    [line] = problems(model([node("Nothing", "x", "y", "a\nb" * 10_000)]))
    assert len(line) < 400


@pytest.mark.parametrize(
    ("specialization", "expected"),
    [
        (Specialization({"rows": 3}), "there is no dynamic dimension 'rows'; there are: n"),
        (Specialization({"n": 2**40}), "1099511627776 must be"),
        (Specialization(input_shapes={"z": [1]}), "there is no input 'z'; there are: x"),
        (Specialization(input_shapes={"x": [1]}), "input 'x' has shape [n, 3]; [1] is given"),
        (Specialization(input_shapes={"x": [1, 4]}), "input 'x' has shape [n, 3]; [1, 4] is given"),
        (Specialization(constants={"x": [1, 2]}), "input 'x' has shape [n, 3]; the constant has [2]"),
        (Specialization(constants={"x": "text"}), "input 'x': the constant is no FLOAT"),
        (Specialization(constants={"z": 1}), "there is no input 'z'; there are: x"),
    ],
)
def test_sizes_that_do_not_fit(problems, specialization, expected):
    [line] = problems(model([RELU], [value("x", ("n", 3))]), specialization)
    assert expected in line


def test_the_tool_prints_lines_and_no_traceback(tmp_path, capsys):
    path = tmp_path / "model.onnx"
    path.write_bytes(model([node("Nothing", "x", "a", "one"), node("Nowhere", "a", "y", "two")]).SerializeToString())
    assert main([str(path), "-o", str(tmp_path / "out.vmfb")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{path}: error: 'onnx.No") for line in lines)
    assert not (tmp_path / "out.vmfb").exists()


# Damaged files


def sound():
    """A model of many kinds of fields: weights in the file, a function, a subgraph, attributes of every type."""
    big = tensor("big", np.arange(3 * 400).reshape(3, 400), np.float32)
    branch = graph_attribute([node("Relu", "m", "r", "inner")], [value("r", None)])
    call = helper.make_node("F", ["r2"], ["f"], "call", domain="local")
    nodes = [
        node("MatMul", "x big", "m", "product"),
        node("If", "c", "r2", "choice", then_branch=branch, else_branch=branch),
        call,
        node("Reshape", "f s", "p", "shape"),
        node("Conv", "p k", "q", "conv", pads=[1, 0, 1, 0], group=1),
        node("Softmax", "q", "y", "soft", axis=-1),
    ]
    tensors = [
        big,
        tensor("c", True, bool),
        tensor("s", [1, 2, 20, -1]),
        tensor("k", np.ones((4, 2, 3, 1)), np.float32),
    ]
    functions = [function("F", [node("Abs", "a", "b", "abs")])]
    return model(nodes, tensors=tensors, functions=functions).SerializeToString()


def read_damaged(path, data):
    """Reads a file that may be anything."""
    path.write_bytes(data)
    try:
        read_onnx(path)
    except GraphError as error:
        found = list(map(str, error.diagnostics))
    else:
        return False
    assert found
    assert [line for line in found if "\n" in line] == []
    return True


def test_a_sound_model_is_read(tmp_path):
    assert not read_damaged(tmp_path / "model.onnx", sound())


def test_cut_files(tmp_path):
    """Wherever it ends, a file that is cut off is an error, or a smaller model."""
    data = sound()
    cuts = {*range(0, len(data), 97), *range(0, 200, 7), *range(len(data) - 900, len(data), 11)}
    rejected = sum(read_damaged(tmp_path / "model.onnx", data[:cut]) for cut in sorted(cuts))
    assert rejected > 0.9 * len(cuts)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files(tmp_path, seed):
    """Bytes that are changed, left out, doubled or moved."""
    rng = random.Random(seed)
    data = sound()
    weights = data.index(struct.pack("<4f", 0, 1, 2, 3))
    places = [i for i in range(len(data)) if not weights <= i < weights + 4800]
    start = time.process_time()
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.choice(places)
            kind = rng.randrange(4)
            if kind == 0:
                damaged[place % len(damaged)] = rng.randrange(256)
            elif kind == 1:
                damaged[place % len(damaged)] ^= 1 << rng.randrange(8)
            elif kind == 2:
                del damaged[place : place + rng.randrange(1, 20)]
            else:
                damaged[place:place] = damaged[place : place + rng.randrange(1, 20)]
        read_damaged(tmp_path / "model.onnx", bytes(damaged))
    assert time.process_time() - start < 60


def test_attributes_of_any_type_and_value(tmp_path):
    """An operator given every kind of attribute under each of its names."""
    values = {
        "axis": 2**62,
        "perm": [5, -9],
        "axes": [0.5],
        "to": 77,
        "pads": [-(2**62)] * 4,
        "kernel_shape": [0, 0],
        "group": 0,
        "strides": [0, 0],
        "value": 3,
        "mode": b"\xff\xfe",
        "epsilon": float("nan"),
    }
    operators = [
        "Concat",
        "Transpose",
        "Cast",
        "Conv",
        "MaxPool",
        "Softmax",
        "Flatten",
        "ReduceSum",
        "Split",
        "Gather",
        "Constant",
        "Pad",
        "Resize",
        "LayerNormalization",
        "If",
        "Loop",
        "Squeeze",
        "TopK",
        "DequantizeLinear",
    ]
    inputs = [value("x", (1, 2, 4, 4))]
    kernel = tensor("k", np.ones((2, 2, 3, 3)), np.float32)
    for op in operators:
        for name, attribute in values.items():
            for given in (attribute, "text", [1], [], 1.5, kernel):
                try:
                    proto = node(op, "x k", "y")
                    proto.attribute.append(helper.make_attribute(name, given))
                except (ValueError, TypeError):
                    proto.attribute.append(AttributeProto(name=name, type=AttributeProto.INTS))
                read_damaged(tmp_path / "model.onnx", model([proto], inputs, tensors=[kernel]).SerializeToString())
