"""A token of a decoder of Phi-3-mini's form with int4 weights, exact, after others: against ONNX Runtime in float32 and
with activations in int8. The expected logits are those of the former."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..engines import onnxruntime, ours
from ..row import Array, Row, Work
from .transformers import EXAMPLES

PAST = 64


def shaped(layers: int, hidden: int, vocabulary: int) -> Any:
    sys.path.insert(0, str(EXAMPLES / "decoder"))
    import make_decoder

    heads = hidden // 64
    return make_decoder.Shape(
        layers=layers, hidden=hidden, heads=heads, kv_heads=heads, intermediate=hidden * 8 // 3 // 32 * 32,
        vocabulary=vocabulary, max_length=2 * PAST,
    )  # fmt: skip


def inputs_of(shape: Any) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    names = [f"past_key_values.{layer}.{part}" for layer in range(shape.layers) for part in ("key", "value")]
    size = (1, shape.kv_heads, PAST, shape.head_size)
    past = {name: rng.standard_normal(size).astype(np.float32) for name in names}
    mask = np.ones((1, PAST + 1), np.int64)
    return {"input_ids": rng.integers(0, shape.vocabulary, (1, 1)), "attention_mask": mask, **past}


def work(sizes: tuple[int, int, int], accuracy_level: int) -> Work:
    shape = shaped(*sizes)
    import make_decoder

    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    model, rival = (
        make_decoder.write(folder / str(level), shape, make_decoder.Form(accuracy_level=level))
        for level in (0, accuracy_level)
    )
    inputs = inputs_of(shape)
    reference = onnxruntime(str(model), inputs)(1)
    reference.run()
    expected = reference.result().astype(np.float64)
    dims = {"batch_size": 1, "sequence_length": 1, "past_sequence_length": PAST, "total_sequence_length": PAST + 1}
    magnitude = np.full_like(expected, np.abs(expected).max())
    return Work(ours(model, inputs, dims=dims), {"onnxruntime": onnxruntime(str(rival), inputs)}, expected, magnitude)


ROWS = [
    Row("decoder", f"8x1024-level-{level}", partial(work, (8, 1024, 8192), level), 1e-4, goal, rival_bound=0.1)
    for level, goal in ((0, 0.5), (4, 1.25))
]
