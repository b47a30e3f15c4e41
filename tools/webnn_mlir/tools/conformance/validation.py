"""Replays API calls on the builder and compares what each does with what it must do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from webnn_mlir.dialects.webnn import GraphBuilder, MLOperand, OpError
from webnn_mlir.dialects.webnn.builder import InvalidStateError
from webnn_mlir.dialects.webnn.webidl import invoke

from . import corpus
from .checking import Record
from .corpus import Json, Test

ERRORS: dict[str, type[Exception]] = {"TypeError": OpError, "InvalidStateError": InvalidStateError}
"""The builder's error for each of the specification's; a TypeError that is no OpError is a bug and fails the test."""

MAY_SUCCEED = {"wpt-throws-spec-accepts", "implementation-limit"}
MAY_THROW = {"wpt-accepts-spec-throws", "implementation-choice"}
MAY_DIFFER = {"output-differs"}
"""Kinds of conflict with the specification in which its outcome, which is the other one, passes too."""


class Context:
    """What createContext gives: as yet no more than the argument of a builder's constructor."""


class Unexpected(Exception):
    """A call did not do what it must."""


def replay(test: Test) -> Record:
    """Makes a test's calls in order, up to the first that does not do what it must."""
    start = time.perf_counter()
    objects: dict[str, Any] = {}
    message = ""
    for number, step in enumerate(test.steps):
        try:
            _step(step, objects, set(test.issues.get(number, ())))
        except Unexpected as error:
            message = f"step {number}, {step['call']}: {error}"
            break
    return Record(test.id, test.file, "failed" if message else "passed", message, time.perf_counter() - start)


def _step(step: Json, objects: dict[str, Any], conflicts: set[str]) -> None:
    try:
        target = objects[step["on"]] if step.get("on", "ml") != "ml" else None
        arguments = [corpus.value(a, objects) for a in step["args"]]
    except KeyError as error:
        raise Unexpected(f"needs {error}, which no step before it made") from None
    try:
        result = _call(step["call"], target, arguments)
    except Exception as error:
        if not step.get("unchecked"):
            _judge_error(step, error, conflicts)
        return
    if not step.get("unchecked"):
        _judge_result(step, result, conflicts)
    _keep(step.get("out"), result, objects)


def _call(method: str, target: Any, arguments: list[Any]) -> Any:
    if method == "createContext":
        return Context()
    if method == "MLGraphBuilder":
        if not arguments or not isinstance(arguments[0], Context):
            raise OpError("the argument is not of type 'MLContext'", method)
        return GraphBuilder()
    return invoke(target, method, arguments)


def _judge_error(step: Json, error: Exception, conflicts: set[str]) -> None:
    found = f"threw {type(error).__name__}: {error}"
    expected = step.get("throws")
    if expected is None:
        if not (conflicts & MAY_THROW and isinstance(error, OpError)):
            raise Unexpected(found)
    elif not isinstance(error, ERRORS[expected]):
        raise Unexpected(f"{found}; expected {expected}")
    elif not re.search(step.get("message", ""), str(error)):
        raise Unexpected(f"{found}; the message must match {step['message']}")


def _judge_result(step: Json, result: Any, conflicts: set[str]) -> None:
    if "throws" in step:
        if not conflicts & MAY_SUCCEED:
            raise Unexpected(f"gave {_describe(_list(result))}; expected {step['throws']}")
    elif "check" in step and not conflicts & MAY_DIFFER:
        expected = [(c["dataType"], tuple(c["shape"])) for c in step["check"]]
        if [(str(o.data_type), o.shape) for o in _list(result)] != expected:
            wanted = ", ".join(f"{data_type}{list(shape)}" for data_type, shape in expected)
            raise Unexpected(f"gave {_describe(_list(result))}; expected {wanted}")


def _keep(out: str | list[str] | None, result: Any, objects: dict[str, Any]) -> None:
    if isinstance(out, list):
        if not isinstance(result, list) or len(result) != len(out):
            raise Unexpected(f"gave {_describe(_list(result))}; expected a sequence of {len(out)} operands")
        objects.update(zip(out, result, strict=True))
    elif out is not None:
        objects[out] = result


def _list(result: Any) -> list[Any]:
    return result if isinstance(result, list) else [result]


def _describe(results: Iterable[Any]) -> str:
    return ", ".join(str(r.descriptor) if isinstance(r, MLOperand) else type(r).__name__ for r in results)
