"""Attention of com.microsoft, which keeps keys and values of earlier tokens, and the rotation by position.

All are softmax(q kᵀ · scale + …) v for each head, from `attention`. q, k and v are [batch, heads, length, head size].

GroupQueryAttention keeps the keys and values of all tokens in two buffers, which it takes as past and gives as present.
Token number t of a sequence has row t of a buffer. A node adds `length` tokens, from the row

    start = seqlens_k + 1 - length,    or 0 when total_sequence_length = length, which makes it the first of a sequence

and each of its tokens attends to the rows up to its own. Sizes are known at import, and decide what is built:

* past of P rows and total_sequence_length T ≤ P: the buffer has its final size. New rows are scattered into it at
  `start`, which the graph computes, and present, of P rows like past, can take over its memory. One graph serves all
  positions of a sequence: it is given a mask of T = P entries, as many of them ones as there are tokens. Rows behind
  those are never looked at.
* T > P: present has T rows. When T = P + length, and there is one sequence, its new rows follow the old ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, MLOperand

from ..constants import Array, Known
from ..importer import NodeBuilder
from ..registry import MICROSOFT, Value, operator
from .contrib_normalization import root_mean_square

Start = int | MLOperand
"""The row of the first new token: one number for all sequences, or int32[batch]."""


# What all attention operators are made of


def heads(w: NodeBuilder, x: MLOperand, count: int) -> MLOperand:
    """[batch, length, count · size] to [batch, count, length, size]."""
    batch, length, width = x.shape
    w.require(width % count == 0, f"{width} columns cannot be parted into {count} heads")
    result: MLOperand = w.transpose(w.reshape(x, [batch, length, count, width // count]), permutation=[0, 2, 1, 3])
    return result


def merged(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """The inverse of `heads`."""
    batch, count, length, size = x.shape
    result: MLOperand = w.reshape(w.transpose(x, permutation=[0, 2, 1, 3]), [batch, length, count * size])
    return result


def attention(
    w: NodeBuilder,
    q: MLOperand,
    k: MLOperand,
    v: MLOperand,
    *,
    scale: float,
    softcap: float = 0.0,
    added: list[MLOperand] | None = None,
    allowed: MLOperand | None = None,
    sink: MLOperand | None = None,
) -> MLOperand:
    """softmax(softcap · tanh(q kᵀ · scale / softcap) + added) v, with the heads of k and v shared by groups of q's.

    `added` and `allowed`, which has 0 where a row is not looked at, broadcast to [batch, heads of q, length, rows].
    `sink` is one more score, which broadcasts to [batch, heads, 1, 1], and of which nothing is taken from v.
    """
    batch, count, length, size = q.shape
    groups = k.shape[1]
    w.require(count % groups == 0, f"{count} heads of queries are no multiple of {groups} heads of keys")
    q = w.mul(q, w.scalar(scale or 1 / math.sqrt(size), q.data_type))
    q = w.reshape(q, [batch, groups, count // groups * length, size])
    scores = w.reshape(w.matmul(q, w.transpose(k, permutation=[0, 1, 3, 2])), [batch, count, length, k.shape[2]])
    if softcap:
        cap = w.scalar(softcap, q.data_type)
        scores = w.mul(w.tanh(w.div(scores, cap)), cap)
    for term in added or ():
        scores = w.add(scores, term)
    if allowed is not None:
        scores = w.where(allowed, scores, w.scalar(lowest(q.data_type), q.data_type))
    weights = w.softmax(scores, 3) if sink is None else _softmax_beside(w, scores, sink)
    weights = w.reshape(weights, [batch, groups, count // groups * length, k.shape[2]])
    result: MLOperand = w.reshape(w.matmul(weights, v), [batch, count, length, v.shape[3]])
    return result


def _softmax_beside(w: NodeBuilder, scores: MLOperand, sink: MLOperand) -> MLOperand:
    """exp(scores - m) / (sum of exp(scores - m) + exp(sink - m)), m the largest of all."""
    largest = w.max(w.reduce_max(scores, axes=[3], keep_dimensions=True), sink)
    powers = w.exp(w.sub(scores, largest))
    total = w.add(w.reduce_sum(powers, axes=[3], keep_dimensions=True), w.exp(w.sub(sink, largest)))
    result: MLOperand = w.div(powers, total)
    return result


def lowest(data_type: DataType) -> float:
    """The least finite number: infinities would give NaN in rows that have nothing else."""
    return float(np.finfo(data_type.numpy).min)


def positions(w: NodeBuilder, start: Start, length: int) -> MLOperand:
    """The rows of new tokens: int32[batch or 1, length]."""
    steps = np.arange(length, dtype=np.int32)[None]
    if isinstance(start, int):
        return w.operand(steps + np.int32(start))
    result: MLOperand = w.add(w.reshape(start, [start.shape[0], 1]), w.operand(steps))
    return result


def visible(w: NodeBuilder, start: Start, length: int, rows: int, window: int = -1) -> MLOperand | None:
    """Which rows new tokens look at: those up to their own, the last `window` of them if it is not -1.

    uint8[batch or 1, 1, length, rows]; None when that is all.
    """
    if isinstance(start, int) and length == 1 and rows == start + 1 and not 0 < window < rows:
        return None
    own = positions(w, start, length)
    own = w.reshape(own, [own.shape[0], 1, length, 1])
    row = w.operand(np.arange(rows, dtype=np.int32)[None, None, None])
    result: MLOperand = w.lesser_or_equal(row, own)
    if window > 0:
        result = w.logical_and(result, w.greater(row, w.sub(own, w.scalar(window, DataType.INT32))))
    return result


def written(w: NodeBuilder, buffer: MLOperand, new: MLOperand, start: Start) -> MLOperand:
    """[batch, heads, rows, size] with new rows from `start` on in place of the old ones.

    A scatter, whatever `start` is, so that the result can take over the buffer's memory.
    """
    batch, count, rows, _ = buffer.shape
    length = new.shape[2]
    index = np.moveaxis(np.indices((batch, count, length), np.int32), 0, -1)
    if isinstance(start, int):
        w.require(start + length <= rows, f"{length} rows from row {start} on do not fit into the past's {rows}")
        moved = w.operand(index + np.array([0, 0, start], np.int32))
    else:
        last = w.operand(np.array([0, 0, 1], np.int32))
        moved = w.add(w.operand(index), w.mul(w.reshape(start, [batch, 1, 1, 1]), last))
    result: MLOperand = w.scatter_nd(buffer, moved, new)
    return result


# Rotation by position


def rotated(w: NodeBuilder, x: MLOperand, cos: MLOperand, sin: MLOperand, *, interleaved: bool) -> MLOperand:
    """Pairs (a, b) of x, [batch, heads, length, size], turned to (a cos - b sin, b cos + a sin).

    cos and sin are [batch or 1, length, pairs]. A pair is two neighbours when they are interleaved, otherwise an
    element and that one `pairs` further on. Elements behind the pairs stay.
    """
    batch, count, length, size = x.shape
    pairs = cos.shape[2]
    w.require(2 * pairs <= size, f"cos and sin have {pairs} columns; heads of size {size} have {size // 2} pairs")
    turned, *rest = [x] if 2 * pairs == size else w.split(x, [2 * pairs, size - 2 * pairs], axis=3)
    shape, angle, axis = ([pairs, 2], [pairs, 1], 4) if interleaved else ([2, pairs], [1, pairs], 3)
    turned = w.reshape(turned, [batch, count, length, *shape])
    cos, sin = (w.reshape(t, [t.shape[0], 1, length, *angle]) for t in (cos, sin))
    # (a, b) cos + (b, a) (-sin, sin): one loop, where joining two results would be three.
    signs = w.constant(np.array([-1, 1], x.data_type.numpy).reshape([1, 2] if interleaved else [2, 1]))
    turned = w.add(w.mul(turned, cos), w.mul(w.reverse(turned, axes=[axis]), w.mul(sin, signs)))
    turned = w.reshape(turned, [batch, count, length, 2 * pairs])
    return w.concat([turned, *rest], 3) if rest else turned


def angles(w: NodeBuilder, cache: MLOperand, start: Start, length: int) -> MLOperand:
    """The rows of a cache of cosines or sines for new tokens: [batch or 1, length, pairs]."""
    rows, pairs = cache.shape
    if isinstance(start, int):
        w.require(start + length <= rows, f"the cache of angles has {rows} rows; {start + length} are needed")
        return w.reshape(w.slice(cache, [start, 0], [length, pairs]), [1, length, pairs])
    return w.gather(cache, positions(w, start, length))


@operator("RotaryEmbedding", domain=MICROSOFT)
def rotary_embedding(
    w: NodeBuilder,
    input: MLOperand,
    position_ids: MLOperand,
    cos_cache: MLOperand,
    sin_cache: MLOperand,
    *,
    interleaved: int = 0,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
    scale: float = 1.0,
    is_packed_batching: int = 0,
) -> Any:
    """[batch, length, hidden] or [batch, heads, length, size]; position_ids [1] is the first token's."""
    w.require(scale == 1, f"scale {scale} is not supported; it must be 1")
    w.require(not is_packed_batching, "is_packed_batching is not supported")
    flat = input.rank == 3
    if flat:
        size = input.shape[2] // num_heads if rotary_embedding_dim else 2 * cos_cache.shape[1]
        input = heads(w, input, input.shape[2] // size)
    batch, length = input.shape[0], input.shape[2]
    if position_ids.rank == 1:
        first = w.cast(w.expand(position_ids, [batch]), DataType.INT32)
        position_ids = positions(w, first, length)
    cos, sin = w.gather(cos_cache, position_ids), w.gather(sin_cache, position_ids)
    result = rotated(w, input, cos, sin, interleaved=bool(interleaved))
    return merged(w, result) if flat else result


# GroupQueryAttention


@operator("GroupQueryAttention", domain=MICROSOFT)
def group_query_attention(
    w: NodeBuilder,
    query: MLOperand,
    key: MLOperand | None,
    value: MLOperand | None,
    past_key: Value | None,
    past_value: Value | None,
    seqlens_k: Value,
    total_sequence_length: Array,
    cos_cache: MLOperand | None = None,
    sin_cache: MLOperand | None = None,
    position_ids: MLOperand | None = None,
    attention_bias: MLOperand | None = None,
    head_sink: MLOperand | None = None,
    k_scale: Value | None = None,
    v_scale: Value | None = None,
    q_norm_weight: MLOperand | None = None,
    k_norm_weight: MLOperand | None = None,
    *,
    num_heads: int,
    kv_num_heads: int,
    scale: float = 0.0,
    softcap: float = 0.0,
    local_window_size: int = -1,
    do_rotary: int = 0,
    rotary_interleaved: int = 0,
    smooth_softmax: int = 0,
    causal: int = 1,
    qk_norm_epsilon: float = 1e-6,
    qk_output: int = 0,
    sliding_window_cache: int = 0,
    kv_cache_bit_width: int = 0,
    k_quant_type: str = "NONE",
    v_quant_type: str = "NONE",
) -> list[MLOperand]:
    """output, present_key, present_value."""
    w.require(k_scale is None and v_scale is None and k_quant_type == v_quant_type == "NONE",
              "a quantized past is not supported")  # fmt: skip
    w.require(not sliding_window_cache, "sliding_window_cache is not supported")
    w.require(not qk_output, "qk_output is not supported")
    if key is None or value is None:
        size = query.shape[2] // (num_heads + 2 * kv_num_heads)
        parts = [num_heads * size, kv_num_heads * size, kv_num_heads * size]
        query, key, value = w.split(query, parts, axis=2)
    q, k, v = heads(w, query, num_heads), heads(w, key, kv_num_heads), heads(w, value, kv_num_heads)
    if q_norm_weight is not None and k_norm_weight is not None:
        q, k = (root_mean_square(w, x, g, qk_norm_epsilon) for x, g in ((q, q_norm_weight), (k, k_norm_weight)))
    cache = Cache.of(w, q.shape[0], q.shape[2], past_key, seqlens_k, int(total_sequence_length.item()))
    w.require(not do_rotary or cos_cache is not None, "do_rotary needs cos_cache and sin_cache")
    if do_rotary and cos_cache is not None and sin_cache is not None:
        if position_ids is None:
            cos, sin = (angles(w, c, cache.start, cache.length) for c in (cos_cache, sin_cache))
        else:
            cos, sin = w.gather(cos_cache, position_ids), w.gather(sin_cache, position_ids)
        q, k = (rotated(w, x, cos, sin, interleaved=bool(rotary_interleaved)) for x in (q, k))
    k, v = cache.present(w, past_key, k), cache.present(w, past_value, v)
    sink = None
    if head_sink is not None or smooth_softmax:
        sink = w.scalar(0, q.data_type) if head_sink is None else w.reshape(head_sink, [1, num_heads, 1, 1])
    result = attention(
        w, q, k, v, scale=scale, softcap=softcap, added=_bias_of_rows(w, attention_bias, k.shape[2]),
        allowed=cache.visible(w, k.shape[2], local_window_size, bool(causal)), sink=sink,
    )  # fmt: skip
    return [merged(w, result), k, v]


@dataclass(frozen=True)
class Cache:
    """Where new tokens come in a buffer of `rows` rows; see the module's documentation."""

    start: Start
    length: int
    rows: int

    @classmethod
    def of(cls, w: NodeBuilder, batch: int, length: int, past: Value | None, seqlens_k: Value, total: int) -> Cache:
        capacity = 0 if past is None else past.shape[2]
        w.require(length <= total, f"total_sequence_length {total} is less than the {length} new tokens")
        w.require(bool(capacity) or length == total, f"there are {total} tokens, {length} of them new, but no past")
        rows = max(capacity, total)
        if length == total:
            return cls(0, length, rows)
        if isinstance(seqlens_k, Known) and len(set(seqlens_k.array.ravel().tolist())) == 1:
            return cls(int(seqlens_k.array.ravel()[0]) + 1 - length, length, rows)
        if batch == 1 and capacity + length == total:
            return cls(capacity, length, rows)
        last = w.reshape(w.cast(w.operand(seqlens_k), DataType.INT32), [batch])
        return cls(w.add(last, w.scalar(1 - length, DataType.INT32)), length, rows)

    def present(self, w: NodeBuilder, past: Value | None, new: MLOperand) -> MLOperand:
        """The keys or values of all tokens, [batch, heads, rows, size]."""
        if self.rows == self.length:
            return new
        assert past is not None
        buffer = w.operand(past)
        batch, count, capacity, size = buffer.shape
        if self.rows > capacity:
            if self.start == capacity and self.rows == capacity + self.length:
                return w.concat([buffer, new], 2)
            more = w.full(0, buffer.data_type, [batch, count, self.rows - capacity, size])
            buffer = w.concat([buffer, more], 2)
        return written(w, buffer, new, self.start)

    def visible(self, w: NodeBuilder, rows: int, window: int, causal: bool) -> MLOperand | None:
        if causal:
            return visible(w, self.start, self.length, rows, window)
        w.require(window < 0, "local_window_size must be -1 when causal is 0")
        # All tokens are looked at, by each.
        if isinstance(self.start, int):
            return visible(w, self.start + self.length - 1, 1, rows)
        return visible(w, w.add(self.start, w.scalar(self.length - 1, DataType.INT32)), 1, rows)


def _bias_of_rows(w: NodeBuilder, bias: MLOperand | None, rows: int) -> list[MLOperand]:
    """A bias of as many columns as there are tokens, with zeros for the rows behind them."""
    if bias is None:
        return []
    missing = rows - bias.shape[3]
    return [w.pad(bias, [0, 0, 0, 0], [0, 0, 0, missing]) if missing else bias]


# MultiHeadAttention and Attention


@operator("MultiHeadAttention", domain=MICROSOFT)
def multi_head_attention(
    w: NodeBuilder,
    query: MLOperand,
    key: MLOperand | None = None,
    value: MLOperand | None = None,
    bias: MLOperand | None = None,
    key_padding_mask: MLOperand | None = None,
    attention_bias: MLOperand | None = None,
    past_key: Value | None = None,
    past_value: Value | None = None,
    past_sequence_length: Value | None = None,
    cache_indirection: Value | None = None,
    *,
    num_heads: int,
    scale: float = 0.0,
    mask_filter_value: float = -10000.0,
    unidirectional: int = 0,
) -> list[MLOperand]:
    """output, present_key, present_value. Keys and values with four dimensions are parted into heads already."""
    w.require(past_sequence_length is None, "input 'past_sequence_length' (a shared buffer) is not supported")
    w.require(cache_indirection is None, "input 'cache_indirection' (beam search) is not supported")
    q, k, v = _parted(w, query, key, value, bias, num_heads)
    past = 0 if past_key is None else past_key.shape[2]
    if past_key is not None and past_value is not None and past:
        k, v = w.concat([w.operand(past_key), k], 2), w.concat([w.operand(past_value), v], 2)
    added = [] if attention_bias is None else [attention_bias]
    if key_padding_mask is not None:
        added.append(mask_term(w, key_padding_mask, q.shape[0], k.shape[2], mask_filter_value, q.data_type))
    allowed = visible(w, past, q.shape[2], k.shape[2]) if unidirectional else None
    result = attention(w, q, k, v, scale=scale, added=added, allowed=allowed)
    return [merged(w, result), k, v]


def _parted(
    w: NodeBuilder, query: MLOperand, key: MLOperand | None, value: MLOperand | None, bias: MLOperand | None, count: int
) -> list[MLOperand]:
    """Query, key and value, however they are packed, by heads, with their biases."""
    flat: list[MLOperand]
    if key is None:
        w.require(query.rank == 5, f"query has rank {query.rank}; without key it must be packed, of rank 5")
        flat = _unpacked(w, query, 3)
    elif value is None:
        w.require(key.rank == 5, f"key has rank {key.rank}; without value it must be packed, of rank 5")
        flat = [query, *_unpacked(w, key, 2)]
    else:
        flat = [query, key, value]
    if bias is not None:
        sizes = [x.shape[2] for x in flat]
        flat = [w.add(x, b) for x, b in zip(flat, w.split(bias, sizes, axis=0), strict=True)]
    return [x if x.rank == 4 else heads(w, x, count) for x in flat]


def _unpacked(w: NodeBuilder, x: MLOperand, parts: int) -> list[MLOperand]:
    """[batch, length, heads, parts, size] to as many of [batch, length, heads · size]."""
    batch, length, count, _, size = x.shape
    return [w.reshape(part, [batch, length, count * size]) for part in w.split(x, parts, axis=3)]


def mask_term(
    w: NodeBuilder, mask: MLOperand, batch: int, rows: int, filtered: float, data_type: DataType
) -> MLOperand:
    """What a mask adds to scores: 0 for rows to look at, `filtered` for others; [batch, 1, 1 or length, rows].

    The mask has a number for each row, above 0 for those to look at, for each sequence or for each of its tokens; or
    for each sequence the end of the rows to look at, and possibly, behind all ends, their starts.
    """
    zero = w.scalar(0, mask.data_type)
    if mask.rank == 1:
        w.require(mask.shape[0] in (batch, 2 * batch), f"a mask of shape {list(mask.shape)} is not supported")
        row = w.operand(np.arange(rows, dtype=mask.data_type.numpy)[None, None, None])
        ends = w.split(mask, mask.shape[0] // batch, axis=0) if mask.shape[0] > batch else [mask]
        bounds = [w.reshape(bound, [batch, 1, 1, 1]) for bound in ends]
        seen = w.lesser(row, bounds[0])
        for first in bounds[1:]:
            seen = w.logical_and(seen, w.greater_or_equal(row, first))
    else:
        w.require(mask.rank in (2, 3) and mask.shape[-1] == rows,
                  f"a mask of shape {list(mask.shape)} is not supported: it must end with {rows}")  # fmt: skip
        lengths = mask.shape[1] if mask.rank == 3 else 1
        seen = w.reshape(w.greater(mask, zero), [mask.shape[0], 1, lengths, rows])
    term: MLOperand = w.where(seen, w.scalar(0, data_type), w.scalar(max(filtered, lowest(data_type)), data_type))
    return term


@operator("Attention", domain=MICROSOFT)
def packed_attention(
    w: NodeBuilder,
    input: MLOperand,
    weights: MLOperand,
    bias: MLOperand | None = None,
    mask_index: MLOperand | None = None,
    past: MLOperand | None = None,
    attention_bias: MLOperand | None = None,
    past_sequence_length: Value | None = None,
    *,
    num_heads: int,
    qkv_hidden_sizes: list[int] | None = None,
    scale: float = 0.0,
    mask_filter_value: float = -10000.0,
    unidirectional: int = 0,
    do_rotary: int = 0,
    rotary_embedding_dim: int = 0,
    past_present_share_buffer: int = 0,
) -> list[MLOperand]:
    """output, and present: keys and values, [2, batch, heads, rows, size]."""
    w.require(not do_rotary, "do_rotary is not supported")
    w.require(not past_present_share_buffer and past_sequence_length is None,
              "past_present_share_buffer is not supported")  # fmt: skip
    product = w.matmul(input, weights)
    if bias is not None:
        product = w.add(product, bias)
    sizes = qkv_hidden_sizes or [product.shape[2] // 3] * 3
    q, k, v = (heads(w, x, num_heads) for x in w.split(product, sizes, axis=2))
    before = 0
    if past is not None:
        before = past.shape[3]
        old = (w.reshape(x, list(past.shape[1:])) for x in w.split(past, 2, axis=0))
        k, v = (w.concat([x, new], 2) for x, new in zip(old, (k, v), strict=True))
    added = [] if attention_bias is None else [attention_bias]
    # A mask of one column says nothing: it adds the same to all scores.
    if mask_index is not None and not (mask_index.rank == 2 and mask_index.shape[1] == 1 != k.shape[2]):
        added.append(mask_term(w, mask_index, q.shape[0], k.shape[2], mask_filter_value, q.data_type))
    allowed = visible(w, before, q.shape[2], k.shape[2]) if unidirectional else None
    result = merged(w, attention(w, q, k, v, scale=scale, added=added, allowed=allowed))
    if len(w.wanted) < 2 or not w.wanted[1]:
        return [result]
    return [result, w.concat([w.reshape(x, [1, *x.shape]) for x in (k, v)], 0)]
