"""What operators take on a device, from their declarations: https://www.w3.org/TR/webnn/#api-mlcontext-opsupportlimits."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from webnn_mlir.dialects.targets import EXCLUDED, TARGET_NAMES
from webnn_mlir.dialects.webnn import OPS
from webnn_mlir.dialects.webnn.declaration import Op
from webnn_mlir.dialects.webnn.types import ALL_AND_INT4S, DataType

MAX_TENSOR_BYTE_LENGTH = 2**31 - 1
"""As in browsers."""

MAX_RANK = 8
"""What is promised of operands that may have any rank; more is not refused."""


def op_support_limits(target: str = "cpu") -> dict[str, Any]:
    """MLOpSupportLimits of a target, with the specification's spelling of all names.

    Without the data types that the target cannot compute with, these are the operators' own limits.
    """
    if target not in TARGET_NAMES:
        raise TypeError(f"target {target!r} must be one of {', '.join(TARGET_NAMES)}")
    return copy.deepcopy(_of_target(target))


@lru_cache
def _of_target(target: str) -> dict[str, Any]:
    def limits(types: Iterable[DataType], rank: tuple[int, int | None] = (0, None)) -> dict[str, Any]:
        names = [str(t) for t in types if t not in EXCLUDED.get(target, {})]
        return {"dataTypes": names, "rankRange": {"min": rank[0], "max": MAX_RANK if rank[1] is None else rank[1]}}

    def of(op: Op) -> dict[str, Any]:
        operands = {spec.name: spec for spec in op.operands}
        found = {name: limits(spec.types, spec.rank) for name, spec in operands.items()}
        for spec in op.results:
            found[spec.name] = limits(operands[spec.like or ""].types if spec.types is None else spec.types)
        return found

    return {
        "preferredInputLayout": "nhwc",
        "maxTensorByteLength": MAX_TENSOR_BYTE_LENGTH,
        **{name: limits(ALL_AND_INT4S) for name in ("input", "constant", "output")},
        **{name: of(op) for name, op in OPS.items()},
    }
