"""The time from an ONNX file to its first answer, in a process of its own each: cold, with the compile, and with the
artifact in the cache; beside ONNX Runtime's session and first run. Starting Python and importing is part of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from webnn_mlir.tools.measuring.rounds import Effort

from ..engines import temporary_folder
from ..row import Array, Contender, Row, Runner, Work
from .convnets import SIDE, Onnx, mobilenetv2, picture
from .transformers import in_float64, inputs_of, minilm

PROCESS = Effort(rounds=5, seconds=0, warm=0, least=1)

OURS = """
import os, sys
folder, threads, cache = sys.argv[1:]
os.sched_setaffinity(0, range(int(threads)))
import numpy as np
from webnn_mlir import compile
with np.load(f"{folder}/inputs.npz") as file:
    inputs = dict(file)
shapes = {name: value.shape for name, value in inputs.items()}
options = {"cache_dir": cache} if cache else {"cache": False}
outputs = compile(f"{folder}/model.onnx", opt_level=3, input_shapes=shapes, **options).run(inputs)
np.save(f"{folder}/ours.npy", next(iter(outputs.values())))
"""
ONNXRUNTIME = """
import os, sys
folder, threads, _ = sys.argv[1:]
os.sched_setaffinity(0, range(int(threads)))
import numpy as np
import onnxruntime
with np.load(f"{folder}/inputs.npz") as file:
    inputs = dict(file)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = int(threads), 1
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
np.save(f"{folder}/onnxruntime.npy", session.run(None, inputs)[0])
"""


def process(script: str, folder: Path, answer: str, cache: str = "") -> Contender:
    """A script in a process of its own."""

    def prepare(threads: int) -> Runner:
        command = [sys.executable, "-c", script, str(folder), str(threads), cache]
        # Bytecode is kept as that of an installed package is; the run that checks the answer writes it.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        run = partial(subprocess.run, command, check=True, env=environment)
        return Runner(run, lambda: np.load(folder / answer))

    return prepare


def work(make: Callable[[], tuple[bytes, dict[str, Array]]], *, cached: bool) -> Work:
    model, inputs = make()
    folder = temporary_folder()
    (folder / "model.onnx").write_bytes(model)
    np.savez(folder / "inputs.npz", **inputs)
    wide = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in inputs.items()}
    expected = in_float64(model, wide)
    own = process(OURS, folder, "ours.npy", str(folder / "cache") if cached else "")
    rivals = {"onnxruntime": process(ONNXRUNTIME, folder, "onnxruntime.npy")}
    return Work(own, rivals, expected, np.full_like(expected, np.abs(expected).max()))


def of_minilm() -> tuple[bytes, dict[str, Array]]:
    return minilm(), inputs_of(128)


def of_mobilenet() -> tuple[bytes, dict[str, Array]]:
    net = Onnx()
    mobilenetv2(net)
    return net.model(), {"x": picture(1, 3, SIDE, SIDE)}


MODELS = {"minilm": of_minilm, "mobilenetv2": of_mobilenet}

TRIED = {
    "cold": """With two cores MobileNetV2 takes 2.6 to 3.2 s: Python with NumPy and our imports 0.15, reading 0.15 to
0.2 (beside it the compiler's process starts, which takes 0.35), our passes 0.25, packing included, IREE 2.0 to 2.2,
the first run 0.03; MiniLM 2.2, of it IREE 1.4, a quarter of which is to write the weights, and reading 0.25. Of
IREE's time for MobileNetV2 0.4 s are before there are executables, 0.1 their configuration, 0.4 their lowering and
1.05 LLVM and what is around it, of which a fifth is loop strength reduction. With empty kernels IREE takes 0.7 s, and
0.6 for two small products: three times what ONNX Runtime takes is 0.55 s here, and all but IREE takes 0.5. What
helps: kernels that are only declared until IREE has its executables (a quarter); functions that take a pointer for
each memory instead of five values, and are not inlined where the order of work is decided (17 % of LLVM's time); to
say of each function, not only of those dispatched, that there is nothing to tile (10 %); parsers, validators and
Linalg's classes that are not imported for an ONNX model (0.35 s of a core); an onnx_ir that does not import sympy
(0.25 s); not to verify the module after each of IREE's passes (22 to 32 % of IREE's time); one executable for all
layers of a shape, written once; the worker started before the file is read. Without our kernels IREE takes twice as
long. What does not: routines that come in only after the executables' configuration (4 %), what each stage of a
sequence does as calls of two functions (4 %), -O0 and -O1 instead of -O3 (3 % less), no hoisting and evaluating of
constants (nothing: weights are packed before), LLVM's SLP and loop vectorization or unrolling off (up to 5 %), a
fourth of the unrolled steps (a tenth), indices of outer loops hidden from loop strength reduction (12 % of LLVM's
time less, and as much more for MLIR), routines alike but for their sizes as one (three of 36 are), fewer dialects in
the context, other settings of malloc, no archive around the artifact (0.2 s for MiniLM, but it has the sums that a
damaged one is found by), executables that are not linked to one (twice the time, since the linker is called for
each). Without LLVM's loop strength reduction it is 9 % less, but that is a setting of the process and touches all
code.""",
    "cached": """A hit imports neither declarations nor the worker nor IREE's compiler, asks only for the states of
files, links the artifact instead of copying it and does not sum it up again; digests are computed once for each state
of a file. Of 0.25 s of a core for MiniLM Python with NumPy takes 0.09, IREE's runtime 0.02, our imports and the look-
up 0.03, the device 0.004, the artifact 0.03, the run 0.025 and the end of the process 0.025. Mapping the artifact
would take 0.001, but then who cuts the file short ends the process. NumPy and IREE's runtime, whose import loads all
of their modules, are the largest part that is left.""",
}

ROWS = [
    Row("first", f"{name}-{how}", partial(work, make, cached=how == "cached"), 1e-4, goal, None, TRIED[how], PROCESS)
    for name, make in MODELS.items()
    for how, goal in {"cold": 3.0, "cached": 0.5}.items()
]
