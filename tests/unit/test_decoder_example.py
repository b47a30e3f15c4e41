"""The decoder that the example writes: ONNX Runtime runs it, and it means the same in every form of its inputs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

for needed in ("onnx", "onnxruntime"):
    pytest.importorskip(needed, reason=f"needs {needed}, of the extras 'onnx' and 'test'")

import onnxruntime  # noqa: E402
from decoder import generate as generating  # noqa: E402
from decoder.make_decoder import Form, Shape, write  # noqa: E402

from webnn_mlir.compiler.frontend.onnx import read_onnx  # noqa: E402
from webnn_mlir.compiler.specialization import Specialization  # noqa: E402

SCRIPT = Path(__file__).parents[2] / "examples" / "decoder" / "make_decoder.py"
SHAPE = Shape()
FORMS = {
    "packed": Form(),
    "separate projections": Form(packed_qkv=False),
    "separate rotation": Form(rotary="separate"),
    "tied": Form(tied=True),
    "window": Form(window=8),
}
LENGTH, PREFILL = 24, 16

Arrays = dict[str, np.ndarray]
Run = Callable[..., Arrays]


class Decoder:
    """A session, and its past of `length` tokens."""

    def __init__(self, path: Path, length: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.past: Arrays = {
            i.name: np.zeros((1, i.shape[1], length, i.shape[3]), np.float32)
            for i in self.session.get_inputs()
            if i.name.startswith("past")
        }
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, ids: np.ndarray, start: int, mask_length: int | None = None) -> np.ndarray:
        """The logits of tokens from the position `start` on."""
        stop = start + ids.shape[1]
        mask = np.arange(mask_length or stop)[None] < stop
        inputs = {"input_ids": ids, "attention_mask": mask.astype(np.int64), **self.past}
        if any(i.name == "position_ids" for i in self.session.get_inputs()):
            inputs["position_ids"] = np.arange(start, stop)[None]
        logits, *present = self.session.run(self.names, inputs)
        self.past = dict(zip(self.past, present, strict=True))
        return logits


def tokens(shape: Shape, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, shape.vocabulary, (1, LENGTH))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("fixed", [False, True], ids=["growing past", "past of fixed length"])
def test_decoding_continues_prefill(form: Form, fixed: bool, tmp_path: Path) -> None:
    path, ids = write(tmp_path, SHAPE, form), tokens(SHAPE)
    expected = Decoder(path)(ids, 0)
    length = SHAPE.max_length if fixed else 0
    decoder = Decoder(path, length)
    logits = [decoder(ids[:, :PREFILL], 0)]
    logits += [decoder(ids[:, t : t + 1], t, length or None) for t in range(PREFILL, LENGTH)]
    np.testing.assert_allclose(np.concatenate(logits, 1), expected, atol=1e-4)
    assert {array.shape[2] for array in decoder.past.values()} == {length or LENGTH}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_compiled_for_a_growing_past(run: Run, form: Form, tmp_path: Path) -> None:
    path, ids = write(tmp_path, SHAPE, form), tokens(SHAPE)
    theirs = Decoder(path)
    past: Arrays = {}
    for start, end in ((0, PREFILL), (PREFILL, PREFILL + 1), (PREFILL + 1, LENGTH)):
        sizes = {"batch_size": 1, "sequence_length": end - start}
        graph = read_onnx(path, Specialization(sizes | {"past_sequence_length": start, "total_sequence_length": end}))
        values = {"input_ids": ids[:, start:end], "position_ids": np.arange(start, end)[None]}
        values |= {"attention_mask": np.ones((1, end), np.int64)} | past
        found = run(graph, {name: values[name] for name in graph.inputs})
        np.testing.assert_allclose(found.pop("logits"), theirs(ids[:, start:end], start), atol=1e-4)
        past = {name.replace("present", "past_key_values"): array for name, array in found.items()}
        for name, array in theirs.past.items():
            np.testing.assert_allclose(past[name], array, atol=1e-4)


@pytest.mark.parametrize("form", [Form(window=8), Form(rotary="separate")], ids=["window", "separate rotation"])
def test_generating_with_a_past_on_the_device(form: Form, tmp_path: Path) -> None:
    path, prompt = write(tmp_path, SHAPE, form), tokens(SHAPE)[0]
    decoder = generating.Decoder(path, tmp_path, max_length=40, prefill=8)
    found, logits = generating.generate(decoder, prompt[:21], 12)
    assert len(found) == 33
    assert generating.difference(path, found, logits) < 1e-5
    for graph in decoder.graphs.values():
        assert {"logits", *graph.aliases} == set(graph.outputs)
    assert {file.name for file in tmp_path.iterdir()} >= {"prefill.vmfb", "decode.vmfb", "weights.irpa"}
    with pytest.raises(ValueError, match="41 tokens are more than the maximum length, 40"):
        list(decoder.feed(prompt[:8]))


def test_activations_keep_their_size_through_many_layers(tmp_path: Path) -> None:
    shape = replace(SHAPE, layers=32)
    logits = Decoder(write(tmp_path, shape))(tokens(shape), 0)
    assert np.isfinite(logits).all()
    assert 2 < logits.std() < 4
    # Each token changes what follows it.
    other = Decoder(tmp_path / "model.onnx")((tokens(shape) + (np.arange(LENGTH) == 0)) % shape.vocabulary, 0)
    assert abs(other - logits)[0].max(-1).min() > 1e-2


def test_weights_are_random_numbers_of_their_seed(tmp_path: Path) -> None:
    def data(folder: str, seed: int = 0) -> bytes:
        return write(tmp_path / folder, SHAPE, seed=seed).with_name("model.onnx.data").read_bytes()

    assert data("a") == data("b")
    assert data("a") != data("b", seed=1)
    ids = tokens(SHAPE)
    # Two forms of the same model: their rotation is the same, wherever it stands.
    forms = Form(packed_qkv=False), Form(rotary="separate")
    logits = [Decoder(write(tmp_path / "c", SHAPE, form))(ids, 0) for form in forms]
    np.testing.assert_allclose(*logits, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"block_size": 24}, "block_size is 24; it must be a power of 2"),
        ({"hidden": 100}, "hidden is 100, no multiple of block_size, 32"),
        ({"kv_heads": 3}, "heads is 4, no multiple of kv_heads, 3"),
        ({"layers": 0}, "layers is 0; it must be positive"),
    ],
)
def test_sizes_that_do_not_fit(changes: dict[str, int], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=problem):
        write(tmp_path, replace(SHAPE, **changes))
    assert not list(tmp_path.iterdir())


def test_the_script(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "-o", str(tmp_path / "made"), "--layers", "1", "--window", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1 layers" in done.stdout
    assert Decoder(tmp_path / "made" / "model.onnx")(tokens(SHAPE), 0).shape == (1, LENGTH, SHAPE.vocabulary)
    failed = subprocess.run([*command, "--hidden", "7"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr.strip() == "make_decoder.py: hidden is 7, no multiple of block_size, 32"
