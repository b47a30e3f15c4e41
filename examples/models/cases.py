"""What is compared with ONNX Runtime: models, inputs, and answers that a person would look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from decoder import make_decoder

from . import encoder, light, minilm, ocr, speech

Arrays = dict[str, np.ndarray]
Run = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class Case:
    """A model: `make(folder)` gives its file, written into the folder where it is generated.

    `inputs` are several sets of inputs of the same shapes. `constants` are inputs that are fixed when the model is
    compiled. `answer` makes something to be equal of runs, which `says` names. `large` are those whose weights take
    hundreds of megabytes, or whose compile takes long.
    """

    name: str
    make: Callable[[Path], Path]
    inputs: Callable[[], list[Arrays]]
    constants: dict[str, int] = field(default_factory=dict)
    answer: Callable[[Run], object] | None = None
    says: str = ""
    large: bool = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: array.shape for name, array in self.inputs()[0].items()}


SENTENCES = [
    "A cat sits on the mat.",
    "A kitten is lying on a rug.",
    "Stock prices fell sharply today.",
    "The market lost a lot of its value.",
]
LINES = [("HELLO WORLD", False), ("12:45 to Berlin", False), ("Total 78.90", True), ("x = a + b * 7", True)]


def case(name: str) -> Case:
    return next(found for found in cases(huge=True) if found.name == name)


def cases(huge: bool = False) -> list[Case]:
    """All of them, the packages' first. Nothing is fetched or made before it is asked for."""
    return [
        Case("MiniLM-L6", lambda _: minilm.model(), sentence_inputs, answer=nearest, says="neighbours"),
        Case("PP-OCRv4 detection", lambda _: ocr.model("detection"), page_inputs, answer=found_boxes, says="boxes"),
        Case("PP-OCR classification", lambda _: ocr.model("classification"), partial(line_inputs, ocr.CLASSIFIED),
             answer=directions, says="directions"),
        Case("PP-OCRv4 recognition", lambda _: ocr.model("recognition"), partial(line_inputs, ocr.WIDTHS[0]),
             answer=texts, says="text"),
        *speech_cases(),
        *(light_case(name) for name in light.NAMES),
        Case("audio encoder", partial(written, "audio_encoder", encoder.model),
             lambda: [encoder.inputs(seed=seed) for seed in range(2)]),
        *decoder_cases("small", make_decoder.Shape()),
        *decoder_cases("medium", MEDIUM),
        *(decoder_cases("Phi-3-mini", make_decoder.PHI3_MINI) if huge else ()),
    ]  # fmt: skip


def written(name: str, make: Callable[[], onnx.ModelProto], folder: Path) -> Path:
    path = folder / f"{name}.onnx"
    onnx.save(make(), path)
    return path


def sentence_inputs() -> list[Arrays]:
    return [minilm.tokens(minilm.tokenizer(), SENTENCES)]


def nearest(run: Run) -> list[int]:
    """The sentence that is most like each."""
    embeddings = run(sentence_inputs()[0])["sentence_embedding"]
    return (embeddings @ embeddings.T - 2 * np.eye(len(embeddings))).argmax(1).tolist()


def page_inputs() -> list[Arrays]:
    return [{"x": ocr.normalized(ocr.sample()[0])}]


def found_boxes(run: Run) -> list[list[int]]:
    [probabilities] = run(page_inputs()[0]).values()
    return [box.corners.round().astype(int).ravel().tolist() for box in ocr.boxes(probabilities[0, 0], np.ones(2))]


def line_inputs(width: int) -> list[Arrays]:
    return [{"x": ocr.line_pixels(ocr.line_of_text(*line), width)} for line in LINES]


def directions(run: Run) -> list[bool]:
    return [bool(only(run(line))[0, 1] > ocr.UPSIDE_DOWN) for line in line_inputs(ocr.CLASSIFIED)]


def texts(run: Run) -> list[str]:
    upright = [{"x": ocr.line_pixels(ocr.line_of_text(text), ocr.WIDTHS[0])} for text, _ in LINES]
    return [ocr.decode(only(run(line))[0], ocr.characters())[0] for line in upright]


def only(outputs: Arrays) -> np.ndarray:
    [output] = outputs.values()
    return output


def light_case(name: str) -> Case:
    inputs = partial(light.inputs, name, count=3)
    large = name not in ("resnet50", "squeezenet")
    return Case(
        f"light {name}", partial(written, name, partial(light.model, name)), inputs, answer=partial(labels, inputs),
        says="labels", large=large,
    )  # fmt: skip


def labels(inputs: Callable[[], list[Arrays]], run: Run) -> list[int]:
    return [int(only(run(entry)).argmax()) for entry in inputs()]


MEDIUM = make_decoder.Shape(layers=8, hidden=512, heads=8, kv_heads=4, intermediate=1408, vocabulary=8192)


def decoder_cases(name: str, shape: make_decoder.Shape) -> Iterator[Case]:
    """Several tokens at once, and one, each after others: with random weights, tokens are numbers."""
    for part, tokens in (("prefill", 16), ("decode", 1)):
        inputs = partial(token_inputs, shape, tokens)
        yield Case(
            f"decoder {name} {part}", partial(make_decoder.write, shape=shape), inputs,
            answer=partial(next_tokens, inputs), says="next token", large=shape != make_decoder.Shape(),
        )  # fmt: skip


def token_inputs(shape: make_decoder.Shape, tokens: int, past: int = 16) -> list[Arrays]:
    rng = np.random.default_rng(0)
    values = [
        rng.normal(size=(1, shape.kv_heads, past, shape.head_size)).astype(np.float32) for _ in range(2 * shape.layers)
    ]
    names = [f"past_key_values.{layer}.{part}" for layer in range(shape.layers) for part in ("key", "value")]
    mask = np.ones((1, past + tokens), np.int64)
    return [
        {"input_ids": rng.integers(0, shape.vocabulary, (1, tokens)), "attention_mask": mask,
         **dict(zip(names, values, strict=True))}
        for _ in range(2)
    ]  # fmt: skip


def next_tokens(inputs: Callable[[], list[Arrays]], run: Run) -> list[int]:
    return [int(run(entry)["logits"][0, -1].argmax()) for entry in inputs()]


def speech_cases() -> Iterator[Case]:
    rates = {
        "silero_vad": (16000, 8000), "silero_vad_16k_op15": (16000,), "silero_vad_op18_ifless": (16000, 8000),
        "silero_vad_half": (None,), "silero_vad_openvino_16k": (None,),
    }  # fmt: skip
    for variant, constants in rates.items():
        for rate in constants:
            name = f"{variant} {rate // 1000} kHz" if rate else variant
            fixed = {"sr": rate} if rate else {}
            inputs, answer = (partial(make, rate or speech.RATE) for make in (window_inputs, segments))
            yield Case(name, partial(speech_model, variant), inputs, fixed, answer, "segments")
    yield Case(
        "silero_vad_16k_sequence", partial(speech_model, "silero_vad_16k_sequence"), sequence_inputs,
        answer=sequence_segments, says="segments",
    )  # fmt: skip


def speech_model(variant: str, _: Path) -> Path:
    return speech.model(variant)


def sound(rate: int) -> np.ndarray:
    return speech.resampled(speech.babble(), speech.RATE, rate)


def window_inputs(rate: int) -> list[Arrays]:
    rng = np.random.default_rng(0)
    windows = speech.windows(sound(rate), rate)[40:80:13]
    return [{"input": w[None], "state": rng.normal(0, 0.3, (2, 1, 128)).astype(np.float32)} for w in windows]


def segments(rate: int, run: Run) -> list[speech.Segment]:
    return speech.segments(speech.probabilities(run, sound(rate), rate))


def sequence_inputs() -> list[Arrays]:
    zeros = np.zeros((1, 1, 128), np.float32)
    return [{"input": speech.windows(sound(speech.RATE)), "h": zeros, "c": zeros}]


def sequence_segments(run: Run) -> list[speech.Segment]:
    return speech.segments(run(sequence_inputs()[0])["speech_probs"])
