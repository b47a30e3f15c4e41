"""What an op is: operands, attributes, results, shape rule, and what it becomes. Everything else derives from it.

A declaration is one call of `declare`:

    def _infer(op: OpView) -> Descriptor:
        op.require(op.axis < op.input.rank, f"axis {op.axis} must be below the rank {op.input.rank}")
        return op.input

    def _decompose(w: Builder, op: OpView) -> Value:
        return w.mul(op.input, w.sigmoid(op.input))

    declare("swish", operands=[operand("input", FLOATS)], infer=_infer, decompose=_decompose,
            example=lambda w, x: w.swish(x(2, 3)))

Required operands and required attributes are the method's positional arguments, in that order; the rest are its
options. Every function gets an `OpView`, whose fields have the snake_case names: a `Descriptor` an operand in `infer`
and a value in the others, None for an absent optional operand, and attributes with their defaults made explicit.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .attributes import Kind
from .diagnostics import OpError
from .types import DataType, Descriptor

Builder = Any
"""Builds ops by the names of `OPS` in snake_case, with any value that has `.descriptor`: `builder.OpBuilder`."""
Emitter = Any
"""Builds StableHLO and Linalg: `webnn_mlir.compiler.emitter.Emitter`."""
Value = Any
"""An SSA value with `.shape`, `.data_type`, `.rank` and `.descriptor`."""

REQUIRED: Any = object()
"""The default of an attribute that has none: it is a positional argument."""


def snake_case(name: str) -> str:
    """The Python name of a name of the specification: averagePool2d -> average_pool2d, isNaN -> is_nan."""
    name = name.replace("NaN", "Nan").replace("ND", "Nd")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@dataclass(frozen=True)
class OperandSpec:
    """An operand's name, allowed data types and ranks (least, greatest or None), and the operand of the same type."""

    name: str
    types: tuple[DataType, ...]
    rank: tuple[int, int | None]
    like: str | None
    optional: bool
    variadic: bool

    @cached_property
    def field(self) -> str:
        return snake_case(self.name)


@dataclass(frozen=True)
class AttributeSpec:
    """An attribute's name, kind, and default: a value, or a function of the op for one that depends on its operands.

    `formerly` is its name in 2025, which only `compatibility` accepts.
    """

    name: str
    kind: Kind
    default: Any
    formerly: str | None = None

    @cached_property
    def field(self) -> str:
        return snake_case(self.name)

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True)
class ResultSpec:
    """A result as `opSupportLimits` shows it: its data types are `types`, or those of the operand `like`."""

    name: str
    types: tuple[DataType, ...] | None
    like: str | None
    variadic: bool


def operand(
    name: str,
    types: tuple[DataType, ...],
    rank: int | tuple[int, int | None] = (0, None),
    *,
    like: str | None = None,
    optional: bool = False,
    variadic: bool = False,
) -> OperandSpec:
    """An operand; `rank` is exact or (least, greatest), `like` names the operand whose data type it must have."""
    return OperandSpec(name, types, (rank, rank) if isinstance(rank, int) else rank, like, optional, variadic)


def attribute(name: str, kind: Kind, default: Any = REQUIRED, *, formerly: str | None = None) -> AttributeSpec:
    """An attribute; without `default` it is a positional argument of the method."""
    return AttributeSpec(name, kind, default, formerly)


def result(
    name: str, types: tuple[DataType, ...] | None = None, *, like: str | None = None, variadic: bool = False
) -> ResultSpec:
    """A result, with its data types or the operand whose type it has."""
    return ResultSpec(name, types, like, variadic)


class OpView:
    """One op of a graph or a module: its fields by name, and `require` for its rules."""

    in_place = False
    """Whether a scatter may write into its input, which no one needs any more."""

    def __init__(self, op: Op, label: str, fields: Mapping[str, Any], compatibility: str | None = None):
        self.op, self.label, self.compatibility = op, label, compatibility
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"webnn.{self.op.name} has no field {name!r}")

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def require(self, condition: bool, rule: str) -> None:
        """Raises OpError with the rule unless the condition holds."""
        if not condition:
            raise OpError(rule, self.op.name, self.label)


@dataclass(frozen=True)
class Op:
    """A declared op. `infer` gives the results' descriptors, exactly one of `decompose` and `stablehlo` its meaning.

    `linalg`, where it is there, says the same in Linalg for IREE, because StableHLO says it badly.
    `example` builds one instance: it gets a builder and `x(*shape, data_type=…)`, which makes an input of the data type
    under test unless told otherwise; the reference table, the documentation and the tests of limits use it.
    """

    name: str
    operands: tuple[OperandSpec, ...]
    attributes: tuple[AttributeSpec, ...]
    results: tuple[ResultSpec, ...]
    infer: Callable[[OpView], Descriptor | Sequence[Descriptor]]
    decompose: Callable[[Builder, OpView], Value | Sequence[Value]] | None
    stablehlo: Callable[[Emitter, OpView], Value | Sequence[Value]] | None
    linalg: Callable[[Emitter, OpView], Value | Sequence[Value] | None] | None
    example: Callable[[Builder, Callable[..., Value]], Value | Sequence[Value]]
    sequence: bool
    extension: bool
    modernize: Callable[[Builder, dict[str, Any]], dict[str, Any]] | None

    @cached_property
    def method(self) -> str:
        """The builder's method; a Python keyword or built-in loses nothing by being an attribute."""
        return snake_case(self.name)

    @cached_property
    def url(self) -> str:
        return f"https://www.w3.org/TR/webnn/#dom-mlgraphbuilder-{self.name.lower()}"

    @cached_property
    def parameters(self) -> tuple[OperandSpec | AttributeSpec, ...]:
        """The positional arguments in the specification's order."""
        required = tuple(o for o in self.operands if not o.optional)
        return required + tuple(a for a in self.attributes if a.required)

    @cached_property
    def options(self) -> tuple[OperandSpec | AttributeSpec, ...]:
        """The members of the options dictionary, `label` aside."""
        optional = tuple(o for o in self.operands if o.optional)
        return optional + tuple(a for a in self.attributes if not a.required)

    @cached_property
    def operand_fields(self) -> frozenset[str]:
        return frozenset(o.field for o in self.operands)

    @cached_property
    def segmented(self) -> bool:
        """Whether the MLIR op needs `operandSegmentSizes`: more than one way to share its operands out."""
        uncertain = [o for o in self.operands if o.optional or o.variadic]
        return len(uncertain) > 1 or (len(uncertain) == 1 and len(self.operands) > 1)

    def bind(
        self, arguments: Mapping[str, Any], *, label: str = "", compatibility: str | None = None
    ) -> tuple[dict[str, Any], tuple[Descriptor, ...]]:
        """Checks the arguments by field name and makes the defaults explicit.

        Operands are values with `.descriptor` (a list for a variadic one). Returns the fields (operands as given,
        attributes normalized, the absent optional operands None) and the results' descriptors. Raises OpError.
        """
        view = OpView(self, label, {}, compatibility)
        fields: dict[str, Any] = {}
        known = {o.field for o in self.operands} | {a.field for a in self.attributes}
        if compatibility:
            names = {snake_case(a.formerly): a.field for a in self.attributes if a.formerly}
            arguments = {names.get(name, name): value for name, value in arguments.items()}
        for name in arguments:
            view.require(name in known, f"unknown option '{name}'")
        for spec in self.operands:
            fields[spec.field] = value = arguments.get(spec.field)
            view.__dict__[spec.field] = _operand_descriptors(view, spec, value)
        for attr in self.attributes:
            value = arguments.get(attr.field)
            if value is None:
                view.require(not attr.required, f"'{attr.name}' is required")
                value = attr.default(view) if callable(attr.default) else attr.default
            if value is not None:
                try:
                    value = attr.kind.check(value)
                except TypeError as error:
                    raise OpError(f"{attr.name}: {error}", self.name, label) from None
            fields[attr.field] = view.__dict__[attr.field] = value
        inferred = self.infer(view)
        results = (inferred,) if isinstance(inferred, Descriptor) else tuple(inferred)
        for descriptor in results:
            problem = descriptor.problem()
            view.require(problem is None, f"output: {problem}")
        # The shape rule may have replaced an attribute by its resolved value.
        fields |= {attr.field: view.__dict__[attr.field] for attr in self.attributes}
        return fields, results


def _operand_descriptors(view: OpView, spec: OperandSpec, value: Any) -> Any:
    if spec.variadic:
        view.require(isinstance(value, list | tuple) and len(value) > 0, f"'{spec.name}' must be a non-empty list")
        return tuple(_checked(view, spec, v, f"{spec.name}[{i}]") for i, v in enumerate(value))
    if value is None:
        view.require(spec.optional, f"'{spec.name}' is required")
        return None
    return _checked(view, spec, value, spec.name)


def _checked(view: OpView, spec: OperandSpec, value: Any, name: str) -> Descriptor:
    """Data type and rank of one operand against its declaration."""
    found = getattr(value, "descriptor", None)
    view.require(isinstance(found, Descriptor), f"{name} must be an operand, not {type(value).__name__}")
    assert isinstance(found, Descriptor)
    types = ", ".join(map(str, spec.types))
    view.require(found.data_type in spec.types, f"{name} has data type {found.data_type}; it must be one of {types}")
    if spec.like:
        other = getattr(view, snake_case(spec.like))
        view.require(
            found.data_type == other.data_type,
            f"{name} has data type {found.data_type}; it must be that of {spec.like}, {other.data_type}",
        )
    low, high = spec.rank
    allowed = f"{low}" if low == high else f"from {low} to {high}" if high is not None else f"at least {low}"
    fits = low <= found.rank and (high is None or found.rank <= high)
    view.require(fits, f"{name} has rank {found.rank}; it must be {allowed}")
    return found


OPS: dict[str, Op] = {}
"""Every declared op by the specification's name; `webnn_mlir.dialects.webnn` fills it on import."""

EXTENSIONS: dict[str, Op] = {}
"""Those that the specification does not have: only a builder with `extensions=True` makes them."""

DECLARED = ChainMap(OPS, EXTENSIONS)
"""Both."""


def declare(
    name: str,
    *,
    operands: Sequence[OperandSpec],
    attributes: Sequence[AttributeSpec] = (),
    results: Sequence[ResultSpec] | None = None,
    infer: Callable[[OpView], Descriptor | Sequence[Descriptor]],
    decompose: Callable[[Builder, OpView], Value | Sequence[Value]] | None = None,
    stablehlo: Callable[[Emitter, OpView], Value | Sequence[Value]] | None = None,
    linalg: Callable[[Emitter, OpView], Value | Sequence[Value] | None] | None = None,
    example: Callable[[Builder, Callable[..., Value]], Value | Sequence[Value]],
    sequence: bool = False,
    extension: bool = False,
    modernize: Callable[[Builder, dict[str, Any]], dict[str, Any]] | None = None,
) -> Op:
    """Declares an op. `sequence` is for methods that return a sequence of operands (split, gru, lstm, lstmCell).

    `results` default to one, `output`, with the type of the first operand. A `linalg` that returns None leaves this
    instance to `stablehlo`. `extension` is for what the specification does not have. `modernize` takes the arguments of
    a form that only `compatibility` accepts to today's, with ops of the builder where it needs them.
    """
    if name in DECLARED:
        raise ValueError(f"webnn.{name} is declared twice")
    if (decompose is None) == (stablehlo is None):
        raise ValueError(f"webnn.{name} needs exactly one of decompose and stablehlo")
    if results is None:
        results = [result("output", like=operands[0].name)]
    op = (EXTENSIONS if extension else OPS)[name] = Op(
        name, tuple(operands), tuple(attributes), tuple(results), infer, decompose, stablehlo, linalg, example,
        sequence, extension, modernize,
    )  # fmt: skip
    return op
