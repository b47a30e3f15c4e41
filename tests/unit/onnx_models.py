"""Small ONNX models for tests: one of several nodes, each its own case, compared with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for needed in ("onnx", "onnxruntime"):
    pytest.importorskip(needed, reason=f"needs {needed}, of the extras 'onnx' and 'test'", exc_type=ImportError)

import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

from webnn_mlir.compiler.frontend.onnx import read_onnx  # noqa: E402
from webnn_mlir.dialects.webnn import GraphError  # noqa: E402

Arrays = dict[str, np.ndarray]
Run = Callable[..., Arrays]

MICROSOFT = "com.microsoft"


@dataclass
class Fixed:
    """An input of a node that is a weight of the model."""

    array: np.ndarray


@dataclass
class Case:
    """A node: its inputs in order (arrays are the graph's inputs, None is left out) and its outputs."""

    op: str
    inputs: Sequence[np.ndarray | Fixed | None]
    outputs: int = 1
    skipped: Sequence[int] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    expected: Sequence[np.ndarray] | None = None
    """The results, where ONNX Runtime has no such operator or another answer than ONNX."""
    domain: str = ""


def case(op: str, *inputs: Any, outputs: int = 1, skipped: Sequence[int] = (), expected: Any = None,
         domain: str = "", **attributes: Any) -> Case:  # fmt: skip
    return Case(op, inputs, outputs, skipped, attributes, expected, domain)


def fixed(values: Any, dtype: Any = np.int64) -> Fixed:
    return Fixed(np.asarray(values, dtype))


def model(cases: Mapping[str, Case], opset: int) -> tuple[onnx.ModelProto, Arrays]:
    """One model of all cases, and its inputs."""
    nodes, values, weights, inputs, outputs = [], [], [], {}, []
    for name, c in cases.items():
        names = []
        for i, value in enumerate(c.inputs):
            names.append("" if value is None else f"{name}.{i}")
            if isinstance(value, Fixed):
                weights.append(numpy_helper.from_array(value.array, names[-1]))
            elif value is not None:
                inputs[names[-1]] = value
                element = helper.np_dtype_to_tensor_dtype(value.dtype)
                values.append(helper.make_tensor_value_info(names[-1], element, value.shape))
        results = ["" if i in c.skipped else f"{name}={i}" for i in range(c.outputs)]
        nodes.append(helper.make_node(c.op, names, results, name, domain=c.domain, **c.attributes))
        outputs += [onnx.ValueInfoProto(name=result) for result in results if result]
    graph = helper.make_graph(nodes, "cases", values, outputs, weights)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10), inputs


def theirs(proto: onnx.ModelProto, inputs: Arrays) -> Arrays:
    """ONNX Runtime's answers."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # As the nodes are, not fused or replaced.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def by_reference(c: Case, opset: int) -> Case:
    """The case with the answer of ONNX's reference implementation."""
    from onnx.reference import ReferenceEvaluator

    proto, inputs = model({"n": c}, opset)
    for output in proto.graph.output:
        output.CopyFrom(helper.make_tensor_value_info(output.name, onnx.TensorProto.UNDEFINED, None))
    c.expected = ReferenceEvaluator(proto).run(None, inputs)
    return c


def compare(
    run: Run, folder: Path, cases: Mapping[str, Case], *, opset: int = 21, tolerance: float = 1e-5
) -> None:
    """Each output differs from what is expected by no more than the tolerance, of the largest element."""
    proto, inputs = model(cases, opset)
    known = {f"{n}={i}": a for n, c in cases.items() for i, a in enumerate(c.expected or ()) if i not in c.skipped}
    asked, given = model({n: c for n, c in cases.items() if c.expected is None}, opset)
    expected = (theirs(asked, given) if asked.graph.node else {}) | known
    path = folder / "model.onnx"
    onnx.save(typed(proto, expected), path)
    # Truth values are bytes.
    views = {name: a.view(np.uint8) if a.dtype == bool else a for name, a in inputs.items()}
    found = run(read_onnx(path), views)
    assert found.keys() == expected.keys()
    problems = []
    for name, array in expected.items():
        same = array.dtype == found[name].dtype or (array.dtype == bool and found[name].dtype == np.uint8)
        if found[name].shape != array.shape or not same:
            problems.append(f"{name}: {found[name].dtype}{found[name].shape}, not {array.dtype}{array.shape}")
            continue
        array, own = array.astype(np.float64), found[name].astype(np.float64)
        scale = max(1e-30, float(np.max(np.abs(array), initial=0, where=np.isfinite(array))))
        if not np.allclose(own, array, rtol=0, atol=tolerance * scale, equal_nan=True):
            problems.append(f"{name}: differs by {np.nanmax(np.abs(own - array)) / scale}:\n{own}\n{array}")
    assert not problems, "\n".join(problems)


def typed(proto: onnx.ModelProto, outputs: Arrays) -> onnx.ModelProto:
    """The model with the types of its outputs."""
    for value in proto.graph.output:
        array = outputs[value.name]
        element = helper.np_dtype_to_tensor_dtype(array.dtype)
        value.CopyFrom(helper.make_tensor_value_info(value.name, element, array.shape))
    return proto


def problem_of(folder: Path, c: Case, opset: int = 21) -> str:
    """What the importer says of a node that it does not build."""
    proto, _ = model({"node": c}, opset)
    path = folder / "model.onnx"
    onnx.save(proto, path)
    with pytest.raises(GraphError) as error:
        read_onnx(path)
    return str(error.value)


class Draw:
    """Random arrays, always the same."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, *shape: int, dtype: Any = np.float32) -> np.ndarray:
        return self.rng.standard_normal(shape).astype(dtype)

    def integers(self, low: int, high: int, *shape: int, dtype: Any = np.int32) -> np.ndarray:
        return self.rng.integers(low, high, shape).astype(dtype)

    def bytes(self, *shape: int) -> np.ndarray:
        return self.integers(0, 256, *shape, dtype=np.uint8)
