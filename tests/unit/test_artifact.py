"""Artifacts: what they take and give, and what happens when their files are damaged or missing."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import iree.runtime as rt
import numpy as np
import pytest

from webnn_mlir.dialects.webnn import DataType, Descriptor, GraphBuilder
from webnn_mlir.dialects.webnn.int4 import pack_int4
from webnn_mlir.runtime import ArtifactError, compile, load
from webnn_mlir.runtime.artifact import read_archive
from webnn_mlir.runtime.signature import Signature

ODD = 'a=b/c "\\ 日本\n'
"""A name with what files and command lines use for themselves."""


def weights():
    return np.arange(4000, dtype=np.float32)


def graph():
    """Floats with a large constant, an odd name, and int4 from input to output."""
    builder = GraphBuilder()
    x = builder.input(ODD, "float32", [4000])
    i = builder.input("i", "int4", [3, 3])
    w = builder.constant(weights(), name="W/1")
    return builder.graph({"y": builder.add(x, w), f"{ODD}!": builder.identity(i)})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """embedded.vmfb, external.vmfb and external.irpa."""
    folder = tmp_path_factory.mktemp("artifacts")
    compile(graph(), weights="embed", cache=False).save(folder / "embedded.vmfb")
    saved = compile(graph(), weights="external", cache=False).save(folder / "external.vmfb")
    assert [p.name for p in saved] == ["external.vmfb", "external.irpa"]
    return folder


@pytest.fixture
def external(files, tmp_path):
    """A copy of the artifact with external weights, to be damaged."""
    for name in ("external.vmfb", "external.irpa"):
        shutil.copy(files / name, tmp_path)
    return tmp_path / "external.vmfb"


X = np.linspace(-1, 1, 4000, dtype=np.float32)
I = np.array([[-8, 7, 0], [1, -1, 2], [3, -3, 4]], np.int8)  # noqa: E741


@pytest.mark.parametrize("name", ["embedded.vmfb", "external.vmfb"])
@pytest.mark.parametrize("driver", ["local-sync", "local-task"])
def test_runs_by_name(files, name, driver):
    artifact = load(files / name, device=driver)
    assert artifact.inputs == {ODD: Descriptor.of("float32", [4000]), "i": Descriptor.of("int4", [3, 3])}
    for _ in range(2):
        outputs = artifact.run({ODD: X}, i=I)
        assert list(outputs) == ["y", f"{ODD}!"]
        np.testing.assert_array_equal(outputs["y"], X + weights())
        np.testing.assert_array_equal(outputs[f"{ODD}!"], I)
        assert outputs[f"{ODD}!"].dtype == np.int8


def test_takes_packed_int4(files):
    packed = pack_int4(I, DataType.INT4)
    assert packed.shape == (5,)
    outputs = load(files / "embedded.vmfb").run({ODD: X, "i": packed})
    np.testing.assert_array_equal(outputs[f"{ODD}!"], I)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({ODD: X}, "input 'i' is missing"),
        ({ODD: X, "i": I, "j": I}, "unknown input 'j'; there are: "),
        ({ODD: X.astype(np.float64), "i": I}, "must be float32[4000], not float64[4000]"),
        ({ODD: X[1:], "i": I}, "must be float32[4000], not float32[3999]"),
        ({ODD: X, "i": I.astype(np.int64)}, "input 'i' must be int4[3, 3], not int64[3, 3]"),
        ({ODD: X, "i": I + 1}, "int4 holds -8 to 7"),
        ({ODD: X, "i": np.zeros(4, np.uint8)}, "input 'i' must be int4[3, 3], not uint8[4]"),
    ],
)
def test_rejects_wrong_inputs(files, inputs, message):
    with pytest.raises(TypeError) as caught:
        load(files / "embedded.vmfb").run(inputs)
    assert message in str(caught.value)


def test_every_data_type_goes_through(tmp_path):
    builder = GraphBuilder()
    arrays = {}
    outputs = {}
    for number, data_type in enumerate(DataType):
        shape = [(), (3,), (1,), (2, 1, 5)][number % 4]
        low, high = (-4, 4) if data_type.is_float else data_type.range
        values = np.linspace(low, high, Descriptor.of(data_type, shape).size)
        values = [float(v) if data_type.is_float else min(max(int(v), low), high) for v in values]
        arrays[data_type.value] = np.array(values, data_type.numpy).reshape(shape)
        x = builder.input(data_type.value, data_type, shape)
        outputs[f"{data_type}!"] = builder.identity(x)
    compile(builder.graph(outputs), opt_level=0, cache=False).save(tmp_path / "all.vmfb")
    found = load(tmp_path / "all.vmfb").run(arrays)
    assert len(found) == len(DataType)
    for name, array in arrays.items():
        assert found[f"{name}!"].dtype == array.dtype
        np.testing.assert_array_equal(found[f"{name}!"], array, strict=True)


def test_stock_iree_runs_it(files, tmp_path):
    X.tofile(tmp_path / "x.bin")
    from iree import _runtime_libs

    tool = Path(_runtime_libs.__path__[0]) / "iree-run-module"
    outputs = [tmp_path / "y.npy", tmp_path / "i.npy"]
    subprocess.run(
        [
            tool, "--device=local-sync", f"--module={files / 'external.vmfb'}", "--function=main",
            f"--parameters=model={files / 'external.irpa'}", f"--input=4000xf32=@{tmp_path / 'x.bin'}",
            "--input=5xui8=120,16,47,211,4", *(f"--output=@{o}" for o in outputs),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    np.testing.assert_array_equal(np.load(outputs[0]), X + weights())
    assert np.load(outputs[1]).tolist() == [120, 16, 47, 211, 4]


# Damage


def test_rejects_truncated_files(files, tmp_path):
    data = (files / "embedded.vmfb").read_bytes()
    path = tmp_path / "cut.vmfb"
    for length in [0, 1, 4, 30, 100, len(data) // 2, len(data) - 100, len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ArtifactError, match=r"cut\.vmfb: is no \.vmfb file, or a damaged one"):
            load(path)


def test_rejects_every_flipped_byte_that_matters(files, tmp_path):
    """Of 400 flipped bytes all over the file, each is an ArtifactError or leaves what the file says as it was."""
    data = (files / "embedded.vmfb").read_bytes()
    path = tmp_path / "flipped.vmfb"
    rejected = 0
    for position in range(0, len(data), len(data) // 400):
        changed = bytearray(data)
        changed[position] ^= 0xFF
        path.write_bytes(changed)
        try:
            outputs = load(path, device="local-sync").run({ODD: X, "i": I})
        except ArtifactError:
            rejected += 1
        else:
            np.testing.assert_array_equal(outputs["y"], X + weights())
    assert rejected > 350


@pytest.mark.parametrize(
    "content", [b"junk", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(100), bytes(2**16), b"\x7fELF" + bytes(100)]
)
def test_rejects_junk(tmp_path, content):
    path = tmp_path / "junk.vmfb"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"is no \.vmfb file"):
        load(path)


def test_rejects_other_archives(tmp_path):
    path = tmp_path / "other.vmfb"
    np.savez(path.open("wb"), x=X)
    with pytest.raises(ArtifactError, match=r"module\.fb"):
        load(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("module.fb", bytes(2**24))
    with pytest.raises(ArtifactError, match=r"'module\.fb' in it is not what was written"):
        load(path)


def test_rejects_modules_of_others(tmp_path):
    """A module that IREE compiled without us has no signature."""
    from iree.compiler.api import Output, Session, Source

    session = Session()
    session.set_flags("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=vmvx")
    invocation = session.invocation()
    invocation.parse_source(Source.wrap_buffer(session, b"func.func @f(%x: i32) -> i32 { return %x : i32 }\0"))
    assert invocation.execute()
    path = tmp_path / "other.vmfb"
    with Output.open_file(str(path)) as output:
        invocation.output_vm_bytecode(output)
        output.keep()
    with pytest.raises(ArtifactError, match=r"has 0 functions with a webnn\.signature; an artifact has one"):
        load(path)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "no.vmfb")


# Parameters


def test_parameters_may_lie_elsewhere(external):
    archive = external.with_suffix(".irpa").rename(external.parent / "other.irpa")
    outputs = load(external, parameters=archive).run({ODD: X, "i": I})
    np.testing.assert_array_equal(outputs["y"], X + weights())
    with pytest.raises(ArtifactError, match="parameter 'W/1' is missing; its archive"):
        load(external)
    with pytest.raises(FileNotFoundError):
        load(external, parameters=external.parent / "no.irpa")


def test_rejects_truncated_parameters(external):
    archive = external.with_suffix(".irpa")
    data = archive.read_bytes()
    for length in [0, 3, 50, 90, 100, 150, 200, 10000]:
        archive.write_bytes(data[:length])
        with pytest.raises(ArtifactError, match=r"external\.irpa: is no parameter archive, or a damaged one"):
            load(external)


def test_rejects_parameters_of_the_wrong_length(external):
    import iree.runtime

    archive = external.with_suffix(".irpa")
    iree.runtime.save_archive_file({"W/1": np.zeros(100, np.float32)}, archive)
    with pytest.raises(ArtifactError, match=r"parameter 'W/1' has 400 bytes; float32\[4000\] has 16000"):
        load(external)


def test_rejects_offsets_that_wrap_around(external):
    """2^64 - n is n bytes before the weights; that far before the file there is other memory."""
    archive = external.with_suffix(".irpa")
    data = bytearray(archive.read_bytes())
    # The entry's first number is its offset; its length follows.
    position = data.index((16000).to_bytes(8, "little"), 90) - 8
    data[position : position + 8] = (2**64 - 8192).to_bytes(8, "little")
    archive.write_bytes(data)
    with pytest.raises(ArtifactError, match="parameter 'W/1' reaches past its end"):
        load(external)


# Signatures


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"inputs": 1, "outputs": [], "parameters": []}',
        '{"inputs": [{"name": "x", "dataType": "float64", "shape": []}], "outputs": [], "parameters": []}',
        '{"inputs": [{"name": "x", "dataType": "int8", "shape": [-1]}], "outputs": [], "parameters": []}',
        '{"inputs": [{"name": "x", "dataType": "int8", "shape": [2e9, 9]}], "outputs": [], "parameters": []}',
        '{"inputs": [{"name": 7, "dataType": "int8", "shape": []}], "outputs": [], "parameters": []}',
        '{"inputs": [], "parameters": [], "outputs": ['
        '{"name": "x", "dataType": "int8", "shape": []}, {"name": "x", "dataType": "int8", "shape": []}]}',
        "[" * 100000,
    ],
)
def test_rejects_damaged_signatures(text):
    with pytest.raises(ArtifactError, match="the signature of the artifact is damaged"):
        Signature.parse(text)


# Determinism

SCRIPT = """
import sys
from pathlib import Path
import webnn_mlir
webnn_mlir.compile(Path(sys.argv[1]), weights=sys.argv[2], cache=False).save(sys.argv[3])
"""


@pytest.mark.parametrize("weights_mode", ["embed", "external"])
def test_equal_graphs_give_equal_bytes(tmp_path, weights_mode):
    """In other folders, under other names, at another time, with other seeds of the hashes."""
    from webnn_mlir.compiler.frontend import write_graph

    digests = set()
    for number, seed in enumerate(["0", "12345"]):
        folder = tmp_path / ("deep/" * number) / f"folder{number}"
        folder.mkdir(parents=True)
        builder = GraphBuilder()
        x = builder.input("x", "float32", [40, 100])
        w = builder.constant(weights().reshape(40, 100), name="W")
        y = builder.reduce_sum(builder.exp(builder.add(x, w)), axes=[1])
        write_graph(builder.graph({"y": y, "z": builder.mul(x, w)}), folder / f"name{number}.webnn")
        out = folder / "out.vmfb"
        subprocess.run(
            [sys.executable, "-c", SCRIPT, folder / f"name{number}.webnn", weights_mode, out],
            check=True,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": ["UTC", "Asia/Tokyo"][number]},
        )
        names = sorted(folder.glob("out.*"))
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in names))
    assert len(digests) == 1


def test_an_archive_in_use_is_not_read_again(tmp_path):
    entries = {"w": np.arange(100, dtype=np.uint8)}
    path = tmp_path / "weights.irpa"
    rt.save_archive_file(entries, path)
    first = read_archive(path)
    assert read_archive(path) is first
    del first
    rt.save_archive_file({"w": entries["w"] + 1}, path)
    assert np.frombuffer(dict(read_archive(path).items())["w"].file_view, np.uint8)[0] == 1
