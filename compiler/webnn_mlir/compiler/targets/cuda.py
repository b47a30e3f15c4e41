"""CUDA: PTX for NVIDIA's GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .target import Target

if TYPE_CHECKING:
    from ..options import CompileOptions


def _flags(options: CompileOptions) -> list[str]:
    return [f"--iree-cuda-target={options.cuda_arch}"]


CUDA = Target(lambda _: "cuda", _flags, lacks=frozenset({"float64", "shared starts"}))
