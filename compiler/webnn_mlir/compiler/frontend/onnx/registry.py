"""How an operator of ONNX is written down, and how a node is bound to it.

    @operator("Gemm")
    def gemm(w: NodeBuilder, A: MLOperand, B: MLOperand, C: MLOperand | None = None, *, alpha: float = 1.0, …):
        return w.gemm(A, B, c=C, alpha=alpha, …)

The function is the row: parameters are the inputs in order, keyword-only ones the attributes with their defaults, as
the operator's schema names them. An input that must be known at import is annotated `Array` (its elements) or `Known`;
one that may be either `Value`; a `graph` attribute is an `ir.Graph` for `w.run_graph`. What a node has beside these is
an error. Where a later opset changes the operator's form, a second function stands under `since=` that opset.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from webnn_mlir.dialects.webnn import MLOperand, OpError

from ..source import quote
from .constants import Known

if TYPE_CHECKING:
    from .importer import NodeBuilder

Value = Known | MLOperand
MICROSOFT = "com.microsoft"

Parameter = inspect.Parameter
Function = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """An operator from opset `since` on."""

    name: str
    domain: str
    since: int
    function: Function

    @cached_property
    def _parameters(self) -> list[Parameter]:
        _, *parameters = inspect.signature(self.function).parameters.values()
        return parameters

    @cached_property
    def inputs(self) -> list[Parameter]:
        return [p for p in self._parameters if p.kind is not Parameter.KEYWORD_ONLY]

    @cached_property
    def attributes(self) -> dict[str, Parameter]:
        return {p.name: p for p in self._parameters if p.kind is Parameter.KEYWORD_ONLY}

    def bind(
        self, w: NodeBuilder, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Arguments for the function. Raises OpError for what it does not take."""
        given = list(inputs)
        while given and given[-1] is None:
            given.pop()
        arguments = []
        for number, parameter in enumerate(self.inputs):
            if parameter.kind is Parameter.VAR_POSITIONAL:
                arguments += [_convert(w, parameter, value) for value in given[number:] if value is not None]
                given = given[:number]
                break
            value = given[number] if number < len(given) else None
            if value is None:
                default = _default(parameter)
                w.require(default is not Parameter.empty, f"input '{parameter.name}' is missing")
                arguments.append(default)
            else:
                arguments.append(_convert(w, parameter, value))
        w.require(len(given) <= len(self.inputs), f"{len(given)} inputs are given; it takes {len(self.inputs)}")
        return arguments, self._attributes(w, attributes)

    def _attributes(self, w: NodeBuilder, given: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(given) - self.attributes.keys())
        w.require(not unknown, f"attribute {quote(unknown[0] if unknown else '')} is not supported")
        result = {}
        for name, parameter in self.attributes.items():
            w.require(name in given or parameter.default is not Parameter.empty, f"attribute '{name}' is missing")
            if name in given:
                _check(w, parameter, given[name])
            result[name] = given.get(name, parameter.default)
        return result


_KINDS: dict[str, type | tuple[type, ...]] = {
    "int": int, "float": (int, float), "str": str, "list": list, "Ints": list, "Known": Known, "Array": Known,
    "ir.Graph": ir.Graph,
}  # fmt: skip
"""What an attribute annotated so is."""


def _check(w: NodeBuilder, parameter: Parameter, value: Any) -> None:
    """An attribute of another type than its parameter's breaks a rule."""
    annotation = str(parameter.annotation).removesuffix(" | None").partition("[")[0]
    kind = _KINDS.get(annotation, object)
    w.require(isinstance(value, kind), f"attribute '{parameter.name}' is {quote(value)}; its type is another")


def _default(parameter: Parameter) -> Any:
    """What stands for an input that is left out; `Parameter.empty` where none may be."""
    if parameter.default is Parameter.empty and str(parameter.annotation).endswith("| None"):
        return None
    return parameter.default


class NotKnown(OpError):
    """A value must be known at import, and is computed from `inputs` of the model."""

    def __init__(self, what: str, inputs: Sequence[str]):
        shown = f"{', '.join(map(quote, inputs[:3]))}{' and more' * (len(inputs) > 3)}"
        super().__init__(f"{what} must be known at import; it is computed from {shown}")
        self.inputs = inputs


def known_value(value: Value, what: str) -> Known:
    """A value that must be known. Raises NotKnown, in which `what` names it."""
    if isinstance(value, Known):
        return value
    raise NotKnown(what, _sources(value))


def _sources(operand: MLOperand) -> list[str]:
    """The graph's inputs that an operand is computed from."""
    found: dict[str, None] = {}
    seen, stack = set(), [operand]
    while stack:
        operand = stack.pop()
        if operand.name:
            found[operand.name] = None
        elif operand.node and operand.node not in seen:
            seen.add(operand.node)
            stack.extend(operand.node.operands)
    return list(found)


def _convert(w: NodeBuilder, parameter: Parameter, value: Value) -> Any:
    """An input as its parameter is annotated."""
    annotation = str(parameter.annotation)
    if annotation.startswith("Value"):
        return value
    if annotation.startswith(("Array", "Known")):
        known = known_value(value, f"input '{parameter.name}'")
        return known.array if annotation.startswith("Array") else known
    return w.operand(value)


ROWS: dict[tuple[str, str], list[Row]] = {}
"""The forms of each operator by domain and name, the newest first."""


def operator(*names: str, domain: str = "", since: int = 1) -> Callable[[Function], Function]:
    """Makes a function the row of the operators of these names."""

    def register(function: Function) -> Function:
        for name in names:
            add(name, function, domain=domain, since=since)
        return function

    return register


def add(name: str, function: Function, *, domain: str = "", since: int = 1) -> None:
    """Makes a function the row of an operator."""
    rows = ROWS.setdefault((domain, name), [])
    rows.append(Row(name, domain, since, function))
    rows.sort(key=lambda row: -row.since)


def find_row(domain: str, name: str, opset: int) -> Row | None:
    return next((row for row in ROWS.get((domain, name), ()) if row.since <= opset), None)


def plain(attribute: ir.Attr) -> Any:
    """An attribute's value: numbers, strings, lists of them, arrays, graphs."""
    value = attribute.value
    if attribute.type is ir.AttributeType.TENSOR:
        return value
    return list(value) if isinstance(value, tuple | list) else value
