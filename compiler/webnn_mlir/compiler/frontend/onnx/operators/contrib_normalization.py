"""Normalization and activation operators of transformers, mostly of the domain com.microsoft."""

from __future__ import annotations

import math
from typing import Any

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..importer import NodeBuilder
from ..registry import MICROSOFT, operator
from .movement import axis_of


def root_mean_square(w: NodeBuilder, x: MLOperand, scale: MLOperand, epsilon: float, axis: int = -1) -> MLOperand:
    """x / sqrt(mean of x² + epsilon) · scale over the axes from `axis` on, computed in float32."""
    wide = x if x.data_type is DataType.FLOAT32 else w.cast(x, DataType.FLOAT32)
    axes = list(range(axis_of(w, axis, x.rank), x.rank))
    mean = w.reduce_mean(w.mul(wide, wide), axes=axes, keep_dimensions=True)
    normal = w.div(wide, w.sqrt(w.add(mean, w.scalar(epsilon, DataType.FLOAT32))))
    result: MLOperand = w.mul(normal if x is wide else w.cast(normal, scale.data_type), scale)
    return result


@operator("SimplifiedLayerNormalization")
@operator("RMSNormalization", since=23)
def simplified_layer_normalization(
    w: NodeBuilder, X: MLOperand, scale: MLOperand, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Any:
    return root_mean_square(w, X, scale, epsilon, axis)


@operator("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_simplified_layer_normalization(
    w: NodeBuilder,
    input: MLOperand,
    skip: MLOperand,
    gamma: MLOperand,
    bias: MLOperand | None = None,
    *,
    epsilon: float = 1e-12,
) -> list[MLOperand | None]:
    """output, mean, inv_std_var, input_skip_bias_sum; the second and the third are for training."""
    total = _sum(w, input, skip, bias)
    return [root_mean_square(w, total, gamma, epsilon), None, None, total]


@operator("SkipLayerNormalization", domain=MICROSOFT)
def skip_layer_normalization(
    w: NodeBuilder,
    input: MLOperand,
    skip: MLOperand,
    gamma: MLOperand,
    beta: MLOperand | None = None,
    bias: MLOperand | None = None,
    *,
    epsilon: float = 1e-12,
) -> list[MLOperand | None]:
    """As the simplified one."""
    total = _sum(w, input, skip, bias)
    output = w.layer_normalization(total, scale=gamma, bias=beta, axes=[total.rank - 1], epsilon=epsilon)
    return [output, None, None, total]


def _sum(w: NodeBuilder, input: MLOperand, skip: MLOperand, bias: MLOperand | None) -> MLOperand:
    total: MLOperand = w.add(input, skip)
    return total if bias is None else w.add(total, bias)


@operator("EmbedLayerNormalization", domain=MICROSOFT)
def embed_layer_normalization(
    w: NodeBuilder,
    input_ids: MLOperand,
    segment_ids: MLOperand | None,
    word_embedding: MLOperand,
    position_embedding: MLOperand,
    segment_embedding: MLOperand | None,
    gamma: MLOperand,
    beta: MLOperand,
    mask: MLOperand | None = None,
    position_ids: MLOperand | None = None,
    *,
    epsilon: float = 1e-12,
    mask_index_type: int = 1,
) -> list[MLOperand]:
    """output; mask_index, how many ones each sequence's mask has, 0 without a mask; embedding_sum."""
    batch, length = input_ids.shape
    if position_ids is None:
        places = w.slice(position_embedding, [0, 0], [length, position_embedding.shape[1]])
    else:
        places = w.gather(position_embedding, position_ids)
    total = w.add(w.gather(word_embedding, input_ids), places)
    if segment_ids is not None and segment_embedding is not None:
        total = w.add(total, w.gather(segment_embedding, segment_ids))
    output = w.layer_normalization(total, scale=gamma, bias=beta, axes=[2], epsilon=epsilon)
    if mask is None:
        index = w.full(0, DataType.INT32, [batch])
    else:
        ones = w.cast(w.equal(mask, w.scalar(1, mask.data_type)), DataType.INT32)
        index = w.reduce_sum(ones, axes=[1])
    return [output, index, total]


@operator("FastGelu", domain=MICROSOFT)
def fast_gelu(w: NodeBuilder, X: MLOperand, bias: MLOperand | None = None) -> Any:
    """x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³))) of the sum with the bias."""
    x = X if bias is None else w.add(X, bias)
    cubic = w.mul(w.scalar(0.044715, x.data_type), w.mul(x, w.mul(x, x)))
    tanh = w.tanh(w.mul(w.scalar(math.sqrt(2 / math.pi), x.data_type), w.add(x, cubic)))
    return w.mul(w.mul(x, w.scalar(0.5, x.data_type)), w.add(tanh, w.scalar(1, x.data_type)))


@operator("Gelu", domain=MICROSOFT)
def gelu(w: NodeBuilder, X: MLOperand) -> Any:
    return w.gelu(X)


@operator("BiasGelu", domain=MICROSOFT)
def bias_gelu(w: NodeBuilder, A: MLOperand, B: MLOperand) -> Any:
    return w.gelu(w.add(A, B))


@operator("QuickGelu", domain=MICROSOFT)
def quick_gelu(w: NodeBuilder, X: MLOperand, *, alpha: float = 1.702) -> Any:
    return w.mul(X, w.sigmoid(w.mul(X, w.scalar(alpha, X.data_type))))
