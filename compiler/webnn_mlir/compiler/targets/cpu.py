"""The CPU: native code through LLVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .target import Target

if TYPE_CHECKING:
    from ..options import CompileOptions


def _flags(options: CompileOptions) -> list[str]:
    return [
        *([f"--iree-llvmcpu-target-triple={options.target_triple}"] if options.target_triple else []),
        f"--iree-llvmcpu-target-cpu={options.cpu}",
        # Debug information names source paths; without it equal graphs give equal bytes.
        "--iree-llvmcpu-debug-symbols=false",
        # Layer normalization of a transformer needs more than the 32 KiB that IREE allows by itself.
        "--iree-llvmcpu-stack-allocation-limit=262144",
    ]


CPU = Target(lambda _: "local", _flags, backend="llvm-cpu")
