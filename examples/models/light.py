"""The light model zoo of the `onnx` package: nine well-known nets whose weights are ConstantOfShape, all alike.

With those any answer passes, so they are filled anew from a seed: activations keep about their size from layer to layer
(He's initialization) and answers depend on the input.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
    "zfnet512",
)  # fmt: skip

Role = tuple[str, int]
"""The operator that a weight goes into, and which operand it is there."""

KERNELS: set[Role] = {("Conv", 1), ("Gemm", 1)}
RANGES: dict[Role, tuple[float, float]] = {
    ("BatchNormalization", 1): (0.5, 1.5),
    ("BatchNormalization", 4): (0.8, 1.6),
    ("Mul", 1): (0.5, 1.5),
    # Where it scales what is added to a residual path: the path would grow from block to block.
    ("Sum", 1): (0.2, 0.6),
}


def model(name: str, seed: int = 0) -> onnx.ModelProto:
    """A model of the zoo with random weights as initializers."""
    zoo = onnx.load(FOLDER / f"light_{name}.onnx")
    graph = zoo.graph
    given = {initializer.name: numpy_helper.to_array(initializer) for initializer in graph.initializer}
    shapes = {n: array.shape for n, array in given.items() if array.dtype == np.float32}
    fillers = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    shapes |= {node.output[0]: tuple(given[node.input[0]]) for node in fillers}

    rng = np.random.default_rng(seed)
    uses = {value: (node, position) for node in graph.node for position, value in enumerate(node.input)}
    filled = {value: fill(rng, role(uses, value), shape) for value, shape in shapes.items() if value in uses}
    # Otherwise softmax, which makes differences of logits ratios, would let one class take all.
    last = [node for node in graph.node if node.op_type in ("Conv", "Gemm")][-1].input[1]
    weights = [numpy_helper.from_array(array / 4 if value == last else array, value) for value, array in filled.items()]
    sizes = {node.input[0] for node in fillers}
    replace(graph.node, [node for node in graph.node if node.op_type != "ConstantOfShape"])
    replace(graph.input, [i for i in graph.input if i.name not in given])
    replace(graph.initializer, [i for i in graph.initializer if i.name not in sizes | shapes.keys()] + weights)
    # Initializers that are no inputs came with the fourth version of the format.
    zoo.ir_version = 4
    onnx.checker.check_model(zoo)
    return zoo


def inputs(name: str, seed: int = 0, count: int = 1) -> list[dict[str, np.ndarray]]:
    """Random images as the model takes them."""
    graph = onnx.load(FOLDER / f"light_{name}.onnx").graph
    given = {initializer.name for initializer in graph.initializer}
    [image] = [entry for entry in graph.input if entry.name not in given]
    shape = [d.dim_value for d in image.type.tensor_type.shape.dim]
    rng = np.random.default_rng(seed)
    return [{image.name: picture(rng, shape)} for _ in range(count)]


def picture(rng: np.random.Generator, shape: list[int]) -> np.ndarray:
    """Patches of random colours under noise: float32[1, channels, height, width]."""
    size = 32
    patches = rng.normal(size=(*shape[:2], -(-shape[2] // size), -(-shape[3] // size)))
    patches = patches.repeat(size, 2).repeat(size, 3)[..., : shape[2], : shape[3]]
    return (patches + rng.normal(0, 0.3, shape)).astype(np.float32)


def role(uses: dict[str, tuple[onnx.NodeProto, int]], value: str) -> Role:
    node, position = uses[value]
    if node.op_type in ("Unsqueeze", "Reshape"):
        return role(uses, node.output[0])
    if (node.op_type, position) == ("BatchNormalization", 1) and uses[node.output[0]][0].op_type == "Sum":
        return "Sum", 1
    return node.op_type, position


def fill(rng: np.random.Generator, role: Role, shape: tuple[int, ...]) -> np.ndarray:
    if role in KERNELS:
        values = rng.normal(0, np.sqrt(3 / np.prod(shape[1:])), shape)
        # What ReLU gives has a mean, the same for all inputs, that would drown the rest.
        values -= values.mean(tuple(range(1, len(shape))), keepdims=True)
    elif role in RANGES:
        values = rng.uniform(*RANGES[role], shape)
    else:
        values = rng.normal(0, 0.03, shape)
    return values.astype(np.float32)


def replace(field, entries) -> None:
    entries = list(entries)
    del field[:]
    field.extend(entries)
