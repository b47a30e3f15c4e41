"""Convolutional nets with batch 1: as graphs with the channels last, and from ONNX files, which have them first."""

from __future__ import annotations

import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import GraphBuilder

from ..engines import onnxruntime, openvino, ours, xla
from ..row import Array, Contender, Row, Work
from .transformers import EXAMPLES, in_float64

SIDE = 224
Net = Callable[["Writer"], Any]


class Writer(ABC):
    """Writes a net of the input `x` with random weights, the same whoever writes it."""

    x: Any

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def layer(self, x: Any, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1,
              activation: str = "", gain: float = 2.0) -> Any:  # fmt: skip
        """A convolution that keeps the size of what it is given, but for the stride. Weights are oihw."""
        shape = (outputs, inputs // groups, kernel, kernel)
        w = self.rng.normal(0, np.sqrt(gain / np.prod(shape[1:])), shape).astype(np.float32)
        bias = self.rng.normal(0, 0.1, outputs).astype(np.float32)
        return self.activate(self.convolve(x, w, bias, stride, groups), activation)

    def classify(self, x: Any, inputs: int, outputs: int = 1000) -> Any:
        w = self.rng.normal(0, 1 / np.sqrt(inputs), (inputs, outputs)).astype(np.float32)
        return self.finish(x, w)

    @abstractmethod
    def convolve(self, x: Any, w: Array, bias: Array, stride: int, groups: int) -> Any: ...

    @abstractmethod
    def activate(self, x: Any, name: str) -> Any:
        """`relu`, `relu6`, or nothing."""

    @abstractmethod
    def add(self, a: Any, b: Any) -> Any: ...

    @abstractmethod
    def pool(self, x: Any) -> Any:
        """The greatest of 3x3, every other place."""

    @abstractmethod
    def finish(self, x: Any, w: Array) -> Any:
        """The mean of all places, times w."""


class Webnn(Writer):
    def __init__(self) -> None:
        super().__init__()
        self.b = GraphBuilder()
        self.x = self.b.input("x", "float32", [1, SIDE, SIDE, 3])

    def convolve(self, x: Any, w: Array, bias: Array, stride: int, groups: int) -> Any:
        # The places of w are those of an ohwi filter, and of an ihwo one where each channel has its own.
        layout, order = ("ihwo", (1, 2, 3, 0)) if groups > 1 else ("ohwi", (0, 2, 3, 1))
        filters = self.b.constant(np.ascontiguousarray(w.transpose(order)))
        return self.b.conv2d(
            x, filters, bias=self.b.constant(bias), padding=[w.shape[2] // 2] * 4, strides=[stride] * 2,
            groups=groups, input_layout="nhwc", filter_layout=layout,
        )  # fmt: skip

    def activate(self, x: Any, name: str) -> Any:
        if name == "relu6":
            return self.b.clamp(x, min_value=0, max_value=6)
        return self.b.relu(x) if name else x

    def add(self, a: Any, b: Any) -> Any:
        return self.b.add(a, b)

    def pool(self, x: Any) -> Any:
        return self.b.max_pool2d(x, window_dimensions=[3, 3], padding=[1] * 4, strides=[2, 2], layout="nhwc")

    def finish(self, x: Any, w: Array) -> Any:
        mean = self.b.reduce_mean(x, axes=[1, 2])
        return self.b.matmul(mean, self.b.constant(w))


class Onnx(Writer):
    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.x = "x"

    def node(self, kind: str, *operands: str | Array, **attributes: Any) -> str:
        from onnx import helper, numpy_helper

        names = []
        for operand in operands:
            if not isinstance(operand, str):
                self.arrays.append(numpy_helper.from_array(operand, f"w{len(self.arrays)}"))
                operand = self.arrays[-1].name
            names.append(operand)
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [name], **attributes))
        return name

    def convolve(self, x: Any, w: Array, bias: Array, stride: int, groups: int) -> Any:
        pads = [w.shape[2] // 2] * 4
        return self.node("Conv", x, w, bias, pads=pads, strides=[stride] * 2, group=groups)

    def activate(self, x: Any, name: str) -> Any:
        if name == "relu6":
            return self.node("Clip", x, np.array(0, np.float32), np.array(6, np.float32))
        return self.node("Relu", x) if name else x

    def add(self, a: Any, b: Any) -> Any:
        return self.node("Add", a, b)

    def pool(self, x: Any) -> Any:
        return self.node("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2])

    def finish(self, x: Any, w: Array) -> Any:
        return self.node("MatMul", self.node("Flatten", self.node("GlobalAveragePool", x)), w)

    def model(self) -> bytes:
        from onnx import TensorProto, helper

        self.nodes[-1].output[0] = "y"
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1000])
        graph = helper.make_graph(self.nodes, "net", [x], [y], self.arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        return bytes(model.SerializeToString())


class Jax(Writer):
    def __init__(self, x: Any) -> None:
        super().__init__()
        self.x = x

    def convolve(self, x: Any, w: Array, bias: Array, stride: int, groups: int) -> Any:
        from jax import lax

        y = lax.conv_general_dilated(
            x, w.transpose(2, 3, 1, 0), (stride, stride), [(w.shape[2] // 2,) * 2] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
        )  # fmt: skip
        return y + bias

    def activate(self, x: Any, name: str) -> Any:
        import jax.numpy as jnp

        return jnp.clip(x, 0, 6 if name == "relu6" else None) if name else x

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def pool(self, x: Any) -> Any:
        from jax import lax

        padding = ((0, 0), (1, 1), (1, 1), (0, 0))
        return lax.reduce_window(x, -np.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), padding)

    def finish(self, x: Any, w: Array) -> Any:
        return x.mean((1, 2)) @ w


def mobilenetv2(net: Writer) -> Any:
    """https://arxiv.org/abs/1801.04381, table 2"""
    x, channels = net.layer(net.x, 3, 32, 3, 2, activation="relu6"), 32
    for expansion, outputs, repeat, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                               (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):  # fmt: skip
        for number in range(repeat):
            wide, first = channels * expansion, x
            if expansion > 1:
                x = net.layer(x, channels, wide, activation="relu6")
            x = net.layer(x, wide, wide, 3, 1 if number else stride, wide, activation="relu6")
            x = net.layer(x, wide, outputs, gain=1.0)
            x, channels = net.add(first, x) if number else x, outputs
    return net.classify(net.layer(x, channels, 1280, activation="relu6"), 1280)


def resnet50(net: Writer) -> Any:
    """https://arxiv.org/abs/1512.03385, table 1, strides in the 3x3 convolutions"""
    x, channels = net.pool(net.layer(net.x, 3, 64, 7, 2, activation="relu")), 64
    for stage, repeat in enumerate((3, 4, 6, 3)):
        inner, outputs = 64 << stage, 256 << stage
        for number in range(repeat):
            stride = 2 if stage and not number else 1
            first = x if number else net.layer(x, channels, outputs, 1, stride, gain=1.0)
            x = net.layer(x, channels, inner, activation="relu")
            x = net.layer(x, inner, inner, 3, stride, activation="relu")
            x = net.activate(net.add(net.layer(x, inner, outputs, gain=0.3), first), "relu")
            channels = outputs
    return net.classify(x, channels)


def picture(*shape: int) -> Array:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def from_file(model: bytes, inputs: dict[str, Array]) -> Contender:
    """Ours, of an ONNX model."""

    def prepare(threads: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.onnx"
            path.write_bytes(model)
            return ours(path, inputs, input_shapes={name: value.shape for name, value in inputs.items()})(threads)

    return prepare


Reference = Callable[[bytes, dict[str, Array]], Array]


def work(
    model: bytes, inputs: dict[str, Array], own: Contender | None = None, reference: Reference | None = None,
    **others: Contender,
) -> Work:  # fmt: skip
    """What an ONNX model computes; `own` where another form of it is ours."""
    rivals = {"onnxruntime": onnxruntime(model, inputs), "openvino": openvino(model, inputs), **others}
    expected = (reference or in_double)(model, inputs)
    magnitude = np.full_like(expected, np.abs(expected).max())
    return Work(own or from_file(model, inputs), rivals, expected, magnitude)


def as_written(model: bytes, inputs: dict[str, Array]) -> Array:
    """ONNX Runtime's answer without optimizations: ONNX's own evaluator is wrong about an operator of PP-OCR, and takes
    means and variances from the input where batch normalizations are of opset 9."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL, 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0], np.float64)


def in_double(model: bytes, inputs: dict[str, Array]) -> Array:
    return in_float64(model, {name: value.astype(np.float64) for name, value in inputs.items()})


def of_net(net: Net, *, last: bool) -> Work:
    """A net as a graph with the channels last, or from a file."""
    onnx, x = Onnx(), picture(1, 3, SIDE, SIDE)
    net(onnx)
    if not last:
        return work(onnx.model(), {"x": x})
    webnn = Webnn()
    graph = webnn.b.graph({"y": net(webnn)})
    inputs = {"x": np.ascontiguousarray(x.transpose(0, 2, 3, 1))}
    return work(onnx.model(), {"x": x}, ours(graph, inputs), xla=xla(lambda x: net(Jax(x)), inputs))


def examples(module: str) -> Any:
    """A module of the example that has models."""
    sys.path.insert(0, str(EXAMPLES))
    return __import__(f"models.{module}", fromlist=["models"])


def of_case(name: str) -> Work:
    """A model of the example that has models."""
    case = examples("cases").case(name)
    with tempfile.TemporaryDirectory() as folder:
        model = case.make(Path(folder)).read_bytes()
    return work(model, case.inputs()[0], reference=as_written)


def ppocr(kind: str, height: int, width: int) -> Work:
    model, x = examples("ocr").model(kind).read_bytes(), picture(1, 3, height, width)
    return work(model, {"x": x}, reference=as_written)


def row_of(name: str, make: Callable[[], Work], goal: float = 1.0, bound: float = 1e-4) -> Row:
    return Row("convnets", name, make, bound, goal)


ROWS = [
    row_of("mobilenetv2", partial(of_net, mobilenetv2, last=True)),
    row_of("mobilenetv2-nchw", partial(of_net, mobilenetv2, last=False)),
    row_of("resnet50", partial(of_net, resnet50, last=True)),
    # From the onnx package; batch normalizations are ops of their own.
    row_of("resnet50-nchw", partial(of_case, "light resnet50")),
    *(row_of(name, partial(of_case, f"light {name}")) for name in ("densenet121", "shufflenet", "squeezenet")),
    row_of("ppocr-detection", partial(ppocr, "detection", 640, 640), 1.1, 1e-3),
    row_of("ppocr-recognition", partial(ppocr, "recognition", 48, 320), 1.1, 1e-3),
]
