"""Graphs for OpenXLA: StableHLO that any of its consumers reads, and functions of JAX.

    from webnn_mlir.jax import export, function
    f = function(export("model.webnn"))
    outputs = jax.jit(f)(x)

Arrays go in and come out in the order of the graph's inputs and outputs; int4 and uint4 as packed bytes.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webnn_mlir.dialects.webnn import Diagnostic, Graph, GraphError

if TYPE_CHECKING:
    from jax.export import Exported

CALLING_CONVENTION = 9
"""The oldest that JAX still reads."""

FOR_IREE = {"webnn-signature", "webnn-fuse-dequantize", "webnn-to-linalg"}
"""Passes whose results are not StableHLO."""


def read(path: str | Path, specialization: Any = None) -> Graph:
    """The graph of a file, its dynamic dimensions sized. Raises GraphError."""
    from webnn_mlir.compiler.frontend import read_graph
    from webnn_mlir.compiler.specialization import UNSPECIALIZED

    if Path(path).suffix in (".mlir", ".mlirbc"):
        raise GraphError([Diagnostic("is MLIR; portable forms are made of graph files", place=str(path))])
    return read_graph(Path(path), specialization=specialization or UNSPECIALIZED)


def bytecode(graph: Graph) -> bytes:
    """A graph as MLIR bytecode of StableHLO and CHLO, constants inside. Raises GraphError."""
    from webnn_mlir.compiler import pipeline
    from webnn_mlir.compiler.program import from_graphs

    # XLA takes no resources: all constants stand in the module.
    program = from_graphs({"main": graph}, inline_limit=sys.maxsize)
    program.options["weights"] = "embed"
    for passes in pipeline.STAGES.values():
        pipeline.run(program, [p for p in passes if p not in FOR_IREE])
    with program.session.context:
        _forget_names(program.module)
    written = io.BytesIO()
    program.module.operation.write_bytecode(written)
    return written.getvalue()


def _forget_names(module: Any) -> None:
    """Without attributes of our dialect, which no one else knows."""
    from webnn_mlir.compiler import binding

    for function in binding.functions(module):
        for attribute in ("arg_attrs", "res_attrs"):
            if attribute in function.attributes:
                del function.attributes[attribute]


def portable(graph: Graph, version: str = "") -> bytes:
    """A graph as a versioned StableHLO artifact, by default of a version that consumers of four years ago read.

    Raises GraphError.
    """
    from jax._src.interpreters import mlir
    from jaxlib.mlir import ir
    from jaxlib.mlir.dialects import stablehlo
    from jaxlib.mlir.passmanager import PassManager

    stablehlo.register_stablehlo_passes()
    with mlir.make_ir_context():
        module = ir.Module.parse(bytecode(graph))
        # Versions are of StableHLO alone.
        PassManager.parse("builtin.module(func.func(chlo-legalize-to-stablehlo))").run(module.operation)
        data: bytes = stablehlo.serialize_portable_artifact(module, version or OLDEST)
    return data


OLDEST = "1.0.0"
"""StableHLO's first version that later ones are promised to read and to write."""


def export(source: Graph | str | Path, specialization: Any = None) -> Exported:
    """A graph, or the file of one, as `jax.export` has functions: `.serialize()` writes it. Raises GraphError."""
    import jax
    from jax.export import DisabledSafetyCheck, Exported

    graph = source if isinstance(source, Graph) else read(source, specialization)
    inputs, outputs = (tuple(map(_aval, operands.values())) for operands in (graph.inputs, graph.outputs))
    none = (None,)
    return Exported(
        fun_name="main",
        in_tree=jax.tree_util.tree_structure(((0,) * len(inputs), {})),
        in_avals=inputs,
        out_tree=jax.tree_util.tree_structure((0,) * len(outputs)),
        out_avals=outputs,
        _has_named_shardings=True,
        _in_named_shardings=none * len(inputs),
        _out_named_shardings=none * len(outputs),
        in_shardings_hlo=none * len(inputs),
        out_shardings_hlo=none * len(outputs),
        nr_devices=1,
        platforms=("cpu",),
        ordered_effects=(),
        unordered_effects=(),
        # It is the same for every platform: nothing in it is of one.
        disabled_safety_checks=(DisabledSafetyCheck.platform(),),
        mlir_module_serialized=portable(graph),
        calling_convention_version=CALLING_CONVENTION,
        module_kept_var_idx=tuple(range(len(inputs))),
        uses_global_constants=False,
        _get_vjp=None,
    )


def _aval(operand: Any) -> Any:
    import jax
    import numpy as np

    descriptor = operand.descriptor
    if descriptor.data_type.bits == 4:
        return jax.core.ShapedArray((descriptor.byte_length,), np.dtype(np.uint8))
    return jax.core.ShapedArray(descriptor.shape, descriptor.data_type.numpy)


def function(exported: Exported) -> Callable[..., Any]:
    """A function of JAX under `jit`, `shard_map` and `vmap`, which runs the graph for one element after the other."""
    import jax

    mapped: Callable[..., Any] = jax.custom_batching.sequential_vmap(exported.call)
    return mapped
