"""webnn-run: inputs by name, outputs printed, written or compared."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.runtime import compile
from webnn_mlir.tools.arrays import Archive, write_npz
from webnn_mlir.tools.run import compare, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """model.vmfb: a and a=b are added, i (int4) and n (int64) are handed on."""
    folder = tmp_path_factory.mktemp("run")
    builder = GraphBuilder()
    a, b = (builder.input(name, "float32", [2, 3]) for name in ("a", "a=b"))
    i, n = builder.input("i", "int4", [3]), builder.input("n/1", "int64", [])
    outputs = {"sum": builder.add(a, b), "file": builder.identity(i), "n/2": builder.identity(n)}
    compile(builder.graph(outputs), opt_level=0, cache=False).save(folder / "model.vmfb")
    np.save(folder / "a.npy", A)
    np.savez(folder / "all.npz", **{"a": A, "a=b": B, "i": I, "n/1": N})
    write_npz(folder / "right.npz", {"sum": A + B, "file": I, "n/2": N})
    return folder


A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.full((2, 3), 0.5, np.float32)
I = np.array([-8, 7, -1], np.int8)  # noqa: E741
N = np.array(-(2**63), np.int64)


@pytest.fixture
def tool(folder, monkeypatch, capsys):
    """tool(*arguments) -> exit status, standard output, standard error; in the artifact's folder."""
    monkeypatch.chdir(folder)

    def call(*arguments):
        status = main(list(map(str, arguments)))
        return status, *capsys.readouterr()

    return call


def test_prints_outputs_as_numpy_does(tool):
    status, out, err = tool("model.vmfb", "--inputs", "all.npz", "--driver", "local-sync")
    assert (status, err) == (0, "")
    assert out == (
        f"sum: float32[2, 3]\n{A + B}\nfile: int4[3]\n[-8  7 -1]\nn/2: int64[]\n-9223372036854775808\n"
    )


def test_takes_inputs_of_every_form(tool, tmp_path):
    np.savez(tmp_path / "one.npz", whatever=B)
    np.savez(tmp_path / "many.npz", x=A, **{"a=b": A})
    np.save(tmp_path / "big.npy", np.asfortranarray(A).astype(">f4"))
    np.save(tmp_path / "packed.npy", np.array([0x78, 0x0F], np.uint8))
    output = tmp_path / "out.npz"
    for a, b, expected in [
        ("a.npy", f"{tmp_path}/one.npz", A + B),
        ("fill:-1.5", f"{tmp_path}/many.npz", A - 1.5),
        (f"{tmp_path}/big.npy", f"{tmp_path}/many.npz:x", A + A),
        ("fill:inf", "random:3", A + np.inf),
    ]:
        rest = ["--input", f"i={tmp_path}/packed.npy", "--input", "n/1=fill:0x10", "--output", output]
        status, out, err = tool("model.vmfb", "--input", f"a={a}", "--input", f"a=b={b}", *rest)
        assert (status, out, err) == (0, "", "")
        with np.load(output) as found:
            assert sorted(found) == ["file", "n/2", "sum"]
            np.testing.assert_array_equal(found["sum"], expected)
            assert found["file"].tolist() == [-8, 7, -1]
            assert found["n/2"] == 16


def test_random_inputs_are_those_of_their_seed(tool):
    def run(seed):
        options = [f"--input={name}=random{seed}" for name in ("a", "a=b", "i", "n/1")]
        status, out, _ = tool("model.vmfb", "--json", *options)
        assert status == 0
        return [entry["values"] for entry in json.loads(out)["outputs"]]

    assert run("") == run(":0") != run(":1")
    assert all(-2 <= v <= 2 for row in run("")[0] for v in row)
    assert all(-8 <= v <= 7 for v in run("")[1])


def test_an_input_replaces_one_of_the_archive(tool):
    _, out, _ = tool("model.vmfb", "--inputs", "all.npz", "--input", "n/1=fill:5", "--json")
    assert [e["values"] for e in json.loads(out)["outputs"]][2] == 5


def test_json_has_no_nan(tool):
    arguments = ["--inputs", "all.npz", "--input", "a=fill:nan", "--json", "--repeat", "2"]
    _, out, _ = tool("model.vmfb", *arguments)
    report = json.loads(out, parse_constant=pytest.fail)
    assert report["outputs"][0]["values"] == [["NaN"] * 3] * 2
    assert len(report["seconds"]) == 2


ALL = ["model.vmfb", "--inputs", "all.npz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.vmfb"], "missing inputs: 'a' float32[2, 3], 'a=b' float32[2, 3], 'i' int4[3], 'n/1' int64[]"),
        ([*ALL, "--input", "x=a.npy"], "--input 'x=a.npy' must be NAME=VALUE with the name of an input; inputs: 'a'"),
        ([*ALL, "--input", "a"], "--input 'a' must be NAME=VALUE"),
        ([*ALL, "--input", "a=7"], "input 'a': '7' must be FILE.npy, FILE.npz[:KEY], fill:VALUE or random[:SEED]"),
        ([*ALL, "--input", "a=random:x"], "must be FILE.npy"),
        ([*ALL, "--input", "a=fill:x"], "input 'a': 'x' is no value of float32"),
        ([*ALL, "--input", "i=fill:8"], "input 'i': 8 must be from -8 to 7, the range of int4"),
        ([*ALL, "--input", "n/1=fill:1.5"], "input 'n/1': '1.5' is no value of int64"),
        ([*ALL, "--input", "a=fill:1", "--input", "a=fill:2"], "--input 'a' is given twice"),
        ([*ALL, "--input", "n/1=a.npy"], "a.npy: is float32[2, 3]; it must be int64[]"),
        ([*ALL, "--input", "i=a.npy"], "it must be int8[3], an element of int4 each, or uint8[2], two a byte"),
        ([*ALL, "--input", "a=all.npz:z"], "all.npz: has no array 'z'; there are: a, a=b, i, n/1"),
        ([*ALL, "--input", "a=no.npy"], "no.npy: error: No such file or directory"),
        (["model.vmfb", "--inputs", "right.npz"], "right.npz: 'sum' is no input; inputs: 'a' float32[2, 3]"),
        (["model.vmfb", "--inputs", "a.npy"], "a.npy: is no .npz file, or a damaged one"),
        ([*ALL, "--expect", "all.npz"], "all.npz: 'a' is no output; 'a=b' is no output"),
        ([*ALL, "--output", "no/out.npz"], "no: error: no such folder"),
        ([*ALL, "--parameters", "no.irpa"], "no.irpa: error: no such file"),
        ([*ALL, "--repeat", "0"], "--repeat 0 must be at least 1"),
        ([*ALL, "--rtol", "nan"], "must not be negative"),
        (["no.vmfb"], "no.vmfb: error: No such file or directory"),
        (["a.npy"], "a.npy: is no .vmfb file"),
        (["my model.webnn"], "compile it first: webnn-compile 'my model.webnn' -o 'my model.vmfb'"),
    ],
)
def test_errors_are_one_line(tool, folder, arguments, message):
    before = sorted(folder.iterdir())
    status, out, err = tool(*arguments)
    assert (status, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert sorted(folder.iterdir()) == before


# NumPy files from anyone


HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n"


def npy(text, data=b"", version=b"\x01\x00"):
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


DAMAGED = {
    "empty": b"",
    "other": b"webnn_graph",
    "short": npy(HEADER % b"(2, 3)", bytes(23)),
    "bomb": npy(HEADER % b"(1000000000000, 1000)"),
    "negative": npy(HEADER % b"(-2, -3)", bytes(24)),
    "code": npy(HEADER % b"(__import__('os').getpid(), 3)"),
    "nested": npy(b"(" * 60000),
    "version": npy(HEADER % b"(2, 3)", bytes(24), b"\x09\x00"),
    "pickle": npy(HEADER.replace(b"<f4", b"|O") % b"(2, 3)", b"cos\nsystem\n(S'touch pickled'\ntR."),
}


@pytest.mark.parametrize("content", list(DAMAGED.values()), ids=DAMAGED)
def test_rejects_damaged_arrays(tool, tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", content)
    for name in ("x.npy", "x.npz"):
        status, out, err = tool(*ALL, "--input", f"a={tmp_path / name}")
        assert (status, out) == (1, "")
        assert len(err.splitlines()) == 1
        assert name in err


def test_rejects_a_damaged_archive(tool, folder, tmp_path):
    data = (folder / "all.npz").read_bytes()
    path = tmp_path / "cut.npz"
    for position in range(0, len(data), 97):
        changed = bytearray(data)
        changed[position] ^= 0xFF
        path.write_bytes(changed[: len(data) - position % 2 * 40])
        status, _, err = tool("model.vmfb", "--inputs", path)
        assert len(err.splitlines()) == status


def test_rejects_two_arrays_of_one_name(tool, tmp_path):
    with zipfile.ZipFile(tmp_path / "two.npz", "w") as archive:
        archive.writestr("a.npy", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", b"2")
    status, _, err = tool("model.vmfb", "--inputs", tmp_path / "two.npz")
    assert status == 1
    assert "has two arrays of one name" in err


def test_names_that_an_archive_cannot_hold(tmp_path):
    path = tmp_path / "out.npz"
    for name in ("a\0b", "\ud800", "x" * 2**16):
        with pytest.raises(ValueError, match="cannot hold an array of the name"):
            write_npz(path, {name: A})
    assert not list(tmp_path.iterdir())
    names = ["file", "allow_pickle", "arr_0", "a/b", "/", "", " ", "x.npy", "日本", 'q"\n', ".."]
    write_npz(path, {name: A + i for i, name in enumerate(names)})
    with np.load(path) as found:
        assert [float(found[name][0, 0]) for name in names] == list(range(len(names)))
    with Archive(path) as archive:
        assert archive.names == names


# Comparison


def test_expect(tool, tmp_path):
    status, out, _ = tool(*ALL, "--expect", "right.npz")
    assert status == 0
    assert [line.split()[0:3:2] for line in out.splitlines()] == [["sum:", "3]"], ["file:", "PASS:"], ["n/2:", "PASS:"]]
    assert out.count("PASS: largest difference 0 (relative 0)") == 3
    wrong = A + B
    wrong[1, 2] += 0.01
    write_npz(tmp_path / "wrong.npz", {"sum": wrong, "file": np.array([0x78, 0x0E], np.uint8), "n/2": N + 1})
    status, out, _ = tool(*ALL, "--expect", tmp_path / "wrong.npz")
    assert status == 1
    lines = out.splitlines()
    assert "FAIL: largest difference 0.01 (relative 0.00181); 1 of 6 elements are wrong" in lines[0]
    assert lines[1].endswith("1 of 3 elements are wrong, the first at [2]: -1, expected -2")
    # One in 2^63 is within the relative tolerance.
    assert "PASS: largest difference 1 (" in lines[2]
    status, out, _ = tool(*ALL, "--expect", tmp_path / "wrong.npz", "--rtol", "0.5", "--json")
    assert status == 0
    assert json.loads(out)["outputs"][0]["comparison"]["pass"] is True


@pytest.mark.parametrize(
    ("actual", "expected", "passed", "absolute"),
    [
        ([np.nan, np.inf, -np.inf, -0.0], [np.nan, np.inf, -np.inf, 0.0], True, 0),
        ([np.nan], [1.0], False, np.inf),
        ([1.0], [np.nan], False, np.inf),
        ([np.inf], [-np.inf], False, np.inf),
        ([1e30], [np.inf], False, np.inf),
        ([1.0 + 1e-6], [1.0], True, pytest.approx(1e-6, rel=0.1)),
        ([1.1], [1.0], False, pytest.approx(0.1, rel=0.01)),
    ],
)
def test_compares_floats(actual, expected, passed, absolute):
    found = compare(np.array(actual, np.float32), np.array(expected, np.float32), 1e-5, 1e-8)
    assert (found["pass"], found["max_absolute"]) == (passed, absolute)


@pytest.mark.parametrize(
    ("data_type", "actual", "expected", "difference"),
    [
        ("int64", -(2**63), 2**63 - 1, 2.0**64),
        ("uint64", 0, 2**64 - 1, 2.0**64),
        ("uint64", 2**64 - 1, 2**64 - 2, 1.0),
        ("int8", -128, 127, 255.0),
        ("int8", 3, -1, 4.0),
    ],
)
def test_compares_integers(data_type, actual, expected, difference):
    found = compare(np.array(actual, data_type), np.array(expected, data_type), 0, 0)
    assert found["max_absolute"] == difference
    assert not found["pass"]
    assert found["first"] == {"index": [], "actual": actual, "expected": expected}


def test_needs_no_compiler(folder):
    """Neither is it imported, nor does it have to be there."""
    code = (
        "import sys; sys.modules['iree.compiler'] = sys.modules['webnn_mlir.compiler'] = None\n"
        "from webnn_mlir.tools.run import main\n"
        "sys.exit(main(['model.vmfb', '--inputs', 'all.npz', '--expect', 'right.npz']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.count("PASS") == 3
