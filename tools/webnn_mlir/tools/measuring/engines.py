"""The engines, each prepared so that a run copies neither inputs nor outputs more than the engine itself does."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
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

        from webnn_mlir.runtime.artifact import open_module, read_archive
        from webnn_mlir.runtime.device import from_layout, instance, layout, open_device, to_layout
        from webnn_mlir.runtime.executable import SCOPE, SHARED, TRANSIENT_SIZE, Executable, packed_arguments
        from webnn_mlir.runtime.team import Team
        from webnn_mlir.runtime.waiting import wait

        rt.flags.parse_flags(f"--task_topology_max_group_count={threads}", "--task_worker_stack_size=1048576")
        device = rt.Config("local-sync" if threads == 1 else "local-task").device
        module, name, signature = open_module(path, instance())
        modules = [rt.create_hal_module(instance(), device), module]
        if archive:
            provider = read_archive(archive).create_provider(scope=SCOPE)
            modules.insert(0, rt.create_io_parameters_module(instance(), provider))
        context = rt.VmContext(instance(), modules=modules)
        function = module.lookup_function(name)
        arrays = [np.ascontiguousarray(to_layout(key, d, inputs[key])) for key, d in signature.inputs.items()]
        whole = "iree.abi.transients.size" in function.reflection
        if whole:
            lies = map(layout, (d for key, d in signature.outputs.items() if key not in signature.aliases))
            arrays += [np.zeros(one.shape, one.dtype) for one in lies]
            arrays.append(np.zeros(int(function.reflection[TRANSIENT_SIZE]), np.uint8))
        buffers = [rt.asdevicearray(device, array) for array in arrays]
        views = [buffer._buffer_view for buffer in buffers]
        fences = function.reflection.get("iree.abi.model") == "coarse-fences"
        semaphore, counter = device.create_semaphore(0), count(1)
        descriptors = list(signature.outputs.values())
        last: list[Any] = []

        def values(views: Sequence[Any]) -> list[Array]:
            held = (np.array(rt.DeviceArray(device, view).to_host()) for view in views)
            return [from_layout(d, a.reshape(layout(d).shape)) for d, a in zip(descriptors, held, strict=True)]

        memory = sum(array.nbytes for array in arrays) if whole else None
        shared = SHARED in function.reflection
        if shared and threads > 1 and not archive:
            program = Executable(open_device("local-sync"), module, name, signature, None, 0)
            team, written = Team(program, threads - 1), views[len(signature.inputs) : -1]
            return _runner(lambda: team.run(views), lambda: values(written), memory)

        def run() -> None:
            arguments, results = [*views, *([1] if shared else [])], rt.VmVariantList(len(descriptors))
            if fences:
                number = next(counter)
                arguments += [rt.HalFence(0), rt.HalFence.create_at(semaphore, number)]
            context.invoke(function, packed_arguments(arguments), results)
            if fences:
                wait(semaphore, number, on_host=True)
            last[:] = [results]

        def results() -> list[Array]:
            return values([last[0].get_as_object(i, rt.HalBufferView) for i in range(len(descriptors))])

        return _runner(run, results, memory)

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
