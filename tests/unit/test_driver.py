"""The driver, its worker and its cache: limits, crashes, damage, and what a second compile takes from the first."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading

import numpy as np
import pytest

from webnn_mlir.compiler import cache as cache_module
from webnn_mlir.compiler import driver
from webnn_mlir.compiler.cache import Cache
from webnn_mlir.compiler.frontend import write_graph
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.compiler.worker import Worker, WorkerError, shared_worker
from webnn_mlir.dialects.webnn import GraphBuilder, GraphError
from webnn_mlir.runtime import compile, load


def graph(scale=2.0):
    builder = GraphBuilder()
    x = builder.input("x", "float32", [8, 8])
    w = builder.constant(np.full((32, 8, 8), scale, np.float32), name="W")
    return builder.graph({"y": builder.reduce_sum(builder.mul(x, w), axes=[0])})


X = np.arange(64, dtype=np.float32).reshape(8, 8)
FAST = {"opt_level": 0}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for files; the cache is its folder `cache`."""
    monkeypatch.setenv(cache_module.ENVIRONMENT, str(tmp_path / "cache"))
    return tmp_path


def entries(folder):
    """Those of artifacts: the records of files lie in a folder of their own."""
    return sorted(p for p in (folder / "cache").iterdir() if p.is_dir() and p.name != "files")


# The cache


def test_a_second_compile_comes_out_of_the_cache(folder):
    first = compile(graph(), **FAST)
    second = compile(graph(), **FAST)
    assert (first.cached, second.cached) == (False, True)
    np.testing.assert_array_equal(first.run(x=X)["y"], X * 64)
    np.testing.assert_array_equal(second.run(x=X)["y"], X * 64)
    files = [c.save(folder / f"{i}.vmfb")[0].read_bytes() for i, c in enumerate((first, second))]
    assert files[0] == files[1]
    assert not compile(graph(), **FAST, cache=False).cached


def test_the_cache_is_private(folder):
    compile(graph(), **FAST)
    [entry] = entries(folder)
    for path in (folder / "cache", entry):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_whatever_changes_the_artifact_changes_the_entry(folder):
    compiles = [
        compile(graph(), **FAST),
        compile(graph(3.0), **FAST),
        compile(graph(), opt_level=1),
        compile(graph(), target_cpu="generic", **FAST),
        compile(graph(), weights="external", **FAST),
        compile(graph(), iree_flags=["--iree-opt-const-eval=false"], **FAST),
    ]
    assert not any(c.cached for c in compiles)
    assert len(entries(folder)) == len(compiles)
    # The bytes of external weights aren't in the artifact: other ones give the same.
    again = compile(graph(5.0), weights="external", **FAST)
    assert again.cached
    np.testing.assert_array_equal(again.run(x=X)["y"], X * 160)


def test_the_path_does_not_change_the_entry(folder):
    for name in ("a", "b"):
        (folder / name).mkdir()
        write_graph(graph(), folder / name / f"{name}.webnn")
    assert not compile(folder / "a/a.webnn", **FAST).cached
    assert compile(folder / "b/b.webnn", **FAST).cached


@pytest.mark.parametrize("name", ["module.vmfb", "answer.json", "digests.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_a_damaged_entry_is_built_again(folder, name, damage):
    compile(graph(), **FAST)
    [entry] = entries(folder)
    path = entry / name
    data = bytearray(path.read_bytes())
    whole = bytes(data)
    data[len(data) // 2] ^= 1
    path.write_bytes(data[: len(data) // 2] if damage == "cut" else data)
    if damage == "remove":
        path.unlink()
    again = compile(graph(), **FAST)
    assert not again.cached
    np.testing.assert_array_equal(again.run(x=X)["y"], X * 64)
    assert path.read_bytes() == whole
    assert compile(graph(), **FAST).cached


def test_an_entry_is_checked_once_for_each_state_of_its_files(folder, monkeypatch):
    compile(graph(), **FAST)
    [entry] = entries(folder)
    cache, digest, checked = Cache(folder / "cache"), cache_module._digest, []
    monkeypatch.setattr(cache_module, "_digest", lambda path: checked.append(path.name) or digest(path))

    def checked_now():
        checked.clear()
        with cache.locked(entry.name):
            assert cache.get(entry.name) == entry
        return sorted(checked)

    assert checked_now() == []
    # As in a copy of the folder: whole, but not the files that were checked.
    os.utime(entry / "module.vmfb", ns=(0, 0))
    assert cache.peek(entry.name) is None
    assert checked_now() == ["answer.json", "module.vmfb"]
    assert checked_now() == []
    (entry / cache_module.CHECKED).write_text("[")
    assert checked_now() == ["answer.json", "module.vmfb"]


def test_an_artifact_stays_when_its_entry_goes(folder):
    compile(graph(), **FAST)
    again = compile(graph(), **FAST)
    shutil.rmtree(folder / "cache")
    assert again.cached
    np.testing.assert_array_equal(again.run(x=X)["y"], X * 64)
    assert again.save(folder / "saved.vmfb") == [folder / "saved.vmfb"]


SCRIPT = """
import sys, webnn_mlir
compiled = webnn_mlir.compile(sys.argv[1], opt_level=0)
compiled.save(sys.argv[2])
print(compiled.cached)
"""


def test_two_processes_at_once_build_once(folder):
    write_graph(graph(), folder / "g.webnn")
    command = [sys.executable, "-c", SCRIPT, folder / "g.webnn"]
    processes = [subprocess.Popen([*command, folder / f"{i}.vmfb"], stdout=subprocess.PIPE) for i in range(2)]
    answers = sorted(process.communicate()[0].decode().strip() for process in processes)
    assert answers == ["False", "True"]
    assert (folder / "0.vmfb").read_bytes() == (folder / "1.vmfb").read_bytes()
    assert len(entries(folder)) == 1


def test_waiting_for_another_process_has_a_limit(folder):
    cache = Cache(folder / "cache")
    with cache.locked("0" * 64), pytest.raises(TimeoutError, match="another process has been compiling"):
        cache.locked("0" * 64, timeout=0.1).__enter__()


def test_a_folder_that_others_may_write_to_is_no_cache(folder):
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(PermissionError, match="others may write"):
        compile(graph(), cache_dir=shared, **FAST)
    assert not list(shared.iterdir())


def test_a_machine_without_a_home_compiles(folder, monkeypatch):
    (folder / "file").write_text("")
    monkeypatch.setenv(cache_module.ENVIRONMENT, str(folder / "file/cache"))
    np.testing.assert_array_equal(compile(graph(), **FAST).run(x=X)["y"], X * 64)
    with pytest.raises(OSError, match="Not a directory"):
        compile(graph(), cache_dir=folder / "file/cache", **FAST)


def test_pruning_takes_the_oldest_entries_and_nothing_else(folder, monkeypatch):
    cache = Cache(folder / "cache")
    other = folder / "cache/thesis"
    other.mkdir()
    (other / "text").write_bytes(bytes(5000))
    keys = [str(i) * 64 for i in range(4)]
    monkeypatch.setattr(cache_module, "MAX_BYTES", 2500)
    for age, key in enumerate(keys[:3]):
        with cache.locked(key):
            entry = cache.put(key, lambda path: (path / "data").write_bytes(bytes(1000)))
        os.utime(entry, (age, age))
        if age == 1:
            # What is in use stays, however old it is.
            in_use = cache.locked(keys[0])
            in_use.__enter__()
    assert [p.name[0] for p in entries(folder)] == ["0", "2", "t"]
    in_use.__exit__(None, None, None)
    with cache.locked(keys[3]):
        cache.put(keys[3], lambda path: (path / "data").write_bytes(bytes(1000)))
    assert [p.name[0] for p in entries(folder)] == ["2", "3", "t"]


def test_an_entry_that_was_not_finished_leaves_nothing(folder):
    cache = Cache(folder / "cache")

    def fail(path):
        (path / "part").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), cache.locked("0" * 64):
        cache.put("0" * 64, fail)
    assert entries(folder) == []
    left = folder / "cache" / ("0" * 64 + ".killed.new")
    left.mkdir()
    with cache.locked("0" * 64):
        cache.put("0" * 64, lambda path: (path / "part").write_text("whole"))
    assert [p.name for p in entries(folder)] == ["0" * 64]


def test_a_graph_goes_on_when_its_cached_artifact_is_cut_short(folder):
    for _ in range(2):
        compiled = compile(graph(), **FAST)
        np.testing.assert_array_equal(compiled.run(x=X)["y"], X * 64)
    [entry] = entries(folder)
    os.truncate(entry / "module.vmfb", 1)
    np.testing.assert_array_equal(compiled.run(x=X)["y"], X * 64)


# Limits and crashes


def slow_graph():
    """What takes IREE seconds."""
    builder = GraphBuilder()
    x = builder.input("x", "float32", [8, 8])
    y = x
    for number in range(150):
        y = builder.reduce_sum(builder.mul(builder.exp(y), y), axes=[number % 2], keep_dimensions=True)
        y = builder.add(x, y)
    return builder.graph({"y": y})


def test_timeout(folder):
    with pytest.raises(WorkerError, match=r"was ended after the time limit of 0\.5 s"):
        compile(slow_graph(), cache=False, timeout=0.5)
    # The next request gets a worker of its own, and not the late answer.
    np.testing.assert_array_equal(compile(graph(), cache=False, **FAST).run(x=X)["y"], X * 64)


def test_max_memory(folder):
    for limit in (2**20, 2**26):
        with pytest.raises(WorkerError, match=f"reached the memory limit of {limit} bytes"):
            compile(slow_graph(), cache=False, max_memory=limit, timeout=60)
    np.testing.assert_array_equal(compile(graph(), cache=False, max_memory=2**33, **FAST).run(x=X)["y"], X * 64)


def test_a_crash_is_caught_and_leaves_a_reproducer(folder):
    reproducer = folder / "crash.mlir"

    def crash(event):
        # After our passes the module goes to IREE; there it dies as by a crash.
        if event.get("name") == "webnn-verify-lowered":
            threading.Timer(0.3, shared_worker()._process.send_signal, [signal.SIGSEGV]).start()

    controls = driver.Controls(use_cache=False, crash_reproducer=reproducer, on_event=crash)
    with pytest.raises(WorkerError, match=r"the compiler crashed \(SIGSEGV\); reproducer written to .*crash\.mlir"):
        driver.compile_source(slow_graph(), CompileOptions(), controls)
    assert "stablehlo.exponential" in reproducer.read_text()
    np.testing.assert_array_equal(compile(graph(), cache=False, **FAST).run(x=X)["y"], X * 64)


def test_after_a_crash_the_compiler_is_more_careful(folder):
    crashes = iter([True])

    def crash(event):
        if event.get("name") == "webnn-verify-lowered" and next(crashes, False):
            threading.Timer(0.3, shared_worker()._process.send_signal, [signal.SIGSEGV]).start()

    controls = driver.Controls(use_cache=False, on_event=crash)
    compilation = driver.compile_source(slow_graph(), CompileOptions(), controls)
    assert "IREE crashed: compiled again, carefully" in [remark.message for remark in compilation.remarks]


def test_a_crash_is_not_blamed_on_what_was_printed_before(folder):
    with pytest.raises(GraphError, match="failed to link"):
        compile(graph(), cache=False, target="wasm32", iree_flags=["--iree-llvmcpu-wasm-linker-path=nowhere"])

    def end(event):
        shared_worker()._process.kill()

    with pytest.raises(WorkerError, match=r"the compiler crashed \(SIGKILL\)") as caught:
        driver.compile_source(slow_graph(), CompileOptions(), driver.Controls(use_cache=False, on_event=end))
    assert "failed to link" not in caught.value.printed


def test_an_unknown_processor_is_no_crash(folder):
    with pytest.raises(ValueError, match="the compiler knows no such target: target_cpu 'abacus'"):
        compile(graph(), cache=False, target_cpu="abacus")


def test_the_worker_imports_nothing_from_the_current_folder(folder, monkeypatch):
    (folder / "json.py").write_text(f"open({str(folder / 'imported')!r}, 'w')\nraise SystemExit(3)\n")
    monkeypatch.chdir(folder)
    worker = Worker()
    text = 'func.func @f() { "webnn.nothing"() : () -> () return }'
    request = {"job": "opt", "source": {"text": text, "file": "x.mlir"}, "passes": ["webnn-verify"]}
    answer = worker.request({**request, "pass_options": {}, "print_after_all": False, "locations": False})
    worker.close()
    assert [d["place"] for d in answer["diagnostics"]] == ["x.mlir:1:18"]
    assert not (folder / "imported").exists()


# Graphs, weights, outputs


def test_external_weights(folder):
    compiled = compile(graph(), weights="external", **FAST)
    np.testing.assert_array_equal(compiled.run(x=X)["y"], X * 64)
    assert [p.name for p in compiled.save(folder / "m.vmfb")] == ["m.vmfb", "m.irpa"]
    artifact = load(folder / "m.vmfb")
    assert list(artifact.signature.parameters) == ["W"]
    np.testing.assert_array_equal(artifact.run(x=X)["y"], X * 64)
    with pytest.raises(OSError, match="No such file or directory"):
        compiled.save(folder / "no/m.vmfb")


def test_weights_go_out_of_the_artifact_above_a_size(folder, monkeypatch):
    monkeypatch.setattr(driver, "EXTERNAL_WEIGHTS_ABOVE", 8191)
    assert list(compile(graph(), **FAST).artifact.signature.parameters) == ["W"]
    monkeypatch.setattr(driver, "EXTERNAL_WEIGHTS_ABOVE", 8192)
    assert list(compile(graph(), **FAST).artifact.signature.parameters) == []


MLIR = """func.func @main(%x: tensor<2xf32> {webnn.name = "x"}) -> (tensor<2xf32> {webnn.name = "y"}) {
  %0 = "webnn.neg"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
"""


def test_mlir_files(folder):
    (folder / "g.mlir").write_text(MLIR)
    compiled = compile(folder / "g.mlir", **FAST)
    assert compiled.run(x=np.array([1, -2], np.float32))["y"].tolist() == [-1, 2]
    assert compile(folder / "g.mlir", **FAST).cached
    assert "stablehlo.negate" in compiled.stablehlo
    assert '"webnn.neg"' in compiled.mlir("webnn")
    with pytest.raises(GraphError, match="has no dynamic dimensions"):
        compile(folder / "g.mlir", dims={"n": 2})


def test_all_errors_at_once(folder):
    nodes = [f'%{i} = "webnn.neg"(%x) {{label = "l{i}"}} : (tensor<2xf32>) -> tensor<3xf32>' for i in range(5)]
    (folder / "g.mlir").write_text(MLIR.replace("  %0", "\n".join([*nodes, "%5"])).replace("return %0", "return %5"))
    with pytest.raises(GraphError) as caught:
        compile(folder / "g.mlir")
    assert [d.label for d in caught.value.diagnostics] == [f"l{i}" for i in range(5)]
    assert all(d.place.startswith(f"{folder}/g.mlir:{i + 2}:") for i, d in enumerate(caught.value.diagnostics))


def test_scratch_files_go_with_what_needs_them(folder, monkeypatch):
    scratch = folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    compiled = compile(graph(), weights="external", **FAST)
    assert len(list(scratch.iterdir())) == 1
    artifact = compiled.artifact
    del compiled
    assert not list(scratch.iterdir())
    np.testing.assert_array_equal(artifact.run(x=X)["y"], X * 64)


def test_a_compile_that_failed_leaves_nothing(folder, monkeypatch):
    scratch = folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with pytest.raises(GraphError, match="option not found"):
        compile(graph(), iree_flags=["--no-such-flag"])
    assert entries(folder) == []
    assert not list(scratch.iterdir())


def test_without_the_compiler_the_extra_is_named(folder):
    code = (
        "import sys; sys.modules['iree.compiler'] = None\n"
        "from webnn_mlir.tools.compile import main; sys.exit(main(['g.mlir']))"
    )
    (folder / "g.mlir").write_text(MLIR)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    message = "compiling needs the extra 'compiler': pip install 'webnn-mlir[compiler]'"
    assert done.stderr == f"webnn-compile: error: {message}\n"
    assert sorted(p.name for p in folder.iterdir()) == ["g.mlir"]


def test_the_tool_writes_whole_files_or_none(folder, capsys, monkeypatch):
    from webnn_mlir.tools.compile import main

    monkeypatch.chdir(folder)
    write_graph(graph(), folder / "g.webnn")
    before = sorted(folder.iterdir())
    (folder / "taken").mkdir()
    for output in ("no/out.vmfb", "taken", "g.webnn"):
        assert main(["g.webnn", "-o", output, "-O0"]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["g.webnn", "-O0", "--iree-flag=--no-such-flag", "-o", "out.vmfb"]) == 1
    assert "option not found" in capsys.readouterr().err
    (folder / "taken").rmdir()
    assert [p for p in sorted(folder.iterdir()) if p.name != "cache"] == before
    assert main(["g.webnn", "-O0", "-o", "out.vmfb", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == {"out.vmfb": (folder / "out.vmfb").stat().st_size}
