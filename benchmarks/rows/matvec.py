"""Products in float32: of one row and weights that are given with every call, plain and transposed, or constant; of
many rows and constant weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import GraphBuilder

from ..engines import onnxruntime, openvino, ours, xla
from ..row import CALLING, Array, Row, Work


def webnn_graph(shapes: dict[str, tuple[int, ...]], constant: Array | None, *, turned: bool) -> object:
    b = GraphBuilder()
    w = b.input("w", "float32", shapes["w"]) if constant is None else b.constant(constant)
    rank = len(shapes["w"])
    if turned:
        w = b.transpose(w, permutation=[*range(rank - 2), rank - 1, rank - 2])
    return b.graph({"y": b.matmul(b.input("x", "float32", shapes["x"]), w)})


def onnx_model(shapes: dict[str, tuple[int, ...]], constant: Array | None, *, turned: bool) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    rank = len(shapes["w"])
    permutation = [*range(rank - 2), rank - 1, rank - 2]
    nodes = [helper.make_node("Transpose", ["w"], ["t"], perm=permutation)] if turned else []
    nodes.append(helper.make_node("MatMul", ["x", "t" if turned else "w"], ["y"]))
    given = {name: shape for name, shape in shapes.items() if name == "x" or constant is None}
    graph = helper.make_graph(
        nodes, "product",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in given.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [] if constant is None else [numpy_helper.from_array(constant, "w")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def product(x: Any, w: Any = None, *, constant: Array | None, turned: bool) -> Any:
    """In JAX."""
    w = constant if w is None else w
    return x @ (w.swapaxes(-1, -2) if turned else w)


def work(x_shape: tuple[int, ...], w_shape: tuple[int, ...], *, turned: bool = False, constant: bool = False) -> Work:
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in (x_shape, w_shape))
    wide = x.astype(np.float64), (np.swapaxes(w, -1, -2) if turned else w).astype(np.float64)
    shapes = {"x": x_shape, "w": w_shape}
    inputs = {"x": x} if constant else {"x": x, "w": w}
    held = w if constant else None
    model = onnx_model(shapes, held, turned=turned)
    rivals = {
        "onnxruntime": onnxruntime(model, inputs),
        "openvino": openvino(model, inputs),
        "xla": xla(partial(product, constant=held, turned=turned), inputs),
    }
    graph = webnn_graph(shapes, held, turned=turned)
    return Work(ours(graph, inputs), rivals, wide[0] @ wide[1], np.abs(wide[0]) @ np.abs(wide[1]))


def row_of(name: str, goal: float, x_shape: tuple[int, ...], w_shape: tuple[int, ...], *, turned: bool = False,
           constant: bool = False, tried: str = "") -> Row:  # fmt: skip
    make = partial(work, x_shape, w_shape, turned=turned, constant=constant)
    return Row("matmul" if x_shape[-2] > 1 else "matvec", name, make, 1e-5, goal, tried=tried)


MEMORY_BOUND = """All of it is waiting for memory: 64 MB a run, on a Xeon at 29 GB/s in one thread and 54 in two,
where a loop that only reads has 30 in one; on a Zen 5 at 41 to 49 and 52 to 66, where such a loop has 35 to 44,
whether it reads in one place or in eight, and with prefetching or without. In the kernel tiles of 1 to 8 vectors take
the same there, and prefetching 1 to 16 KB ahead 1 to 35 % longer. On the Xeon prefetching the next rows, or 2 and 8
KB ahead in a row, made it 4 to 8 % slower."""

SHORT_MEMORY_BOUND = f"""12.6 MB a run are 27 GB/s in one thread of a Xeon and 45 to 50 in two, its limit; a Zen 5
keeps them in its third cache. {CALLING}"""

COMPUTE_BOUND = """1.07 GFLOP take a core of a Zen 5 4.5 ms at the 237 to 241 GFLOP/s that it has in a loop of FMAs
alone. Where nothing else runs beside it, ours take 4.4 to 4.7, which is 96 to 98 % of that, and those of ONNX Runtime
and OpenVINO 4.6 to 4.8; in another run ours took 4.5 to 5.1, and theirs up to 6.2. Tiles of 6 rows by 4 vectors
instead of 14 by 2 take 4 % off there, 15 where rows are few more than fit a tile, and panels as deep as the product
another 1. On a Xeon 6.5 ms are 165 GFLOP/s of 215 to 230. There, on data in the first cache, a loop in assembly has
185 to 190 with tiles of 14 rows by 2 vectors, 203 with 9 by 3, 196 with 6 by 4, and 165 with broadcasts inside of
FMAs. In the kernel, tiles of 3 and 4 vectors, panels of 64 to 512, blocks of rows of 1 to 4 MB and rows that are not
copied apart changed nothing or took up to 20 % longer. Two unrolled steps instead of four where sums take 28 of 32
registers, which LLVM kept on the stack, took 12 % off products of a depth up to 512, and a dispatch of at most 64
workgroups, in which the calling thread takes part, 5 % with two threads."""

GIVEN = """Weights that come with a call are put into panels on the stack in each run, which takes a tenth of it; the
rest is as with constant ones. On a Zen 5 the least times are 0.95 to 1.04 of the best rival's."""

ROWS = [
    row_of("512x1024x1024", 0.95, (512, 1024), (1024, 1024), constant=True, tried=COMPUTE_BOUND),
    row_of("384x1000x1000", 1.0, (384, 1000), (1000, 1000), constant=True, tried=COMPUTE_BOUND),
    row_of("few-8x1024x1024", 1.0, (8, 1024), (1024, 1024), constant=True, tried=CALLING),
    row_of("given-512x1024x1024", 1.0, (512, 1024), (1024, 1024), tried=GIVEN),
    row_of("given-512x1024x1024-transposed", 1.0, (512, 1024), (1024, 1024), turned=True, tried=GIVEN),
    row_of("given-8x1024x1024", 1.0, (8, 1024), (1024, 1024)),
    row_of("given-12x128x64x128", 1.0, (12, 128, 64), (12, 64, 128), tried=CALLING),
    row_of("given-4096", 1.0, (1, 4096), (4096, 4096), tried=MEMORY_BOUND),
    row_of("given-4096-transposed", 1.0, (1, 4096), (4096, 4096), turned=True, tried=MEMORY_BOUND),
    row_of("constant-4096", 0.95, (1, 4096), (4096, 4096), constant=True, tried=MEMORY_BOUND),
    row_of("scores-32x96x1024", 1.0, (1, 32, 1, 96), (1, 32, 1024, 96), turned=True, tried=SHORT_MEMORY_BOUND),
    row_of("values-32x1024x96", 1.0, (1, 32, 1, 1024), (1, 32, 1024, 96), tried=SHORT_MEMORY_BOUND),
]
