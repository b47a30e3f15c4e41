"""The pipeline: one list, read from top to bottom, and the way to run it or another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from iree.compiler import ir
from iree.compiler.passmanager import PassManager

from webnn_mlir.dialects.webnn import Diagnostic, GraphError

from .options import CompileOptions
from .passes import PASSES
from .program import Program

STAGES: dict[str, tuple[str, ...]] = {
    # What the person wrote, checked: everything after this trusts the declarations' rules.
    "webnn": ("webnn-verify", "webnn-verify-target"),
    # What no one uses goes first. Quantized weights are taken into what they feed while gemm and dequantizeLinear are
    # still whole; other kernels find what they compute as whole. Formulas become simpler ops. What only moves elements
    # merges after both: fusing looks through reshapes and transposes itself, and formulas leave slices and reverses
    # that meet only now. Layouts change once formulas have become ops that can follow, before movement merges, since
    # changing them leaves transposes; then convolutions, and what has windows as they do, find what follows them, and
    # others what kernels have stored. What is between kernels comes last.
    "decomposed": (
        "webnn-dce", "webnn-gelu", "webnn-fuse-dequantize", "webnn-attention", "webnn-recurrent", "webnn-dense",
        "webnn-matvec", "webnn-rows", "webnn-decompose", "webnn-channels-last", "webnn-canonicalize-strides",
        "webnn-convolution", "webnn-pooling", "webnn-resample", "webnn-concat", "webnn-sums", "webnn-transpose",
        "webnn-elementwise",
    ),
    # Outputs that take over an input are found while scatters are whole. Names, shapes and types of inputs and outputs
    # go where the runtime finds them, while int4 is still int4. What StableHLO says badly goes to Linalg, the rest to
    # StableHLO; nothing of ours may be left. Formulas repeat constants, of which one is enough.
    "stablehlo": (
        "webnn-alias", "webnn-signature", "webnn-to-linalg", "webnn-to-stablehlo", "webnn-verify-lowered", "cse",
    ),
}
"""The passes that lead to each stage, in order."""


def for_iree(options: CompileOptions) -> list[str]:
    """What is done to the last stage before IREE gets it; other consumers of StableHLO take it as it is."""
    passes = {
        "webnn-compute-barrier": True,
        "webnn-caller-memory": options.memory == "caller",
        # They take a tenth of the time to compile. In memory of the caller, some runs can be shared.
        "webnn-sequences": options.sequences and options.opt_level >= 2,
    }
    return [name for name, wanted in passes.items() if wanted]


AfterPass = Callable[[str, float], None]


def run(program: Program, passes: Sequence[str], after: AfterPass | None = None) -> None:
    """Runs passes in order: a webnn pass by its name, any other as an element of an MLIR pipeline on the module.

    `after` is called with each pass's name and its seconds. Raises GraphError.
    """
    with program.session.context, ir.Location.unknown():
        for name in passes:
            start = time.perf_counter()
            if name in PASSES:
                PASSES[name].run(program)
            else:
                _run_mlir(program, name)
            if after:
                after(name, time.perf_counter() - start)


def _run_mlir(program: Program, name: str) -> None:
    try:
        manager = PassManager.parse(f"builtin.module({name})", program.session.context)
    except ValueError as error:
        raise GraphError([Diagnostic(f"pass '{name}': {_first_line(error)}")]) from None
    try:
        manager.run(program.module.operation)
    except ir.MLIRError as error:
        raise GraphError([Diagnostic(f"pass '{name}': {_first_line(error)}")]) from None


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
