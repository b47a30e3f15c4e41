"""Every target: what is compiled for it, and what runs where this machine has a device for it."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import webnn_mlir
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.dialects.targets import TARGET_NAMES
from webnn_mlir.dialects.webnn import GraphBuilder, GraphError
from webnn_mlir.runtime.devices import choose, present
from webnn_mlir.tools.conformance.engines import IreeEngine
from webnn_mlir.tools.devices import main as list_devices
from webnn_mlir.tools.run import main as run_tool

SHAPE = [4, 6]
RUNS = [
    "cpu",
    "vmvx",
    pytest.param("vulkan", marks=pytest.mark.skipif(not present("vulkan"), reason="no Vulkan driver is installed")),
]


def graph():
    """A graph of more than one dispatch, with weights."""
    builder = GraphBuilder()
    x = builder.input("x", "float32", SHAPE)
    weights = np.linspace(-1, 1, 48, dtype=np.float32).reshape(6, 8)
    hidden = builder.sigmoid(builder.matmul(x, builder.constant(weights)))
    return builder.graph({"y": builder.softmax(hidden, 1)})


def expected(x):
    weights = np.linspace(-1, 1, 48).reshape(6, 8)
    e = np.exp(1 / (1 + np.exp(-x.astype(np.float64) @ weights)))
    return e / e.sum(axis=1, keepdims=True)


def members(path):
    return subprocess.run(["unzip", "-p", path], capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("target", "options", "contents"),
    [
        ("cuda", {}, b".target sm_80"),
        ("cuda", {"cuda_arch": "sm_89"}, b".target sm_89"),
        ("metal", {}, b"#include <metal_stdlib>"),
        ("metal", {"metal_platform": "ios"}, b"#include <metal_stdlib>"),
        ("vulkan", {}, b"vulkan"),
        ("vulkan", {"vulkan_target": "rdna3"}, b"vulkan"),
        ("vmvx", {}, b"vmvx"),
        ("cpu", {"target_triple": "aarch64-linux-gnu"}, b"embedded_elf_arm_64"),
        ("cpu,vulkan,cuda", {}, b".target sm_80"),
    ],
)
def test_compiles(tmp_path, target, options, contents):
    path = tmp_path / "graph.vmfb"
    webnn_mlir.compile(graph(), target, cache=False, **options).save(path)
    listing = subprocess.run(["unzip", "-l", path], capture_output=True, check=True).stdout
    assert contents in listing + members(path)


def test_a_module_of_web_assembly(tmp_path):
    path = tmp_path / "graph.vmfb"
    # There is no library of C's to link, whose maximum IREE's own softmax calls.
    webnn_mlir.compile(graph(), "wasm32", cache=False).save(path)
    assert b"\0asm\1\0\0\0" in members(path)


@pytest.mark.parametrize("target", RUNS)
def test_runs(target):
    x = np.random.default_rng(0).uniform(-2, 2, SHAPE).astype(np.float32)
    run = IreeEngine((("target", target),)).load({"main": graph()}, constant_folding=True)
    np.testing.assert_allclose(run("main", {"x": x})["y"], expected(x), rtol=1e-5)


@pytest.mark.parametrize("target", RUNS)
def test_elementary_functions_everywhere(target):
    """Sine, cosine, tangent and power keep their digits where there is no float64, over all of float32."""
    size = 2048
    random = np.random.default_rng(0)
    builder = GraphBuilder()
    x, y = builder.input("x", "float32", [size]), builder.input("y", "float32", [size])
    outputs = {name: getattr(builder, name)(x) for name in ("sin", "cos", "tan", "round_even")}
    program = builder.graph({**outputs, "pow": builder.pow(x, y)})
    run = IreeEngine((("target", target),)).load({"main": program}, constant_folding=False)
    x = np.exp(random.uniform(-80, 88, size)) * random.choice([-1, 1], size)
    x[:9] = [0, -0.0, np.inf, -np.inf, np.nan, np.pi / 2, 1.5, 2.5, 16367173 * 2.0**72]
    x[9:400] = random.uniform(-1e5, 1e5, 391)
    x, y = x.astype(np.float32), np.rint(random.uniform(-4, 4, size)).astype(np.float32)
    with np.errstate(all="ignore"):
        # NumPy's own are right to a unit of float64 in all of this range.
        wide = x.astype(np.float64)
        wanted = {"sin": np.sin(wide), "cos": np.cos(wide), "tan": np.tan(wide), "round_even": np.rint(wide)}
        wanted["pow"] = np.power(wide, y)
        wanted = {name: value.astype(np.float32) for name, value in wanted.items()}
    results = run("main", {"x": x, "y": y})
    for name, value in wanted.items():
        normal = ~(np.abs(value) < np.finfo(np.float32).tiny)
        np.testing.assert_allclose(results[name][normal], value[normal], rtol=8e-7, err_msg=name)


@pytest.mark.parametrize("target", RUNS[::2])
def test_sums_of_what_is_widened(target):
    """Of what is converted from fewer bits and moved on the way, with sizes that are no multiple of a tile."""
    random = np.random.default_rng(0)
    x, half = random.uniform(-2, 2, (30, 40)).astype(np.float32), random.uniform(-2, 2, (50, 40)).astype(np.float16)
    byte, image = random.integers(-128, 127, (300, 40), dtype=np.int8), random.uniform(-2, 2, (1, 8, 12, 12))
    filters = random.uniform(-2, 2, (16, 3, 3, 8)).astype(np.float16)
    inputs = {"x": x, "half": half, "byte": byte, "image": image.astype(np.float16), "filters": filters}
    b = GraphBuilder()
    given = {name: b.input(name, str(array.dtype), array.shape) for name, array in inputs.items()}
    scale, zero = b.constant(np.full((1, 1), 0.1, np.float32)), b.constant(np.ones((1, 1), np.int8))
    graph = b.graph(
        {
            "halves": b.matmul(b.cast(given["x"], "float16"), b.transpose(given["half"])),
            "bytes": b.matmul(given["x"], b.transpose(b.dequantize_linear(given["byte"], scale, zero))),
            "conv": b.conv2d(given["image"], given["filters"], filter_layout="ohwi"),
            "norm": b.layer_normalization(b.add(given["half"], given["half"]), axes=[1]),
        }
    )
    results = IreeEngine((("target", target),)).load({"main": graph}, constant_folding=False)("main", inputs)
    halves = x.astype(np.float16).astype(np.float32) @ half.T.astype(np.float32)
    np.testing.assert_allclose(results["halves"], halves, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(results["bytes"], x @ (0.1 * (byte.T.astype(np.float32) - 1)), rtol=1e-4, atol=1e-3)
    windows = np.lib.stride_tricks.sliding_window_view(inputs["image"].astype(np.float32), (3, 3), axis=(2, 3))
    conv = np.einsum("nchwij,oijc->nohw", windows, filters.astype(np.float32))
    twice = 2 * half.astype(np.float32)
    norm = (twice - twice.mean(1, keepdims=True)) / np.sqrt(twice.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(results["norm"], norm, rtol=1e-2, atol=2e-3)
    np.testing.assert_allclose(results["conv"], conv, rtol=1e-3, atol=2e-2)


LEVELS = "x86-64-v4,x86-64-v3,generic"

RUN = """
import sys
sys.path[:0] = sys.argv[3:]
import numpy as np, webnn_mlir
x = np.linspace(-2, 2, 24, dtype=np.float32).reshape(4, 6)
webnn_mlir.load(sys.argv[1], device="local-sync").run(x=x)["y"].tofile(sys.argv[2])
"""


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="qemu-x86_64 is not there")
def test_the_code_for_the_processor_is_taken(tmp_path):
    """Each processor's code rounds sums in its own way, and a processor that lacks an instruction stops at it."""

    def result(target_cpu, processor):
        path, out = tmp_path / f"{target_cpu}.vmfb", tmp_path / "y"
        if not path.exists():
            webnn_mlir.compile(graph(), target_cpu=target_cpu, cache=False).save(path)
        python, places = os.path.realpath(sys.executable), [p for p in sys.path if Path(p).is_dir()]
        command = ["qemu-x86_64", "-cpu", processor, python, "-S", "-c", RUN, path, out, *places]
        # What NumPy multiplies matrices with takes code for AVX on a Nehalem whose maker is the host's, AMD.
        environment = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem"}
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env=environment)
        return out.read_bytes()

    generic = result(LEVELS, "Nehalem")
    assert result(LEVELS, "Haswell") == result("x86-64-v3", "Haswell") != generic == result("generic", "Haswell")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the processors are x86-64's")
def test_code_for_several_processors_beside_other_devices(tmp_path):
    path = tmp_path / "graph.vmfb"
    webnn_mlir.compile(graph(), "cpu,cuda", target_cpu=LEVELS, cache=False).save(path)
    assert b".target sm_80" in members(path)
    x = np.linspace(-2, 2, 4 * 6, dtype=np.float32).reshape(4, 6)
    np.testing.assert_allclose(webnn_mlir.load(path, device="cpu").run(x=x)["y"], expected(x), rtol=1e-5)


def test_float16_is_outside_of_vmvx():
    builder = GraphBuilder()
    x = builder.input("x", "float16", [2])
    with pytest.raises(GraphError, match="float16 is not to be had on vmvx"):
        webnn_mlir.compile(builder.graph({"y": builder.exp(x)}), "vmvx", cache=False)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"target": "abacus"}, "target 'abacus' must be one of cpu, vulkan, cuda, metal, vmvx, wasm32"),
        ({"target": "cpu,,vulkan"}, "target '' must be one of"),
        ({"target": "cpu,cpu"}, "target 'cpu,cpu' names one twice"),
        ({"target": "cpu,wasm32"}, "have one compiler, which makes code for one"),
        ({"target_cpu": "znver4,generic"}, "'znver4' is none of x86-64-v4, x86-64-v3, x86-64-v2, generic"),
        ({"target_cpu": "x86-64-v3,x86-64-v4,generic"}, "the best comes first, and none twice"),
        ({"target_cpu": "x86-64-v4,x86-64-v3"}, "must end with generic"),
        ({"target_cpu": LEVELS, "target_triple": "aarch64-linux-gnu"}, "these are no processors of aarch64-linux-gnu"),
        ({"target_cpu": LEVELS, "target": "cpu,vmvx"}, "vmvx has one device with cpu"),
        ({"metal_platform": "beos"}, "metal_platform 'beos' must be one of"),
    ],
)
def test_options(options, rule):
    with pytest.raises(ValueError, match=rule):
        CompileOptions(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"target_cpu": "abacus"},
        {"target_triple": "abacus-unknown"},
        {"target": "vulkan", "vulkan_target": "abacus"},
        {"target": "cuda", "cuda_arch": "sm_999"},
    ],
)
def test_a_target_that_the_compiler_does_not_know(options):
    name, value = list(options.items())[-1]
    with pytest.raises(ValueError, match=f"the compiler knows no such target: {name} '{value}'"):
        webnn_mlir.compile(graph(), cache=False, **options)


def test_choosing_a_device():
    assert choose(["cpu"]) == ("cpu", "local-task")
    assert choose(["cuda", "cpu"], "cpu") == ("cpu", "local-task")
    assert choose(["vmvx", "cpu"], "local-sync") == ("cpu", "local-sync")
    with pytest.raises(ValueError, match="has no code for 'metal'; it has code for: vulkan, cuda"):
        choose(["vulkan", "cuda"], "metal")
    with pytest.raises(ValueError, match="no device of this runtime runs code for wasm32"):
        choose(["wasm32"])
    if not present("metal"):
        assert choose(["metal", "vmvx"]) == ("vmvx", "local-task")
        with pytest.raises(ValueError, match="no device is present for metal"):
            choose(["metal"])


def test_a_saved_artifact_takes_the_best_device_or_the_one_asked_for(tmp_path, capsys):
    path = tmp_path / "graph.vmfb"
    webnn_mlir.compile(graph(), "cpu,vulkan,cuda", cache=False).save(path)
    x = np.random.default_rng(0).uniform(-2, 2, SHAPE).astype(np.float32)
    for device in [None, "cpu", *(["vulkan"] if present("vulkan") else [])]:
        artifact = webnn_mlir.load(path, device=device)
        assert device in (None, artifact.target)
        np.testing.assert_allclose(artifact.run(x=x)["y"], expected(x), rtol=1e-5)
    if not present("cuda"):
        with pytest.raises(ValueError, match="no device is present for cuda"):
            webnn_mlir.load(path, device="cuda")
    np.savez(tmp_path / "x.npz", x=x)
    assert run_tool([str(path), "--inputs", str(tmp_path / "x.npz"), "--device", "local-sync"]) == 0
    assert capsys.readouterr().err == "runs on cpu (local-sync)\n"


def test_devices(capsys):
    assert list_devices([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(TARGET_NAMES)
    assert "vmvx:   default (local-task), default (local-sync); without float16" in lines
    assert list_devices(["--json", "--verbose"]) == 0
    entries = {entry["target"]: entry for entry in json.loads(capsys.readouterr().out)}
    limits = entries["vmvx"]["opSupportLimits"]
    assert limits["exp"]["input"]["dataTypes"] == ["float32"]
    assert "float16" in entries["cpu"]["opSupportLimits"]["exp"]["input"]["dataTypes"]


emulated = pytest.mark.skipif(
    "WEBNN_AARCH64_RUNTIME" not in os.environ, reason="WEBNN_AARCH64_RUNTIME names no folder of IREE's runtime for it"
)


def run_emulated(folder, x, *options):
    """IREE's own program for aarch64 runs the folder's artifact, under an emulator."""
    runtime, system = Path(os.environ["WEBNN_AARCH64_RUNTIME"]), "/usr/aarch64-linux-gnu"
    np.save(folder / "x.npy", x)
    subprocess.run(
        [
            "qemu-aarch64", "-L", system, "-E", f"LD_LIBRARY_PATH={runtime / 'iree_base_runtime.libs'}:{system}/lib",
            runtime / "iree/_runtime_libs/iree-run-module", f"--module={folder / 'graph.vmfb'}", "--function=main",
            f"--input=@{folder / 'x.npy'}", f"--output=@{folder / 'y.npy'}", *options,
        ],
        check=True,
    )  # fmt: skip
    return np.load(folder / "y.npy")


@emulated
def test_an_artifact_for_another_processor_runs_on_it(tmp_path):
    webnn_mlir.compile(graph(), target_triple="aarch64-linux-gnu", cache=False).save(tmp_path / "graph.vmfb")
    x = np.random.default_rng(0).uniform(-2, 2, SHAPE).astype(np.float32)
    y = run_emulated(tmp_path, x, "--device=local-sync")
    np.testing.assert_allclose(y, expected(x), rtol=1e-5)
    with pytest.raises(ValueError, match="its code is for arm_64, another machine"):
        webnn_mlir.load(tmp_path / "graph.vmfb")


@emulated
def test_kernels_for_another_processor_run_on_it(tmp_path):
    """A sequence of them, with three threads."""
    rng, b = np.random.default_rng(0), GraphBuilder()
    x = rng.random((64, 256), np.float32)
    w = (rng.random((256, 256), np.float32) - 0.5) / 16
    y = b.input("x", "float32", x.shape)
    for _ in range(3):
        y = b.softmax(b.relu(b.matmul(y, b.constant(w))), 1)
        x = np.maximum(x.astype(np.float64) @ w, 0)
        x = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    webnn_mlir.compile(
        b.graph({"y": y}), target_triple="aarch64-linux-gnu", target_cpu="cortex-a76", opt_level=3, cache=False
    ).save(tmp_path / "graph.vmfb")
    assert b"sequence_0" in (tmp_path / "graph.vmfb").read_bytes()
    given = np.random.default_rng(0).random((64, 256), np.float32)
    y = run_emulated(tmp_path, given, "--device=local-task", "--task_topology_group_count=3")
    np.testing.assert_allclose(y, x, rtol=1e-5)
