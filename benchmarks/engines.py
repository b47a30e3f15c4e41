"""The engines, each prepared so that a run copies neither inputs nor outputs more than the engine itself does."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from .row import Array, Contender, Runner


def ours(graph: Any, inputs: Mapping[str, Array], **options: Any) -> Contender:
    """A graph of this project's, or the file of one, compiled at -O3; `options` are those of `compile`."""

    def prepare(threads: int) -> Runner:
        import iree.runtime as rt

        from webnn_mlir.runtime.artifact import open_module
        from webnn_mlir.runtime.compiled import compile
        from webnn_mlir.runtime.executable import TRANSIENT_SIZE

        folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
        path, *archive = compile(graph, opt_level=3, memory="caller", **options).save(folder / "graph.vmfb")
        config = rt.Config("local-sync" if threads == 1 else "local-task")
        instance, device = config.vm_instance, config.device
        module, name, signature = open_module(path, instance)
        modules = [rt.create_hal_module(instance, device), module]
        if archive:
            index = rt.ParameterIndex()
            index.load(str(archive[0]))
            modules.insert(0, rt.create_io_parameters_module(instance, index.create_provider(scope="model")))
        context = rt.VmContext(instance, modules=modules)
        function = module.lookup_function(name)
        outputs = [np.zeros(d.shape, d.data_type.numpy) for d in signature.outputs.values()]
        transients = np.zeros(int(function.reflection[TRANSIENT_SIZE]), np.uint8)
        arrays = [*(np.ascontiguousarray(inputs[key]) for key in signature.inputs), *outputs, transients]
        buffers = [rt.asdevicearray(device, array) for array in arrays]
        fences = function.reflection.get("iree.abi.model") == "coarse-fences"
        semaphore, counter = device.create_semaphore(0), count(1)
        descriptor = next(iter(signature.outputs.values()))
        last: list[Any] = []

        def run() -> None:
            arguments, results = rt.VmVariantList(len(buffers) + 2), rt.VmVariantList(1)
            for buffer in buffers:
                arguments.push_ref(buffer._buffer_view)
            if fences:
                done = rt.HalFence.create_at(semaphore, next(counter))
                arguments.push_ref(rt.HalFence(0))
                arguments.push_ref(done)
            context.invoke(function, arguments, results)
            if fences:
                done.wait()
            last[:] = [results]

        def result() -> Array:
            view = last[0].get_as_object(0, rt.HalBufferView)
            return np.array(rt.DeviceArray(device, view).to_host()).reshape(descriptor.shape)

        return Runner(run, result)

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
        binding.bind_output(session.get_outputs()[0].name, "cpu")
        return Runner(lambda: session.run_with_iobinding(binding), lambda: binding.copy_outputs_to_cpu()[0])

    return prepare


def openvino(model: Any, inputs: Mapping[str, Array], **properties: Any) -> Contender:
    """An OpenVINO model, what makes it, or the bytes of an ONNX model; properties are those of its CPU plugin."""

    def prepare(threads: int) -> Runner:
        import openvino as ov

        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                    "INFERENCE_PRECISION_HINT": "f32", **properties}  # fmt: skip
        core = ov.Core()
        made = core.read_model(io.BytesIO(model)) if isinstance(model, bytes) else model() if callable(model) else model
        compiled = core.compile_model(made, "CPU", settings)
        request = compiled.create_infer_request()
        for name, value in inputs.items():
            request.set_tensor(name, ov.Tensor(value, shared_memory=True))
        return Runner(request.infer, lambda: np.array(request.get_output_tensor(0).data))

    return prepare


def xla(function: Callable[..., Any], inputs: Mapping[str, Array]) -> Contender:
    """A function in terms of JAX, which gets the inputs by name, compiled by XLA for the processor."""

    def prepare(threads: int) -> Runner:
        # XLA sizes its threads when it is loaded.
        os.environ["NPROC"], os.environ["JAX_PLATFORMS"] = str(threads), "cpu"
        import jax

        given = {name: jax.device_put(value) for name, value in inputs.items()}
        compiled = jax.jit(function).lower(**given).compile()
        last: list[Any] = []

        def run() -> None:
            last[:] = [compiled(**given).block_until_ready()]

        return Runner(run, lambda: np.asarray(last[0]))

    return prepare
