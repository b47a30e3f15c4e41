"""Reads a corpus: JSON files of graphs with expected outputs, and of API calls with expected outcomes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import DataType, Descriptor, Diagnostic, GraphError
from webnn_mlir.dialects.webnn.int4 import pack_int4
from webnn_mlir.dialects.webnn.webidl import UNDEFINED, BigInt

Json = dict[str, Any]
Array = np.ndarray[Any, Any]

FORMS_OF_2025 = {"option-renamed", "throws-in-spec", "data-type-not-in-spec"}
"""Kinds of conflict with the specification in which a case may be in a form of 2025 that it no longer has; of one with
a data type that it does not have, it says nothing else."""

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf, "-0": -0.0}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the corpus: its elements, flat, or with `fill` the one that stands everywhere.

    int4 and uint4 have one unpacked element an entry.
    """

    descriptor: Descriptor
    data: tuple[int | float, ...]
    fill: bool = False

    def array(self) -> Array:
        """The elements in the data type of the descriptor, rounded to nearest even."""
        dtype = self.descriptor.data_type.numpy
        with np.errstate(over="ignore"):
            data = np.array(self.data, np.float64 if self.descriptor.data_type.is_float else dtype).astype(dtype)
        return np.full(self.descriptor.shape, data[0]) if self.fill else data.reshape(self.descriptor.shape)

    def buffer(self) -> Array:
        """The typed array that JavaScript would pass: flat, and packed for int4 and uint4."""
        array = self.array().ravel()
        return pack_int4(array, self.descriptor.data_type) if self.descriptor.data_type.bits == 4 else array


@dataclass(frozen=True)
class Case:
    """A graph with its inputs, its expected outputs and the tolerance that applies to all of them."""

    id: str
    file: str
    inputs: dict[str, Tensor]
    constants: frozenset[str]
    operators: list[Json]
    outputs: dict[str, Tensor]
    metric: str
    tolerance: float
    compatibility: str | None
    known_issue: str | None


@dataclass(frozen=True)
class Test:
    """API calls in order, each with the outcome that it must have."""

    __test__ = False  # no test of pytest's

    id: str
    file: str
    kind: str
    steps: list[Json]
    issues: dict[int, list[str]]


def read_cases(folder: Path) -> Iterator[Case]:
    """The cases of every file in a folder. Raises GraphError for a file that holds none."""
    for path in _files(folder):
        yield from _decoded(path, _cases)


def read_tests(folder: Path) -> Iterator[Test]:
    """The tests of the folders `validation` and `traces`. Raises GraphError for a file that holds none."""
    for name in ("validation", "traces"):
        if (folder / name).is_dir():
            for path in _files(folder / name):
                yield from _decoded(path, _tests)


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise GraphError([Diagnostic("holds no .json files of a corpus", place=str(folder))])
    return paths


def _decoded(path: Path, decode: Any) -> list[Any]:
    try:
        return list(decode(json.loads(path.read_bytes())))
    except RecursionError:
        rule = "is nested too deeply"
    except KeyError as error:
        rule = f"misses {error}"
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        rule = str(error)
    raise GraphError([Diagnostic(f"is not a file of a corpus: {rule}", place=str(path))])


# Conformance


def _cases(document: Json) -> Iterator[Case]:
    for case in document["cases"]:
        graph = case["graph"]
        kinds = {issue["kind"] for issue in case.get("specIssues", ())}
        yield Case(
            case["id"],
            case["file"],
            {name: tensor(t) for name, t in graph["inputs"].items()},
            frozenset(name for name, t in graph["inputs"].items() if t.get("constant")),
            graph["operators"],
            {name: tensor(t) for name, t in graph["expectedOutputs"].items()},
            case["tolerance"]["metric"],
            float(case["tolerance"]["value"]),
            "2025" if kinds & FORMS_OF_2025 else None,
            case.get("knownIssue"),
        )


def tensor(encoded: Json) -> Tensor:
    """A tensor of JSON numbers, strings for special values and for integers beyond 2^53."""
    descriptor = Descriptor.of(encoded["descriptor"]["dataType"], encoded["descriptor"]["shape"])
    fill = "fill" in encoded
    data = tuple(_element(v, descriptor.data_type) for v in ([encoded["fill"]] if fill else encoded["data"]))
    if not fill and len(data) != descriptor.size:
        raise ValueError(f"{len(data)} elements given for {descriptor}")
    return Tensor(descriptor, data, fill)


def _element(value: Any, data_type: DataType) -> int | float:
    if data_type.is_float:
        return float(_SPECIAL.get(value, value))
    return int(value)


# API calls


def _tests(document: Json) -> Iterator[Test]:
    templates = document.get("templates", {})
    setup = document.get("setup", [])
    for test in document["tests"]:
        steps = templates[test["template"]] if "template" in test else test["steps"]
        steps = [{**step, "call": test["op"]} if step["call"] == "$op" else step for step in steps]
        issues: dict[int, list[str]] = {}
        for issue in test.get("specIssues", ()):
            issues.setdefault(issue["step"] + len(setup), []).append(issue["kind"])
        yield Test(test["id"], test["file"], test["kind"], [*setup, *steps], issues)


REFERENCES = ("operand", "builder", "context", "tensor", "graph")


def value(encoded: Any, objects: Mapping[str, Any]) -> Any:
    """An argument before WebIDL's conversions, in the Python types that `webidl` takes; `objects` are by id."""
    if isinstance(encoded, list):
        return [value(v, objects) for v in encoded]
    if not isinstance(encoded, dict):
        return encoded
    tag, content = next(iter(encoded.items()))
    if tag in REFERENCES:
        return objects[content]
    return _VALUES[tag](content, objects)


def _dictionary(content: Json, objects: Mapping[str, Any]) -> Json:
    return {name: value(v, objects) for name, v in content.items()}


def typed_array(content: Json, _: Mapping[str, Any]) -> Array:
    name, length = content["type"], content["length"]
    dtype = np.dtype(name.removesuffix("Array").removeprefix("Big").lower().removesuffix("clamped"))
    if "fill" in content:
        return np.full(length, _SPECIAL.get(content["fill"], content["fill"]), dtype)
    convert = float if dtype.kind == "f" else int
    return np.array([convert(_SPECIAL.get(v, v)) for v in content.get("data", ())]).astype(dtype)


def _array_buffer(content: Json, _: Mapping[str, Any]) -> bytearray:
    return bytearray.fromhex(content["bytes"]) if "bytes" in content else bytearray(content["byteLength"])


_VALUES: dict[str, Any] = {
    "dict": _dictionary,
    "number": lambda content, _: _SPECIAL[content],
    "bigint": lambda content, _: BigInt(content),
    "typedArray": typed_array,
    "arrayBuffer": _array_buffer,
    "undefined": lambda *_: UNDEFINED,
    # Some other object, such as a promise that someone forgot to await.
    "js": lambda *_: object(),
}
