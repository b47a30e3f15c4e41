"""Makes the weights, the inputs and the expected outputs of the examples, with NumPy alone: run it in its folder.

The graphs are written by hand; for each there are `NAME.safetensors`, `NAME.inputs.npz` and `NAME.expected.npz`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
BLOCK = 16

Arrays = dict[str, np.ndarray]


def shapes(rng: np.random.Generator, count: int, size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of circles, squares, crosses and rings, and which each is."""
    kinds = rng.integers(0, 4, count)
    y, x = np.mgrid[:size, :size][:, None] - rng.uniform(size / 2 - 1.5, size / 2 + 0.5, (2, count, 1, 1))
    radius = rng.uniform(size / 4, size / 2.5, (count, 1, 1))
    distance = np.hypot(x, y)
    within = np.maximum(abs(x), abs(y)) < radius
    images = np.select(
        [(kinds == k)[:, None, None] for k in range(4)],
        [distance < radius, within, within & (np.minimum(abs(x), abs(y)) < 0.8), abs(distance - radius) < 0.7],
    )
    return (images + rng.normal(0, 0.1, images.shape)).astype(np.float32), kinds


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def perceptron(images: np.ndarray, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray) -> np.ndarray:
    return softmax(np.maximum(images @ w1 + b1, 0) @ w2 + b2)


def train(rng: np.random.Generator) -> list[np.ndarray]:
    """The two layers' weights and biases, by stochastic gradient descent on the cross entropy."""
    w1, b1 = rng.normal(0, 0.2, (64, 32)), np.zeros(32)
    w2, b2 = rng.normal(0, 0.2, (32, 4)), np.zeros(4)
    for _ in range(1500):
        images, kinds = shapes(rng, 64)
        inputs = images.reshape(64, 64)
        hidden = np.maximum(inputs @ w1 + b1, 0)
        error = (softmax(hidden @ w2 + b2) - np.eye(4)[kinds]) / len(inputs)
        back = error @ w2.T * (hidden > 0)
        for parameter, gradient in [
            (w1, inputs.T @ back), (b1, back.sum(0)), (w2, hidden.T @ error), (b2, error.sum(0))
        ]:
            parameter -= 0.3 * gradient
    return [p.astype(np.float32) for p in (w1, b1, w2, b2)]


def quantize(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """uint4 weights, one a byte, with a scale and a zero point for each block of rows in a column."""
    blocks = weights.reshape(-1, BLOCK, weights.shape[1])
    low, high = np.minimum(blocks.min(1), 0), np.maximum(blocks.max(1), 0)
    scale = ((high - low) / 15).astype(np.float32)
    zero_point = np.rint(-low / scale).astype(np.uint8)
    quantized = np.clip(np.rint(blocks / scale[:, None]) + zero_point[:, None], 0, 15).astype(np.uint8)
    return quantized.reshape(weights.shape), scale, zero_point


def dequantize(quantized: np.ndarray, scale: np.ndarray, zero_point: np.ndarray) -> np.ndarray:
    scale, zero_point = scale.repeat(BLOCK, 0), zero_point.repeat(BLOCK, 0)
    return (quantized.astype(np.float32) - zero_point) * scale


def pack(values: np.ndarray) -> np.ndarray:
    """Two elements a byte, the first in the low half."""
    flat = values.ravel()
    return flat[0::2] | (flat[1::2] << 4)


def edges(images: np.ndarray, filters: np.ndarray) -> Arrays:
    padded = np.pad(images[:, 0], ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    gradient = np.einsum("nyxij,fij->nfyx", windows, filters[:, 0])
    strength = np.sqrt((gradient**2).sum(1, keepdims=True))
    count, _, height, width = strength.shape
    strongest = strength.reshape(count, 1, height // 2, 2, width // 2, 2).max((3, 5)).astype(np.float32)
    return {"strength": strongest, "edges": (strongest > 2).astype(np.uint8)}


def save(name: str, weights: Arrays, inputs: Arrays, expected: Arrays) -> None:
    save_file(weights, HERE / f"{name}.safetensors")
    np.savez(HERE / f"{name}.inputs.npz", **inputs)
    np.savez(HERE / f"{name}.expected.npz", **expected)


def main() -> None:
    rng = np.random.default_rng(2026)
    w1, b1, w2, b2 = train(rng)
    images, kinds = shapes(rng, 8)
    inputs = {"images": images.reshape(8, 64)}

    probabilities = perceptron(inputs["images"], w1, b1, w2, b2)
    assert (probabilities.argmax(1) == kinds).all()
    weights = {"hidden.weight": w1, "hidden.bias": b1, "shapes.weight": w2, "shapes.bias": b2}
    save("mlp", weights, inputs, {"probabilities": probabilities})

    q1, s1, z1 = quantize(w1)
    q2, s2, z2 = quantize(w2)
    probabilities = perceptron(inputs["images"], dequantize(q1, s1, z1), b1, dequantize(q2, s2, z2), b2)
    assert (probabilities.argmax(1) == kinds).all()
    weights = {
        "hidden.weight": pack(q1), "hidden.scale": s1, "hidden.zeroPoint": pack(z1), "hidden.bias": b1,
        "shapes.weight": pack(q2), "shapes.scale": s2, "shapes.zeroPoint": pack(z2), "shapes.bias": b2,
    }
    save("mlp_int4", weights, inputs, {"probabilities": probabilities})

    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
    filters = np.stack([sobel, sobel.T])[:, None]
    images, _ = shapes(rng, 2, 16)
    save("conv", {"sobel": filters}, {"images": images[:, None]}, edges(images[:, None], filters))


if __name__ == "__main__":
    main()
