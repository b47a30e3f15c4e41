"""Replays API calls and compares what each does with what it must do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import MLOperand, OpError
from webnn_mlir.dialects.webnn.diagnostics import InvalidStateError
from webnn_mlir.runtime import MLContext

from . import corpus
from .calls import call
from .checking import Record
from .corpus import Json, Test

ERRORS: dict[str, type[Exception]] = {"TypeError": OpError, "InvalidStateError": InvalidStateError}
"""The builder's error for each of the specification's; a TypeError that is no OpError is a bug and fails the test."""

MAY_SUCCEED = {"wpt-throws-spec-accepts", "implementation-limit"}
MAY_THROW = {"wpt-accepts-spec-throws", "implementation-choice"}
MAY_DIFFER = {"output-differs"}
"""Kinds of conflict with the specification in which its outcome, which is the other one, passes too."""


class Unexpected(Exception):
    """A call did not do what it must."""


def replay(test: Test, device: str = "cpu") -> Record:
    """Makes a test's calls in order, on a device, up to the first that does not do what it must."""
    start = time.perf_counter()
    objects: dict[str, Any] = {}
    message = ""
    # What these say of tensors and contexts, browsers did in 2025; builders are held to the specification of today.
    options = {"device": device, "compatibility": "2025" if test.kind == "lifecycle" else None}
    for number, step in enumerate(test.steps):
        try:
            _step(step, objects, set(test.issues.get(number, ())), options)
        except Unexpected as error:
            message = f"step {number}, {step['call']}: {error}"
            break
    for context in objects.values():
        if isinstance(context, MLContext):
            context.destroy()
    return Record(test.id, test.file, "failed" if message else "passed", message, time.perf_counter() - start)


def _step(step: Json, objects: dict[str, Any], conflicts: set[str], options: Json) -> None:
    try:
        target = objects[step["on"]] if step.get("on", "ml") != "ml" else None
        arguments = [corpus.value(a, objects) for a in step["args"]]
    except KeyError as error:
        raise Unexpected(f"needs {error}, which no step before it made") from None
    try:
        result = call(step["call"], target, arguments, options)
    except Exception as error:
        if not step.get("unchecked"):
            _judge_error(step, error, conflicts)
        return
    if not step.get("unchecked"):
        _judge_result(step, result, conflicts)
    _keep(step.get("out"), result, objects)


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
        found = [{name: _PROPERTIES[name](o) for name in c} for o, c in zip(_list(result), step["check"], strict=False)]
        if len(_list(result)) != len(step["check"]) or found != step["check"]:
            raise Unexpected(f"gave {found or _describe(_list(result))}; expected {step['check']}")
    elif "reads" in step:
        _judge_read(step["reads"], np.asarray(result))


_PROPERTIES: dict[str, Any] = {
    "dataType": lambda o: str(o.data_type),
    "shape": lambda o: list(o.shape),
    "readable": lambda o: o.readable,
    "writable": lambda o: o.writable,
    "constant": lambda o: o.constant,
}


def _judge_read(reads: list[Json], found: Any) -> None:
    """Compares bytes; offsets are into what lies under a view, which begins at the first."""
    data = found.reshape(-1).view(np.uint8)
    start = reads[0].get("byteOffset", 0)
    for read in reads:
        expected = corpus.typed_array({**read, "length": len(read["data"])}, {}).view(np.uint8)
        offset = read.get("byteOffset", 0) - start
        if not np.array_equal(data[offset : offset + expected.size], expected):
            raise Unexpected(f"read {found.tolist()}; expected {read['data']} at byte {offset}")


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
