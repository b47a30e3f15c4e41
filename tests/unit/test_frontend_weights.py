"""Weights beside a graph: found, mapped, checked, written."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from webnn_mlir.compiler.frontend import read_graph, write_graph
from webnn_mlir.dialects.webnn import Constant, Descriptor, Graph, GraphBuilder, GraphError
from webnn_mlir.dialects.webnn.int4 import pack_int4, unpack_int4

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)


def _graph_file(path: Path, type_: str = "f32[2, 3]", key: str = "W") -> Path:
    path.write_text(
        f'webnn_graph "g" v1 {{\n  inputs {{ x: {type_}; }}\n  consts {{\n    W: {type_} @weights("{key}");\n  }}\n'
        "  nodes { y = identity(W); z = identity(x); }\n  outputs { y, z; }\n}\n"
    )
    return path


def _constant(graph: Graph) -> Constant:
    (operand,) = graph.constants
    assert operand.constant
    return operand.constant


def _values(graph: Graph) -> Any:
    (operand,) = graph.constants
    data, descriptor = _constant(graph).data, operand.descriptor
    if descriptor.data_type.bits == 4:
        return unpack_int4(data, descriptor)
    return data.view(descriptor.data_type.numpy).reshape(descriptor.shape)


def _write_blob(folder: Path, name: str, manifest: str, data: bytes, **entry: object) -> None:
    tensor = {"dataType": "float32", "shape": [2, 3], "byteOffset": 8, "byteLength": len(data), **entry}
    text = {"format": "wg-weights-manifest", "version": 1, "endianness": "little", "tensors": {"W": tensor}}
    (folder / name).write_bytes(b"WGWT" + struct.pack("<I", 1) + data)
    (folder / manifest).write_text(json.dumps(text, indent=1))


def _rules(path: Path, **options: Any) -> list[str]:
    with pytest.raises(GraphError) as error:
        read_graph(path, **options)
    return [str(d).replace(f"{path.parent}{os.sep}", "") for d in error.value.diagnostics]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint64", "int32", "uint32", "int8", "uint8"])
def test_safetensors_of_every_data_type_are_mapped(tmp_path: Path, dtype: str) -> None:
    short = f"{dtype[0]}{np.dtype(dtype).itemsize * 8}"
    values = np.arange(6).astype(dtype).reshape(2, 3)
    safetensors.numpy.save_file({"V": values + values, "W": values}, tmp_path / "g.safetensors")
    graph = read_graph(_graph_file(tmp_path / "g.webnn", f"{short}[2, 3]"))
    constant = _constant(graph)
    np.testing.assert_array_equal(_values(graph), values)
    assert constant.name == "W"
    assert constant.file == str(tmp_path / "g.safetensors")
    data = (tmp_path / "g.safetensors").read_bytes()
    assert data[constant.offset : constant.offset + constant.data.nbytes] == values.tobytes()
    assert not constant.data.flags.owndata
    assert not constant.data.flags.writeable


def test_two_gigabytes_are_not_read(tmp_path: Path) -> None:
    size = 2**31 - 4
    header = json.dumps({"W": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with (tmp_path / "g.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)
    graph = read_graph(_graph_file(tmp_path / "g.webnn", f"u8[{size}]"))
    assert _constant(graph).data.nbytes == size


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    values = np.array([1.5, -2, float("inf")], ml_dtypes.bfloat16)
    safetensors.numpy.save_file({"W": values}, tmp_path / "g.safetensors")
    graph = read_graph(_graph_file(tmp_path / "g.webnn", "f32[3]"))
    np.testing.assert_array_equal(_values(graph), values.astype(np.float32))
    assert _constant(graph).file is None
    assert _rules(_graph_file(tmp_path / "g.webnn", "f16[3]")) == [
        "g.webnn:4:5: error: tensor 'W' of g.safetensors has data type BF16; the constant has float16"
    ]


def test_weights_with_a_manifest_are_mapped(tmp_path: Path) -> None:
    for weights, manifest in [("g.weights", "manifest.json"), ("g.weights", "g.manifest.json"),
                              ("model.weights", "model.manifest.json")]:
        folder = tmp_path / f"{weights}{manifest}"
        folder.mkdir()
        _write_blob(folder, weights, manifest, WEIGHTS.tobytes(), layout="row-major")
        graph = read_graph(_graph_file(folder / "g.webnn"))
        np.testing.assert_array_equal(_values(graph), WEIGHTS)
        assert (_constant(graph).file, _constant(graph).offset) == (str(folder / weights), 8)


def test_the_order_in_which_weights_are_looked_for(tmp_path: Path) -> None:
    graph = _graph_file(tmp_path / "g.webnn")
    assert _rules(graph) == [
        "g.webnn: error: its weights are not there; looked for model.safetensors, g.safetensors, g.weights, "
        "model.weights beside it"
    ]
    _write_blob(tmp_path, "model.weights", "model.manifest.json", WEIGHTS.tobytes())
    assert _constant(read_graph(graph)).file == str(tmp_path / "model.weights")
    _write_blob(tmp_path, "g.weights", "g.manifest.json", WEIGHTS.tobytes())
    assert _constant(read_graph(graph)).file == str(tmp_path / "g.weights")
    safetensors.numpy.save_file({"W": WEIGHTS}, tmp_path / "g.safetensors")
    assert _constant(read_graph(graph)).file == str(tmp_path / "g.safetensors")
    safetensors.numpy.save_file({"W": WEIGHTS}, tmp_path / "model.safetensors")
    assert _constant(read_graph(graph)).file == str(tmp_path / "model.safetensors")
    assert _constant(read_graph(graph, weights=tmp_path / "g.weights")).file == str(tmp_path / "g.weights")


def test_keys_also_match_in_their_other_spelling(tmp_path: Path) -> None:
    graph = _graph_file(tmp_path / "g.webnn", key="onnx__MatMul_0_weight")
    safetensors.numpy.save_file({"onnx::MatMul.0.weight": WEIGHTS}, tmp_path / "g.safetensors")
    assert _constant(read_graph(graph)).name == "onnx::MatMul.0.weight"
    safetensors.numpy.save_file(
        {"onnx::MatMul.0.weight": WEIGHTS, "onnx__MatMul.0.weight": WEIGHTS}, tmp_path / "g.safetensors"
    )
    assert _rules(graph) == [
        "g.webnn:4:5: error: 'onnx__MatMul_0_weight' could be any of 'onnx::MatMul.0.weight', 'onnx__MatMul.0.weight'"
    ]
    _graph_file(graph, key="other")
    assert _rules(graph) == ["g.webnn:4:5: error: g.safetensors has no tensor 'other'"]


def test_data_type_and_shape_must_match(tmp_path: Path) -> None:
    safetensors.numpy.save_file({"W": WEIGHTS}, tmp_path / "g.safetensors")
    assert _rules(_graph_file(tmp_path / "g.webnn", "i32[2, 3]")) == [
        "g.webnn:4:5: error: tensor 'W' of g.safetensors has data type float32; the constant has int32"
    ]
    assert _rules(_graph_file(tmp_path / "g.webnn", "f32[3, 2]")) == [
        "g.webnn:4:5: error: tensor 'W' of g.safetensors has shape [2, 3]; the constant has [3, 2]"
    ]


INT4 = np.array([[1, -2, 3], [-8, 7, 0], [5, 6, -7]], np.int8)


@pytest.mark.parametrize(("short", "values"), [("i4", INT4), ("u4", (INT4 + 8).astype(np.uint8))])
@pytest.mark.parametrize("file", ["safetensors", "weights", "inline"])
@pytest.mark.parametrize("packed", [True, False])
def test_four_bits_packed_or_one_a_byte(tmp_path: Path, short: str, values: Any, file: str, packed: bool) -> None:
    data_type = {"i4": "int4", "u4": "uint4"}[short]
    descriptor = Descriptor.of(data_type, [3, 3])
    stored = pack_int4(values, descriptor.data_type) if packed else values
    path = _graph_file(tmp_path / "g.webnn", f"{short}[3, 3]")
    if file == "safetensors":
        safetensors.numpy.save_file({"W": stored}, tmp_path / "g.safetensors")
    elif file == "weights":
        _write_blob(tmp_path, "g.weights", "g.manifest.json", stored.tobytes(), dataType=data_type, shape=[3, 3])
    else:
        numbers = ", ".join(map(str, stored.tobytes()))
        path.write_text(path.read_text().replace('@weights("W")', f"@bytes([{numbers}])"))
    graph = read_graph(path)
    assert _constant(graph).data.nbytes == 5
    np.testing.assert_array_equal(_values(graph), values)
    if packed and file != "inline":
        assert _constant(graph).file == str(tmp_path / f"g.{file}")


def test_ten_elements_pack_as_written_down(tmp_path: Path) -> None:
    path = _graph_file(tmp_path / "g.webnn", "u4[10]")
    path.write_text(path.read_text().replace('@weights("W")', "@bytes([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])"))
    assert _constant(read_graph(path)).data.tobytes() == bytes.fromhex("214365 87A9".replace(" ", ""))


def test_four_bits_of_a_length_that_fits_neither(tmp_path: Path) -> None:
    path = _graph_file(tmp_path / "g.webnn", "i4[3, 3]")
    safetensors.numpy.save_file({"W": np.zeros(6, np.uint8)}, tmp_path / "g.safetensors")
    assert _rules(path) == [
        "g.webnn:4:5: error: tensor 'W' of g.safetensors has 6 bytes; "
        "int4[3, 3] has 5 packed two a byte, or 9 one a byte"
    ]
    safetensors.numpy.save_file({"W": np.full(9, 9, np.uint8)}, tmp_path / "g.safetensors")
    assert _rules(path) == [
        "g.webnn:4:5: error: 'webnn.constant': values from 9 to 9 given; int4 holds -8 to 7",
    ]
    safetensors.numpy.save_file({"W": np.zeros(9, np.int8)}, tmp_path / "g.safetensors")
    assert _rules(path) == [
        "g.webnn:4:5: error: tensor 'W' of g.safetensors has shape [9]; the constant has [3, 3]"
    ]
    safetensors.numpy.save_file({"W": np.zeros(5, np.float32)}, tmp_path / "g.safetensors")
    assert _rules(path) == [
        "g.webnn:4:5: error: tensor 'W' of g.safetensors has data type float32; int4 needs int4, int8 or uint8"
    ]


def _safetensors(header: bytes, data: bytes = bytes(24)) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def _entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24], **changes}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ": error: is no .safetensors file or is truncated"),
        (b"\x01\x02", ": error: is no .safetensors file or is truncated"),
        (b"\xff" * 64, ": error: is no .safetensors file or is truncated"),
        (_safetensors(b"[]"), ":1:1: error: the header must be an object"),
        (_safetensors(b'{"W":'), ":1:6: error: the file ends too early; expected a value"),
        (_safetensors(b'{"\xff":1}'), ":1:3: error: byte 0xff is not UTF-8"),
        (_safetensors(b'{"W":' * 99), ":1:161: error: brackets nest deeper than 32"),
        ({"W": 1}, ":1:7: error: tensor 'W' must have dtype, shape and data_offsets"),
        ({"W": _entry(shape=[-2, -3])}, ":1:7: error: tensor 'W' must have a string as dtype, sizes as shape"),
        ({"W": _entry(data_offsets=[24, 0])}, ":1:7: error: tensor 'W' ends at 0, before it begins at 24"),
        ({"W": _entry(data_offsets=[0, 28])}, ":1:7: error: tensor 'W' has 28 bytes; its shape [2, 3] needs 24"),
        ({"W": _entry(shape=[2, 9], data_offsets=[0, 72])}, ":1:7: error: tensor 'W' has the bytes from "),
        ({"W": _entry(shape=[2**62] * 99)}, ":1:7: error: tensor 'W' has 24 bytes; its shape a list of 99"),
        ({"W": _entry(), "V": _entry()}, ":1:72: error: tensor 'V' overlaps tensor 'W'"),
        ({"W": _entry(shape=[5], data_offsets=[4, 24])}, ":1:7: error: 4 bytes before tensor 'W' belong"),
        ({"W": _entry(shape=[5], data_offsets=[0, 20])}, ":1:1: error: the last 4 bytes of the file belong"),
    ],
)
def test_damaged_safetensors(tmp_path: Path, content: bytes | dict[str, object], expected: str) -> None:
    if isinstance(content, dict):
        content = _safetensors(json.dumps(content).encode())
    (tmp_path / "g.safetensors").write_bytes(content)
    (rule,) = _rules(_graph_file(tmp_path / "g.webnn"))
    assert rule.startswith(f"g.safetensors{expected}")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: m.update(version=2), ":3:13: error: 'version' is 2; it must be 1"),
        (lambda m: m.update(endianness="big"), ":4:16: error: 'endianness' is 'big'; it must be 'little'"),
        (lambda m: m.update(format="x"), ":1:1: error: this is no manifest"),
        (lambda m: m["tensors"]["W"].update(extra=1), ":14:4: error: unknown member 'extra'"),
        (lambda m: m["tensors"]["W"].update(layout="column-major"), ":14:14: error: 'layout' is 'column-ma"),
        (lambda m: m["tensors"]["W"].update(byteOffset=-8), ":12:18: error: 'byteOffset' is -8; it must be"),
        (lambda m: m["tensors"]["W"].update(byteOffset=4), ":6:8: error: tensor 'W' has the bytes from 4 to 28"),
        (lambda m: m["tensors"]["W"].update(byteOffset=12), ":6:8: error: tensor 'W' has the bytes from 12"),
        (lambda m: m["tensors"]["W"].update(byteLength=20), ":6:8: error: tensor 'W' has 20 bytes; its shape"),
        (lambda m: m["tensors"].update(V=m["tensors"]["W"]), ":15:8: error: tensor 'V' overlaps tensor 'W'"),
        (lambda m: m["tensors"]["W"].pop("shape"), ":6:8: error: 'shape' is required"),
    ],
)
def test_damaged_manifests(tmp_path: Path, change: Callable[[Any], object], expected: str) -> None:
    _write_blob(tmp_path, "g.weights", "manifest.json", WEIGHTS.tobytes())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    change(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest, indent=1))
    (rule,) = _rules(_graph_file(tmp_path / "g.webnn"))
    assert rule.startswith(f"manifest.json{expected}")


def test_a_blob_without_its_magic_or_manifest(tmp_path: Path) -> None:
    graph = _graph_file(tmp_path / "g.webnn")
    (tmp_path / "g.weights").write_bytes(b"WGWT" + struct.pack("<I", 2))
    assert _rules(graph) == [
        "g.weights: error: is neither a .safetensors file nor a .weights file, which begins with WGWT and version 1"
    ]
    (tmp_path / "g.weights").write_bytes(b"WGWT" + struct.pack("<I", 1))
    assert _rules(graph) == ["g.weights: error: has no manifest; looked for manifest.json, g.manifest.json beside it"]


def test_links_stay_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    graph = _graph_file(tmp_path / "in" / "g.webnn")
    safetensors.numpy.save_file({"W": WEIGHTS}, tmp_path / "out.safetensors")
    (tmp_path / "in" / "g.safetensors").symlink_to("../out.safetensors")
    assert _rules(graph) == [
        "g.safetensors: error: is a link that leads out of the graph's folder; name its target as the weights to use it"
    ]
    np.testing.assert_array_equal(_values(read_graph(graph, weights=tmp_path / "out.safetensors")), WEIGHTS)
    (tmp_path / "out.safetensors").rename(tmp_path / "in" / "here.safetensors")
    (tmp_path / "in" / "g.safetensors").unlink()
    (tmp_path / "in" / "g.safetensors").symlink_to("here.safetensors")
    np.testing.assert_array_equal(_values(read_graph(graph)), WEIGHTS)
    (tmp_path / "in" / "g.safetensors").unlink()
    (tmp_path / "in" / "g.safetensors").symlink_to("g.safetensors")
    (rule,) = _rules(graph)
    assert rule.startswith("g.safetensors: error: Too many levels of symbolic links")


def test_what_is_wrong_with_the_weights_file_is_said_once(tmp_path: Path) -> None:
    path = _graph_file(tmp_path / "g.webnn")
    path.write_text(path.read_text().replace("W: f32", 'V: f32[9] @weights("V");\nW: f32'))
    (tmp_path / "g.safetensors").mkdir()
    assert _rules(path) == ["g.safetensors: error: is a directory"]


# Writing


def _graph() -> Graph:
    builder = GraphBuilder()
    values = np.arange(1000, dtype=np.float32)
    a = builder.constant(values, name="layer.weight")
    b = builder.constant(Descriptor.of("int4", [201]), (np.arange(201) % 16 - 8).astype(np.int8), name="packed")
    c = builder.constant(values[:100].astype(np.float16), name="odd name!")
    d = builder.constant(np.float32(0.1), name="one")
    e = builder.constant(np.float32("nan"))
    return builder.graph({f"y{i}": builder.identity(v) for i, v in enumerate([a, b, c, d, e])})


def _bytes(graph: Graph) -> list[tuple[str, bytes]]:
    return [(str(o.descriptor), o.constant.data.tobytes()) for o in graph.constants if o.constant]


@pytest.mark.parametrize("weights", [".safetensors", ".weights", "inline"])
@pytest.mark.parametrize("suffix", [".webnn", ".json"])
def test_a_graph_is_written_with_its_weights(tmp_path: Path, weights: str, suffix: str) -> None:
    graph = _graph()
    write_graph(graph, tmp_path / f"g{suffix}", weights=weights)
    again = read_graph(tmp_path / f"g{suffix}")
    assert _bytes(again) == _bytes(graph)
    if weights != "inline":
        names = [o.constant.name for o in again.constants if o.constant]
        assert names[:3] == ["layer.weight", "packed", "odd name!"]
    files = {".safetensors": {"g.safetensors"}, ".weights": {"g.weights", "g.manifest.json"}, "inline": set()}
    assert {p.name for p in tmp_path.iterdir()} == {f"g{suffix}", *files[weights]}


def test_written_safetensors_are_read_by_their_library(tmp_path: Path) -> None:
    write_graph(_graph(), tmp_path / "g.json")
    tensors = safetensors.numpy.load_file(tmp_path / "g.safetensors")
    assert {k: (str(v.dtype), v.shape) for k, v in tensors.items()} == {
        "layer.weight": ("float32", (1000,)),
        "packed": ("uint8", (101,)),
        "odd name!": ("float16", (100,)),
    }
    np.testing.assert_array_equal(tensors["layer.weight"], np.arange(1000, dtype=np.float32))


def test_a_file_is_rewritten_from_its_own_mapping(tmp_path: Path) -> None:
    write_graph(_graph(), tmp_path / "g.json")
    once = (tmp_path / "g.safetensors").read_bytes()
    write_graph(read_graph(tmp_path / "g.json"), tmp_path / "g.json")
    assert (tmp_path / "g.safetensors").read_bytes() == once


def test_two_constants_of_one_name(tmp_path: Path) -> None:
    builder = GraphBuilder()
    values = [builder.constant(np.full(100, v, np.float32), name="w") for v in (1, 2)]
    graph = builder.graph({f"y{i}": builder.identity(v) for i, v in enumerate(values)})
    with pytest.raises(GraphError, match="two constants are called 'w'; a weights file cannot hold both"):
        write_graph(graph, tmp_path / "g.json")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_another_file_would_hide(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(GraphError, match=r"model\.safetensors: error: is beside it and would be read instead of g"):
        write_graph(_graph(), tmp_path / "g.json")
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_nothing_is_left_when_the_second_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "g.json").mkdir()
    with pytest.raises(GraphError, match="is a directory"):
        write_graph(_graph(), tmp_path / "g.json")
    assert [p.name for p in tmp_path.iterdir()] == ["g.json"]
