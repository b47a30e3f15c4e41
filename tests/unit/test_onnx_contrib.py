"""Operators of the domain com.microsoft, as transformers use them, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import pytest
from onnx_models import (
    MICROSOFT,
    Case,
    Draw,
    Fixed,
    Run,
    compare,
    helper,
    model,
    numpy_helper,
    onnx,
    problem_of,
    read_onnx,
    theirs,
    typed,
)

STANDARD = {"SimplifiedLayerNormalization"}
"""Operators that ONNX Runtime has in the default domain."""


def case(op: str, *inputs: Any, **options: Any) -> Case:
    return onnx_models.case(op, *inputs, domain="" if op in STANDARD else MICROSOFT, **options)


@pytest.fixture
def x() -> Draw:
    return Draw()


# MatMulNBits and GatherBlockQuantized


def nbits(
    x: Draw, rows: Sequence[int], inputs: int, outputs: int, block: int, bits: int, zeros: str, bias: bool
) -> Case:
    blocks = -(-inputs // block)
    packed = -(-blocks * bits // 8)
    zero_points = {
        "none": None,
        "packed": Fixed(x.bytes(outputs, packed)),
        "flat": Fixed(x.bytes(outputs * packed)),
        "float": Fixed(x(outputs, blocks) + np.float32(2 ** (bits - 1))),
    }[zeros]
    return case(
        "MatMulNBits", x(*rows, inputs), Fixed(x.bytes(outputs, blocks, block * bits // 8)),
        Fixed(x(outputs, blocks) if zeros != "flat" else x(outputs * blocks)), zero_points, None,
        Fixed(x(outputs)) if bias else None, K=inputs, N=outputs, bits=bits, block_size=block,
    )  # fmt: skip


@pytest.mark.parametrize("bits", [4, 8])
def test_mat_mul_n_bits(run: Run, tmp_path: Path, x: Draw, bits: int) -> None:
    sizes = [((1, 1), 64, 24, 32), ((2, 5), 96, 16, 32), ((7,), 128, 40, 16), ((3,), 50, 8, 32), ((1, 2, 3), 64, 8, 64)]
    cases = {
        f"{i}-{zeros}": nbits(x, *size, bits, zeros, bias=i % 2 == 0)
        # Floating-point zero points of 8 bits ONNX Runtime does not have.
        for (i, size), zeros in product(enumerate(sizes), ["none", "packed", "float"][: 3 if bits == 4 else 2])
    }
    cases["flat"] = nbits(x, (2,), 64, 8, 32, bits, "flat", bias=False)
    compare(run, tmp_path, cases)


def test_columns_in_order_are_all_that_is_supported(run: Run, tmp_path: Path, x: Draw) -> None:
    inputs = [x(2, 64), Fixed(x.bytes(8, 2, 16)), Fixed(x(8, 2)), None]
    attributes = {"K": 64, "N": 8, "bits": 4, "block_size": 32}
    order = np.arange(64, dtype=np.int32) // 32
    compare(run, tmp_path, {"sorted": case("MatMulNBits", *inputs, Fixed(order), **attributes)})
    c = case("MatMulNBits", *inputs, Fixed(order[::-1].copy()), **attributes)
    assert "columns in another order (g_idx) are not supported" in problem_of(tmp_path, c)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bits": 2}, "2 bits are not supported; 4 and 8 are"),
        ({"K": 32}, "A has 64 columns; K is 32"),
        ({"N": 9}, "B has shape [8, 2, 16]; it must be [9, 2, 16]"),
        ({"weight_prepacked": 1}, "weight_prepacked is not supported"),
        ({"unheard": 1}, "attribute 'unheard' is not supported"),
    ],
)
def test_what_mat_mul_n_bits_is_not(tmp_path: Path, x: Draw, changes: dict[str, int], problem: str) -> None:
    attributes = {"K": 64, "N": 8, "bits": 4, "block_size": 32} | changes
    c = case("MatMulNBits", x(2, 64), Fixed(x.bytes(8, 2, 16)), Fixed(x(8, 2)), **attributes)
    assert problem in problem_of(tmp_path, c)


@pytest.mark.parametrize("bits", [4, 8])
def test_gather_block_quantized(run: Run, tmp_path: Path, x: Draw, bits: int) -> None:
    indices = x.integers(0, 12, 2, 3, dtype=np.int64)
    data, scales, zeros = x.bytes(12, 64 * bits // 8), x(12, 4), x.bytes(12, 4 * bits // 8)
    attributes = {"bits": bits, "block_size": 16}
    compare(run, tmp_path, {
        "plain": case("GatherBlockQuantized", Fixed(data), indices, Fixed(scales), **attributes),
        "zeros": case("GatherBlockQuantized", Fixed(data), indices, Fixed(scales), Fixed(zeros), **attributes),
    })  # fmt: skip


@pytest.mark.parametrize("data_type", ["INT4", "UINT4"])
@pytest.mark.parametrize(("gathered", "quantized"), [(0, 1), (1, 0), (1, 1), (-1, 0)])
def test_gather_block_quantized_of_nibbles(
    run: Run, tmp_path: Path, x: Draw, data_type: str, gathered: int, quantized: int
) -> None:
    shape, blocks = (32, 48), [32, 48]
    blocks[quantized] //= 16
    element = getattr(onnx.TensorProto, data_type)

    def nibbles(name: str, *dims: int) -> onnx.TensorProto:
        return helper.make_tensor(name, element, dims, x.bytes(int(np.prod(dims)) // 2).tobytes(), raw=True)

    weights = [nibbles("data", *shape), nibbles("zeros", *blocks), numpy_helper.from_array(x(*blocks), "scales")]
    attributes = {"gather_axis": gathered, "quantize_axis": quantized, "block_size": 16}
    nodes = [
        helper.make_node("GatherBlockQuantized", inputs, [f"y{n}"], domain=MICROSOFT, **attributes)
        for n, inputs in enumerate((["data", "i", "scales"], ["data", "i", "scales", "zeros"]))
    ]
    indices = helper.make_tensor_value_info("i", onnx.TensorProto.INT32, [5])
    outputs = [onnx.ValueInfoProto(name=f"y{n}") for n in range(2)]
    graph = helper.make_graph(nodes, "nibbles", [indices], outputs, weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    proto, inputs = helper.make_model(graph, opset_imports=opsets, ir_version=10), {"i": x.integers(0, 32, 5)}
    expected = theirs(proto, inputs)
    onnx.save(typed(proto, expected), tmp_path / "model.onnx")
    found = run(read_onnx(tmp_path / "model.onnx"), inputs)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=1e-5)


# Normalization and activation


def test_normalization(run: Run, tmp_path: Path, x: Draw) -> None:
    small = x(2, 3, 16) * np.float32(1e-4)
    compare(run, tmp_path, {
        "rms": case("SimplifiedLayerNormalization", x(2, 3, 16), Fixed(x(16)), axis=-1, epsilon=1e-3, stash_type=1),
        "rms default": case("SimplifiedLayerNormalization", small, x(16)),
        "rms axis": case("SimplifiedLayerNormalization", x(2, 3, 16), x(3, 16), axis=1),
        "skip rms": case("SkipSimplifiedLayerNormalization", x(2, 3, 16), x(2, 3, 16), x(16), x(16), outputs=4,
                         skipped=(1, 2), epsilon=1e-3),
        "skip rms default": case("SkipSimplifiedLayerNormalization", small, small, x(16)),
        "skip": case("SkipLayerNormalization", x(2, 3, 16), x(2, 3, 16), x(16), x(16), x(16), outputs=4,
                     skipped=(1, 2), epsilon=1e-3),
        "skip shared": case("SkipLayerNormalization", x(2, 3, 16), x(3, 16), x(16), x(16)),
        "skip default": case("SkipLayerNormalization", small, small, x(16)),
    })  # fmt: skip


def test_embed_layer_normalization(run: Run, tmp_path: Path, x: Draw) -> None:
    tables = x(11, 16), x(7, 16)
    ids, kinds, mask = x.integers(0, 11, 2, 5), x.integers(0, 3, 2, 5), x.integers(0, 2, 2, 5)
    norm = x(16), x(16)
    compare(run, tmp_path, {
        "all": case("EmbedLayerNormalization", ids, kinds, *tables, x(3, 16), *norm, mask, x.integers(0, 7, 2, 5),
                    outputs=3, epsilon=1e-3),
        "no segments": case("EmbedLayerNormalization", ids, None, *tables, None, *norm, outputs=2, epsilon=1e-3),
        "no mask": case("EmbedLayerNormalization", ids, kinds, *tables, x(3, 16), *norm, outputs=2),
    })  # fmt: skip


def test_activations(run: Run, tmp_path: Path, x: Draw) -> None:
    compare(run, tmp_path, {
        "fast": case("FastGelu", 3 * x(3, 16)), "fast bias": case("FastGelu", x(2, 3, 16), x(16)),
        "gelu": case("Gelu", 3 * x(3, 16)), "bias": case("BiasGelu", 2 * x(2, 3, 16), x(16)),
        "quick": case("QuickGelu", 2 * x(3, 5)), "quick alpha": case("QuickGelu", 2 * x(3, 5), alpha=0.7),
    })  # fmt: skip


# Fused operators


def test_fused_products(run: Run, tmp_path: Path, x: Draw) -> None:
    node = partial(case, "FusedMatMul")
    compare(run, tmp_path, {
        "plain": node(x(2, 3, 4), x(2, 4, 5), alpha=0.3),
        "both": node(x(2, 4, 3), x(2, 5, 4), transA=1, transB=1),
        "batch": node(x(3, 2, 4), x(4, 2, 5), transBatchA=1, transBatchB=1),
        "batch of four": node(x(3, 2, 6, 4), x(2, 6, 4, 5), transBatchA=1),
        "batch and last": node(x(4, 2, 3), x(5, 2, 4), transBatchA=1, transA=1, transBatchB=1, transB=1),
        "vector": node(x(4), x(4, 5)),
        "older": case("TransposeMatMul", x(2, 3, 4), x(2, 5, 4), transB=1),
        "gemm": case("FusedGemm", x(4, 3), x(5, 4), x(5), transA=1, transB=1, alpha=0.5, beta=2.0, activation="Relu"),
        "leaky": case("FusedGemm", x(3, 4), x(4, 5), activation="LeakyRelu", activation_alpha=0.3),
    })  # fmt: skip


def test_fused_convolutions(run: Run, tmp_path: Path, x: Draw) -> None:
    image, weights, bias = x(2, 4, 8, 8), Fixed(x(6, 4, 3, 3)), Fixed(x(6))
    conv = partial(case, "FusedConv", image, weights, bias)
    compare(run, tmp_path, {
        "relu": conv(activation="Relu", pads=[1, 1, 1, 1], strides=[2, 2]),
        "leaky": conv(activation="LeakyRelu", activation_params=[0.2]),
        "clip": conv(activation="Clip", activation_params=[-0.5, 1.5]),
        "hard": conv(activation="HardSigmoid", activation_params=[0.1, 0.4]),
        "tanh": conv(activation="Tanh"),
        "added": conv(x(2, 6, 6, 6), activation="Relu"),
        "no bias": case("FusedConv", image, weights, activation="Sigmoid", group=1),
    })  # fmt: skip


def test_unknown_activations(tmp_path: Path, x: Draw) -> None:
    inputs = x(1, 2, 5, 5), Fixed(x(2, 2, 3, 3))
    unknown = case("FusedConv", *inputs, activation="Sine")
    assert "activation 'Sine' is not supported; Clip" in problem_of(tmp_path, unknown)
    many = case("FusedConv", *inputs, activation="LeakyRelu", activation_params=[1.0, 2.0])
    assert "activation LeakyRelu does not take 2 parameters" in problem_of(tmp_path, many)


# Attention


def attention_cases(x: Draw) -> dict[str, Case]:
    """GroupQueryAttention in both forms of its past, at first and later."""
    cases = {}
    sizes = {
        # batch, new tokens, tokens before, rows of the past, entries of the mask
        "first": (2, 5, 0, 0, 5),
        "first into a buffer": (2, 5, 0, 12, 5),
        "next": (1, 1, 6, 6, 7),
        "more": (1, 3, 6, 6, 9),
        "next of a buffer": (2, 1, (6, 3), 12, 12),
        "more of a buffer": (1, 4, 6, 12, 12),
        "next of unequal ones": (2, 1, (6, 3), 6, 7),
    }
    for (name, (batch, new, before, rows, total)), (heads, groups, packed) in product(
        sizes.items(), [(4, 2, True), (3, 3, False)]
    ):
        size = 16
        # Rows behind the tokens are not specified: ONNX Runtime makes them 0, and they stay what they are here.
        lengths = np.broadcast_to(np.array(before, np.int32), batch)
        filled = (np.arange(rows) < lengths[:, None])[:, None, :, None]
        past = [x(batch, groups, rows, size) * filled for _ in range(2)] if rows else [None, None]
        q, k, v = x(batch, new, heads * size), x(batch, new, groups * size), x(batch, new, groups * size)
        qkv = [np.concatenate([q, k, v], 2), None, None] if packed else [q, k, v]
        numbers = lengths + np.int32(new - 1), Fixed(np.array(total, np.int32))
        attributes = {"num_heads": heads, "kv_num_heads": groups}
        cases[f"{name} {heads}"] = case("GroupQueryAttention", *qkv, *past, *numbers, outputs=3, **attributes)
    return cases


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rotary": {"do_rotary": 1},
    "interleaved": {"do_rotary": 1, "rotary_interleaved": 1},
    "scale and cap": {"scale": 0.4, "softcap": 2.0},
    "window": {"local_window_size": 4},
    "smooth": {"smooth_softmax": 1},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_group_query_attention(run: Run, tmp_path: Path, x: Draw, variant: str) -> None:
    cases = attention_cases(x)
    for c in cases.values():
        c.attributes |= VARIANTS[variant]
        if "do_rotary" in c.attributes:
            angle = x(16, 8)
            c.inputs = [*c.inputs, Fixed(np.cos(angle)), Fixed(np.sin(angle))]
    compare(run, tmp_path, cases)


def query_key_value(x: Draw, batch: int, length: int, heads: int, groups: int, size: int = 16) -> list[np.ndarray]:
    return [x(batch, length, n * size) for n in (heads, groups, groups)]


def test_more_of_group_query_attention(run: Run, tmp_path: Path, x: Draw) -> None:
    angle = x(16, 8)
    caches = Fixed(np.cos(angle)), Fixed(np.sin(angle))
    heads = {"num_heads": 4, "kv_num_heads": 2}
    prompt = [*query_key_value(x, 2, 5, 4, 2), None, None, np.full(2, 4, np.int32), Fixed(np.array(5, np.int32))]
    past = [x(1, 2, 12, 16) * (np.arange(12) < 6)[:, None] for _ in range(2)]
    step = [*query_key_value(x, 1, 1, 4, 2), *past, np.full(1, 6, np.int32), Fixed(np.array(12, np.int32))]
    compare(run, tmp_path, {
        "positions": case("GroupQueryAttention", *step, *caches, np.array([[9]]), outputs=3, do_rotary=1, **heads),
        "bias": case("GroupQueryAttention", *prompt, None, None, None, x(1, 4, 5, 5), **heads),
        "bias of a buffer": case("GroupQueryAttention", *step, None, None, None, x(1, 1, 1, 12), outputs=3, **heads),
        "sink": case("GroupQueryAttention", *prompt, None, None, None, None, x(4), **heads),
        "known lengths": case("GroupQueryAttention", *step[:5], Fixed(step[5]), step[6], outputs=3, **heads),
    })  # fmt: skip


def test_rows_behind_the_tokens_are_not_looked_at(run: Run, tmp_path: Path, x: Draw) -> None:
    heads = {"num_heads": 4, "kv_num_heads": 2}
    past = [x(2, 2, 12, 16) for _ in range(2)]
    lengths, total = np.array([6, 3], np.int32), Fixed(np.array(12, np.int32))
    inputs = [*query_key_value(x, 2, 1, 4, 2), *past, lengths, total]
    proto, arrays = model({"node": case("GroupQueryAttention", *inputs, outputs=3, **heads)}, 21)
    onnx.save(typed(proto, theirs(proto, arrays)), tmp_path / "model.onnx")
    graph = read_onnx(tmp_path / "model.onnx")
    first = run(graph, arrays)
    for name in ("node.3", "node.4"):
        arrays[name] = np.where(np.arange(12)[:, None] < 3, arrays[name], 7).astype(np.float32)
        arrays[name][0, :, 3:6] = past[int(name[-1]) - 3][0, :, 3:6]
    second = run(graph, arrays)
    np.testing.assert_array_equal(first["node=0"], second["node=0"])
    assert (second["node=1"][1, :, 4:] == 7).all()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"k_quant_type": "PER_TENSOR"}, "a quantized past is not supported"),
        ({"sliding_window_cache": 1}, "sliding_window_cache is not supported"),
        ({"do_rotary": 1}, "do_rotary needs cos_cache and sin_cache"),
        ({"kv_num_heads": 3}, "32 columns cannot be parted into 3 heads"),
    ],
)
def test_what_group_query_attention_is_not(tmp_path: Path, x: Draw, changes: dict[str, Any], problem: str) -> None:
    inputs = [*query_key_value(x, 1, 5, 4, 2), None, None, np.full(1, 4, np.int32), Fixed(np.array(5, np.int32))]
    c = case("GroupQueryAttention", *inputs, **({"num_heads": 4, "kv_num_heads": 2} | changes))
    assert problem in problem_of(tmp_path, c)


def test_the_number_of_tokens_must_be_known(tmp_path: Path, x: Draw) -> None:
    inputs = [*query_key_value(x, 1, 5, 4, 2), None, None, np.full(1, 4, np.int32), np.array(5, np.int32)]
    c = case("GroupQueryAttention", *inputs, num_heads=4, kv_num_heads=2)
    assert "input 'total_sequence_length' must be known at import" in problem_of(tmp_path, c)


def test_rotary_embedding(run: Run, tmp_path: Path, x: Draw) -> None:
    cos, sin = x(16, 8), x(16, 8)
    places = x.integers(0, 16, 2, 5, dtype=np.int64)
    first = np.array([3], np.int64)
    compare(run, tmp_path, {
        "flat": case("RotaryEmbedding", x(2, 5, 48), places, cos, sin),
        "first": case("RotaryEmbedding", x(2, 5, 48), first, cos, sin, interleaved=1),
        "heads": case("RotaryEmbedding", x(2, 3, 5, 16), places, cos, sin),
        "interleaved": case("RotaryEmbedding", x(2, 3, 5, 16), places, cos, sin, interleaved=1),
        "partial": case("RotaryEmbedding", x(2, 5, 72), places, cos, sin, num_heads=3, rotary_embedding_dim=16),
        "partial interleaved": case("RotaryEmbedding", x(2, 3, 5, 24), places, cos, sin, num_heads=3,
                                    rotary_embedding_dim=16, interleaved=1),
    })  # fmt: skip


def test_multi_head_attention(run: Run, tmp_path: Path, x: Draw) -> None:
    mha = partial(case, "MultiHeadAttention", num_heads=3)
    q, k, v = x(2, 5, 24), x(2, 7, 24), x(2, 7, 36)
    past = x(2, 3, 4, 8), x(2, 3, 4, 8)
    self_ = [x(2, 5, 24) for _ in range(3)]
    ends, mask = np.array([7, 4], np.int32), x.integers(0, 2, 2, 7)
    compare(run, tmp_path, {
        "cross": mha(q, k, v),
        "bias": mha(q, k, v, x(84), scale=0.3),
        "ends": mha(q, k, v, None, ends),
        "mask": mha(q, k, v, None, mask),
        "mask of tokens": mha(q, k, v, None, x.integers(0, 2, 2, 5, 7)),
        "filter": mha(q, k, v, None, mask, mask_filter_value=-2.0),
        "added": mha(q, k, v, None, None, x(1, 3, 5, 7)),
        "added and masked": mha(q, k, v, None, mask, x(2, 1, 5, 7)),
        "past": mha(*self_, None, None, None, *past, outputs=3),
        "past and mask": mha(*self_, None, x.integers(0, 2, 2, 9), None, *past, outputs=3),
        "causal": mha(*self_, unidirectional=1),
        "causal past": mha(*self_, None, None, None, *past, outputs=3, unidirectional=1),
        "causal and masked": mha(*self_, None, np.array([5, 3], np.int32), unidirectional=1),
        "by heads": mha(q, x(2, 3, 7, 8), x(2, 3, 7, 8)),
    })  # fmt: skip


def test_attention(run: Run, tmp_path: Path, x: Draw) -> None:
    node = partial(case, "Attention", num_heads=3)
    y, weights, bias = x(2, 5, 20), Fixed(x(20, 72)), Fixed(x(72))
    past = x(2, 2, 3, 4, 8)
    compare(run, tmp_path, {
        "plain": node(y, weights, bias),
        "sizes": node(y, Fixed(x(20, 84)), Fixed(x(84)), qkv_hidden_sizes=[24, 24, 36], scale=0.2),
        "causal": node(y, weights, bias, unidirectional=1),
        "ends": node(y, weights, bias, np.array([5, 2], np.int32)),
        "ends and starts": node(y, weights, bias, np.array([5, 4, 0, 1], np.int32)),
        "mask": node(y, weights, bias, x.integers(0, 2, 2, 5)),
        "mask of tokens": node(y, weights, bias, x.integers(0, 2, 2, 5, 5)),
        "dummy mask": node(y, weights, bias, np.zeros((2, 1), np.int32)),
        "causal mask": node(y, weights, bias, x.integers(1, 2, 2, 5), unidirectional=1),
        "added": node(y, weights, bias, None, None, x(2, 3, 5, 5)),
        "past": node(y, weights, bias, None, past, outputs=2, unidirectional=1),
        "past and mask": node(y, weights, bias, x.integers(0, 2, 2, 9), past, outputs=2),
    })  # fmt: skip
