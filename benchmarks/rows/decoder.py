"""A token of a decoder of Phi-3-mini's form with int4 weights, exact, after others.

It is compared with ONNX Runtime in float32, whose logits are what is expected, and with activations in int8, and with
reading as many bytes of memory as the weights of its products have."""

from __future__ import annotations

import math
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.tools.measuring.rounds import Effort

from ..engines import onnxruntime, ours, reading
from ..row import Array, Row, Work
from .transformers import EXAMPLES

PAST = 64
SIZES = {
    "8x1024": {"layers": 8, "hidden": 1024, "heads": 16, "kv_heads": 16, "intermediate": 2720, "vocabulary": 8192},
    "phi-3-mini": {
        "layers": 32, "hidden": 3072, "heads": 32, "kv_heads": 32, "intermediate": 8192, "vocabulary": 32064,
    },
}  # fmt: skip
GOALS = {"level-0": 0.5, "level-4": 1.25, "memory": 1.33}
"""The rivals, with the ratio that is aimed at: ONNX Runtime's accuracy levels, and memory."""

FEW = Effort(rounds=9, seconds=0.5)

STAGES = """With two threads a token of the small decoder is 1.8 to 2.4 ms of some 70 kernels, of 25 us each, between
which the threads wait for each other. It reads its weights at 30 to 38 GB/s, where two threads that only read have
54."""


@cache
def temporary() -> tempfile.TemporaryDirectory[str]:
    """Goes with the process."""
    return tempfile.TemporaryDirectory(prefix="benchmark-")


@cache
def model_of(size: str, accuracy_level: int) -> Path:
    """The ONNX file of a decoder."""
    sys.path.insert(0, str(EXAMPLES / "decoder"))
    import make_decoder

    shape = make_decoder.Shape(**SIZES[size], max_length=2 * PAST)
    folder = Path(temporary().name) / f"{size}-{accuracy_level}"
    written: Path = make_decoder.write(folder, shape, make_decoder.Form(accuracy_level=accuracy_level))
    return written


def inputs_of(size: str) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    of = SIZES[size]
    names = [f"past_key_values.{layer}.{part}" for layer in range(of["layers"]) for part in ("key", "value")]
    shape = (1, of["kv_heads"], PAST, of["hidden"] // of["heads"])
    past = {name: rng.standard_normal(shape).astype(np.float32) for name in names}
    mask = np.ones((1, PAST + 1), np.int64)
    return {"input_ids": rng.integers(0, of["vocabulary"], (1, 1)), "attention_mask": mask, **past}


def weights_of(model: Path) -> int:
    """Bytes of the constants that products with quantized weights read."""
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    of: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
    read = {name for node in graph.node if node.op_type == "MatMulNBits" for name in node.input if name in of}
    itemsize = {name: onnx.helper.tensor_dtype_to_np_dtype(of[name].data_type).itemsize for name in read}
    return sum(math.prod(of[name].dims) * itemsize[name] for name in read)


@cache
def reference(size: str) -> Array:
    runner = onnxruntime(str(model_of(size, 0)), inputs_of(size))(1)
    runner.run()
    return runner.result().astype(np.float64)


def work(size: str, against: str) -> Work:
    model, inputs, expected = model_of(size, 0), inputs_of(size), reference(size)
    dims = {"batch_size": 1, "sequence_length": 1, "past_sequence_length": PAST, "total_sequence_length": PAST + 1}
    if against == "memory":
        rivals, limits = {"memory": reading(weights_of(model))}, ("memory",)
    else:
        level = int(against.removeprefix("level-"))
        rivals, limits = {"onnxruntime": onnxruntime(str(model_of(size, level)), inputs)}, ()
    magnitude = np.full_like(expected, np.abs(expected).max())
    return Work(ours(model, inputs, dims=dims), rivals, expected, magnitude, limits)


ROWS = [
    Row(
        "decoder", f"{size}-{against}", partial(work, size, against), 1e-4, goal, rival_bound=0.1,
        tried=STAGES if size == "8x1024" else "", effort=FEW if size == "phi-3-mini" else None,
    )
    for size in SIZES
    for against, goal in GOALS.items()
]  # fmt: skip
