"""The backend tests of the `onnx` package: one operator or a small model each, with inputs and expected outputs.

Those that WebNN cannot express are excluded by `onnx_excluded.toml`, which gives the reasons.
"""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

EXCLUSIONS = Path(__file__).with_name("onnx_excluded.toml")

FOLDERS = ("simple", "pytorch-converted", "pytorch-operator")
"""The kinds of tests that lie in files. Those of the kind `real` are downloaded, and left out."""

TYPE_ATTRIBUTES = {"to", "softmax_precision"}
"""Attributes whose values are element types."""


@dataclass(frozen=True)
class OnnxCase:
    """A test: `data` holds inputs and expected outputs, a pair for each run."""

    name: str
    model: onnx.ModelProto
    data: list[tuple[list[Any], list[Any]]]
    rtol: float
    atol: float

    @cached_property
    def operators(self) -> frozenset[str]:
        """The operators of its nodes, those of subgraphs and functions too; of other domains as `domain.Name`."""
        graphs = [self.model.graph, *self.model.functions]
        return frozenset(f"{n.domain}.{n.op_type}".removeprefix(".") for g in graphs for n in _nodes(g))

    @cached_property
    def types(self) -> frozenset[str]:
        """The element types of its inputs and outputs, and those that its nodes compute in, as ONNX writes them;
        SEQUENCE and OPTIONAL for what is none.
        """
        graph = self.model.graph
        attributes = [a for node in _nodes(graph) for a in node.attribute if a.name in TYPE_ATTRIBUTES]
        return frozenset([
            *(_type_name(v.type) for v in [*graph.input, *graph.output]),
            *(str(TensorProto.DataType.Name(a.i)) for a in attributes),
        ])  # fmt: skip

    @property
    def is_empty(self) -> bool:
        """Whether an input or an output has no elements."""
        arrays = [a for run in self.data for values in run for a in values]
        return any(isinstance(a, np.ndarray) and not a.size for a in arrays)


def _nodes(graph: Any) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from _nodes(inner)


def _type_name(type_: onnx.TypeProto) -> str:
    kind = type_.WhichOneof("value") or "no_type"
    if kind == "tensor_type":
        return str(TensorProto.DataType.Name(type_.tensor_type.elem_type))
    return kind.removesuffix("_type").upper()


def read_onnx_cases() -> list[OnnxCase]:
    """All the tests of the installed `onnx`, by name."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = [test for kind in ("node", *FOLDERS) for test in load_model_tests(kind=kind)]
    return sorted(map(_case, found), key=lambda case: case.name)


def _case(test: Any) -> OnnxCase:
    if test.model is not None:
        data = [(list(map(_array, inputs)), list(map(_array, outputs))) for inputs, outputs in test.data_sets]
        return OnnxCase(test.name, test.model, data, test.rtol, test.atol)
    folder = Path(test.model_dir)
    model = onnx.load(folder / "model.onnx")
    data = [
        (_read(run, "input", model.graph.input), _read(run, "output", model.graph.output))
        for run in sorted(folder.glob("test_data_set_*"))
    ]
    return OnnxCase(test.name, model, data, test.rtol, test.atol)


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def _read(folder: Path, kind: str, values: Any) -> list[Any]:
    """The tensors of a run; None for a value that is none."""
    count = len(list(folder.glob(f"{kind}_*.pb")))
    return [
        numpy_helper.to_array(onnx.load_tensor(folder / f"{kind}_{number}.pb"))
        if value.type.HasField("tensor_type")
        else None
        for number, value in zip(range(count), values, strict=False)
    ]


@dataclass(frozen=True)
class Exclusion:
    """Tests that cannot pass, for a reason: by an operator, by the type of an input or output, or by name."""

    reason: str
    operators: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    tests: re.Pattern[str] | None = None
    empty: bool = False

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Exclusion:
        tests = re.compile("|".join(f"(?:{t})" for t in entry["tests"])) if "tests" in entry else None
        names = {key: frozenset(entry.get(key, ())) for key in ("operators", "types")}
        return cls(entry["reason"], tests=tests, empty=entry.get("empty", False), **names)

    def covers(self, case: OnnxCase) -> bool:
        named = self.tests is not None and self.tests.fullmatch(case.name)
        empty = self.empty and case.is_empty
        return bool(named or empty or self.operators & case.operators or self.types & case.types)


def read_exclusions(path: Path = EXCLUSIONS) -> list[Exclusion]:
    return [Exclusion.parse(entry) for entry in tomllib.loads(path.read_text())["excluded"]]


def reason_to_exclude(case: OnnxCase, exclusions: list[Exclusion]) -> str | None:
    return next((e.reason for e in exclusions if e.covers(case)), None)
