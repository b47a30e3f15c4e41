"""Writing ONNX graphs by hand: the part of an exporter that the generated models share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class OnnxGraph:
    """A graph that grows: `op` adds a node and returns its result's name.

    `scope` is the prefix of the names, as exporters build it of a module's path.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.scope = ""
        self._counts: dict[str, int] = {}

    def input(self, name: str, element_type: int, shape: Sequence[int | str]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, element_type, shape))
        return name

    def output(self, name: str, value: str, element_type: int, shape: Sequence[int | str | None]) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name], f"{name}/Identity"))
        self.outputs.append(helper.make_tensor_value_info(name, element_type, shape))

    def weight(self, name: str, array: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def constant(self, value: object, dtype: type = np.int64) -> str:
        """The result of a Constant node."""
        return self.op("Constant", value=numpy_helper.from_array(np.array(value, dtype)))

    def op(self, op_type: str, *inputs: str, outputs: int = 1, **attributes: object) -> str:
        number = self._counts[op_type] = self._counts.get(op_type, -1) + 1
        name = f"{self.scope}/{op_type}_{number}"
        results = [f"{name}_output_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op_type, inputs, results, name, **attributes))
        return results[0]

    def linear(self, x: str, weight: str, bias: str) -> str:
        return self.op("Add", bias, self.op("MatMul", x, weight))

    def size(self, x: str, axis: int) -> str:
        """One dimension of x, as a tensor of one element."""
        return self.op("Unsqueeze", self.op("Gather", self.op("Shape", x), self.constant(axis)), self.constant([0]))

    def gelu(self, x: str) -> str:
        """x / 2 · (1 + erf(x / √2)), in the form that PyTorch's exporter gives it."""
        erf = self.op("Erf", self.op("Div", x, self.constant(np.sqrt(2), np.float32)))
        half = self.op("Mul", x, self.op("Add", erf, self.constant(1, np.float32)))
        return self.op("Mul", half, self.constant(0.5, np.float32))

    def heads(self, x: str, count: int, size: int, axes: Sequence[int]) -> str:
        """[batch, sequence, count * size] to [batch, sequence, count, size], transposed."""
        sizes = self.size(x, 0), self.size(x, 1), self.constant([count]), self.constant([size])
        shape = self.op("Concat", *sizes, axis=0)
        return self.op("Transpose", self.op("Reshape", x, shape), perm=axes)

    def attention(self, q: str, k: str, v: str, heads: int, size: int, mask: str | None = None) -> str:
        """softmax(q kᵀ / √size + mask) v for each head; q, k and v are [batch, sequence, heads * size]."""
        scores = self.op("MatMul", self.heads(q, heads, size, [0, 2, 1, 3]), self.heads(k, heads, size, [0, 2, 3, 1]))
        scores = self.op("Div", scores, self.constant(np.sqrt(size), np.float32))
        if mask is not None:
            scores = self.op("Add", scores, mask)
        context = self.op("MatMul", self.op("Softmax", scores, axis=-1), self.heads(v, heads, size, [0, 2, 1, 3]))
        context = self.op("Transpose", context, perm=[0, 2, 1, 3])
        shape = self.op("Concat", self.size(context, 0), self.size(context, 1), self.constant([heads * size]), axis=0)
        return self.op("Reshape", context, shape)

    def model(self, name: str, opset: int = 17) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model
