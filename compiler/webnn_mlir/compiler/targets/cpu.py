"""The CPU: native code through LLVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..options import CompileOptions


def flags(options: CompileOptions) -> list[str]:
    return [
        "--iree-hal-target-device=local",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        f"--iree-llvmcpu-target-cpu={options.target_cpu}",
        # Debug information names source paths; without it equal graphs give equal bytes.
        "--iree-llvmcpu-debug-symbols=false",
        # Layer normalization of a transformer needs more than the 32 KiB that IREE allows by itself.
        "--iree-llvmcpu-stack-allocation-limit=262144",
        # Sine, cosine, tangent and power compute in float64.
        "--iree-input-demote-f64-to-f32=false",
    ]
