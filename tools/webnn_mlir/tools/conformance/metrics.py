"""The metrics of web-platform-tests: distance in units in the last place, and absolute distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType

from .corpus import Case, Tensor

Array = np.ndarray[Any, Any]

CHECKED_OF_FILL = 1000
"""Of a tensor that is one value everywhere, so many elements are looked at."""


def compare(case: Case, outputs: dict[str, Array]) -> str:
    """What is wrong with the outputs, or an empty string."""
    problems = (_compare(case, name, tensor, outputs[name]) for name, tensor in case.outputs.items())
    return "; ".join(filter(None, problems))


def _compare(case: Case, name: str, tensor: Tensor, output: Array) -> str:
    if output.shape != tensor.descriptor.shape:
        return f"{name}: shape {list(output.shape)}, expected {list(tensor.descriptor.shape)}"
    actual = output.ravel()
    expected = list(tensor.data)
    if tensor.fill:
        actual = actual[:CHECKED_OF_FILL]
        expected *= len(actual)
    distances: Sequence[float] = _METRICS[case.metric](actual, expected, tensor.descriptor.data_type)
    # NaN is within no distance.
    wrong = [i for i, d in enumerate(distances) if not d <= case.tolerance]
    if not wrong:
        return ""
    i = wrong[0]
    return (
        f"{name}: {len(wrong)} of {len(actual)} elements differ, first [{i}]: {actual[i]!s}, expected {expected[i]!s}, "
        f"{case.metric} {distances[i]} > {case.tolerance:g}"
    )


def _atol(actual: Array, expected: list[int | float], _: DataType) -> list[float]:
    """The distance in double; NaN, also from infinities, is a distance that no tolerance covers."""
    with np.errstate(invalid="ignore"):
        distances: list[float] = np.abs(actual.astype(np.float64) - np.array(expected, np.float64)).tolist()
    return distances


def _ulp(actual: Array, expected: list[int | float], data_type: DataType) -> list[int]:
    """The distance in units in the last place; for integers the difference. NaN is at no distance from NaN."""
    if not data_type.is_float:
        return [abs(int(a) - int(e)) for a, e in zip(actual, expected, strict=True)]
    with np.errstate(over="ignore"):
        wanted = np.array(expected, np.float64).astype(data_type.numpy)
    position = _position_32 if data_type is DataType.FLOAT32 else _position_16
    distances = np.abs(position(actual) - position(wanted))
    distances[(actual == wanted) | (np.isnan(actual) & np.isnan(wanted))] = 0
    # Every NaN stands for one value, far from all numbers.
    distances[np.isnan(actual) != np.isnan(wanted)] = 2**32
    result: list[int] = distances.tolist()
    return result


def _position_32(values: Array) -> Array:
    """The rank of a float32 among all of them: the bits of |x|, negative for negative x."""
    magnitude = np.abs(values).view(np.uint32).astype(np.int64)
    return np.where(values < 0, -magnitude, magnitude)


def _position_16(values: Array) -> Array:
    """The bits of a float16 as they are: neighbours on the two sides of zero are far apart."""
    return values.view(np.uint16).astype(np.int64)


_METRICS: dict[str, Callable[[Array, list[int | float], DataType], Sequence[float]]] = {"ULP": _ulp, "ATOL": _atol}
