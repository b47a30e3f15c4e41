"""webnn-graph-json, versions 1 and 2: a schema, a reader to a document, and a writer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator

from webnn_mlir.dialects.webnn import DataType, Diagnostic, GraphError, Place

from .arguments import name_literals
from .document import (
    Argument,
    Const,
    Dimension,
    Document,
    DynamicDimension,
    InlineBytes,
    Input,
    Output,
    Scalar,
    Statement,
    Value,
    Weights,
)
from .positional_json import Array, Object, parse
from .source import Source, quote

Json = Any


def _object(required: dict[str, Json], optional: dict[str, Json] | None = None) -> Json:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_STRING = {"type": "string"}
_DATA_TYPE = {"enum": [t.value for t in DataType]}
_SIZE = {"type": "integer", "minimum": 0}
_DYNAMIC = _object({"name": _STRING, "maxSize": _SIZE})
_DIMENSION = {"if": {"type": "object"}, "then": _DYNAMIC, "else": _SIZE}
_KINDS = {
    "weights": {"ref": _STRING},
    "scalar": {"value": {"type": "number"}},
    "inlineBytes": {"bytes": {"type": "array"}},
}
_INIT = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"enum": list(_KINDS)}},
    "allOf": [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": _object({"kind": {}, **members}),
        }
        for kind, members in _KINDS.items()
    ],
}
SCHEMA = {
    **_object(
        {
            "format": {"const": "webnn-graph-json"},
            "version": {"enum": [1, 2]},
            "inputs": {
                "type": "object",
                "additionalProperties": _object(
                    {
                        "dataType": _DATA_TYPE,
                        "shape": {"type": "array", "items": _DIMENSION},
                    }
                ),
            },
            "nodes": {
                "type": "array",
                "items": _object(
                    {"id": _STRING, "op": _STRING, "inputs": {"type": "array", "items": _STRING}},
                    {
                        "options": {"type": "object"},
                        "outputs": {"type": ["array", "null"], "items": _STRING},
                    },
                ),
            },
            "outputs": {"type": "object", "additionalProperties": _STRING},
        },
        {
            "name": {"type": ["string", "null"]},
            "quantized": {"type": "boolean"},
            "consts": {
                "type": "object",
                "additionalProperties": _object(
                    {"dataType": _DATA_TYPE, "shape": {"type": "array", "items": _SIZE}, "init": _INIT}
                ),
            },
        },
    ),
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
"""The structure of a file."""


def read(source: Source) -> Document:
    """The document of a webnn-graph-json text. Raises GraphError: one syntax error, or all else that is wrong."""
    data = parse(source)
    if not isinstance(data, Object) or data.get("format") != "webnn-graph-json":
        raise source.failure('this is not a graph: a JSON object with "format": "webnn-graph-json" is expected', 0)
    check_structure(data, source, _validator())
    return _Reader(source).document(data)


@cache
def _validator() -> Validator:
    return strict_validator(SCHEMA)


def strict_validator(schema: Json) -> Validator:
    """A validator for which 3.0 is no integer."""
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _checker, value: type(value) is int)
    return validators.extend(Draft202012Validator, type_checker=types)(schema)


def check_structure(data: Json, source: Source, validator: Validator) -> None:
    """Raises GraphError with everything that the schema does not allow, each at its place."""
    problems = []
    for error in validator.iter_errors(data):
        for offset, message in _explain(error, data):
            problems.append((offset, Diagnostic(message, place=source.place(offset))))
    if problems:
        raise GraphError(d for _, d in sorted(problems, key=lambda p: p[0]))


_TYPES = {"object": "an object", "array": "a list", "string": "a string", "integer": "an integer", "number": "a number",
          "boolean": "true or false", "null": "null"}


def _explain(error: ValidationError, data: Json) -> Iterator[tuple[int, str]]:
    """What a schema error says, in one line, and the offset that it is about."""
    value, offset = data, data.offset
    for key in error.absolute_path:
        offset = value.at(key) if isinstance(value, Array) else value.offsets[key]
        value = value[key]
    last = error.absolute_path[-1] if error.absolute_path else "the file"
    name = f"item {last}" if isinstance(last, int) else quote(last)
    found = "an object" if isinstance(value, dict) else quote(value)
    rule = error.validator_value
    match error.validator:
        case "required":
            # One error comes for each missing member; its message is the only thing that names it.
            missing = next((m for m in rule if error.message.startswith(repr(m))), "a member")
            yield offset, f"'{missing}' is required"
        case "additionalProperties":
            for member in sorted(set(value) - set(error.schema["properties"])):
                yield value.keys_at[member], f"unknown member {quote(member)}"
        case "type":
            types = [rule] if isinstance(rule, str) else rule
            yield offset, f"{name} is {found}; it must be {' or '.join(_TYPES[t] for t in types)}"
        case "minimum":
            yield offset, f"{name} is {found}; it must be at least {rule}"
        case _:  # enum and const
            choices = rule if isinstance(rule, list) else [rule]
            yield offset, f"{name} is {found}; it must be {' or '.join(map(repr, choices))}"


class _Reader:
    """Builds a document from data that has the schema's structure."""

    def __init__(self, source: Source):
        self.source = source
        self.problems: list[Diagnostic] = []

    def document(self, data: Object) -> Document:
        document = Document(
            data.get("name") or "",
            int(data["version"]),
            data.get("quantized", False),
            tuple(self.input(name, data["inputs"]) for name in data["inputs"]),
            tuple(self.const(name, data["consts"]) for name in data.get("consts", ())),
            tuple(self.node(node) for node in data["nodes"]),
            tuple(
                Output(name, value, self.source.place(data["outputs"].keys_at[name]))
                for name, value in data["outputs"].items()
            ),
            self.source.place(data.offset),
        )
        if self.problems:
            raise GraphError(self.problems)
        return document

    def problem(self, message: str, offset: int) -> None:
        self.problems.append(Diagnostic(message, place=self.source.place(offset)))

    def input(self, name: str, inputs: Object) -> Input:
        given = inputs[name]
        shape = tuple(self.dimension(d) for d in given["shape"])
        return Input(name, DataType(given["dataType"]), shape, self.source.place(inputs.keys_at[name]))

    def dimension(self, value: Json) -> Dimension:
        if isinstance(value, Object):
            return DynamicDimension(value["name"], int(value["maxSize"]))
        return int(value)

    def const(self, name: str, consts: Object) -> Const:
        given = consts[name]
        init: Weights | Scalar | InlineBytes
        match given["init"]:
            case {"kind": "weights", "ref": ref}:
                init = Weights(ref)
            case {"kind": "scalar", "value": value}:
                init = Scalar(value)
            case {"bytes": values}:
                if all(type(v) is int and 0 <= v <= 255 for v in values):
                    init = InlineBytes(bytes(values))
                else:
                    init = InlineBytes(b"")
                    self.problem("'bytes' must be integers from 0 to 255", values.offset)
        shape = tuple(map(int, given["shape"]))
        return Const(name, DataType(given["dataType"]), shape, init, self.source.place(consts.keys_at[name]))

    def node(self, node: Object) -> Statement:
        inputs, options, outputs = node["inputs"], node.get("options", Object(node.offset)), node.get("outputs")
        return Statement(
            node["id"],
            node["op"],
            tuple(Argument(name, self.source.place(inputs.at(i))) for i, name in enumerate(inputs)),
            {name: self.argument(value, options.offsets[name]) for name, value in options.items()},
            None if outputs is None else tuple(outputs),
            self.source.place(node.offset),
        )

    def argument(self, value: Json, offset: int) -> Argument:
        return Argument(self.value(value, offset), self.source.place(offset))

    def value(self, value: Json, offset: int) -> Value:
        if isinstance(value, Array):
            return tuple(self.value(v, value.at(i)) for i, v in enumerate(value))
        if isinstance(value, Object):
            if set(value) == {"name", "maxSize"} and type(value["name"]) is str and type(value["maxSize"]) is int:
                return DynamicDimension(value["name"], value["maxSize"])
            self.problem("an object is not understood here; only a dynamic dimension with name and maxSize is", offset)
            return None
        return value  # type: ignore[no-any-return]


# Writing


def write(document: Document) -> str:
    """The JSON text of a document. Raises GraphError for everything in it that the format cannot hold."""
    problems: list[Diagnostic] = []

    def refuse(message: str, place: Place | None) -> None:
        problems.append(Diagnostic(f"webnn-graph-json cannot hold {message}", place=place))

    def node(given: Statement) -> Json:
        statement = name_literals(given)
        for argument in statement.inputs:
            if not isinstance(argument.value, str):
                refuse(f"{quote(argument.value)} as an operand", argument.place or statement.place)
        result = {
            "id": statement.id,
            "op": statement.op,
            "inputs": [a.value for a in statement.inputs],
            "options": {name: value(a.value, a.place or statement.place) for name, a in statement.options.items()},
        }
        return result if statement.outputs is None else {**result, "outputs": list(statement.outputs)}

    def value(given: Value, place: Place | None) -> Json:
        match given:
            case tuple():
                return [value(v, place) for v in given]
            case DynamicDimension(name, max_size):
                return {"name": name, "maxSize": max_size}
            case float() if given != given or given in (float("inf"), -float("inf")):
                refuse(f"the number {given}", place)
        return given

    def init(const: Const) -> Json:
        match const.init:
            case Weights(ref):
                return {"kind": "weights", "ref": ref}
            case Scalar(number):
                return {"kind": "scalar", "value": value(number, const.place)}
            case InlineBytes(data):
                return {"kind": "inlineBytes", "bytes": list(data)}

    def unique(kind: str, items: tuple[Input, ...] | tuple[Const, ...] | tuple[Output, ...]) -> None:
        seen: set[str] = set()
        for item in items:
            if item.name in seen:
                refuse(f"two {kind} called {quote(item.name)}", item.place)
            seen.add(item.name)

    unique("inputs", document.inputs)
    unique("constants", document.consts)
    unique("outputs", document.outputs)
    data = {
        "format": "webnn-graph-json",
        "version": document.version,
        **({"name": document.name} if document.name else {}),
        "quantized": document.quantized,
        "inputs": {
            i.name: {"dataType": i.data_type.value, "shape": value(i.shape, i.place)} for i in document.inputs
        },
        "consts": {
            c.name: {
                "dataType": c.data_type.value,
                "shape": list(c.shape),
                "init": init(c),
            }
            for c in document.consts
        },
        "nodes": [node(n) for n in document.nodes],
        "outputs": {o.name: o.value for o in document.outputs},
    }
    if problems:
        raise GraphError(problems)
    return _layout(data)


def _layout(data: Json) -> str:
    """One line a member, and within the long ones one line an entry, so that an error's line says something."""

    def dump(value: Json) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    members = []
    for key, value in data.items():
        if isinstance(value, dict) and value:
            entries = ",\n".join(f"    {dump(k)}: {dump(v)}" for k, v in value.items())
            members.append(f"  {dump(key)}: {{\n{entries}\n  }}")
        elif isinstance(value, list) and value:
            entries = ",\n".join(f"    {dump(v)}" for v in value)
            members.append(f"  {dump(key)}: [\n{entries}\n  ]")
        else:
            members.append(f"  {dump(key)}: {dump(value)}")
    return "{\n" + ",\n".join(members) + "\n}\n"
