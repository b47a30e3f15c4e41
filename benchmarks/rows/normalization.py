"""Functions of rows: softmax, layer normalization, gelu, and one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import GraphBuilder

from ..engines import onnxruntime, openvino, ours, xla
from ..row import CALLING, Array, Row, Work

EPSILON = 1e-5


@dataclass(frozen=True)
class Step:
    """A function of x [rows, columns] and, for `layerNormalization`, of scale and bias: in WebNN, as nodes of ONNX
    (operator, operands beside x, attributes), in JAX, and in NumPy."""

    webnn: Callable[[Any, Any, Array, Array], Any]
    onnx: tuple[str, Sequence[str], dict[str, Any]]
    jax: Callable[..., Any]
    numpy: Callable[[Array, Array, Array], Array]


def jax_softmax(x: Any, scale: Array, bias: Array) -> Any:
    import jax

    return jax.nn.softmax(x, axis=-1)


def jax_layer_norm(x: Any, scale: Array, bias: Array) -> Any:
    import jax

    return jax.nn.standardize(x, axis=-1, epsilon=EPSILON) * scale + bias


def jax_gelu(x: Any, scale: Array, bias: Array) -> Any:
    import jax

    return jax.nn.gelu(x, approximate=False)


def numpy_softmax(x: Array, scale: Array, bias: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def numpy_layer_norm(x: Array, scale: Array, bias: Array) -> Array:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON) * scale + bias


def numpy_gelu(x: Array, scale: Array, bias: Array) -> Array:
    return x / 2 * (1 + np.frompyfunc(math.erf, 1, 1)(x / math.sqrt(2)).astype(np.float64))


SOFTMAX = Step(lambda b, x, scale, bias: b.softmax(x, 1), ("Softmax", [], {"axis": -1}), jax_softmax, numpy_softmax)
LAYER_NORM = Step(
    lambda b, x, scale, bias: b.layer_normalization(
        x, scale=b.constant(scale), bias=b.constant(bias), axes=[1], epsilon=EPSILON
    ),
    ("LayerNormalization", ["scale", "bias"], {"axis": -1, "epsilon": EPSILON}),
    jax_layer_norm,
    numpy_layer_norm,
)
GELU = Step(lambda b, x, scale, bias: b.gelu(x), ("Gelu", [], {}), jax_gelu, numpy_gelu)


def onnx_model(steps: Sequence[Step], shape: tuple[int, ...], scale: Array, bias: Array) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    names = ["x", *(f"x{i}" for i in range(1, len(steps))), "y"]
    nodes = [
        helper.make_node(operator, [names[i], *operands], [names[i + 1]], **attributes)
        for i, (operator, operands, attributes) in enumerate(step.onnx for step in steps)
    ]
    graph = helper.make_graph(
        nodes, "rows",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(scale, "scale"), numpy_helper.from_array(bias, "bias")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9).SerializeToString()


def work(steps: Sequence[Step], rows: int, columns: int) -> Work:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    scale, bias = (rng.standard_normal(columns).astype(np.float32) for _ in range(2))
    b = GraphBuilder()
    value, expected = b.input("x", "float32", x.shape), x.astype(np.float64)
    for step in steps:
        value = step.webnn(b, value, scale, bias)
        expected = step.numpy(expected, scale, bias)

    def composed(x: Any) -> Any:
        for step in steps:
            x = step.jax(x, scale, bias)
        return x

    model = onnx_model(steps, x.shape, scale, bias)
    rivals = {
        "onnxruntime": onnxruntime(model, {"x": x}),
        "openvino": openvino(model, {"x": x}),
        "xla": xla(composed, {"x": x}),
    }
    return Work(ours(b.graph({"y": value}), {"x": x}), rivals, expected, np.abs(expected) + np.abs(expected).mean())


def row_of(group: str, steps: Sequence[Step], rows: int, columns: int) -> Row:
    return Row(group, f"{rows}x{columns}", partial(work, steps, rows, columns), 1e-5, 1.0, tried=CALLING)


GROUPS = {
    "softmax": [SOFTMAX],
    "layernorm": [LAYER_NORM],
    "gelu": [GELU],
    "chain": [LAYER_NORM, GELU, SOFTMAX],
}
SIZES = [(128, 4096), (1000, 333)]

ROWS = [row_of(group, steps, *size) for group, steps in GROUPS.items() for size in SIZES]
