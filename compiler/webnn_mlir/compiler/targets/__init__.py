"""Targets: what can be compiled for, one of them or several in one artifact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .cpu import CPU
from .cuda import CUDA
from .metal import METAL
from .target import Target
from .vmvx import VMVX
from .vulkan import VULKAN
from .wasm32 import WASM32

if TYPE_CHECKING:
    from ..options import CompileOptions

__all__ = ["TARGETS", "Target", "flags", "lacks"]

TARGETS: dict[str, Target] = {
    "cpu": CPU, "vulkan": VULKAN, "cuda": CUDA, "metal": METAL, "vmvx": VMVX, "wasm32": WASM32,
}  # fmt: skip


def flags(options: CompileOptions) -> list[str]:
    """IREE's flags: the devices, of which the one that a program is loaded on is taken, and what each is told."""
    targets = [TARGETS[name] for name in options.targets]
    devices = dict.fromkeys(target.device(options) for target in targets)
    backends = [target.backend for target in targets if target.backend]
    return [
        # With a name: IREE takes what stands before the first "=" for one.
        f"--iree-hal-target-device=device={','.join(devices)}",
        *([f"--iree-hal-local-target-device-backends={','.join(backends)}"] if backends else []),
        # Where there is float64 the lowering uses it, for digits that float32 does not have.
        f"--iree-input-demote-f64-to-f32={str('float64' in lacks(options.targets)).lower()}",
        *dict.fromkeys(flag for target in targets for flag in target.flags(options)),
    ]


def lacks(names: Sequence[str]) -> frozenset[str]:
    """What the lowering for targets must do without: one program is compiled for all of them."""
    return frozenset().union(*(TARGETS[name].lacks for name in names))
