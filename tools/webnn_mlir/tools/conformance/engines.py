"""What compiles and runs graphs: IREE for a target, and XLA as a second opinion on the same StableHLO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from webnn_mlir.dialects.webnn import Graph
from webnn_mlir.dialects.webnn.int4 import unpack_int4

Array = np.ndarray[Any, Any]
Run = Callable[[str, Mapping[str, Array]], dict[str, Array]]
"""Runs the graph of a name with arrays by the names of its inputs; gives arrays by the names of its outputs."""


class Engine(Protocol):
    """Compiles graphs, a name each, to what runs them; `constant_folding` is whether to compute with constants."""

    @property
    def batch(self) -> int:
        """How many graphs are compiled at a time."""

    def load(self, graphs: Mapping[str, Graph], *, constant_folding: bool) -> Run: ...


def _outputs(graph: Graph, results: list[Array]) -> dict[str, Array]:
    """Results as they cross the boundary, in the data types of the graph."""
    outputs = {}
    for (name, operand), result in zip(graph.outputs.items(), results, strict=True):
        if operand.data_type.bits == 4:
            outputs[name] = unpack_int4(result.view(np.uint8), operand.descriptor)
        else:
            outputs[name] = result.view(operand.data_type.numpy).reshape(operand.shape)
    return outputs


DRIVERS = {"cpu": "local-sync", "vmvx": "local-sync", "vulkan": "vulkan", "cuda": "cuda", "metal": "metal"}
"""IREE's driver that runs what was compiled for a target."""


@dataclass(frozen=True)
class IreeEngine:
    """Many graphs become the functions of one artifact, which runs on the first of its targets.

    `options` are those of the compile, by name.
    """

    options: tuple[tuple[str, Any], ...]
    batch: int = 32

    def load(self, graphs: Mapping[str, Graph], *, constant_folding: bool) -> Run:
        import iree.runtime

        from webnn_mlir.compiler import choices, pipeline
        from webnn_mlir.compiler import iree as compiler
        from webnn_mlir.compiler.jobs import machine
        from webnn_mlir.compiler.options import CompileOptions
        from webnn_mlir.compiler.program import from_graphs

        flags = () if constant_folding else ("--iree-opt-const-eval=false",)
        options = CompileOptions(iree_flags=flags, **dict(self.options))
        if len(options.targets) > 1:
            compiler.leave_unlinked()
        program = from_graphs(graphs)
        program.options |= {"weights": "embed"} | machine(options)
        for passes in (*pipeline.STAGES.values(), pipeline.for_iree(options)):
            pipeline.run(program, passes)
        chosen = choices.flags(program) if options.chooses else []
        artifact = compiler.compile_program(program, [*chosen, *options.flags()])
        module = iree.runtime.load_vm_flatbuffer(artifact, driver=DRIVERS[options.targets[0]])

        def run(name: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
            results = module[name](*inputs.values())
            several = results if isinstance(results, list | tuple) else [results]
            return _outputs(graphs[name], [_copied(r) for r in several])

        return run


def _copied(result: Any) -> Array:
    """A copy of a result in memory of the host, by way of a buffer there that the device can write to.

    IREE's own way gives the device memory of NumPy's to write to, which may lie where Vulkan takes none.
    """
    import iree.runtime as rt

    source, device = result._buffer_view.get_buffer(), result._device
    if result._is_mappable():
        # The host's view of a device array does not keep it alive.
        return np.array(result.to_host())
    kind = rt.MemoryType.HOST_LOCAL | rt.MemoryType.DEVICE_VISIBLE
    usage = rt.BufferUsage.TRANSFER | rt.BufferUsage.MAPPING
    staging = device.allocator.allocate_buffer(kind, usage, source.byte_length())
    copied = device.create_semaphore(0)
    device.queue_copy(source, staging, [], [(copied, 1)])
    copied.wait(1)
    view = rt.HalBufferView(staging, result.shape, result._buffer_view.element_type)
    return np.array(view.map().asarray(result.shape, result._get_raw_dtype())).astype(result.dtype)


@dataclass(frozen=True)
class XlaEngine:
    """Each graph becomes an executable of XLA's, from StableHLO that knows nothing of IREE."""

    batch: int = 32

    def load(self, graphs: Mapping[str, Graph], *, constant_folding: bool) -> Run:
        import jax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", True)
        executables = {name: self._compile(graph) for name, graph in graphs.items()}

        def run(name: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
            results = executables[name].execute([jax.device_put(a) for a in inputs.values()])
            return _outputs(graphs[name], [np.asarray(r) for r in results])

        return run

    def _compile(self, graph: Graph) -> Any:
        from jax.extend import backend
        from jaxlib import xla_client

        from webnn_mlir.jax import bytecode

        client = backend.get_backend("cpu")
        devices = xla_client.DeviceList(tuple(client.devices()[:1]))
        return client.compile_and_load(bytecode(graph), devices, xla_client.CompileOptions())
