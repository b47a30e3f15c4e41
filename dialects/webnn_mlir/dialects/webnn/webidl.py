"""WebIDL's conversions: a JavaScript call of an MLGraphBuilder method, with its raw arguments, as a Python call.

JavaScript values are: `UNDEFINED`, None (null), bool, int and float (Number), `BigInt`, str, Mapping (object), other
iterables (array), `bytes`-like (ArrayBuffer), one-dimensional NumPy arrays (typed array), MLOperand.
What each argument converts to comes from the op's declaration: https://webidl.spec.whatwg.org/#js-type-mapping.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from .declaration import AttributeSpec, Op, OperandSpec
from .declared import OPS
from .diagnostics import OpError
from .graph import MLOperand
from .types import DataType

if TYPE_CHECKING:
    from .builder import GraphBuilder


class BigInt(int):
    """JavaScript's BigInt; a plain int is a Number."""


class _Undefined(Enum):
    UNDEFINED = "undefined"


UNDEFINED = _Undefined.UNDEFINED

Buffer = bytes | bytearray | memoryview


def invoke(builder: GraphBuilder, method: str, arguments: Sequence[Any]) -> MLOperand | list[MLOperand]:
    """Calls `input`, `constant` or an operator by the specification's name.

    Raises TypeError where WebIDL or the operator does, with the label in square brackets where one is given, and
    AttributeError for a method that there is not.
    """
    if method == "input":
        name, descriptor = _exactly(method, arguments, 2)
        return builder.input(to_string(name), to_operand_descriptor(descriptor, method))
    if method == "constant":
        return _constant(builder, arguments)
    if method not in OPS:
        raise AttributeError(f"MLGraphBuilder has no method {method!r}")
    op = OPS[method]
    label, fields = _arguments(op, arguments, builder.compatibility)
    result: MLOperand | list[MLOperand] = builder.build_op(op, fields, label)
    return result


def _exactly(method: str, arguments: Sequence[Any], count: int) -> Sequence[Any]:
    """The first arguments; JavaScript ignores those beyond."""
    if len(arguments) < count:
        raise OpError(f"{count} arguments are required, {len(arguments)} given", method)
    return arguments[:count]


def _arguments(op: Op, arguments: Sequence[Any], compatibility: str | None) -> tuple[str, dict[str, Any]]:
    """The label and the fields of a call; an argument that is missing is left to the declaration to miss."""
    count = len(op.parameters)
    given = arguments[count] if len(arguments) > count else UNDEFINED
    label = ""
    try:
        options = to_dictionary(given)
        label = to_string(options.get("label", ""))
        fields = {p.field: _convert(p, v) for p, v in zip(op.parameters, arguments, strict=False)}
        for spec in op.options:
            former = spec.formerly if compatibility and isinstance(spec, AttributeSpec) else None
            if (name := spec.name if spec.name in options else former) in options:
                fields[spec.field] = _convert(spec, options[name])
    except TypeError as error:
        raise OpError(str(error), op.name, label) from None
    return label, fields


def _convert(spec: OperandSpec | AttributeSpec, value: Any) -> Any:
    try:
        if isinstance(spec, AttributeSpec):
            return convert(spec.kind.idl, value)
        return [_operand(v) for v in to_sequence(value)] if spec.variadic else _operand(value)
    except TypeError as error:
        raise TypeError(f"{spec.name}: {error}") from None


def _operand(value: Any) -> MLOperand:
    if not isinstance(value, MLOperand):
        raise TypeError(f"{to_string(value)} is not of type 'MLOperand'")
    return value


# The builder's own methods


def to_operand_descriptor(value: Any, method: str) -> dict[str, Any]:
    """MLOperandDescriptor."""
    try:
        members = to_dictionary(value)
        for name in ("dataType", "shape"):
            if name not in members:
                raise TypeError(f"required member '{name}' is undefined")
        shape = convert("sequence<[EnforceRange] unsigned long>", members["shape"])
    except TypeError as error:
        raise OpError(f"descriptor: {error}", method) from None
    return {"dataType": to_string(members["dataType"]), "shape": shape}


def _constant(builder: GraphBuilder, arguments: Sequence[Any]) -> MLOperand:
    """constant(descriptor, buffer) or constant(dataType, value), told apart by the first argument as WebIDL does."""
    first, second = _exactly("constant", arguments, 2)
    if first is UNDEFINED or first is None or _is_object(first):
        descriptor = to_operand_descriptor(first, "constant")
        return builder.constant(descriptor, _buffer(second, descriptor))
    try:
        number = _ml_number(second)
    except TypeError as error:
        raise OpError(str(error), "constant") from None
    return builder.constant(to_string(first), number)


def _buffer(value: Any, descriptor: Mapping[str, Any]) -> Any:
    """AllowSharedBufferSource, checked as https://www.w3.org/TR/webnn/#validate-buffer-with-descriptor: a Uint8Array
    holds a tensor of any data type, every other typed array only one of its own."""
    import numpy as np

    if isinstance(value, np.ndarray):
        int4 = descriptor["dataType"] in (DataType.INT4, DataType.UINT4) and value.dtype.itemsize == 1
        return value.tobytes() if value.dtype == np.uint8 or int4 else value
    if not isinstance(value, Buffer):
        raise OpError(f"{to_string(value)} is neither an ArrayBuffer nor a view of one", "constant")
    return value


# Types


def convert(idl: str, value: Any) -> Any:
    """A JavaScript value as a WebIDL type; a name that is no other type is an enumeration's, checked later."""
    if match := re.fullmatch(r"\((.+) or (sequence<.+>)\)", idl):
        return convert(match[2] if _is_object(value) else match[1], value)
    if match := re.fullmatch(r"sequence<(.+)>", idl):
        return [convert(match[1], v) for v in to_sequence(value)]
    return _CONVERSIONS[idl](value) if idl in _CONVERSIONS else to_string(value)


def _is_object(value: Any) -> bool:
    return value is not UNDEFINED and value is not None and not isinstance(value, bool | int | float | str)


def to_sequence(value: Any) -> list[Any]:
    """https://webidl.spec.whatwg.org/#js-sequence: only an object can be iterable, which a string is not."""
    if not _is_object(value) or isinstance(value, Mapping | Buffer) or not isinstance(value, Iterable):
        raise TypeError(f"{to_string(value)} is not a sequence")
    return list(value)


def to_dictionary(value: Any) -> dict[str, Any]:
    """https://webidl.spec.whatwg.org/#js-dictionary: the members that are there. An array has none of ours."""
    if value is UNDEFINED or value is None:
        return {}
    if not _is_object(value):
        raise TypeError(f"{to_string(value)} is not an object")
    return {k: v for k, v in value.items() if v is not UNDEFINED} if isinstance(value, Mapping) else {}


def to_string(value: Any) -> str:
    """USVString: JavaScript's ToString, with lone surrogates replaced."""
    match value:
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case _ if value is UNDEFINED:
            return "undefined"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case BigInt():
            return str(int(value))
        case int() | float():
            return _number_to_string(to_number(value))
        case list() | tuple():
            return ",".join("" if v is None or v is UNDEFINED else to_string(v) for v in value)
    name = type(value).__name__ if isinstance(value, MLOperand) else "Object"
    return f"[object {name}]"


def _number_to_string(value: float) -> str:
    """https://tc39.es/ecma262/#sec-numeric-types-number-tostring"""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    if 1e-7 < abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return re.sub(r"e([+-])0*", r"e\1", repr(value))


def to_number(value: Any) -> float:
    """JavaScript's ToNumber."""
    if isinstance(value, BigInt):
        raise TypeError(f"cannot convert the BigInt {value} to a number")
    if value is UNDEFINED:
        return math.nan
    if value is None:
        return 0.0
    if isinstance(value, int) and abs(value) >= 2**1024:
        return math.inf if value > 0 else -math.inf
    return float(value) if isinstance(value, int | float) else _string_to_number(to_string(value))


def _string_to_number(text: str) -> float:
    text = text.strip("\t\n\v\f\r \xa0\ufeff\u2028\u2029")
    if not text:
        return 0.0
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", text):
        return to_number(int(text, 0))
    decimal = re.fullmatch(r"[+-]?(Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)", text)
    return float(text) if decimal else math.nan


def _enforce_range(low: int, high: int) -> Callable[[Any], int]:
    def enforce(value: Any) -> int:
        number = to_number(value)
        if not math.isfinite(number):
            raise TypeError(f"{to_string(value)} must be a finite number")
        if not low <= math.trunc(number) <= high:
            raise TypeError(f"{to_string(value)} must be from {low} to {high}")
        return math.trunc(number)

    return enforce


def _unsigned_long(value: Any) -> int:
    """Without [EnforceRange], out of range wraps around."""
    number = to_number(value)
    return math.trunc(number) % 2**32 if math.isfinite(number) else 0


def _double(value: Any) -> float:
    number = to_number(value)
    if not math.isfinite(number):
        raise TypeError(f"{to_string(value)} must be a finite number")
    return number


def _float(value: Any) -> float:
    """A double rounded to float32, which must stay finite."""
    try:
        (number,) = struct.unpack("<f", struct.pack("<f", _double(value)))
    except OverflowError:
        raise TypeError(f"{to_string(value)} is out of the range of float") from None
    return float(number)


def _ml_number(value: Any) -> int | float:
    """MLNumber, (bigint or unrestricted double)."""
    return int(value) if isinstance(value, BigInt) else to_number(value)


def _boolean(value: Any) -> bool:
    return _is_object(value) or (value is not UNDEFINED and bool(value) and value == value)


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "[EnforceRange] unsigned long": _enforce_range(0, 2**32 - 1),
    "[EnforceRange] long": _enforce_range(-(2**31), 2**31 - 1),
    "unsigned long": _unsigned_long,
    "double": _double,
    "float": _float,
    "MLNumber": _ml_number,
    "boolean": _boolean,
}
