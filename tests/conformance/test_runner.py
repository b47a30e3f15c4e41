"""The conformance runner on corpora made by hand."""

import json
import os
import time
from pathlib import Path

import pytest

from webnn_mlir.tools.conformance.main import main
from webnn_mlir.tools.conformance.pool import Pool

DATA = Path(__file__).parent / "data"


def run(tmp_path, *arguments):
    """Exit status and records by id."""
    out = tmp_path / "out.json"
    status = main([*map(str, arguments), "--jobs", "2", "--json", str(out)])
    return status, {r["id"]: r for r in json.loads(out.read_text())["records"]}


@pytest.mark.parametrize("arguments", [[], ["-O3"], ["-O0", "--batch", "1"], ["--engine", "xla"]], ids=" ".join)
def test_what_is_right_passes(tmp_path, capsys, arguments):
    if "xla" in arguments:
        pytest.importorskip("jax")
    status, records = run(tmp_path, "--cases", DATA / "right", "--target", "cpu", *arguments)
    out = capsys.readouterr().out
    assert {id: r["message"] for id, r in records.items() if r["status"] == "failed"} == {}
    assert status == 0
    assert "SKIPPED elementwise/a known issue: the expectation is wrong" in out
    assert out.splitlines()[-1] == "9 passed, 0 failed, 1 skipped"


def test_what_is_wrong_fails(tmp_path, capsys):
    status, records = run(tmp_path, "--cases", DATA / "wrong")
    assert status == 1
    assert {id.removeprefix("wrong/") for id, r in records.items() if r["status"] == "passed"} == {"right"}
    assert "ULP 2 > 1" in records["wrong/one unit too far"]["message"]
    assert "[here]" in records["wrong/a data type that the operator does not take"]["message"]
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 5 failed, 0 skipped"


def test_filter(tmp_path, capsys):
    assert run(tmp_path, "--cases", DATA / "wrong", "--filter", "/right$")[0] == 0
    assert capsys.readouterr().out == "1 passed, 0 failed, 0 skipped\n"


def test_an_engine_that_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr("webnn_mlir.tools.conformance.main.find_spec", lambda name: None if name == "jax" else True)
    assert main(["--cases", str(DATA / "right"), "--engine", "xla"]) == 1
    assert capsys.readouterr().err == (
        "webnn-conformance: error: jax is not installed; pip install 'webnn-mlir[xla]' has it\n"
    )


def test_nothing_is_no_success(tmp_path, capsys):
    assert main(["--cases", str(DATA / "right"), "--filter", "no such case"]) == 1
    assert main(["--cases", str(tmp_path)]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"cases": [{}]}', '{"cases": [null]}', "[" * 100_000, b"\xff\xfe"],
    ids=["empty", "list", "case", "null", "nested", "bytes"],
)
def test_a_file_that_is_no_corpus(tmp_path, capsys, text):
    (tmp_path / "x.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["--cases", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "x.json: error: is not a file of a corpus" in err


def test_api_calls(tmp_path, capsys):
    status, records = run(tmp_path, "--validation", "--kind", "builder", "--cases", DATA / "calls")
    assert status == 1
    messages = {id: r["message"] for id, r in records.items() if (r["status"] == "failed") != id.startswith("wrong")}
    assert messages == {}
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 5 failed, 0 skipped"


def test_lifecycle(tmp_path, capsys):
    """A graph is built, dispatched and read; what a call gives is compared, and so is what it throws."""
    descriptor = {"dict": {"dataType": "int32", "shape": [2], "readable": True, "writable": True}}
    operand = {"dict": {"dataType": "int32", "shape": [2]}}
    made = [
        {"call": "createContext", "on": "ml", "args": [{"dict": {"powerPreference": "low-power"}}], "out": "c0"},
        {"call": "MLGraphBuilder", "args": [{"context": "c0"}], "out": "b0"},
        {"call": "input", "on": "b0", "args": ["x", operand], "out": "v0"},
        {"call": "neg", "on": "b0", "args": [{"operand": "v0"}], "out": "v1"},
        {"call": "build", "on": "b0", "args": [{"dict": {"y": {"operand": "v1"}}}], "out": "g0"},
        {"call": "createTensor", "on": "c0", "args": [descriptor], "out": "t0", "check": [{"readable": True}]},
        {"call": "createTensor", "on": "c0", "args": [descriptor], "out": "t1", "check": [{"constant": False}]},
        {
            "call": "writeTensor",
            "on": "c0",
            "args": [{"tensor": "t0"}, {"typedArray": {"type": "Int32Array", "length": 2, "data": [1, -2]}}],
        },
        {
            "call": "dispatch",
            "on": "c0",
            "args": [{"graph": "g0"}, {"dict": {"x": {"tensor": "t0"}}}, {"dict": {"y": {"tensor": "t1"}}}],
        },
    ]

    def read(*data, **more):
        reads = [{"type": "Int32Array", "data": list(data)}]
        return {"call": "readTensor", "on": "c0", "args": [{"tensor": "t1"}], "reads": reads} | more

    destroyed = [{"call": "destroy", "on": "c0", "args": []}, read(throws="InvalidStateError", reads=None)]
    tests = {
        "right": [*made, read(-1, 2)],
        "right after destroy": [*made, *destroyed],
        "wrong data": [*made, read(-1, 3)],
        "wrong error": [*made, read(throws="TypeError")],
    }
    document = {
        "source": "x",
        "tests": [{"id": i, "file": "x", "name": i, "kind": "lifecycle", "steps": steps} for i, steps in tests.items()],
    }
    (tmp_path / "validation").mkdir()
    (tmp_path / "validation" / "x.json").write_text(json.dumps(document))
    status, records = run(tmp_path, "--validation", "--cases", tmp_path)
    assert status == 1
    assert {i: r["status"] == "passed" for i, r in records.items()} == {i: i.startswith("right") for i in tests}
    assert "read [-1, 2]; expected [-1, 3]" in records["wrong data"]["message"]


def hazardous(batch):
    """Negative numbers kill the process, large ones hang it."""
    for item in batch:
        if item < 0:
            os.abort()
        if item >= 1000:
            time.sleep(60)
    return [(item, "") for item in batch]


def test_a_batch_that_kills_or_hangs_its_process_fails_alone():
    results = {}
    pool = Pool(hazardous, lambda item, message: (item, message), jobs=2, timeout=5)
    pool.run([[1, 2, -3, 4], [5, 1000], [6]], lambda result: results.update([result]))
    assert results.pop(-3) == "crashed with SIGABRT"
    assert results.pop(1000) == "took longer than 5 s"
    assert results == dict.fromkeys([1, 2, 4, 5, 6], "")


def failing(batch):
    raise LookupError("a bug in the runner")


def test_a_bug_in_the_runner_is_raised():
    with pytest.raises(RuntimeError, match="a bug in the runner"):
        Pool(failing, lambda item, message: item, jobs=1, timeout=60).run([[1]], print)
