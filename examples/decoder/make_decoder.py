#!/usr/bin/env python3
"""Writes a decoder of Phi-3-mini's shape as ONNX: int4 weights in blocks, random from a seed.

    python examples/decoder/make_decoder.py -o small
    python examples/decoder/make_decoder.py -o phi3 --phi3-mini        2.7 GB: 1.9 of int4, and scales and embeddings

The folder gets `model.onnx` and `model.onnx.data`. Operators, their order, names and attributes are those that the
model builder of ONNX Runtime GenAI emits for Phi-3 in int4 on the CPU. The same file serves prefill and decode: that is
a matter of its dimensions.

Inputs:
    input_ids                    int64[batch_size, sequence_length]
    attention_mask               int64[batch_size, total_sequence_length], 1 for each token up to now, these included
    position_ids                 int64[batch_size, sequence_length], with `--rotary separate` only
    past_key_values.N.key|value  float32[batch_size, kv_heads, past_sequence_length, head_size]
Outputs:
    logits                       float32[batch_size, sequence_length, vocabulary]
    present.N.key|value          float32[batch_size, kv_heads, total_sequence_length, head_size]

Weights have the standard deviation 1/√inputs, so that activations keep their size; what is added to the residual stream
is made smaller by the square root of the number of additions. Weights go to the file in pieces as they are drawn:
writing Phi-3-mini takes 150 MB of memory and a quarter of a minute.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import NormalDist
from typing import IO, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

PIECE = 2**22
"""Elements that are drawn and written at once."""

ALIGNMENT = 4096
"""Tensors start at multiples of this, so that they can be mapped as what they are."""

MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Shape:
    """A decoder's sizes; by default those of a small one."""

    layers: int = 2
    hidden: int = 128
    heads: int = 4
    kv_heads: int = 2
    intermediate: int = 256
    vocabulary: int = 512
    block_size: int = 32
    max_length: int = 128

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads

    def check(self) -> None:
        """Raises ValueError."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} is {getattr(self, field.name)}; it must be positive")
        block = self.block_size
        if block < 16 or block & (block - 1):
            raise ValueError(f"block_size is {block}; it must be a power of 2 from 16 on")
        for name, of, divisor in (
            ("hidden", "block_size", block),
            ("intermediate", "block_size", block),
            ("hidden", "16 for each head", 16 * self.heads),
            ("heads", "kv_heads", self.kv_heads),
        ):
            if getattr(self, name) % divisor:
                raise ValueError(f"{name} is {getattr(self, name)}, no multiple of {of}, {divisor}")


PHI3_MINI = Shape(
    layers=32, hidden=3072, heads=32, kv_heads=32, intermediate=8192, vocabulary=32064, block_size=32, max_length=4096
)


@dataclass(frozen=True)
class Form:
    """What the builder leaves to choose.

    `rotary`: "inside" of GroupQueryAttention, or "separate", as RotaryEmbedding, which takes position_ids. `packed_qkv`
    has one projection for all three; it needs the rotation inside. `accuracy_level` 4 lets ONNX Runtime round
    activations to int8, which is the builder's choice for the CPU; 0 computes in float32. `tied` gathers the embeddings
    from the int4 weights of the last projection. `window` is how many tokens each attends to, -1 for all.
    """

    rotary: str = "inside"
    packed_qkv: bool = True
    accuracy_level: int = 0
    tied: bool = False
    window: int = -1


def write(folder: str | os.PathLike[str], shape: Shape = Shape(), form: Form = Form(), seed: int = 0) -> Path:
    """Writes the files of a decoder and returns the path of the model. Raises ValueError for sizes that do not fit."""
    shape.check()
    path = Path(folder) / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    data_path = path.with_name(path.name + ".data")
    with replaced(data_path) as data:
        model = Decoder(shape, form, seed, data, data_path.name).model()
    with replaced(path) as file:
        file.write(model.SerializeToString())
    return path


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when it is whole."""
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            yield file
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


class Decoder:
    """The model, while it is built: nodes and what describes the weights; the weights' bytes go to `data`."""

    def __init__(self, shape: Shape, form: Form, seed: int, data: IO[bytes], data_name: str) -> None:
        self.shape, self.form, self.seed = shape, form, seed
        self.data, self.data_name = data, data_name
        self.packed = form.packed_qkv and form.rotary == "inside"
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []

    def model(self) -> ModelProto:
        shape = self.shape
        self.value(self.inputs, "input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
        self.value(self.inputs, "attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"])
        if self.form.rotary == "separate":
            self.value(self.inputs, "position_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
        logits: list[int | str] = ["batch_size", "sequence_length", shape.vocabulary]
        self.value(self.outputs, "logits", TensorProto.FLOAT, logits)
        self.rotary_caches()
        self.lengths()
        residual = addition = self.embedding()
        for layer in range(shape.layers):
            residual, addition = self.layer(layer, residual, addition)
        last, _ = self.norm(f"layers.{shape.layers}/final_norm_layernorm", residual, addition, sum_too=False)
        self.linear("/lm_head", last, shape.hidden, shape.vocabulary, gain=3.0, result="logits")
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, self.outputs, self.weights)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="make_decoder")

    # Parts of the model

    def lengths(self) -> None:
        """seqlens_k, int32[batch_size]: the sum of the mask less 1; total_sequence_length, int32[]: the mask's size."""
        name = "/model/attn_mask_reformat/attn_mask_subgraph"
        one = self.constant("INT64/[1]", [1])
        total = self.node("ReduceSum", ["attention_mask", one], f"{name}/ReduceSum", keepdims=0)
        last = self.node("Sub", [total, one], f"{name}/Sub")
        self.seqlens_k = self.node("Cast", [last], f"{name}/Sub/Cast", to=TensorProto.INT32)
        sizes = self.node("Shape", ["attention_mask"], f"{name}/Shape")
        size = self.node("Gather", [sizes, self.constant("INT64/1", 1)], f"{name}/Gather", axis=0)
        self.total_length = self.node("Cast", [size], f"{name}/Gather/Cast", to=TensorProto.INT32)

    def rotary_caches(self) -> None:
        """cos and sin of position · 10000^(-2k / head_size): float32[max_length, head_size / 2]."""
        size = self.shape.head_size
        frequencies = 10000.0 ** -(np.arange(0, size, 2) / size)
        angles = np.outer(np.arange(self.shape.max_length), frequencies)
        self.cos, self.sin = (
            self.weight(name, angles.shape, [function(angles).astype(np.float32)])
            for name, function in (("cos_cache", np.cos), ("sin_cache", np.sin))
        )

    def embedding(self) -> str:
        shape, name = self.shape, "/model/embed_tokens"
        if not self.form.tied:
            rows = self.normal("model.embed_tokens.weight", (shape.vocabulary, shape.hidden))
            return self.node("Gather", [rows, "input_ids"], f"{name}/Gather")
        sizes = [shape.vocabulary, shape.hidden // 2]
        packed = ["lm_head.MatMul.weight_Q4", self.constant(f"INT64/{sizes}", sizes)]
        rows = self.node("Reshape", packed, f"{name}/Reshape")
        return self.node(
            "GatherBlockQuantized", [rows, "input_ids", "lm_head.MatMul.weight_scales"], f"{name}/GatherBlockQuantized",
            domain=MICROSOFT, bits=4, block_size=shape.block_size, gather_axis=0, quantize_axis=1,
        )  # fmt: skip

    def layer(self, layer: int, residual: str, addition: str) -> tuple[str, str]:
        """The residual stream, and what is still to be added to it, before and after a layer."""
        name, first = f"layers.{layer}", layer == 0
        if first:
            x = self.simplified_norm(f"{name}/input_layernorm", residual)
        else:
            x, residual = self.norm(f"{name}/input_layernorm", residual, addition)
        addition = self.attention(layer, x)
        x, residual = self.norm(f"{name}/post_attention_layernorm", residual, addition)
        return residual, self.mlp(layer, x)

    def attention(self, layer: int, x: str) -> str:
        shape, form, name = self.shape, self.form, f"/model/layers.{layer}/attn"
        sizes = {"q": shape.heads, "k": shape.kv_heads, "v": shape.kv_heads}
        rows = {part: heads * shape.head_size for part, heads in sizes.items()}
        # Scores with a deviation of about 2 let each token attend to some of the others more than to the rest.
        gains = {"q": 1.4, "k": 1.4, "v": 1.0}
        if self.packed:
            gain = np.concatenate([np.full(rows[part], gains[part], np.float32) for part in rows])
            qkv = [self.linear(f"{name}/qkv_proj", x, shape.hidden, len(gain), gain), "", ""]
        else:
            qkv = [self.linear(f"{name}/{p}_proj", x, shape.hidden, n, gains[p]) for p, n in rows.items()]
        inside = form.rotary == "inside"
        if not inside:
            for i, part in enumerate("qk"):
                qkv[i] = self.node(
                    "RotaryEmbedding", [qkv[i], "position_ids", self.cos, self.sin],
                    f"{name}/{part}_rotary/RotaryEmbedding",
                    domain=MICROSOFT, interleaved=0, num_heads=0, rotary_embedding_dim=0,
                )  # fmt: skip
        past, present = (
            [self.cache(values, f"{prefix}.{layer}.{part}", length) for part in ("key", "value")]
            for values, prefix, length in (
                (self.inputs, "past_key_values", "past_sequence_length"),
                (self.outputs, "present", "total_sequence_length"),
            )
        )
        caches = [self.cos, self.sin] if inside else []
        attended = self.node(
            "GroupQueryAttention", [*qkv, *past, self.seqlens_k, self.total_length, *caches],
            f"{name}/GroupQueryAttention", more=present, domain=MICROSOFT,
            num_heads=shape.heads, kv_num_heads=shape.kv_heads, scale=shape.head_size**-0.5,
            local_window_size=form.window, softcap=0.0, do_rotary=int(inside), rotary_interleaved=0,
        )  # fmt: skip
        return self.linear(f"{name}/o_proj", attended, shape.hidden, shape.hidden, self.residual_gain)

    def mlp(self, layer: int, x: str) -> str:
        """down(silu(gate(x)) · up(x))"""
        shape, name = self.shape, f"/model/layers.{layer}/mlp"
        gate, up = (self.linear(f"{name}/{part}_proj", x, shape.hidden, shape.intermediate) for part in ("gate", "up"))
        sigmoid = self.node("Sigmoid", [gate], f"{name}/act_fn/Sigmoid")
        silu = self.node("Mul", [gate, sigmoid], f"{name}/act_fn/Mul")
        product = self.node("Mul", [silu, up], f"{name}/Mul")
        return self.linear(f"{name}/down_proj", product, shape.intermediate, shape.hidden, self.residual_gain)

    @property
    def residual_gain(self) -> float:
        return 1 / math.sqrt(2 * self.shape.layers)

    def simplified_norm(self, name: str, x: str) -> str:
        inputs = [x, self.norm_weight(name)]
        name, result = f"/model/{name}/LayerNorm", f"/model/{name}/output_0"
        attributes: dict[str, Any] = {"epsilon": 1e-5, "axis": -1, "stash_type": 1}
        return self.node("SimplifiedLayerNormalization", inputs, name, result, **attributes)

    def norm(self, name: str, x: str, skip: str, sum_too: bool = True) -> tuple[str, str]:
        """The normalized sum of x and skip, and the sum itself."""
        inputs = [x, skip, self.norm_weight(name)]
        results = [f"/model/{name}/output_{i}" for i in (0, 3)]
        more = ["", "", results[1]] if sum_too else []
        self.node(
            "SkipSimplifiedLayerNormalization", inputs, f"/model/{name}/SkipLayerNorm", results[0], more,
            domain=MICROSOFT, epsilon=1e-5,
        )  # fmt: skip
        return results[0], results[1]

    def norm_weight(self, name: str) -> str:
        name = f"model.{name.replace('/', '.')}.weight"
        return self.weight(name, (self.shape.hidden,), [self.rng(name).uniform(0.5, 1.5, self.shape.hidden)])

    def linear(
        self, name: str, x: str, inputs: int, outputs: int, gain: float | np.ndarray = 1.0, result: str | None = None
    ) -> str:
        """x Wᵀ. W is int4 less 8, four bits an element, times a scale for each block of a row."""
        blocks = inputs // self.shape.block_size
        prefix = f"{name.removeprefix('/').replace('/', '.')}.MatMul.weight"
        packed = self.drawn(
            f"{prefix}_Q4", (outputs, blocks, self.shape.block_size // 2),
            lambda rng, size: PAIRS[rng.integers(0, 2**16, size, np.uint16)], TensorProto.UINT8,
        )  # fmt: skip
        rng = self.rng(f"{prefix}_scales")
        # As from weights: the element of a block that is farthest from 0 is -8, which gives scales a sign.
        signed = rng.uniform(0.7, 1.3, (outputs, blocks)) * rng.choice([-1, 1], (outputs, blocks))
        deviation = np.broadcast_to(gain, outputs)[:, None] / (STEPS * np.sqrt(inputs))
        scales = self.weight(f"{prefix}_scales", (outputs, blocks), [signed * deviation])
        return self.node(
            "MatMulNBits", [x, packed, scales], f"{name}/MatMul_Q4", result or f"{name}/MatMul/output_0",
            domain=MICROSOFT, K=inputs, N=outputs, bits=4, block_size=self.shape.block_size,
            accuracy_level=self.form.accuracy_level,
        )  # fmt: skip

    # Nodes, values and weights

    def node(
        self, op: str, inputs: Sequence[str], name: str, result: str | None = None, more: Sequence[str] = (), *,
        domain: str = "", **attributes: Any,
    ) -> str:  # fmt: skip
        result = result or f"{name}/output_0"
        self.nodes.append(helper.make_node(op, inputs, [result, *more], name, domain=domain, **attributes))
        return result

    def constant(self, name: str, value: object) -> str:
        name = f"/model/constants/{name}"
        if not any(node.output[0] == name for node in self.nodes):
            array = numpy_helper.from_array(np.array(value, np.int64), name)
            self.node("Constant", [], name.replace("constants", "constant_nodes"), name, value=array)
        return name

    def value(self, values: list[ValueInfoProto], name: str, element_type: int, shape: Sequence[int | str]) -> str:
        values.append(helper.make_tensor_value_info(name, element_type, shape))
        return name

    def cache(self, values: list[ValueInfoProto], name: str, length: str) -> str:
        sizes: list[int | str] = ["batch_size", self.shape.kv_heads, length, self.shape.head_size]
        return self.value(values, name, TensorProto.FLOAT, sizes)

    def rng(self, name: str) -> np.random.Generator:
        """Each weight has its own numbers: options that add or leave out others do not change them."""
        return np.random.Generator(np.random.SFC64([self.seed, zlib.crc32(name.encode())]))

    def normal(self, name: str, shape: tuple[int, ...]) -> str:
        return self.drawn(name, shape, lambda rng, size: rng.standard_normal(size, np.float32))

    def drawn(
        self, name: str, shape: tuple[int, ...], draw: Callable[[np.random.Generator, int], np.ndarray],
        element_type: int = TensorProto.FLOAT,
    ) -> str:  # fmt: skip
        rng, size = self.rng(name), int(np.prod(shape))
        pieces = (draw(rng, min(PIECE, size - start)) for start in range(0, size, PIECE))
        return self.weight(name, shape, pieces, element_type)

    def weight(
        self, name: str, shape: tuple[int, ...], pieces: Iterable[np.ndarray], element_type: int = TensorProto.FLOAT
    ) -> str:
        """Writes an initializer to the data file, piece by piece."""
        self.data.write(b"\0" * (-self.data.tell() % ALIGNMENT))
        offset = self.data.tell()
        for piece in pieces:
            self.data.write(np.ascontiguousarray(piece, helper.tensor_dtype_to_np_dtype(element_type)).data)
        tensor = TensorProto(name=name, dims=shape, data_type=element_type, data_location=TensorProto.EXTERNAL)
        where = {"location": self.data_name, "offset": offset, "length": self.data.tell() - offset}
        for key, value in where.items():
            tensor.external_data.add(key=key, value=str(value))
        self.weights.append(tensor)
        return name


def nibbles() -> np.ndarray:
    """int4 by 8 random bits: quantiles of a normal distribution whose greatest element of 32 is 8 on average."""
    quantiles = [NormalDist(0, 8 / 2.4).inv_cdf((i + 0.5) / 256) for i in range(256)]
    return np.clip(np.rint(quantiles), -8, 7).astype(np.int8)


NIBBLES = nibbles()
STEPS = float(NIBBLES.std())
PAIRS = (((NIBBLES + 8).astype(np.uint8)[:, None] << 4) | (NIBBLES + 8).astype(np.uint8)).ravel()
"""A byte of two elements by 16 random bits."""


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder, which is made")
    p.add_argument("--phi3-mini", action="store_true", help="Phi-3-mini's sizes, and its window of 2047 tokens")
    for field in fields(Shape):
        option = "--" + field.name.replace("_", "-")
        p.add_argument(option, type=int, metavar="N", help=f"(default: {field.default})")
    p.add_argument("--rotary", choices=["inside", "separate"], default="inside", help="of GroupQueryAttention, or not")
    p.add_argument("--separate-qkv", action="store_true", help="three projections for query, key and value")
    p.add_argument("--accuracy-level", type=int, default=0, choices=range(5), help="of MatMulNBits (default: 0)")
    p.add_argument("--tied-embeddings", action="store_true", help="gather from the last projection's weights")
    p.add_argument("--window", type=int, metavar="N", help="attend to N tokens (default: all)")
    p.add_argument("--seed", type=int, default=0, metavar="N")
    args = p.parse_args()

    given = {f.name: value for f in fields(Shape) if (value := getattr(args, f.name)) is not None}
    shape = replace(PHI3_MINI if args.phi3_mini else Shape(), **given)
    window = args.window or (2047 if args.phi3_mini else -1)
    form = Form(args.rotary, not args.separate_qkv, args.accuracy_level, args.tied_embeddings, window)
    try:
        path = write(args.output, shape, form, args.seed)
    except (OSError, ValueError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
    size = sum(f.stat().st_size for f in (path, path.with_name(path.name + ".data")))
    print(f"{path}: {shape.layers} layers, {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
