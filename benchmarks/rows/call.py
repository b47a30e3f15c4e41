"""What a call costs, with a graph that computes next to nothing: compute beside ONNX Runtime's run, and dispatch with
read_tensor, which hands the work to the threads of the device (task) or does it in the call (sync)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from webnn_mlir.runtime import ML, MLContext, MLGraph

from ..row import Array, Contender, Row, Runner, Work

X = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)
Y = np.full((4, 4), 2, np.float32)

Run = Callable[[], Array]


def context_and_graph(device: str) -> tuple[MLContext, MLGraph]:
    context = ML().create_context(device=device)
    b = context.create_graph_builder()
    x = b.input("x", "float32", X.shape)
    return context, b.build({"z": b.add(b.mul(x, b.constant(Y)), x)}, label="tiny")


def computes(device: str) -> Run:
    context, graph = context_and_graph(device)
    return lambda: context.compute(graph, {"x": X})["z"]


def dispatches(device: str) -> Run:
    context, graph = context_and_graph(device)
    x, z = (context.create_tensor(X.shape, "float32", readable=True, writable=True) for _ in range(2))
    context.write_tensor(x, X)

    def run() -> Array:
        context.dispatch(graph, {"x": x}, {"z": z})
        return context.read_tensor(z)

    return run


def prepared(make: Callable[[], Run]) -> Contender:
    def prepare(threads: int) -> Runner:
        run = make()
        return Runner(run, run)

    return prepare


def onnxruntime(threads: int) -> Runner:
    """Through `run`, which takes arrays and gives arrays, as `compute` does."""
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Mul", ["x", "c"], ["y"]), helper.make_node("Add", ["y", "x"], ["z"])]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, X.shape) for name in ("x", "z")]
    graph = helper.make_graph(nodes, "tiny", infos[:1], infos[1:], [numpy_helper.from_array(Y, "c")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    run: Run = lambda: session.run(None, {"x": X})[0]  # noqa: E731
    return Runner(run, run)


def work(make: Callable[[str], Run], device: str) -> Work:
    expected = X.astype(np.float64) * Y + X
    return Work(prepared(partial(make, device)), {"onnxruntime": onnxruntime}, expected, np.ones_like(expected))


ROWS = [
    Row("call", "compute", partial(work, computes, "local-task"), 1e-6, 2.0),
    Row("call", "dispatch-read-sync", partial(work, dispatches, "local-sync"), 1e-6, 10.0),
    Row("call", "dispatch-read-task", partial(work, dispatches, "local-task"), 1e-6, 20.0),
]
