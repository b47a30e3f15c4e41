"""The engines, each prepared so that a run copies neither inputs nor outputs more than the engine itself does."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Runner:
    """A prepared computation: `run` is timed, `result` gives the answer of the last run, and `results` all of its
    answers, where a graph has several outputs. `memory` is how many bytes a run needs beside its weights: inputs,
    outputs, and what lives only during it; None where that is not known."""

    run: Callable[[], object]
    result: Callable[[], Array]
    results: Callable[[], Sequence[Array]] | None = None
    memory: int | None = None


Contender = Callable[[int], Runner]
"""Prepares a computation for a number of threads."""


def _runner(
    run: Callable[[], object], results: Callable[[], Sequence[Array]], memory: int | None = None
) -> Runner:
    return Runner(run, lambda: results()[0], results, memory)


def temporary_folder() -> Path:
    """A folder that goes when the process ends."""
    made = Path(tempfile.mkdtemp(prefix="benchmark-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def ours(graph: Any, inputs: Mapping[str, Array], **options: Any) -> Contender:
    """A graph of this project's, or the file of one, compiled at -O3; `options` are those of `compile`."""

    def prepare(threads: int) -> Runner:
        from webnn_mlir.runtime.compiled import compile

        folder = temporary_folder()
        path, *archive = compile(graph, opt_level=3, memory="caller", **options).save(folder / "graph.vmfb")
        return artifact(path, inputs, *archive)(threads)

    return prepare


def artifact(path: Path, inputs: Mapping[str, Array], archive: Path | None = None) -> Contender:
    """An artifact, with the archive of its weights; inputs by its names. What may come from the caller, outputs and
    memory for the run, stays for all runs."""

    def prepare(threads: int) -> Runner:
        import iree.runtime as rt

        from webnn_mlir.runtime.artifact import load_executable, read_archive
        from webnn_mlir.runtime.device import Account, Memory, from_layout, scratch, to_layout
        from webnn_mlir.runtime.timeline import Timeline

        rt.flags.parse_flags(f"--task_topology_max_group_count={threads}")
        parameters = read_archive(archive) if archive else None
        program = load_executable(path, parameters, device="local-sync" if threads == 1 else "local-task")
        program.threads, signature = threads, program.signature
        device, account, timeline = program.device, Account(), Timeline(program.device)
        given = {name: Memory(device, account, d, to_layout(name, d, inputs[name]))
                 for name, d in signature.inputs.items()}  # fmt: skip
        fresh = {name: Memory(device, account, d) for name, d in signature.outputs.items()
                 if name not in signature.aliases}  # fmt: skip
        transients = scratch(device, account, program.transient_bytes or 0)
        sources, targets = ([memory.view for memory in memories.values()] for memories in (given, fresh))

        def run() -> None:
            program.run_and_wait("", timeline, sources, targets, transients.view, None)

        def results() -> list[Array]:
            taken = fresh | {name: given[there] for name, there in signature.aliases.items()}
            return [from_layout(d, taken[name].copy()) for name, d in signature.outputs.items()]

        return _runner(run, results, account.used if program.caller_memory else None)

    return prepare


def onnxruntime(model: Any, inputs: Mapping[str, Array]) -> Contender:
    """An ONNX model (a path, or its bytes), with inputs and the output bound to memory."""

    def prepare(threads: int) -> Runner:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        for name, value in inputs.items():
            binding.bind_cpu_input(name, value)
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")
        return _runner(lambda: session.run_with_iobinding(binding), binding.copy_outputs_to_cpu)

    return prepare


def openvino(model: Any, inputs: Mapping[str, Array], **properties: Any) -> Contender:
    """What makes an OpenVINO model, or an ONNX model, its path or bytes; properties are those of the CPU plugin."""

    def prepare(threads: int) -> Runner:
        import openvino as ov

        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                    "INFERENCE_PRECISION_HINT": "f32", **properties}  # fmt: skip
        core = ov.Core()
        made = model() if callable(model) else core.read_model(io.BytesIO(model) if isinstance(model, bytes) else model)
        if made.is_dynamic():
            made.reshape({name: value.shape for name, value in inputs.items()})
        compiled = core.compile_model(made, "CPU", settings)
        request = compiled.create_infer_request()
        for name, value in inputs.items():
            request.set_tensor(name, ov.Tensor(value, shared_memory=True))
        outputs = range(len(compiled.outputs))
        return _runner(request.infer, lambda: [np.array(request.get_output_tensor(i).data) for i in outputs])

    return prepare


def load_jax(threads: int) -> Any:
    """JAX for the processor. XLA sizes its threads when it is loaded."""
    os.environ["NPROC"], os.environ["JAX_PLATFORMS"] = str(threads), "cpu"
    import jax

    return jax


def xla(function: Callable[..., Any], inputs: Mapping[str, Array]) -> Contender:
    """A function in terms of JAX, which gets the inputs by name and gives an array or several, compiled by XLA."""

    def prepare(threads: int) -> Runner:
        jax = load_jax(threads)
        given = {name: jax.device_put(value) for name, value in inputs.items()}
        compiled = jax.jit(function).lower(**given).compile()
        last: list[Any] = []

        def run() -> None:
            last[:] = jax.tree_util.tree_leaves(jax.block_until_ready(compiled(**given)))

        return _runner(run, lambda: [np.asarray(array) for array in last])

    return prepare
