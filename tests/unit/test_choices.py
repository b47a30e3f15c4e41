"""What is chosen for a module as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from webnn_mlir.compiler import choices, pipeline
from webnn_mlir.compiler.program import from_graph
from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.runtime import compile


def _flags(build: Callable[[GraphBuilder], Any]) -> list[str]:
    builder = GraphBuilder()
    program = from_graph(builder.graph({"y": build(builder)}))
    for passes in pipeline.STAGES.values():
        pipeline.run(program, passes)
    return choices.flags(program)


def _weights(b: GraphBuilder, *shape: int) -> Any:
    return b.constant(np.ones(shape, np.float32))


PACKED = {
    "constant weights": lambda b: b.matmul(b.input("x", "float32", [64, 256]), _weights(b, 256, 256)),
    "one row, constant weights": lambda b: b.matmul(b.input("x", "float32", [1, 256]), _weights(b, 256, 256)),
    "transposed constant weights": lambda b: b.matmul(
        b.input("x", "float32", [1, 256]), b.transpose(_weights(b, 256, 256))
    ),
    "many rows": lambda b: b.matmul(b.input("x", "float32", [128, 256]), b.input("w", "float32", [256, 256])),
    "a convolution": lambda b: b.conv2d(b.input("x", "float32", [1, 16, 32, 32]), _weights(b, 64, 16, 3, 3)),
}
AS_THEY_ARE = {
    "one row, weights as an argument": lambda b: b.matmul(
        b.input("x", "float32", [1, 256]), b.input("w", "float32", [256, 256])
    ),
    "attention to a cache": lambda b: b.matmul(
        b.input("q", "float32", [8, 1, 64]), b.input("k", "float32", [8, 64, 512])
    ),
    "a few multiplications": lambda b: b.matmul(b.input("x", "float32", [1, 96]), _weights(b, 96, 24)),
    "no products": lambda b: b.exp(b.input("x", "float32", [64, 256])),
}


@pytest.mark.parametrize("name", PACKED)
def test_data_tiling_where_it_wins(name: str) -> None:
    assert _flags(PACKED[name]) == ["--iree-opt-data-tiling=true"]


@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_no_data_tiling_where_it_loses(name: str) -> None:
    assert _flags(AS_THEY_ARE[name]) == []


def test_the_whole_module_decides() -> None:
    def build(b: GraphBuilder) -> Any:
        row = b.input("x", "float32", [1, 256])
        for _ in range(8):
            row = b.tanh(b.matmul(row, _weights(b, 256, 256)))
        return b.matmul(row, b.input("w", "float32", [256, 4]))

    assert _flags(build) == ["--iree-opt-data-tiling=true"]


def test_what_fails_with_data_tiling_is_compiled_without() -> None:
    """IREE packs the result of the convolution where it is made, in vectors larger than it allows for AVX-512."""
    random = np.random.default_rng(0)
    x, w, v = (random.normal(size=s).astype(np.float32) for s in ((16, 64, 1, 1), (128, 64, 1, 3), (128, 64)))
    b = GraphBuilder()
    places = b.conv2d(b.input("x", "float32", x.shape), b.constant(w), padding=[0, 0, 1, 1])
    graph = b.graph({"y": b.matmul(b.reshape(b.relu(places), [16, 128]), b.constant(v))})
    expected = np.maximum(x[:, :, 0, 0] @ w[:, :, 0, 1].T, 0) @ v
    np.testing.assert_allclose(compile(graph).run(x=x)["y"], expected, rtol=1e-3, atol=1e-2)
