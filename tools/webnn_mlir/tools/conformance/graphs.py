"""From a case to a graph, by way of the calls that JavaScript would make."""

from __future__ import annotations

from webnn_mlir.dialects.webnn import Graph, GraphBuilder, MLOperand
from webnn_mlir.dialects.webnn.webidl import invoke

from .corpus import Array, Case, value


def build(case: Case, *, constants: bool) -> tuple[Graph, dict[str, Array]]:
    """The graph of a case and the arrays of its inputs, packed for int4.

    Without `constants`, each constant becomes an input: no operator needs one, so none is structural. Data types are
    left as they are: a cast to a type that is supported is never needed. Raises TypeError where the builder does.
    """
    builder = GraphBuilder(compatibility=case.compatibility)
    operands: dict[str, MLOperand] = {}
    arrays: dict[str, Array] = {}
    for name, tensor in case.inputs.items():
        descriptor = {"dataType": str(tensor.descriptor.data_type), "shape": list(tensor.descriptor.shape)}
        if constants and name in case.constants:
            operands[name] = _one(invoke(builder, "constant", [descriptor, tensor.buffer()]))
        else:
            operands[name] = _one(invoke(builder, "input", [name, descriptor]))
            arrays[name] = tensor.buffer() if tensor.descriptor.data_type.bits == 4 else tensor.array()
    for operator in case.operators:
        arguments = [value(a["value"], operands) for a in operator["arguments"]]
        result = invoke(builder, operator["name"], arguments)
        if isinstance(operator["outputs"], str):
            operands[operator["outputs"]] = _one(result)
        else:
            assert isinstance(result, list), f"{operator['name']} returns no sequence"
            operands |= zip(operator["outputs"], result, strict=True)
    graph = builder.graph({name: operands[name] for name in case.outputs})
    return graph, {name: arrays[name] for name in graph.inputs}


def _one(result: MLOperand | list[MLOperand]) -> MLOperand:
    assert isinstance(result, MLOperand), "the method returns a sequence"
    return result
