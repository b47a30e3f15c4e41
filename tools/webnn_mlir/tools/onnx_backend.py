"""An `onnx.backend.base.Backend`: ONNX models, compiled and run on this machine's CPU.

    from webnn_mlir.tools import onnx_backend
    outputs = onnx_backend.prepare(onnx.load("model.onnx")).run([x])

Truth values are bool at this boundary, as in the model, and 4-bit integers are ml_dtypes'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep, namedtupledict
from onnx.helper import tensor_dtype_to_np_dtype

from webnn_mlir.compiler.frontend.onnx import read_onnx
from webnn_mlir.compiler.frontend.onnx.inputs import NeedsConstants
from webnn_mlir.compiler.specialization import Specialization
from webnn_mlir.dialects.webnn import Graph
from webnn_mlir.runtime.compiled import compile

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SizedModel:
    """A model's graph for the shapes of some inputs and the values of those that it needs to know, `constants`."""

    graph: Graph
    constants: frozenset[str]
    outputs: Mapping[str, np.dtype[Any]]

    def arguments(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The graph's inputs, as it takes them."""
        return {
            name: np.asarray(values[name]).astype(operand.data_type.numpy, copy=False)
            for name, operand in self.graph.inputs.items()
        }

    def results(self, outputs: Mapping[str, Array]) -> list[Array]:
        """The graph's outputs, in the model's order and data types."""
        return [np.asarray(outputs[name]).astype(dtype, copy=False) for name, dtype in self.outputs.items()]


def size_model(model: onnx.ModelProto, values: Mapping[str, Array], constants: frozenset[str]) -> SizedModel:
    """Reads a model for the shapes of its inputs' values. An input whose values it needs to know becomes a constant, as
    those of `constants` are. Raises GraphError.
    """
    while True:
        shapes = {name: value.shape for name, value in values.items() if name not in constants}
        known = {name: values[name] for name in constants}
        try:
            graph = read_onnx(model, Specialization(input_shapes=shapes, constants=known))
            return SizedModel(graph, constants, _output_types(model))
        except NeedsConstants as error:
            if not error.inputs - constants:
                raise
            constants |= error.inputs


def _output_types(model: onnx.ModelProto) -> dict[str, np.dtype[Any]]:
    return {o.name: np.dtype(tensor_dtype_to_np_dtype(o.type.tensor_type.elem_type)) for o in model.graph.output}


def input_names(model: onnx.ModelProto) -> list[str]:
    """The inputs that a caller gives: those without an initializer."""
    initialized = {tensor.name for tensor in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in initialized]


class WebNNModel(BackendRep):
    """A model that is compiled when it runs, for the shapes of its inputs and the values that it must know."""

    def __init__(self, model: onnx.ModelProto, **options: Any):
        self.model, self.options = model, options
        self._constants: frozenset[str] = frozenset()
        self._compiled: dict[Any, tuple[SizedModel, Any]] = {}

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Runs on a sequence of arrays in the order of the model's inputs, or on a mapping by name."""
        names = input_names(self.model)
        if not isinstance(inputs, Mapping):
            listed = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
            if len(listed) != len(names):
                raise TypeError(f"{len(listed)} inputs are given; the model takes {len(names)}: {', '.join(names)}")
            inputs = dict(zip(names, listed, strict=True))
        values = {name: np.asarray(value) for name, value in inputs.items()}
        sized, compiled = self._prepared(values)
        outputs = sized.results(compiled.run(sized.arguments(values)))
        result: tuple[Any, ...] = namedtupledict("Outputs", list(sized.outputs))(*outputs)
        return result

    def _prepared(self, values: Mapping[str, Array]) -> tuple[SizedModel, Any]:
        if self._key(values) not in self._compiled:
            sized = size_model(self.model, values, self._constants)
            self._constants = sized.constants
            self._compiled[self._key(values)] = sized, compile(sized.graph, **self.options)
        return self._compiled[self._key(values)]

    def _key(self, values: Mapping[str, Array]) -> Any:
        known = tuple((name, values[name].tobytes()) for name in sorted(self._constants))
        return known, tuple((name, str(value.dtype), value.shape) for name, value in sorted(values.items()))


class WebNNBackend(Backend):
    """Compiles for the CPU. `options` are those of `webnn_mlir.compile`."""

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device.partition(":")[0].upper() == "CPU"

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **options: Any) -> WebNNModel:
        """Raises onnx.checker.ValidationError for what is no valid model; what WebNN cannot say is found by `run`."""
        if not cls.supports_device(device):
            raise ValueError(f"device {device!r} is not supported; CPU is")
        super().prepare(model, device)
        return WebNNModel(model, **options)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None,
        **options: Any,
    ) -> tuple[Any, ...]:
        """Runs one operator, of the opset `opset_version` or the newest."""
        opset = options.pop("opset_version", onnx.defs.onnx_opset_version())
        model = _model_of(node, [np.asarray(value) for value in inputs], outputs_info, opset)
        return cls.prepare(model, device, **options).run(inputs)


def _model_of(node: onnx.NodeProto, inputs: list[Array], outputs_info: Any, opset: int) -> onnx.ModelProto:
    def info(name: str, dtype: Any, shape: Sequence[int]) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    takes = [info(n, a.dtype, a.shape) for n, a in zip(filter(None, node.input), inputs, strict=True)]
    names = list(filter(None, node.output))
    if outputs_info is None:
        gives = [onnx.helper.make_empty_tensor_value_info(name) for name in names]
    else:
        gives = [info(name, *given) for name, given in zip(names, outputs_info, strict=True)]
    graph = onnx.helper.make_graph([node], node.op_type, takes, gives)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid(node.domain, opset)])
    return onnx.shape_inference.infer_shapes(model) if outputs_info is None else model


is_compatible = WebNNBackend.is_compatible
prepare = WebNNBackend.prepare
run_model = WebNNBackend.run_model
run_node = WebNNBackend.run_node
supports_device = WebNNBackend.supports_device
