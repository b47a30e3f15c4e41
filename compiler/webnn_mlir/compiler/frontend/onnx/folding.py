"""Evaluating nodes whose inputs are known, by ONNX's reference implementation: what is left of shape arithmetic.

A model's shapes are all known at import, so `Shape` gives numbers, and so does what is computed from them. Weights are
not touched: beyond a megabyte, nodes are left to the compiler.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError, infer_node_outputs

from .constants import Array, Known

LIMIT = 2**20
"""Bytes that the inputs, and each output, of an evaluated node may have."""

_LEFT = {
    # What becomes WebNN's dequantizeLinear stays visible to fusion.
    "DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear",
    # Not functions of their inputs.
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    # Given by the row, which maps the bytes.
    "Constant", "Identity",
}  # fmt: skip
_SHRINK = {"Compress", "NonZero", "Unique"}
"""Operators whose results' sizes depend on values, but never exceed the inputs' (NonZero: their rank times)."""


def evaluate(
    op_type: str, inputs: Sequence[Known | None], attributes: Mapping[str, ir.Attr], outputs: int, opset: int
) -> list[Known] | None:
    """The results of an operator of the default domain on known inputs; None where it is left to the compiler."""
    given = [value for value in inputs if value is not None]
    if op_type in _LEFT or not given or any(a.type is ir.AttributeType.GRAPH for a in attributes.values()):
        return None
    if sum(value.nbytes for value in given) > LIMIT or not onnx.defs.has(op_type, opset, ""):
        return None
    names = ["" if value is None else f"i{number}" for number, value in enumerate(inputs)]
    arrays = {name: value.array for name, value in zip(names, inputs, strict=True) if value is not None}
    node = onnx.helper.make_node(op_type, names, [f"o{number}" for number in range(outputs)])
    node.attribute.extend(ir.to_proto(attribute) for attribute in attributes.values())
    if not _is_small(node, arrays, opset):
        return None
    return _run(node, arrays, opset)


def _is_small(node: onnx.NodeProto, arrays: dict[str, Array], opset: int) -> bool:
    """Whether the results are known to be small, before they are computed."""
    if node.op_type in _SHRINK:
        return True
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    tensors = {name: onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()}
    types = {
        name: onnx.helper.make_tensor_type_proto(tensor.data_type, tensor.dims) for name, tensor in tensors.items()
    }
    imports = [onnx.helper.make_opsetid("", opset)]
    try:
        results = infer_node_outputs(schema, node, types, tensors, opset_imports=imports)
    except (InferenceError, ValidationError, RuntimeError, ValueError):
        return False
    return len(results) == len(node.output) and all(map(_is_small_type, results.values()))


def _is_small_type(type_: onnx.TypeProto) -> bool:
    dims = type_.tensor_type.shape.dim
    if not type_.tensor_type.HasField("shape") or not all(dim.HasField("dim_value") for dim in dims):
        return False
    return bool(8 * math.prod(dim.dim_value for dim in dims) <= LIMIT)


def _run(node: onnx.NodeProto, arrays: dict[str, Array], opset: int) -> list[Known] | None:
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"):
            results: Any = ReferenceEvaluator(node, opsets={"": opset}).run(None, arrays)
    except Exception:
        # The reference implementation has gaps, of any exception; the builder's rules then speak of the node.
        return None
    if not all(isinstance(result, np.ndarray | np.generic) for result in results):
        return None
    return [Known.of(result) for result in results]
