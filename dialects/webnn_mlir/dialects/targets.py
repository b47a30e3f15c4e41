"""What the compiler, which makes code for targets, and the runtime, which finds devices for it, both know of them."""

from __future__ import annotations

from .webnn.types import DataType

TARGET_NAMES = ("cpu", "vulkan", "cuda", "metal", "vmvx")

EXCLUDED: dict[str, dict[DataType, str]] = {
    "vmvx": {DataType.FLOAT16: "IREE's virtual machine converts no float16 (arith.extf, arith.truncf)"},
}
"""The data types that a target cannot compute with, with the reason."""
