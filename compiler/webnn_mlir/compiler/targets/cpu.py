"""The CPU: native code through LLVM, for one processor or for several of which one is taken when it is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .target import Target

if TYPE_CHECKING:
    from ..options import CompileOptions

_V2 = ("sse3", "ssse3", "sse4.1", "sse4.2")
_V3 = (*_V2, "avx", "avx2", "f16c", "fma")

LEVELS = {
    "x86-64-v4": (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "x86-64-v3": _V3,
    "x86-64-v2": _V2,
    "generic": (),
}
"""The processors that one artifact can have code for together, and the features by which IREE's runtime knows them.

What else a level has, such as BMI2 and LZCNT, no program can ask IREE for; all processors with the features have it.
"""


def _device(options: CompileOptions) -> str:
    if len(options.processors) == 1:
        return "local"
    from ..iree import executable_target

    alone = [replace(options, target="cpu", target_cpu=name) for name in options.processors]
    targets = [executable_target(tuple(one.flags())) for one in alone]
    return f'#hal.device.target<"local", [{", ".join(targets)}]> : !hal.device'


def _flags(options: CompileOptions) -> list[str]:
    return [
        *([f"--iree-llvmcpu-target-triple={options.target_triple}"] if options.target_triple else []),
        f"--iree-llvmcpu-target-cpu={options.processors[0]}",
        # Debug information names source paths; without it equal graphs give equal bytes.
        "--iree-llvmcpu-debug-symbols=false",
        # Layer normalization of a transformer needs more than the 32 KiB that IREE allows by itself.
        "--iree-llvmcpu-stack-allocation-limit=262144",
    ]


CPU = Target(_device, _flags, backend="llvm-cpu")
