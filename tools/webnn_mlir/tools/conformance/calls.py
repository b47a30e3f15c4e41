"""JavaScript's calls of the API, with WebIDL's conversions of their arguments, as calls of ours.

https://www.w3.org/TR/webnn/#api
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from webnn_mlir.dialects.webnn import OpError
from webnn_mlir.dialects.webnn.webidl import convert, invoke, to_dictionary, to_operand_descriptor, to_string
from webnn_mlir.runtime import ML, MLContext, MLGraph, MLGraphBuilder, MLTensor


def call(method: str, target: Any, arguments: list[Any], options: Mapping[str, Any]) -> Any:
    """Calls a method of an object; without one `createContext`, also with `options`, or a constructor."""
    if method == "createContext":
        return _create_context(to_dictionary(arguments[0] if arguments else None), options)
    if method == "MLGraphBuilder":
        return MLGraphBuilder(_interface(MLContext, arguments, 0, method))
    if isinstance(target, MLGraphBuilder):
        return _call_builder(method, target, arguments)
    if method == "lost":
        return target.lost.result(0)
    if method == "destroy":
        return target.destroy()
    return _CONTEXT[method](target, arguments)


def _create_context(preferences: dict[str, Any], options: Mapping[str, Any]) -> MLContext:
    names = {"powerPreference": "power_preference", "deviceType": "device_type"}
    given: dict[str, Any] = {names[name]: to_string(preferences[name]) for name in names if name in preferences}
    return ML().create_context(**given, **options)


def _call_builder(method: str, builder: MLGraphBuilder, arguments: list[Any]) -> Any:
    if method == "build":
        return builder.build(to_dictionary(arguments[0] if arguments else None))
    if method == "constant" and len(arguments) == 1:
        return builder.constant(_interface(MLTensor, arguments, 0, method))
    return invoke(builder, method, arguments)


def _interface(kind: type[Any], arguments: list[Any], index: int, method: str) -> Any:
    if len(arguments) <= index or not isinstance(arguments[index], kind):
        raise OpError(f"argument {index + 1} is not of type '{kind.__name__}'", method)
    return arguments[index]


def _create_tensor(context: MLContext, arguments: list[Any]) -> MLTensor:
    members = to_dictionary(arguments[0])
    flags = {name: convert("boolean", members[name]) for name in ("readable", "writable") if name in members}
    return context.create_tensor(to_operand_descriptor(members, "createTensor") | flags)


def _create_constant_tensor(context: MLContext, arguments: list[Any]) -> MLTensor:
    return context.create_constant_tensor(to_operand_descriptor(arguments[0], "createConstantTensor"), arguments[1])


def _read_tensor(context: MLContext, arguments: list[Any]) -> Any:
    """What was read, or the buffer that it was read into."""
    tensor = _interface(MLTensor, arguments, 0, "readTensor")
    if len(arguments) == 1:
        return context.read_tensor(tensor)
    context.read_tensor(tensor, arguments[1])
    return np.frombuffer(arguments[1], np.uint8)


def _write_tensor(context: MLContext, arguments: list[Any]) -> None:
    context.write_tensor(_interface(MLTensor, arguments, 0, "writeTensor"), arguments[1])


def _dispatch(context: MLContext, arguments: list[Any]) -> None:
    graph = _interface(MLGraph, arguments, 0, "dispatch")
    inputs, outputs = (to_dictionary(a) for a in arguments[1:3])
    for name, tensor in (inputs | outputs).items():
        if not isinstance(tensor, MLTensor):
            raise OpError(f"{name!r} is not of type 'MLTensor'", "dispatch")
    context.dispatch(graph, inputs, outputs)


_CONTEXT: dict[str, Callable[[MLContext, list[Any]], Any]] = {
    "createTensor": _create_tensor,
    "createConstantTensor": _create_constant_tensor,
    "readTensor": _read_tensor,
    "writeTensor": _write_tensor,
    "dispatch": _dispatch,
}
