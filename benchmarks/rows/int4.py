"""Products of float32 rows and weights of 4 bits, quantized in blocks: one row, few and many."""

from __future__ import annotations

from functools import partial

import numpy as np

from webnn_mlir.dialects.webnn import Descriptor, GraphBuilder

from ..engines import onnxruntime, openvino, ours
from ..row import CALLING, Array, Row, Work

EXACT, DYNAMIC = 1e-5, 2e-2


class Weights:
    """Random weights [columns, depth] with a scale and a zero point for each block."""

    def __init__(self, depth: int, columns: int, block: int):
        rng = np.random.default_rng(0)
        self.depth, self.columns, self.block, self.blocks = depth, columns, block, depth // block
        self.steps = rng.integers(0, 16, (columns, self.blocks, block), dtype=np.uint8)
        self.scales = (rng.random((columns, self.blocks), np.float32) + 0.1) / 64
        self.zeros = rng.integers(0, 16, (columns, self.blocks), dtype=np.uint8)

    def values(self) -> Array:
        steps = self.steps.astype(np.float64) - self.zeros[:, :, None]
        return (steps * self.scales[:, :, None]).reshape(self.columns, self.depth)


SEVERAL = """128 rows by 4096x4096 weights are 4.3 GFLOP. Exact, 20 ms on a Zen 5 are nine tenths of what a core can
do in a loop of FMAs alone, and 27 on a Xeon three quarters. On the Xeon the ratio of medians with two threads was
0.90, 0.92, 0.92, 0.97 and 0.99 in five runs of all rows, that of least times 0.87 to 0.93. With int8 activations the
Zen 5 was at 1.03 and 1.04 with two threads in runs of this row alone, and at 1.00 and 1.01 of the least times, where
one thread is at 0.92."""


def packed(elements: Array) -> Array:
    return np.ascontiguousarray(elements[..., 0::2] | elements[..., 1::2] << 4)


def webnn_graph(weights: Weights, rows: int) -> object:
    b = GraphBuilder()
    scales, zeros = weights.scales[:, :, None], weights.zeros[:, :, None]
    constants = [("uint4", weights.steps), ("float32", scales), ("uint4", zeros)]
    operands = [b.constant(Descriptor.of(t, v.shape), v) for t, v in constants]
    w = b.reshape(b.dequantize_linear(*operands), [weights.columns, weights.depth])
    x = b.input("x", "float32", [rows, weights.depth])
    return b.graph({"y": b.matmul(x, b.transpose(w, permutation=[1, 0]))})


def onnx_model(weights: Weights, rows: int, accuracy_level: int) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    arrays = {"q": packed(weights.steps), "s": weights.scales.reshape(-1), "z": packed(weights.zeros).reshape(-1)}
    node = helper.make_node(
        "MatMulNBits", ["x", *arrays], ["y"], domain="com.microsoft", K=weights.depth, N=weights.columns, bits=4,
        block_size=weights.block, accuracy_level=accuracy_level,
    )  # fmt: skip
    graph = helper.make_graph(
        [node], "int4",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, weights.depth])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, weights.columns])],
        [numpy_helper.from_array(v, k) for k, v in arrays.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def openvino_model(weights: Weights, rows: int) -> object:
    import openvino as ov
    from openvino import opset13 as op

    def nibbles(elements: Array) -> object:
        tensor = ov.Tensor(ov.Type.u4, ov.Shape(elements.shape))
        tensor.data[:] = packed(elements.reshape(1, -1)).reshape(tensor.data.shape)
        return op.convert(op.constant(tensor), "f32")

    x = op.parameter([rows, weights.depth], np.float32)
    x.output(0).get_tensor().set_names({"x"})
    steps = op.subtract(nibbles(weights.steps), nibbles(weights.zeros[:, :, None]))
    scaled = op.multiply(steps, op.constant(weights.scales[:, :, None]))
    w = op.reshape(scaled, [weights.columns, weights.depth], False)
    return ov.Model([op.matmul(x, w, False, True)], [x])


def work(rows: int, depth: int, columns: int, block: int, *, dynamic: bool = False, outliers: bool = False) -> Work:
    weights = Weights(depth, columns, block)
    x = np.random.default_rng(1).standard_normal((rows, depth)).astype(np.float32)
    if outliers:
        x[:, ::block] *= 1000
    wide, values = x.astype(np.float64), weights.values()
    expected, magnitude = wide @ values.T, np.abs(wide) @ np.abs(values).T
    rivals = {
        "onnxruntime": onnxruntime(onnx_model(weights, rows, 4 if dynamic else 0), {"x": x}),
        "openvino": openvino(
            partial(openvino_model, weights, rows), {"x": x}, DYNAMIC_QUANTIZATION_GROUP_SIZE=block if dynamic else 0
        ),
    }
    accuracy = "dynamic" if dynamic else "exact"
    return Work(ours(webnn_graph(weights, rows), {"x": x}, accuracy=accuracy), rivals, expected, magnitude)


NEAR_MEMORY = """An exact product of one row reads 9 to 11 MB. A thread of a Xeon reads 30 GB/s at most, so they take it
300 to 360 us; with four digits the product took 360 to 420. A Zen 5 has them in its third cache, which gives a thread
80 GB/s, and the instructions count: 24 dot products for three digits of a block of 32, and 20 others, take 190 us, and
in two threads 110; four digits took 230 and 130. What three digits leave of one element in seventy is multiplied in
float32, for 8 us. Two groups of columns that share the loads of digits took a tenth less there, and twice as long where
weights come from memory. Bringing weights to the first cache 8 KB ahead took 10 % off on a Xeon with blocks of 32 and
nothing with 128; on a Zen 5 it adds 10 % where they are in the third cache, and takes off 25 % where they are not.
Products of 16 bits take as many instructions. """


def rows_of(name: str, goal: float, rows: int, block: int, *, size: tuple[int, int] = (4096, 4096),
            dynamic: bool = False, outliers: bool = False) -> Row:  # fmt: skip
    make = partial(work, rows, *size, block, dynamic=dynamic, outliers=outliers)
    tried = ("" if dynamic else NEAR_MEMORY) + CALLING if rows == 1 else SEVERAL
    return Row("int4", name, make, DYNAMIC if dynamic else EXACT, goal, tried=tried)


ROWS = [
    rows_of("one-exact-32", 0.35, 1, 32),
    rows_of("one-exact-128", 0.3, 1, 128),
    rows_of("one-dynamic-32", 0.95, 1, 32, dynamic=True),
    rows_of("one-dynamic-128", 1.0, 1, 128, dynamic=True),
    rows_of("many-exact-32", 0.95, 128, 32),
    rows_of("many-dynamic-32", 1.0, 128, 32, dynamic=True),
    rows_of("four-exact-32", 1.0, 4, 32),
    rows_of("eight-exact-32", 1.0, 8, 32),
    rows_of("four-dynamic-32", 1.0, 4, 32, dynamic=True),
    rows_of("one-exact-32-outliers", 1.0, 1, 32, outliers=True),
    rows_of("one-exact-32-odd", 1.0, 1, 32, size=(2880, 5000)),
    rows_of("many-exact-32-odd", 1.0, 100, 32, size=(2880, 5000)),
]
