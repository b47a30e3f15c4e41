"""Which operand or attribute of an op each argument of a node is given for, in every way that files have for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from webnn_mlir.dialects.webnn import OPS, Op
from webnn_mlir.dialects.webnn.attributes import Storage
from webnn_mlir.dialects.webnn.declaration import AttributeSpec, OperandSpec

from .document import Argument, Statement
from .source import quote

Spec = OperandSpec | AttributeSpec
Report = Callable[[str, Argument], None]

_ALIASES = {
    ("cast", "to"): "dataType",
    ("cast", "type"): "dataType",
    ("triangular", "k"): "diagonal",
}
"""Names of an older dialect. Every specification's name also has a snake_case form."""

_FIXED = {
    (op, name): 0 for op in ("gather", "gatherElements", "gatherND") for name in ("batchDimensions", "batch_dimensions")
}
"""Options of the older dialect that the specification lacks, and the value at which they say what it says."""


def find_spec(op: Op, name: str) -> Spec | None:
    """The operand or attribute that an argument's name means."""
    name = _ALIASES.get((op.name, name), name)
    return next((s for s in (*op.parameters, *op.options) if name in (s.name, s.field)), None)


def assign(op: Op, node: Statement, report: Report) -> dict[str, Argument]:
    """The arguments of a node by field name; those of a variadic operand are one tuple. `label` stays what it is.

    Positional arguments fill the method's parameters in order; further names are optional operands in order, where
    null leaves one out. `report` gets a message and the argument for each one that fits nowhere.
    """
    given: dict[str, Argument] = {}
    for name, argument in node.options.items():
        if (op.name, name) in _FIXED:
            if argument.value != _FIXED[op.name, name]:
                rule = f"{quote(name)} is {quote(argument.value)}; only {_FIXED[op.name, name]} is supported"
                report(rule, argument)
            continue
        spec = find_spec(op, name)
        field = "label" if name == "label" else spec.field if spec else None
        if field is None:
            takes = ", ".join(s.name for s in (*op.parameters, *op.options))
            report(f"unknown option {quote(name)}; it takes {takes}", argument)
        elif field in given:
            report(f"{quote(name)} is given twice", argument)
        else:
            given[field] = argument
    _assign_positional(op, list(node.inputs), given, report)
    return given


def _assign_positional(op: Op, arguments: list[Argument], given: dict[str, Argument], report: Report) -> None:
    parameters = [s for s in op.parameters if s.field not in given]
    optional = [s for s in op.options if isinstance(s, OperandSpec) and s.field not in given]
    if parameters and isinstance(parameters[0], OperandSpec) and parameters[0].variadic and arguments:
        count = 1 if isinstance(arguments[0].value, tuple) else _leading_names(arguments)
        taken = arguments[:count]
        values = taken[0].value if count == 1 and isinstance(taken[0].value, tuple) else tuple(a.value for a in taken)
        given[parameters.pop(0).field] = Argument(values, arguments[0].place)
        arguments = arguments[count:]
    for argument in arguments:
        is_name = isinstance(argument.value, str)
        if parameters and (not is_name or _takes_name(parameters[0])):
            given[parameters.pop(0).field] = argument
        elif optional and (is_name or argument.value is None):
            given[optional.pop(0).field] = argument
        elif is_name:
            takes = sum(isinstance(s, OperandSpec) for s in (*op.parameters, *op.options))
            report(f"operand {quote(argument.value)} is one too many; it takes {takes}", argument)
        else:
            report(f"argument {quote(argument.value)} fits no parameter; options are given by name", argument)


def _leading_names(arguments: list[Argument]) -> int:
    return next((i for i, a in enumerate(arguments) if not isinstance(a.value, str)), len(arguments))


def _takes_name(spec: Spec) -> bool:
    return isinstance(spec, OperandSpec) or spec.kind.storage is Storage.STRING


def name_literals(node: Statement) -> Statement:
    """The node with only names as positional arguments: its other ones by name, lists of names spelled out.

    An argument that fits nowhere stays.
    """
    op = OPS.get(node.op)
    if op is None:
        return node
    given = assign(op, node, lambda _message, _argument: None)
    positional = {id(a) for a in node.inputs}
    has_null = any(a.value is None for a in node.inputs)
    moved: dict[str, Argument] = {}
    for spec in (*op.parameters, *op.options):
        argument = given.get(spec.field)
        moves = isinstance(spec, AttributeSpec) or (has_null and spec.optional)
        if moves and argument and id(argument) in positional:
            positional.remove(id(argument))
            if argument.value is not None:
                moved[spec.name] = argument
    inputs: list[Argument] = []
    for argument in node.inputs:
        if isinstance(argument.value, tuple) and all(isinstance(v, str) for v in argument.value):
            inputs += [Argument(v, argument.place) for v in argument.value if id(argument) in positional]
        elif id(argument) in positional:
            inputs.append(argument)
    return replace(node, inputs=tuple(inputs), options={**node.options, **moved})
