"""VMVX: portable code for IREE's own virtual machine, for places without a native compiler."""

from __future__ import annotations

from webnn_mlir.dialects.webnn.types import DataType

from .target import Target

VMVX = Target(
    lambda _: "local",
    lambda _: [],
    backend="vmvx",
    lacks=frozenset({"float64"}),
    excluded=((DataType.FLOAT16, "IREE's virtual machine converts no float16 (arith.extf, arith.truncf)"),),
)
