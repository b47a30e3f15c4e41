"""`OpBuilder` gives every declared op a method; `GraphBuilder` builds a `Graph` with it.

Source: https://www.w3.org/TR/webnn/#api-mlgraphbuilder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from .declaration import DECLARED, AttributeSpec, Op, OperandSpec
from .diagnostics import InvalidStateError, OpError, Place
from .graph import Constant, Graph, MLOperand, Node
from .int4 import pack_int4
from .types import DataType, Descriptor, cast_number

if TYPE_CHECKING:
    import numpy as np


class OpBuilder:
    """One method a declared op, in snake_case: positional arguments first, then options by keyword, and `label=`."""

    compatibility: str | None = None

    def emit(self, op: Op, fields: dict[str, Any], results: tuple[Descriptor, ...], label: str) -> Sequence[Any]:
        """Adds the op, whose fields are checked, and returns its results."""
        raise NotImplementedError

    def build_op(self, op: Op, arguments: Mapping[str, Any], label: str = "") -> Any:
        """Adds an op from arguments by field name; a method's return value. Raises OpError."""
        if self.compatibility and op.modernize:
            arguments = op.modernize(self, dict(arguments))
        fields, descriptors = op.bind(arguments, label=label, compatibility=self.compatibility)
        results = self.emit(op, fields, descriptors, label)
        return list(results) if op.sequence else results[0]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]: ...


def _arguments(op: Op, args: tuple[Any, ...], options: dict[str, Any], label: str) -> dict[str, Any]:
    """Positional and keyword arguments of a method call by field name."""
    names = [p.field for p in op.parameters]
    if len(args) > len(names):
        takes = ", ".join(names)
        raise OpError(f"takes {len(names)} positional arguments ({takes}), {len(args)} given", op.name, label)
    arguments = dict(zip(names, args, strict=False))
    for name, value in options.items():
        if name in arguments:
            raise OpError(f"'{name}' is given twice", op.name, label)
        arguments[name] = value
    return arguments


def describe(op: Op) -> str:
    """A method's documentation, from its declaration."""

    def line(spec: OperandSpec | AttributeSpec) -> str:
        if isinstance(spec, AttributeSpec):
            fixed = not spec.required and not callable(spec.default)
            default = f", {spec.default!r} by default" if fixed else ""
            return f"  {spec.field}: {spec.kind.idl}{default}"
        low, high = spec.rank
        rank = f"rank {low}" if low == high else f"rank {low} to {'N' if high is None else high}"
        return f"  {spec.field}: {', '.join(spec.types)}; {rank}{f'; data type of {spec.like}' if spec.like else ''}"

    source = "an extension" if op.extension else op.url
    return "\n".join([f"{op.name}: {source}", "", *map(line, op.parameters), "Options:", *map(line, op.options)])


class GraphBuilder(OpBuilder):
    """Builds one graph. What the specification makes a TypeError raises one, with the label, the value and the rule.

    `compatibility="2025"` accepts the forms of web-platform-tests of mid-2025 that the specification no longer has,
    `extensions=True` gives the operators that it never had.
    """

    def __init__(self, *, compatibility: str | None = None, extensions: bool = False) -> None:
        self.extensions = extensions
        if compatibility not in (None, "2025"):
            raise TypeError(f"compatibility: {compatibility!r} must be None or '2025'")
        self.compatibility = compatibility
        self.place: Place | None = None
        self._inputs: dict[str, MLOperand] = {}
        self._constants: list[MLOperand] = []
        self._nodes: list[Node] = []
        self._built = False

    def input(
        self, name: str, descriptor: Descriptor | Mapping[str, Any] | str, shape: Sequence[int] | None = None
    ) -> MLOperand:
        """An input: `input("x", "float32", [2, 3])`, or with a descriptor or a mapping of `dataType` and `shape`."""
        self._check_open()
        if not isinstance(name, str) or not name:
            raise OpError(f"name {name!r} must be a non-empty string", "input")
        if name in self._inputs:
            raise OpError(f"name {name!r} is taken by another input", "input")
        checked = make_descriptor(descriptor, shape, "input")
        operand = self._inputs[name] = MLOperand(self, checked, name=name)
        return operand

    def constant(
        self,
        descriptor: Descriptor | Mapping[str, Any] | str | np.ndarray[Any, Any],
        value: Any = None,
        *,
        name: str | None = None,
    ) -> MLOperand:
        """A constant, copied: an array, a descriptor with its buffer, or a data type with a scalar.

        Buffers of int4 and uint4 hold two elements a byte, low nibble first, or arrays one element each.
        """
        import numpy as np

        self._check_open()
        if isinstance(descriptor, np.ndarray | np.generic):
            array = np.asarray(descriptor)
            try:
                checked = make_descriptor(str(array.dtype), array.shape, "constant")
            except TypeError:
                raise OpError(f"data type {array.dtype} of the array is none of WebNN's", "constant") from None
            return self.adopt(checked, Constant(_packed(checked, array), name))
        if isinstance(descriptor, str):
            checked = make_descriptor(descriptor, (), "constant")
            return self.adopt(checked, Constant(_packed(checked, _scalar(checked.data_type, value)), name))
        checked = make_descriptor(descriptor, None, "constant")
        if value is None:
            raise OpError("a buffer is required beside the descriptor", "constant")
        return self.adopt(checked, Constant(_packed(checked, value), name))

    def adopt(self, descriptor: Descriptor, constant: Constant) -> MLOperand:
        """A constant whose bytes are used as they are, mapped ones included. Raises OpError on a wrong length."""
        if constant.data.nbytes != descriptor.byte_length:
            rule = f"{constant.data.nbytes} bytes given; {descriptor} has {descriptor.byte_length}"
            raise OpError(rule, "constant", constant.name or "")
        operand = MLOperand(self, descriptor, constant=constant)
        self._constants.append(operand)
        return operand

    def build_op(self, op: Op, arguments: Mapping[str, Any], label: str = "") -> Any:
        self._check_open()
        if not isinstance(label, str):
            raise OpError(f"label {label!r} must be a string", op.name)
        if op.extension and not self.extensions:
            raise OpError("is no operator of the specification: a builder with extensions=True has it", op.name, label)
        for spec in op.operands:
            given = arguments.get(spec.field)
            for value in given if isinstance(given, list | tuple) else [given]:
                if isinstance(value, MLOperand) and value.builder is not self:
                    raise OpError(f"'{spec.name}' is an operand of another builder", op.name, label)
        return super().build_op(op, arguments, label)

    def emit(self, op: Op, fields: dict[str, Any], results: tuple[Descriptor, ...], label: str) -> Sequence[MLOperand]:
        node = Node(op, fields, label, self.place)
        node.results = tuple(MLOperand(self, d, node=node, index=i) for i, d in enumerate(results))
        self._nodes.append(node)
        return node.results

    def graph(self, outputs: Mapping[str, MLOperand], name: str = "main") -> Graph:
        """The graph of the outputs: whatever they don't need is left out. A builder builds once.

        Raises TypeError for outputs that the specification's build() rejects, RuntimeError on a second build.
        """
        self._check_open()
        self._check_outputs(outputs)
        needed, stack = set(), list(outputs.values())
        while stack:
            operand = stack.pop()
            if id(operand) not in needed:
                needed.add(id(operand))
                if operand.node:
                    stack.extend(operand.node.operands)
                    needed.update(id(r) for r in operand.node.results)
        self._built = True
        return Graph(
            name,
            {n: o for n, o in self._inputs.items() if id(o) in needed},
            dict(outputs),
            [n for n in self._nodes if id(n.results[0]) in needed],
            [o for o in self._constants if id(o) in needed],
        )

    def whole_graph(self, outputs: Mapping[str, MLOperand], name: str = "main") -> Graph:
        """The graph with all that was built, needed or not: what a file says, nothing dropped."""
        self._check_open()
        self._check_outputs(outputs)
        self._built = True
        return Graph(name, dict(self._inputs), dict(outputs), list(self._nodes), list(self._constants))

    def _check_outputs(self, outputs: Mapping[str, MLOperand]) -> None:
        if not outputs:
            raise OpError("at least one output is required", "build")
        for name, operand in outputs.items():
            if not isinstance(name, str) or not name:
                raise OpError(f"output name {name!r} must be a non-empty string", "build")
            if not isinstance(operand, MLOperand):
                raise OpError(f"output {name!r} must be an operand, not {type(operand).__name__}", "build")
            if operand.builder is not self:
                raise OpError(f"output {name!r} is an operand of another builder", "build")
            if operand.node is None:
                kind = "a constant" if operand.constant else "an input"
                raise OpError(f"output {name!r} is {kind}; it must be the result of an operator", "build")

    def _check_open(self) -> None:
        if self._built:
            raise InvalidStateError("this builder has built its graph; it takes no further calls")


def make_descriptor(
    given: Descriptor | Mapping[str, Any] | str, shape: Sequence[int] | None, op: str
) -> Descriptor:
    from .attributes import DATA_TYPE, UNSIGNED_LONGS

    data_type: Any
    if isinstance(given, Descriptor):
        data_type, shape = given.data_type, given.shape
    elif isinstance(given, Mapping):
        unknown = set(given) - {"dataType", "data_type", "shape"}
        if unknown:
            raise OpError(f"unknown member '{min(unknown)}' of the descriptor", op)
        data_type, shape = given.get("dataType", given.get("data_type")), given.get("shape")
    else:
        data_type = given
    if shape is None:
        raise OpError("a shape is required", op)
    try:
        descriptor = Descriptor(DATA_TYPE.check(data_type), UNSIGNED_LONGS.check(shape))
    except TypeError as error:
        raise OpError(str(error), op) from None
    if problem := descriptor.problem():
        raise OpError(problem, op)
    return descriptor


def _scalar(data_type: DataType, value: Any) -> np.ndarray[Any, Any]:
    """A scalar cast to the data type."""
    import numpy as np

    from .attributes import NUMBER

    if isinstance(value, np.generic):
        value = value.item()
    try:
        number = NUMBER.check(value)
    except TypeError as error:
        raise OpError(str(error), "constant") from None
    return np.asarray(cast_number(number, data_type), data_type.numpy)


def _packed(descriptor: Descriptor, value: Any) -> np.ndarray[Any, Any]:
    """The packed bytes of a buffer or an array, copied. Raises OpError when neither fits the descriptor."""
    import numpy as np

    expected = descriptor.data_type.numpy
    if isinstance(value, np.ndarray):
        if value.dtype != expected and not (expected == np.float16 and value.dtype == np.uint16):
            raise OpError(f"the array has data type {value.dtype}; {descriptor} needs {expected}", "constant")
        if value.ndim and value.size == descriptor.size and value.shape != descriptor.shape and value.ndim != 1:
            raise OpError(f"the array has shape {list(value.shape)}; the descriptor says {list(descriptor.shape)}",
                          "constant")
        if descriptor.data_type.bits == 4 and value.size == descriptor.size:
            return pack_int4(value, descriptor.data_type)
        data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
    else:
        try:
            data = np.frombuffer(bytes(memoryview(value)), np.uint8)
        except TypeError:
            raise OpError(f"{type(value).__name__} is no buffer", "constant") from None
    if data.nbytes != descriptor.byte_length:
        rule = f"{data.nbytes} bytes given; {descriptor} has {descriptor.byte_length}"
        raise OpError(rule, "constant")
    return data


def register_methods() -> None:
    """Gives `OpBuilder` its methods, one a declaration; called once all declarations are there."""
    for op in DECLARED.values():
        setattr(OpBuilder, op.method, _method(op))


def _method(op: Op) -> Callable[..., Any]:
    def method(self: OpBuilder, *args: Any, label: str = "", **options: Any) -> Any:
        return self.build_op(op, _arguments(op, args, options, label), label)

    method.__name__, method.__qualname__, method.__doc__ = op.method, f"OpBuilder.{op.method}", describe(op)
    method.__signature__ = _signature(op)  # type: ignore[attr-defined]
    return method


def _signature(op: Op) -> Signature:
    """The method's parameters, for `help()` and editors; None stands for a default that depends on the operands."""

    def option(spec: OperandSpec | AttributeSpec) -> Parameter:
        default = spec.default if isinstance(spec, AttributeSpec) and not callable(spec.default) else None
        return Parameter(spec.field, Parameter.KEYWORD_ONLY, default=default)

    positional = [Parameter(p.field, Parameter.POSITIONAL_OR_KEYWORD) for p in op.parameters]
    label = Parameter("label", Parameter.KEYWORD_ONLY, default="")
    return Signature([Parameter("self", Parameter.POSITIONAL_ONLY), *positional, *map(option, op.options), label])
