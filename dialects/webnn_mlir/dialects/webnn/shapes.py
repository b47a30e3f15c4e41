"""Shape algorithms that several operators share."""

from __future__ import annotations

from collections.abc import Sequence

Shape = tuple[int, ...]


def broadcast(a: Sequence[int], b: Sequence[int]) -> Shape | None:
    """The bidirectional broadcast of two shapes, or None: https://www.w3.org/TR/webnn/#bidirectionally-broadcasting."""
    rank = max(len(a), len(b))
    padded = zip((1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b), strict=True)
    result = []
    for x, y in padded:
        if x != y and 1 not in (x, y):
            return None
        result.append(max(x, y))
    return tuple(result)


def broadcasts_to(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether `a` broadcasts to exactly `b`: https://www.w3.org/TR/webnn/#unidirectionally-broadcastable."""
    return len(a) <= len(b) and broadcast(a, b) == tuple(b)


def blockwise_broadcasts_to(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether `a` fills `b` by repeating elements: https://www.w3.org/TR/webnn/#blockwise-broadcastable."""
    return len(a) == len(b) and all(y % x == 0 for x, y in zip(a, b, strict=True))
