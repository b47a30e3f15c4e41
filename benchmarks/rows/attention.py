"""Attention as graphs have it: products, scale, mask and softmax as operators of their own."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import GraphBuilder

from ..engines import onnxruntime, openvino, ours, xla
from ..row import Array, Row, Work

OUTSIDE = -1e4
"""What the mask adds to the scores of a key that is not looked at."""

ONE_OR_ALL = """With two threads, runs under 5 ms are done by one or by both, whichever was faster when they were
tried. Beside other engines' threads, which go on looking for work for some milliseconds after their
last run, the wrong way was taken now and then: in one of four measurements on a Xeon one thread took
358 us where two take 207 (0.78 of the best rival). Since then a way is given up later, and all are tried
again sooner where another one turned out to be faster."""


def webnn_graph(heads: int, queries: int, keys: int, size: int) -> object:
    b = GraphBuilder()
    q = b.input("q", "float32", [1, heads, queries, size])
    k, v = (b.input(name, "float32", [1, heads, keys, size]) for name in "kv")
    scores = b.matmul(q, b.transpose(k, permutation=[0, 1, 3, 2]))
    scores = b.mul(scores, b.constant(np.array(1 / math.sqrt(size), np.float32)))
    scores = b.add(scores, b.input("mask", "float32", [1, 1, 1, keys]))
    return b.graph({"y": b.matmul(b.softmax(scores, 3), v)})


def onnx_model(heads: int, queries: int, keys: int, size: int, *, fused: bool) -> bytes:
    """As operators of their own, or `fused`: as the operator that opset 23 has for them."""
    from onnx import TensorProto, helper, numpy_helper

    scale = numpy_helper.from_array(np.array(1 / math.sqrt(size), np.float32), "scale")
    if fused:
        expand = helper.make_node("Expand", ["mask", "shape"], ["wide"])
        nodes = [expand, helper.make_node("Attention", ["q", "k", "v", "wide"], ["y"])]
        constants = [numpy_helper.from_array(np.array([1, 1, queries, keys]), "shape")]
    else:
        steps = [
            ("Transpose", ["k"], "t", {"perm": [0, 1, 3, 2]}), ("MatMul", ["q", "t"], "products", {}),
            ("Mul", ["products", "scale"], "scaled", {}), ("Add", ["scaled", "mask"], "masked", {}),
            ("Softmax", ["masked"], "weights", {"axis": -1}), ("MatMul", ["weights", "v"], "y", {}),
        ]  # fmt: skip
        nodes = [helper.make_node(op, inputs, [result], **attributes) for op, inputs, result, attributes in steps]
        constants = [scale]
    shapes = {"q": (1, heads, queries, size), "k": (1, heads, keys, size), "v": (1, heads, keys, size)}
    shapes["mask"] = (1, 1, 1, keys)
    graph = helper.make_graph(
        nodes, "attention",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes["q"])], constants,
    )  # fmt: skip
    opset = helper.make_opsetid("", 23 if fused else 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()


def openvino_model(heads: int, queries: int, keys: int, size: int) -> object:
    """With OpenVINO's own operator."""
    import openvino as ov
    from openvino import opset13 as op

    inputs = [op.parameter([1, heads, length, size], np.float32) for length in (queries, keys, keys)]
    inputs.append(op.parameter([1, 1, 1, keys], np.float32))
    for value, name in zip(inputs, ("q", "k", "v", "mask"), strict=True):
        value.output(0).get_tensor().set_names({name})
    return ov.Model([op.scaled_dot_product_attention(*inputs)], inputs)


def attention(q: Any, k: Any, v: Any, mask: Any) -> Any:
    """In JAX."""
    import jax

    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]) + mask
    return jax.nn.softmax(scores, axis=-1) @ v


def expected(q: Array, k: Array, v: Array, mask: Array) -> Array:
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1]) + mask
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ v


def work(heads: int, queries: int, keys: int, size: int) -> Work:
    sizes, rng = (heads, queries, keys, size), np.random.default_rng(0)
    inputs = {name: rng.standard_normal((1, heads, keys if name in "kv" else queries, size)) for name in "qkv"}
    inputs["mask"] = np.zeros((1, 1, 1, keys))
    inputs["mask"][..., keys - keys // 8 :] = OUTSIDE
    inputs = {name: value.astype(np.float32) for name, value in inputs.items()}
    answer = expected(**{name: value.astype(np.float64) for name, value in inputs.items()})
    rivals = {
        "onnxruntime": onnxruntime(onnx_model(*sizes, fused=False), inputs),
        "onnxruntime-attention": onnxruntime(onnx_model(*sizes, fused=True), inputs),
        "openvino": openvino(onnx_model(*sizes, fused=False), inputs),
        "openvino-attention": openvino(partial(openvino_model, *sizes), inputs),
        "xla": xla(attention, inputs),
    }
    return Work(ours(webnn_graph(*sizes), inputs), rivals, answer, np.abs(answer) + np.abs(answer).mean())


def row_of(heads: int, queries: int, keys: int, size: int) -> Row:
    name = f"{heads}x{queries}x{size}" if queries == keys else f"{heads}x{queries}to{keys}x{size}"
    return Row("attention", name, partial(work, heads, queries, keys, size), 1e-5, 1.0, tried=ONE_OR_ALL)


ROWS = [
    row_of(12, 128, 128, 32),
    row_of(16, 512, 512, 64),
    row_of(8, 100, 300, 40),
    row_of(32, 1, 1024, 96),
]
