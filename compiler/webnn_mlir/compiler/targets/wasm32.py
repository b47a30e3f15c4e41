"""WebAssembly: a module in the artifact, for runtimes of IREE's that are compiled to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .target import Target

if TYPE_CHECKING:
    from ..options import CompileOptions


def _flags(options: CompileOptions) -> list[str]:
    from importlib.resources import files

    # The linker for this one is only looked for beside a program of IREE's, which this is none.
    linker = files("iree.compiler") / "_mlir_libs" / "iree-lld"
    return [
        f"--iree-llvmcpu-wasm-linker-path={linker}",
        "--iree-llvmcpu-target-triple=wasm32-unknown-emscripten",
        "--iree-llvmcpu-target-cpu=generic",
        "--iree-llvmcpu-target-cpu-features=+simd128",
        "--iree-llvmcpu-debug-symbols=false",
        "--iree-llvmcpu-stack-allocation-limit=262144",
    ]


WASM32 = Target(lambda _: "local", _flags, backend="llvm-cpu", lacks=frozenset({"C's library"}))
