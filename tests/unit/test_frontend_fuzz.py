"""Damaged files: nothing but a GraphError comes out, of one line a problem, soon and in little memory."""

from __future__ import annotations

import copy
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webnn_mlir.compiler.frontend import read_graph, write_graph
from webnn_mlir.dialects.webnn import OPS, GraphBuilder, GraphError, MLOperand

SECONDS = 10
"""More than any of these files takes, with room for a busy machine."""
MEGABYTES = 1024

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def _base(folder: Path) -> dict[str, bytes]:
    """The files of one graph with every operator, both formats, and weights of both kinds."""
    builder = GraphBuilder()
    outputs: dict[str, MLOperand] = {}
    count = 0
    for name, op in sorted(OPS.items()):

        def x(*shape: int, data_type: str | None = None, types: tuple[str, ...] = op.operands[0].types) -> MLOperand:
            nonlocal count
            count += 1
            return builder.input(f"x{count}", data_type or ("float32" if "float32" in types else types[0]), shape)

        results = op.example(builder, x)
        for i, operand in enumerate(results if isinstance(results, list | tuple) else [results]):
            outputs[f"{name}_{i}"] = operand
    weights = builder.constant(np.arange(100, dtype=np.float32), name="w")
    outputs["w_1"] = builder.add(weights, builder.constant(np.ones(100, np.float32), name="layer::v.1"))
    graph = builder.graph(outputs, name="everything")
    write_graph(graph, folder / "g.json")
    write_graph(graph, folder / "h.webnn", weights=".weights")
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return _base(tmp_path_factory.mktemp("base"))


def _check(files: dict[str, bytes], graph: str) -> None:
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        problems = _problems(Path(folder) / graph)
    if problems is not None:
        assert problems
        assert all(len(p.splitlines()) == 1 for p in problems)
        assert max(map(len, problems)) < 1000
    assert time.process_time() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024


def _problems(path: Path) -> list[str] | None:
    """What is wrong with a graph, or None."""
    try:
        read_graph(path)
    except GraphError as error:
        return [str(d) for d in error.diagnostics]
    return None


def test_the_base_is_a_graph(base: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in base.items():
        (tmp_path / name).write_bytes(data)
    for graph in ("g.json", "h.webnn"):
        assert {n.op.name for n in read_graph(tmp_path / graph).nodes} >= set(OPS)


@SETTINGS
@given(data=st.data())
def test_flipped_and_missing_bytes(base: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(base)))
    content = bytearray(base[name])
    at = st.integers(0, len(content) - 1)
    match data.draw(st.sampled_from(["flip", "truncate", "cut", "insert", "repeat"])):
        case "flip":
            for place in data.draw(st.lists(at, min_size=1, max_size=5)):
                content[place] = data.draw(st.integers(0, 255))
        case "truncate":
            del content[data.draw(at) :]
        case "cut":
            first, last = sorted((data.draw(at), data.draw(at)))
            del content[first:last]
        case "insert":
            place = data.draw(at)
            content[place:place] = data.draw(st.binary(min_size=1, max_size=20))
        case "repeat":
            first, last = sorted((data.draw(at), data.draw(at)))
            content[first:first] = content[first : min(last, first + 500)]
    graph = "g.json" if name.startswith("g.") else "h.webnn"
    _check({**base, name: bytes(content)}, graph)


ODD = st.one_of(
    st.sampled_from(
        [None, True, False, "", "x1", "y", "nchw", "weights", "\x00", "\u2028\n\x1b[31m", "😀" * 50, "long" * 9999,
         [], [[]], {}, [None],
         {"name": "n", "maxSize": 4}, 0, -1, 1, 2, 3, 1.5, 1e308, -1e-320, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63,
         2**64 - 1, -(2**63), 10**30, [2**31 - 1] * 3, [2**32 - 1, 2**32 - 1], [1] * 5000, [0], [1, 1], [-1], [1.0],
         ["x1", "x2"], "float16", "int4", "uint64", 65, 4096]
    ),
    st.integers(-(2**66), 2**66),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.integers(-3, 2**33), max_size=6),
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key below a value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


@SETTINGS
@given(data=st.data())
def test_odd_values_in_json(base: dict[str, bytes], data: st.DataObject) -> None:
    """One or more values of a graph, often an operator's option or operand, become something odd, or go."""
    graph = copy.deepcopy(_parsed(base))
    nodes = data.draw(st.sampled_from([graph, graph["nodes"], graph["inputs"], graph["consts"]]))
    places = list(_places(nodes))
    for _ in range(data.draw(st.integers(1, 4))):
        container, key = data.draw(st.sampled_from(places))
        if isinstance(container, dict) and data.draw(st.integers(0, 5)) == 0:
            container.pop(key, None)
        elif isinstance(container, dict) and data.draw(st.integers(0, 5)) == 0:
            container[data.draw(st.text(max_size=8))] = data.draw(ODD)
        elif isinstance(container, dict) or key < len(container):
            container[key] = data.draw(ODD)
    _check({**base, "g.json": json.dumps(graph).encode()}, "g.json")


_PARSED: dict[int, Any] = {}


def _parsed(base: dict[str, bytes]) -> Any:
    if id(base) not in _PARSED:
        _PARSED[id(base)] = json.loads(base["g.json"])
    return _PARSED[id(base)]


@SETTINGS
@given(data=st.data())
def test_odd_options_of_every_operator(base: dict[str, bytes], data: st.DataObject) -> None:
    """An operator gets other shapes and odd values for its operands and options."""
    graph = _parsed(base)
    node = copy.deepcopy(data.draw(st.sampled_from(graph["nodes"])))
    inputs = {name: graph["inputs"][name] for name in node["inputs"] if name in graph["inputs"]}
    dimension = st.sampled_from([1, 2, 3, 5, 65536, 2**31 - 1])
    changed = {}
    for name, value in inputs.items():
        shape = data.draw(st.one_of(st.just(value["shape"]), st.lists(dimension, max_size=6)))
        data_type = data.draw(st.one_of(st.just(value["dataType"]), st.sampled_from(["int4", "uint8", "int64"])))
        changed[name] = {"dataType": data_type, "shape": shape}
    op = OPS[node["op"]]
    for spec in data.draw(st.lists(st.sampled_from([*op.operands, *op.attributes]), max_size=3)):
        node["options"][spec.name] = data.draw(ODD)
    if data.draw(st.booleans()):
        node["options"]["label"] = data.draw(ODD)
    result = (node.get("outputs") or [node["id"]])[0]
    small = {**graph, "inputs": changed, "consts": {}, "nodes": [node], "outputs": {"out": result}}
    _check({"g.json": json.dumps(small).encode()}, "g.json")


_PIECES = ["webnn_graph", '"g"', "v1", "@quantized", "{", "}", "inputs", "consts", "nodes", "outputs", "x", "y", ":",
           "f32", "[2]", "[", "]", "(", ")", ",", ";", "=", "relu", "add", "1", "-1.5e3", '"', "#", "\n",
           "@scalar", "@bytes", "@weights", 'dyn("n", 3)', "true", "null", "[1, 2]", "//",
           "\\", "é", "\x00", "i4", "softmax(x, axis=0)"]


@SETTINGS
@given(st.lists(st.sampled_from(_PIECES), max_size=60))
def test_text_of_its_own_words(pieces: list[str]) -> None:
    _check({"g.webnn": " ".join(pieces).encode()}, "g.webnn")
    _check({"g.webnn": ('webnn_graph "g" v1 {\n' + " ".join(pieces)).encode()}, "g.webnn")


@SETTINGS
@given(st.sampled_from(["g.webnn", "g.json", "g", "g.safetensors"]), st.binary(max_size=200))
def test_anything_at_all(name: str, content: bytes) -> None:
    _check({name: content}, name)


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"format":"webnn-graph-json","nodes":[', "[[1,2],"])
def test_deep_nesting(opening: str) -> None:
    _check({"g.json": opening.encode() * 200_000}, "g.json")
    text = 'webnn_graph "g" v1 { nodes { y = relu(' + opening * 200_000
    _check({"g.webnn": text.encode()}, "g.webnn")


def test_large_files_of_little_sense() -> None:
    _check({"g.json": b"[" + b"[]," * 3_000_000}, "g.json")
    _check({"g.json": b'{"format":"webnn-graph-json","a":[' + b"1," * 10_000_000 + b"1]}"}, "g.json")
    _check({"g.json": b'"' + b"\\u0041" * 3_000_000 + b'"'}, "g.json")
    constant = b'webnn_graph "g" v1 { consts { c: u8[9] @bytes(['
    _check({"g.webnn": constant + b"1," * 10_000_000 + b"1]); } }"}, "g.webnn")
    _check({"g.webnn": b"webnn_graph " + b'"\\"' * 3_000_000}, "g.webnn")
    _check({"g.webnn": b"#" * 20_000_000}, "g.webnn")
    _check({"g.webnn": b'webnn_graph "g" v1 { inputs { x: f32[' + b"1" * 5_000_000 + b"]; } }"}, "g.webnn")
