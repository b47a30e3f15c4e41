"""Small graphs, each the way an exporter writes a well-known model, in the opsets that it is met in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from models.onnx_graph import OnnxGraph
from onnx import TensorProto, helper, parser

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
Arrays = dict[str, np.ndarray]
Build = Callable[["Exported"], Arrays]

MODELS: list[tuple[Build, int, float]] = []
"""Function, opset and tolerance."""


class Exported(OnnxGraph):
    """A graph with random weights."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(7)

    def random(self, *shape: int, deviation: float | None = None) -> str:
        """A weight; by default so that products with it keep their size."""
        deviation = deviation or 1 / np.sqrt(np.prod(shape[1:]) if len(shape) > 2 else shape[0])
        return self.weight(f"w{len(self.initializers)}", self.array(*shape) * np.float32(deviation))

    def array(self, *shape: int) -> np.ndarray:
        return self.rng.normal(size=shape).astype(np.float32)

    def conv(self, x: str, inputs: int, outputs: int, size: int = 3, *, groups: int = 1, **attributes: object) -> str:
        weight = self.random(outputs, inputs // groups, size, size)
        attributes = attributes if "auto_pad" in attributes else {"pads": [size // 2] * 4, **attributes}
        return self.op("Conv", x, weight, self.random(outputs, deviation=0.1), group=groups, **attributes)

    def norm(self, x: str, channels: int) -> str:
        positive = self.weight(f"w{len(self.initializers)}", self.rng.uniform(0.5, 1.5, channels).astype(np.float32))
        return self.op(
            "BatchNormalization", x, self.random(channels, deviation=1), self.random(channels, deviation=1),
            self.random(channels, deviation=1), positive, epsilon=1e-3,
        )  # fmt: skip

    def layer_norm(self, x: str, size: int) -> str:
        """Before opset 17, in which LayerNormalization came."""
        centered = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1]))
        squares = self.op("Pow", centered, self.constant(2, np.float32))
        variance = self.op("Add", self.op("ReduceMean", squares, axes=[-1]), self.constant(1e-5, np.float32))
        normal = self.op("Div", centered, self.op("Sqrt", variance))
        return self.op("Add", self.op("Mul", normal, self.random(size, deviation=1)), self.random(size, deviation=1))

    def silu(self, x: str) -> str:
        return self.op("Mul", x, self.op("Sigmoid", x))


def model(*opsets: int, tolerance: float = 1e-4) -> Callable[[Build], Build]:
    """Registers a model under opsets. Its function adds inputs, nodes and outputs, and returns the inputs' arrays."""

    def register(build: Build) -> Build:
        MODELS.extend((build, opset, tolerance) for opset in opsets)
        return build

    return register


@model(7, 9)
def perceptron_with_a_dynamic_batch(g: Exported) -> Arrays:
    x = g.input("x", FLOAT, ["batch", 3, 4, 4])
    x = g.op("Flatten", x)
    x = g.op("Relu", g.op("Gemm", x, g.random(16, 48), g.random(16), transB=1, alpha=0.5, beta=2.0))
    x = g.op("Gemm", x, g.random(16, 5), g.random(5))
    g.output("y", g.op("Softmax", x, axis=1), FLOAT, ["batch", 5])
    return {"x": g.array(6, 3, 4, 4)}


@model(9, 10, 12)
def residual_net(g: Exported) -> Arrays:
    x = g.input("x", FLOAT, [1, 3, 31, 31])
    x = g.op("Relu", g.norm(g.conv(x, 3, 8, 7, strides=[2, 2]), 8))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    branch = g.norm(g.conv(g.op("Relu", g.norm(g.conv(x, 8, 16, strides=[2, 2]), 16)), 16, 16), 16)
    shortcut = g.norm(g.conv(x, 8, 16, 1, strides=[2, 2]), 16)
    x = g.op("Relu", g.op("Add", branch, shortcut))
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    g.output("y", g.op("Gemm", x, g.random(7, 16), g.random(7), transB=1), FLOAT, [1, 7])
    return {"x": g.array(1, 3, 31, 31)}


@model(13, 15)
def mobile_net_of_tensorflow(g: Exported) -> Arrays:
    """NHWC outside, transposed by the exporter; padding SAME, ReLU6, a depthwise convolution."""
    x = g.op("Transpose", g.input("x", FLOAT, ["unk__1", 29, 29, 3]), perm=[0, 3, 1, 2])
    limits = g.constant(0, np.float32), g.constant(6, np.float32)
    x = g.op("Clip", g.norm(g.conv(x, 3, 8, auto_pad="SAME_UPPER", strides=[2, 2]), 8), *limits)
    x = g.op("Clip", g.conv(x, 8, 8, groups=8, auto_pad="SAME_LOWER", strides=[2, 2]), *limits)
    x = g.op("AveragePool", x, kernel_shape=[2, 2], auto_pad="SAME_UPPER", strides=[2, 2])
    x = g.op("Squeeze", g.op("ReduceMean", x, axes=[2, 3], keepdims=1), g.constant([2, 3]))
    shape = g.op("Concat", g.size(x, 0), g.constant([2]), g.constant([-1]), axis=0)
    x = g.op("Reshape", g.op("MatMul", x, g.random(8, 10)), shape)
    g.output("y", g.op("Transpose", g.op("Softmax", x), perm=[0, 2, 1]), FLOAT, [None, 5, 2])
    return {"x": g.array(2, 29, 29, 3)}


@model(14, 18)
def mobile_net_v3(g: Exported) -> Arrays:
    x = g.input("x", FLOAT, [1, 3, 24, 24])
    x = g.op("HardSwish", g.conv(x, 3, 16, strides=[2, 2]))
    squeezed = g.op("Relu", g.conv(g.op("GlobalAveragePool", x), 16, 4, 1))
    x = g.op("Mul", x, g.op("HardSigmoid", g.conv(squeezed, 4, 16, 1), alpha=1 / 6, beta=0.5))
    x = g.conv(x, 16, 16, groups=16, dilations=[2, 2], pads=[2, 2, 2, 2])
    x = g.op("PRelu", x, g.random(16, 1, 1, deviation=1))
    g.output("y", g.op("GlobalMaxPool", x), FLOAT, [1, 16, 1, 1])
    return {"x": g.array(1, 3, 24, 24)}


@model(11, 17)
def u_net(g: Exported) -> Arrays:
    """Skips joined after a transposed convolution, and after a resize whose sizes are computed."""
    x = g.input("x", FLOAT, [1, 3, "height", "width"])
    top = g.op("LeakyRelu", g.norm(g.conv(x, 3, 8), 8), alpha=0.1)
    middle = g.op("Elu", g.conv(g.op("MaxPool", top, kernel_shape=[2, 2], strides=[2, 2]), 8, 12), alpha=0.7)
    low = g.conv(g.op("AveragePool", middle, kernel_shape=[2, 2], strides=[2, 2]), 12, 16)
    up = g.op("ConvTranspose", low, g.random(16, 12, 2, 2), g.random(12), kernel_shape=[2, 2], strides=[2, 2])
    low = g.conv(g.op("Concat", up, middle, axis=1), 24, 8)
    channels = g.op("Slice", g.op("Shape", low), g.constant([0]), g.constant([2]), g.constant([0]))
    sizes = g.op("Slice", g.op("Shape", top), g.constant([2]), g.constant([4]), g.constant([0]))
    sizes = g.op("Concat", channels, sizes, axis=0)
    options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    up = g.op("Resize", low, g.constant([], np.float32), g.constant([], np.float32), sizes, **options)
    x = g.op("InstanceNormalization", g.conv(g.op("Add", up, top), 8, 4), g.random(4), g.random(4))
    g.output("y", g.op("Sigmoid", x), FLOAT, [1, 4, "height", "width"])
    return {"x": g.array(1, 3, 16, 24)}


@model(13, 19)
def yolo(g: Exported) -> Arrays:
    """Pyramid pooling, nearest upsampling, and a head with the expectation over 16 bins of each side of a box."""
    x = g.input("images", FLOAT, [1, 3, 32, 32])
    fine = g.silu(g.conv(x, 3, 16, strides=[2, 2]))
    x = g.silu(g.conv(fine, 16, 16, strides=[2, 2]))
    pools = [x]
    for _ in range(3):
        pools.append(g.op("MaxPool", pools[-1], kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2]))
    x = g.silu(g.conv(g.op("Concat", *pools, axis=1), 64, 16, 1))
    options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    x = g.op("Resize", x, "", g.constant([1, 1, 2, 2], np.float32), **options)
    x = g.conv(g.op("Concat", x, fine, axis=1), 32, 64 + 3, 1)
    x = g.op("Reshape", x, g.constant([1, 67, -1]))
    parts = g.op("Split", x, g.constant([64, 3]), outputs=2, axis=1)
    bins, classes = parts, parts.removesuffix("0") + "1"
    bins = g.op("Transpose", g.op("Reshape", bins, g.constant([1, 4, 16, 256])), perm=[0, 2, 1, 3])
    expected = g.weight("bins", np.arange(16, dtype=np.float32).reshape(1, 16, 1, 1))
    sides = g.op("Reshape", g.op("Conv", g.op("Softmax", bins, axis=1), expected), g.constant([1, 4, 256]))
    low = g.op("Slice", sides, g.constant([0]), g.constant([2]), g.constant([1]))
    high = g.op("Slice", sides, g.constant([2]), g.constant([4]), g.constant([1]))
    centre = g.op("Div", g.op("Add", low, high), g.constant(2, np.float32))
    boxes = g.op("Concat", centre, g.op("Sub", high, low), g.op("Sigmoid", classes), axis=1)
    g.output("output0", boxes, FLOAT, [1, 7, 256])
    g.output("kinds", g.op("ArgMax", classes, axis=1, keepdims=0), INT64, [1, 256])
    return {"images": g.array(1, 3, 32, 32)}


@model(14, 17)
def vision_transformer(g: Exported) -> Arrays:
    x = g.input("x", FLOAT, ["batch", 3, 16, 16])
    x = g.conv(x, 3, 24, 4, strides=[4, 4], pads=[0, 0, 0, 0])
    shape = g.op("Concat", g.op("Slice", g.op("Shape", x), g.constant([0]), g.constant([2])), g.constant([-1]), axis=0)
    x = g.op("Transpose", g.op("Reshape", x, shape), perm=[0, 2, 1])
    token_shape = g.op("Concat", g.size(x, 0), g.constant([-1]), g.constant([-1]), axis=0)
    ones = g.op("ConstantOfShape", g.constant([3]), value=helper.make_tensor("one", INT64, [1], [1]))
    negative = g.op("Equal", token_shape, g.op("Mul", ones, g.constant(-1)))
    token = g.op("Expand", g.random(1, 1, 24), g.op("Where", negative, ones, token_shape))
    x = g.op("Add", g.op("Concat", token, x, axis=1), g.random(1, 17, 24))
    normal = g.layer_norm(x, 24)
    q, k, v = (g.linear(normal, g.random(24, 24), g.random(24)) for _ in range(3))
    x = g.op("Add", g.attention(q, k, v, 3, 8), x)
    x = g.gelu(g.linear(g.layer_norm(x, 24), g.random(24, 48), g.random(48)))
    g.output("y", g.op("Gather", x, g.constant(0), axis=1), FLOAT, ["batch", 48])
    return {"x": g.array(2, 3, 16, 16)}


@model(13)
def gpt2_with_past(g: Exported) -> Arrays:
    """The causal mask is cut out of a constant triangle by the lengths of past and present."""
    ids = g.input("input_ids", INT64, ["batch", "sequence"])
    past = g.input("past", FLOAT, [2, "batch", 2, "past", 8])
    before = g.op("Unsqueeze", g.op("Gather", g.op("Shape", past), g.constant(-2)), g.constant([0]))
    after = g.op("Add", before, g.size(ids, 1))
    scalars = (g.op("Squeeze", value, g.constant([0])) for value in (before, after))
    positions = g.op("Unsqueeze", g.op("Range", *scalars, g.constant(1)), g.constant([0]))
    x = g.op("Add", g.op("Gather", g.random(50, 16), ids), g.op("Gather", g.random(32, 16), positions))

    qkv = g.linear(g.layer_norm(x, 16), g.random(16, 48), g.random(48))
    first = g.op("Split", qkv, g.constant([16, 16, 16]), outputs=3, axis=2)
    q, k, v = (g.heads(first.removesuffix("0") + str(n), 2, 8, [0, 2, 1, 3]) for n in range(3))
    k = g.op("Concat", g.op("Gather", past, g.constant(0), axis=0), k, axis=-2)
    v = g.op("Concat", g.op("Gather", past, g.constant(1), axis=0), v, axis=-2)
    scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.op("Div", scores, g.constant(np.sqrt(8), np.float32))
    triangle = g.weight("triangle", np.tril(np.ones((1, 1, 32, 32), bool)))
    rows = g.op("Slice", triangle, before, after, g.constant([2]), g.constant([1]))
    seen = g.op("Slice", rows, g.constant([0]), after, g.constant([3]), g.constant([1]))
    scores = g.op("Where", seen, scores, g.constant(np.finfo(np.float32).min, np.float32))
    context = g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    outer = g.op("Slice", g.op("Shape", context), g.constant([0]), g.constant([-2]))
    shape = g.op("Concat", outer, g.constant([-1]), axis=0)
    x = g.op("Add", x, g.linear(g.op("Reshape", context, shape), g.random(16, 16), g.random(16)))
    g.output("logits", g.op("MatMul", x, g.random(16, 50)), FLOAT, ["batch", "sequence", 50])
    present = g.op("Concat", g.op("Unsqueeze", k, g.constant([0])), g.op("Unsqueeze", v, g.constant([0])), axis=0)
    g.output("present", present, FLOAT, [2, "batch", 2, "total", 8])
    return {"input_ids": g.rng.integers(0, 50, (2, 3)), "past": g.array(2, 2, 2, 4, 8)}


@model(14, 18)
def decoder_mask_by_ranges(g: Exported) -> Arrays:
    """A causal mask joined with one of padding: Range, Unsqueeze, Less, Expand, Where, as decoders compute it."""
    mask = g.input("attention_mask", INT64, ["batch", "sequence"])
    scores = g.input("scores", FLOAT, ["batch", 2, "sequence", "sequence"])
    length = g.op("Squeeze", g.size(mask, 1), g.constant([0]))
    steps = g.op("Range", g.constant(0), length, g.constant(1))
    later = g.op("Less", g.op("Unsqueeze", steps, g.constant([1])), g.op("Unsqueeze", steps, g.constant([0])))
    lowest = g.constant(np.finfo(np.float32).min, np.float32)
    causal = g.op("Where", later, lowest, g.constant(0, np.float32))
    shape = g.op("Concat", g.size(mask, 0), g.constant([1]), g.size(mask, 1), g.size(mask, 1), axis=0)
    causal = g.op("Expand", g.op("Unsqueeze", causal, g.constant([0, 1])), shape)
    padding = g.op("Expand", g.op("Unsqueeze", mask, g.constant([1, 2])), shape)
    masked = g.op("Cast", g.op("Sub", g.constant(1), padding), to=BOOL)
    bias = g.op("Where", masked, lowest, causal)
    g.output("y", g.op("Softmax", g.op("Add", scores, bias), axis=-1), FLOAT, ["batch", 2, "sequence", "sequence"])
    return {"attention_mask": np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]), "scores": g.array(2, 2, 5, 5)}


@model(13)
def t5_relative_bias(g: Exported) -> Arrays:
    """Buckets of distances that are logarithmic above eight, all computed from the length; RMS normalization."""
    x = g.input("x", FLOAT, [1, "sequence", 16])
    length = g.op("Squeeze", g.size(x, 1), g.constant([0]))
    steps = g.op("Range", g.constant(0), length, g.constant(1))
    rows, columns = (g.op("Unsqueeze", steps, g.constant([axis])) for axis in (1, 0))
    distance = g.op("Sub", columns, rows)
    after = g.op("Mul", g.op("Cast", g.op("Greater", distance, g.constant(0)), to=INT64), g.constant(16))
    distance = g.op("Abs", distance)
    far = g.op("Div", g.op("Cast", distance, to=FLOAT), g.constant(8, np.float32))
    far = g.op("Div", g.op("Log", far), g.constant(np.log(16), np.float32))
    far = g.op("Cast", g.op("Mul", far, g.constant(8, np.float32)), to=INT64)
    far = g.op("Min", g.op("Add", far, g.constant(8)), g.constant(15))
    bucket = g.op("Add", after, g.op("Where", g.op("Less", distance, g.constant(8)), distance, far))
    bias = g.op("Transpose", g.op("Gather", g.random(32, 2, deviation=1), bucket), perm=[2, 0, 1])

    squares = g.op("ReduceMean", g.op("Pow", x, g.constant(2, np.float32)), axes=[-1])
    root = g.op("Sqrt", g.op("Add", squares, g.constant(1e-6, np.float32)))
    normal = g.op("Mul", g.random(16, deviation=1), g.op("Mul", x, g.op("Reciprocal", root)))
    q, k, v = (g.op("MatMul", normal, g.random(16, 16)) for _ in range(3))
    g.output("y", g.attention(q, k, v, 2, 8, g.op("Unsqueeze", bias, g.constant([0]))), FLOAT, [1, "sequence", 16])
    return {"x": g.array(1, 40, 16)}


@model(16)
def llama_rotation(g: Exported) -> Arrays:
    """Rotary positions from an outer product of positions and frequencies; a gated perceptron; grouped heads."""
    x = g.input("x", FLOAT, [1, "sequence", 16])
    positions = g.input("position_ids", INT64, [1, "sequence"])
    frequencies = g.weight("frequencies", (1 / 10000 ** (np.arange(4) / 4)).astype(np.float32).reshape(1, 4, 1))
    times = g.op("Cast", g.op("Unsqueeze", positions, g.constant([1])), to=FLOAT)
    angles = g.op("Transpose", g.op("MatMul", frequencies, times), perm=[0, 2, 1])
    angles = g.op("Unsqueeze", g.op("Concat", angles, angles, axis=-1), g.constant([1]))
    cosine, sine = g.op("Cos", angles), g.op("Sin", angles)

    def rotated(y: str) -> str:
        low = g.op("Slice", y, g.constant([0]), g.constant([4]), g.constant([3]), g.constant([1]))
        high = g.op("Slice", y, g.constant([4]), g.constant([np.iinfo(np.int64).max]), g.constant([3]), g.constant([1]))
        turned = g.op("Concat", g.op("Neg", high), low, axis=-1)
        return g.op("Add", g.op("Mul", y, cosine), g.op("Mul", turned, sine))

    q = rotated(g.heads(g.op("MatMul", x, g.random(16, 16)), 2, 8, [0, 2, 1, 3]))
    k = rotated(g.heads(g.op("MatMul", x, g.random(16, 8)), 1, 8, [0, 2, 1, 3]))
    repeats = g.op("Concat", g.size(k, 0), g.constant([1]), g.constant([2]), g.size(x, 1), g.constant([8]), axis=0)
    k = g.op("Expand", g.op("Unsqueeze", k, g.constant([2])), repeats)
    k = g.op("Reshape", k, g.op("Concat", g.size(x, 0), g.constant([2]), g.size(x, 1), g.constant([8]), axis=0))
    scores = g.op("Softmax", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
    y = g.op("MatMul", x, g.random(16, 24))
    y = g.op("MatMul", g.op("Mul", g.silu(y), g.op("MatMul", x, g.random(16, 24))), g.random(24, 16))
    g.output("scores", scores, FLOAT, [1, 2, "sequence", "sequence"])
    g.output("y", y, FLOAT, [1, "sequence", 16])
    return {"x": g.array(1, 6, 16), "position_ids": np.arange(3, 9)[None]}


@model(14)
def tagger_with_recurrent_layers(g: Exported) -> Arrays:
    """Words to a bidirectional LSTM and a GRU, time first, states absent or zeros of a computed shape."""
    ids = g.input("ids", INT64, ["sequence", "batch"])
    x = g.op("Gather", g.random(20, 6, deviation=1), ids)
    weights = g.random(2, 20, 6), g.random(2, 20, 5), g.random(2, 40, deviation=0.1)
    x = g.op("LSTM", x, *weights, outputs=3, hidden_size=5, direction="bidirectional")
    x = g.op("Reshape", g.op("Transpose", x, perm=[0, 2, 1, 3]), g.constant([0, 0, -1]))
    zeros = g.op("ConstantOfShape", g.op("Concat", g.constant([1]), g.size(x, 1), g.constant([4]), axis=0))
    weights = g.random(1, 12, 10), g.random(1, 12, 4), g.random(1, 24, deviation=0.1)
    x = g.op("GRU", x, *weights, "", zeros, outputs=2, hidden_size=4, linear_before_reset=1)
    g.output("y", g.op("Squeeze", x, g.constant([1])), FLOAT, ["sequence", "batch", 4])
    g.output("last", x.removesuffix("0") + "1", FLOAT, [1, "batch", 4])
    return {"ids": g.rng.integers(0, 20, (7, 2))}


@model(12, 16)
def shifted_windows(g: Exported) -> Arrays:
    """Swin: a cyclic shift by slices, windows by reshapes of rank six, and their products as an Einsum."""
    x = g.input("x", FLOAT, [1, 8, 8, 6])
    for axis in (1, 2):
        parts = [
            g.op("Slice", x, g.constant([start]), g.constant([end]), g.constant([axis]))
            for start, end in [(2, np.iinfo(np.int64).max), (0, 2)]
        ]
        x = g.op("Concat", *parts, axis=axis)
    x = g.op("Transpose", g.op("Reshape", x, g.constant([1, 2, 4, 2, 4, 6])), perm=[0, 1, 3, 2, 4, 5])
    x = g.op("Reshape", x, g.constant([-1, 16, 6]))
    scores = g.op("Einsum", x, g.op("MatMul", x, g.random(6, 6)), equation="bic,bjc->bij")
    g.output("y", g.op("Einsum", g.op("Softmax", scores, axis=-1), x, equation="bij,bjc->bic"), FLOAT, [4, 16, 6])
    return {"x": g.array(1, 8, 8, 6)}


@model(13, 18)
def super_resolution(g: Exported) -> Arrays:
    x = g.input("x", FLOAT, [1, 1, 9, 11])
    x = g.op("Pad", x, g.constant([0, 0, 2, 2, 0, 0, 2, 2]), mode="reflect")
    x = g.op("Tanh", g.conv(x, 1, 8, 5, pads=[0, 0, 0, 0]))
    x = g.op("DepthToSpace", g.conv(x, 8, 8), blocksize=2, mode="CRD")
    groups = g.op("Reshape", x, g.constant([0, 2, -1]))
    ones, zeros = g.weight("ones", np.ones(2, np.float32)), g.weight("zeros", np.zeros(2, np.float32))
    groups = g.op("InstanceNormalization", groups, ones, zeros)
    x = g.op("Reshape", groups, g.op("Shape", x))
    x = g.op("Add", x, g.op("Mul", g.random(2, 1, 1), g.op("Softplus", x)))
    g.output("y", g.op("SpaceToDepth", x, blocksize=2), FLOAT, [1, 8, 9, 11])
    return {"x": g.array(1, 1, 9, 11)}


@model(13, 16)
def detection_positions(g: Exported) -> Arrays:
    """DETR: positions by sums along a mask, sines and cosines of every second channel, side by side."""
    mask = g.input("mask", BOOL, [1, 6, 7])
    here = g.op("Cast", g.op("Not", mask), to=FLOAT)
    rows = g.op("CumSum", here, g.constant(1))
    last = g.op("Slice", rows, g.constant([-1]), g.constant([np.iinfo(np.int64).max]), g.constant([1]))
    rows = g.op("Div", rows, g.op("Add", last, g.constant(1e-6, np.float32)))
    frequencies = g.weight("frequencies", np.array([1, 2, 4, 8], np.float32))
    rows = g.op("Mul", g.op("Unsqueeze", rows, g.constant([-1])), frequencies)
    ends = g.constant([np.iinfo(np.int64).max])
    even, odd = (g.op("Slice", rows, g.constant([k]), ends, g.constant([3]), g.constant([2])) for k in (0, 1))
    waves = [g.op("Unsqueeze", g.op(f, y), g.constant([4])) for f, y in (("Sin", even), ("Cos", odd))]
    x = g.op("Reshape", g.op("Concat", *waves, axis=4), g.constant([1, 6, 7, -1]))
    g.output("y", g.op("Transpose", x, perm=[0, 3, 1, 2]), FLOAT, [1, 4, 6, 7])
    return {"mask": g.rng.random((1, 6, 7)) > 0.8}


@model(13)
def branches_that_torch_leaves(g: Exported) -> Arrays:
    """An If on whether a dimension is one, as `squeeze` exports; a Loop of a constant number of turns."""
    x = g.input("x", FLOAT, ["batch", 1, 4])
    one = g.op("Equal", g.op("Gather", g.op("Shape", x), g.constant(1)), g.constant(1))
    g.weight("one_axis", np.array([1]))
    g.weight("matrix", g.array(4, 4))
    squeezed = parser.parse_graph("then () => (float[batch, 4] squeezed) { squeezed = Squeeze (x, one_axis) }")
    same = parser.parse_graph("else () => (float[batch, 1, 4] same) { same = Identity (x) }")
    x = g.op("If", one, then_branch=squeezed, else_branch=same)
    body = parser.parse_graph("""
        body (int64 turn, bool go, float[batch, 4] before) => (bool go_on, float[batch, 4] after, float[batch, 4] all) {
            product = MatMul (before, matrix)
            after = Tanh (product)
            go_on = Identity (go)
            all = Identity (after)
        }""")
    x = g.op("Loop", g.constant(3), g.constant(True, bool), x, outputs=2, body=body)
    g.output("y", x, FLOAT, ["batch", 4])
    g.output("turns", x.removesuffix("0") + "1", FLOAT, [3, "batch", 4])
    return {"x": g.array(2, 1, 4)}


@model(13, 17)
def quantized_convolution(g: Exported) -> Arrays:
    """Quantized with a scale for each channel of the weights, as calibration tools write it."""
    x = g.input("x", FLOAT, [1, 3, 10, 10])
    scale, zero = g.constant(0.03, np.float32), g.constant(120, np.uint8)
    x = g.op("DequantizeLinear", g.op("QuantizeLinear", x, scale, zero), scale, zero)
    weight = g.weight("weight", g.rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8))
    scales = g.weight("scales", g.rng.uniform(0.001, 0.01, 4).astype(np.float32))
    weight = g.op("DequantizeLinear", weight, scales, g.weight("zeros", np.zeros(4, np.int8)), axis=0)
    x = g.op("Relu", g.op("Conv", x, weight, pads=[1, 1, 1, 1]))
    out, zero = g.constant(0.05, np.float32), g.constant(0, np.uint8)
    g.output("y", g.op("DequantizeLinear", g.op("QuantizeLinear", x, out, zero), out, zero), FLOAT, [1, 4, 10, 10])
    return {"x": g.array(1, 3, 10, 10)}


@model(18, 20, 22)
def what_came_late(g: Exported) -> Arrays:
    """Axes of reductions as inputs, Split into equal parts, GroupNormalization's forerunners, Gelu, ends by default."""
    x = g.input("x", FLOAT, ["batch", 6, 8])
    first = g.op("Split", x, outputs=2, axis=1, num_outputs=2)
    x = g.op("Mul", first, g.op("Sigmoid", first.removesuffix("0") + "1"))
    x = g.op("LayerNormalization", x, g.random(8, deviation=1), g.random(8, deviation=1), axis=-1)
    top = g.op("ReduceMax", x, g.constant([1]), keepdims=0)
    lengths = g.op("ReduceL2", x, g.constant([-1]), keepdims=1)
    g.output("top", g.op("Mish", top), FLOAT, ["batch", 8])
    g.output("y", g.op("Div", x, lengths), FLOAT, ["batch", 3, 8])
    g.output("sum", g.op("ReduceLogSumExp", x, g.constant([1, 2]), keepdims=0), FLOAT, ["batch"])
    return {"x": g.array(3, 6, 8)}


@model(13, 17)
def conv_next(g: Exported) -> Arrays:
    """Channels last between convolutions, where it normalizes and widens; a scale for each channel."""
    x = g.input("x", FLOAT, [2, 3, 16, 16])
    x = g.conv(x, 3, 8, 4, strides=[4, 4], pads=[0, 0, 0, 0])
    inner = g.op("Transpose", g.conv(x, 8, 8, 7, groups=8), perm=[0, 2, 3, 1])
    inner = g.gelu(g.linear(g.layer_norm(inner, 8), g.random(8, 32), g.random(32)))
    inner = g.op("Mul", g.random(8, deviation=1), g.linear(inner, g.random(32, 8), g.random(8)))
    x = g.op("Add", x, g.op("Transpose", inner, perm=[0, 3, 1, 2]))
    g.output("y", g.op("ReduceMean", x, axes=[-2, -1], keepdims=0), FLOAT, [2, 8])
    return {"x": g.array(2, 3, 16, 16)}


@model(14)
def wav2vec(g: Exported) -> Arrays:
    """Convolutions of one dimension, one normalized over the time, one of wide groups whose last frame is cut off."""
    x = g.op("Unsqueeze", g.input("sound", FLOAT, ["batch", "samples"]), g.constant([1]))
    x = g.op("Conv", x, g.random(8, 1, 10), strides=[5])
    x = g.op("Reshape", g.op("InstanceNormalization", x, g.random(8, deviation=1), g.random(8)), g.op("Shape", x))
    x = g.gelu(g.op("Conv", x, g.random(8, 8, 3), g.random(8), strides=[2]))
    positions = g.op("Conv", x, g.random(8, 4, 16), g.random(8), group=2, pads=[8, 8])
    ends = g.constant([0]), g.constant([-1]), g.constant([2]), g.constant([1])
    x = g.op("Add", x, g.gelu(g.op("Slice", positions, *ends)))
    g.output("y", g.op("LogSoftmax", g.op("Transpose", x, perm=[0, 2, 1]), axis=-1), FLOAT, ["batch", None, 8])
    return {"sound": g.array(2, 160)}


@model(14, 18)
def static_cache(g: Exported) -> Arrays:
    """A cache that is written at positions; then all that lies later is masked, and the best tokens are chosen."""
    cache = g.input("cache", FLOAT, [1, 2, 12, 4])
    new = g.input("new", FLOAT, [1, 2, 3, 4])
    positions = g.input("positions", INT64, [3])
    first = g.op("Transpose", cache, perm=[2, 0, 1, 3])
    rows = g.op("Transpose", new, perm=[2, 0, 1, 3])
    written = g.op("ScatterND", first, g.op("Unsqueeze", positions, g.constant([-1])), rows)
    updated = g.op("Transpose", written, perm=[1, 2, 0, 3])
    scores = g.op("MatMul", new, g.op("Transpose", updated, perm=[0, 1, 3, 2]))
    every = g.op("Range", g.constant(0), g.constant(12), g.constant(1))
    later = g.op("Greater", every, g.op("Unsqueeze", positions, g.constant([1])))
    scores = g.op("Where", later, g.constant(-np.inf, np.float32), scores)
    weights = g.op("Softmax", scores, axis=-1)
    best = g.op("ArgMax", weights, axis=-1, keepdims=1)
    g.output("updated", updated, FLOAT, [1, 2, 12, 4])
    g.output("best", best, INT64, [1, 2, 3, 1])
    g.output("weight", g.op("GatherElements", weights, best, axis=3), FLOAT, [1, 2, 3, 1])
    lower = g.op("Trilu", g.op("Squeeze", weights, g.constant([0])), upper=0)
    g.output("lower", lower, FLOAT, [2, 3, 12])
    return {"cache": g.array(1, 2, 12, 4), "new": g.array(1, 2, 3, 4), "positions": np.array([5, 6, 7])}


@model(13, tolerance=2e-3)
def half_precision(g: Exported) -> Arrays:
    """Computed in float16 between casts."""
    x = g.op("Cast", g.input("x", FLOAT, ["batch", 16]), to=TensorProto.FLOAT16)
    weight = g.weight("weight", (g.array(16, 8) / 4).astype(np.float16))
    x = g.op("Relu", g.linear(x, weight, g.weight("bias", g.array(8).astype(np.float16))))
    g.output("y", g.op("Cast", x, to=FLOAT), FLOAT, ["batch", 8])
    return {"x": g.array(2, 16)}


@model(13)
def outputs_of_every_kind(g: Exported) -> Arrays:
    """An input, a weight, a shape, a scalar, the same value twice, and an input that nothing uses."""
    x = g.input("x", FLOAT, ["batch", 4])
    g.input("unused", FLOAT, [2])
    double = g.op("Dropout", g.op("Add", x, x))
    g.output("same", x, FLOAT, ["batch", 4])
    g.output("weight", g.random(3, 2), FLOAT, [3, 2])
    g.output("shape", g.op("Shape", x), INT64, [2])
    g.output("mean", g.op("ReduceMean", x, keepdims=0), FLOAT, [])
    g.output("double", double, FLOAT, ["batch", 4])
    g.output("again", double, FLOAT, ["batch", 4])
    g.output("count", g.op("Mul", g.op("Size", x), g.constant(3)), INT64, [])
    return {"x": g.array(2, 4), "unused": g.array(2)}
