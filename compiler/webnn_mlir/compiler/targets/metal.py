"""Metal: source text in its shading language for Apple's GPUs, compiled by the driver when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .target import SPIRV, Target

if TYPE_CHECKING:
    from ..options import CompileOptions


def _flags(options: CompileOptions) -> list[str]:
    # Apple's own compiler, which could do it beforehand, runs on its systems alone.
    return [*SPIRV, "--iree-metal-compile-to-metallib=false", f"--iree-metal-target-platform={options.metal_platform}"]


METAL = Target(lambda _: "metal", _flags, lacks=frozenset({"float64", "narrow division", "sums of other widths"}))
