"""What operators take on a device, from their declarations: https://www.w3.org/TR/webnn/#api-mlcontext-opsupportlimits."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from webnn_mlir.dialects.targets import EXCLUDED
from webnn_mlir.dialects.webnn import OPS
from webnn_mlir.dialects.webnn.declaration import Op, OperandSpec, ResultSpec
from webnn_mlir.dialects.webnn.types import ALL_AND_INT4S, DataType

MAX_TENSOR_BYTE_LENGTH = 2**31 - 1
"""As in browsers."""

MAX_RANK = 8
"""What is promised of operands that may have any rank; more is not refused."""


def op_support_limits(target: str = "cpu") -> dict[str, Any]:
    """MLOpSupportLimits of a target, with the specification's spelling of all names.

    Without a target these are the baseline limits, which every operator keeps on the CPU.
    """
    without = frozenset(EXCLUDED.get(target, ()))
    anything = _limits(ALL_AND_INT4S, without)
    limits: dict[str, Any] = {
        "preferredInputLayout": "nhwc",
        "maxTensorByteLength": MAX_TENSOR_BYTE_LENGTH,
        "input": anything,
        "constant": anything,
        "output": anything,
    }
    return limits | {name: _of(op, without) for name, op in OPS.items()}


@lru_cache
def _of(op: Op, without: frozenset[DataType]) -> dict[str, Any]:
    operands = {spec.name: spec for spec in op.operands}
    limits = {name: _limits(spec.types, without, spec.rank) for name, spec in operands.items()}
    return limits | {spec.name: _limits(_result_types(spec, operands), without) for spec in op.results}


def _result_types(spec: ResultSpec, operands: dict[str, OperandSpec]) -> tuple[DataType, ...]:
    return spec.types if spec.types is not None else operands[spec.like or ""].types


def _limits(
    types: Iterable[DataType], without: frozenset[DataType], rank: tuple[int, int | None] = (0, None)
) -> dict[str, Any]:
    low, high = rank
    ranks = {"min": low, "max": MAX_RANK if high is None else high}
    return {"dataTypes": [str(t) for t in types if t not in without], "rankRange": ranks}
