"""An audio encoder of Whisper's shape, with random weights from a seed.

Two convolutions over the time of a spectrogram, the second with stride 2, sinusoidal positions, and transformer blocks
that normalize first. What follows is no part of Whisper's but of the models around it: the frames in reverse, as a
backward pass takes them, and every second one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from .onnx_graph import OnnxGraph


@dataclass(frozen=True)
class Shape:
    """Whisper's tiny encoder by default: 80 mel bands, 3000 frames of 10 ms."""

    mels: int = 80
    frames: int = 3000
    hidden: int = 384
    heads: int = 6
    layers: int = 4


def model(shape: Shape = Shape(), seed: int = 0) -> onnx.ModelProto:
    """Takes mel, float32[batch, mels, frames]; gives last_hidden_state, float32[batch, frames / 2, hidden], and two
    views of it along the time: reversed, and downsampled to every second frame from the last one on.
    """
    g, rng, hidden = OnnxGraph(), np.random.default_rng(seed), shape.hidden
    mel = g.input("mel", TensorProto.FLOAT, ["batch", shape.mels, shape.frames])

    g.scope = "/encoder"
    x = g.gelu(convolution(g, rng, "conv1", mel, shape.mels, hidden, stride=1))
    x = g.gelu(convolution(g, rng, "conv2", x, hidden, hidden, stride=2))
    x = g.op("Transpose", x, perm=[0, 2, 1])
    length = (shape.frames + 1) // 2
    x = g.op("Add", x, g.weight("encoder.embed_positions.weight", sinusoids(length, hidden)))
    for layer in range(shape.layers):
        x = block(g, rng, f"encoder.layers.{layer}", x, shape)
    x = layer_norm(g, rng, "encoder.layer_norm", x, hidden)

    g.scope = "/views"
    g.output("last_hidden_state", x, TensorProto.FLOAT, ["batch", length, hidden])
    g.output("reversed", backwards(g, x, axis=1, step=1), TensorProto.FLOAT, ["batch", length, hidden])
    half = (length + 1) // 2
    g.output("downsampled", backwards(g, x, axis=1, step=2), TensorProto.FLOAT, ["batch", half, hidden])
    return g.model("audio_encoder")


def inputs(shape: Shape = Shape(), seed: int = 0) -> dict[str, np.ndarray]:
    """Something like a logarithmic spectrogram: bands that come and go."""
    rng = np.random.default_rng(seed)
    time, band = np.arange(shape.frames) / shape.frames, np.arange(shape.mels)[:, None] / shape.mels
    rates, phases = rng.uniform(2, 40, (2, 5)), rng.uniform(0, 6, (2, 5))
    waves = sum(np.cos(r * time + p + s * band + q) for (r, s), (p, q) in zip(rates.T, phases.T, strict=True))
    return {"mel": (waves / 2 + rng.normal(0, 0.2, waves.shape)).astype(np.float32)[None]}


def sinusoids(length: int, channels: int) -> np.ndarray:
    """sin and cos of position · 10000^(-k / (channels / 2 - 1)), side by side: float32[length, channels]."""
    half = channels // 2
    angles = np.arange(length)[:, None] * np.exp(-np.log(10000) * np.arange(half) / (half - 1))
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)


def convolution(
    g: OnnxGraph, rng: np.random.Generator, name: str, x: str, inputs: int, outputs: int, stride: int
) -> str:
    weight = random(g, rng, f"encoder.{name}.weight", (outputs, inputs, 3), np.sqrt(2 / (3 * inputs)))
    bias = random(g, rng, f"encoder.{name}.bias", (outputs,), 0.1)
    return g.op("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride], dilations=[1], group=1)


def block(g: OnnxGraph, rng: np.random.Generator, prefix: str, x: str, shape: Shape) -> str:
    hidden, inner = shape.hidden, 4 * shape.hidden
    g.scope = "/" + prefix.replace(".", "/")
    normal = layer_norm(g, rng, f"{prefix}.self_attn_layer_norm", x, hidden)
    q, k, v = (dense(g, rng, f"{prefix}.self_attn.{name}_proj", normal, hidden, hidden) for name in "qkv")
    attended = g.attention(q, k, v, shape.heads, hidden // shape.heads)
    x = g.op("Add", x, dense(g, rng, f"{prefix}.self_attn.out_proj", attended, hidden, hidden))
    normal = layer_norm(g, rng, f"{prefix}.final_layer_norm", x, hidden)
    widened = g.gelu(dense(g, rng, f"{prefix}.fc1", normal, hidden, inner))
    return g.op("Add", x, dense(g, rng, f"{prefix}.fc2", widened, inner, hidden))


def dense(g: OnnxGraph, rng: np.random.Generator, prefix: str, x: str, inputs: int, outputs: int) -> str:
    weight = random(g, rng, f"{prefix}.weight", (inputs, outputs), np.sqrt(1 / inputs))
    return g.linear(x, weight, random(g, rng, f"{prefix}.bias", (outputs,), 0.1))


def layer_norm(g: OnnxGraph, rng: np.random.Generator, prefix: str, x: str, size: int) -> str:
    scale = g.weight(f"{prefix}.weight", rng.uniform(0.5, 1.5, size).astype(np.float32))
    return g.op("LayerNormalization", x, scale, random(g, rng, f"{prefix}.bias", (size,), 0.1), axis=-1, epsilon=1e-5)


def backwards(g: OnnxGraph, x: str, axis: int, step: int) -> str:
    """x[..., ::-step, ...]: the end lies before the first element, which ONNX says with the least integer."""
    starts, ends = g.constant([-1]), g.constant([np.iinfo(np.int64).min])
    return g.op("Slice", x, starts, ends, g.constant([axis]), g.constant([-step]))


def random(g: OnnxGraph, rng: np.random.Generator, name: str, shape: tuple[int, ...], deviation: float) -> str:
    return g.weight(name, rng.normal(0, deviation, shape).astype(np.float32))
