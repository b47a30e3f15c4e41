"""Kinds of attributes: each checks and normalizes a Python value, and raises TypeError with the rule that it breaks."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .types import DataType


class Storage(Enum):
    """How an attribute is carried in MLIR."""

    INTEGER = "i64"
    INTEGERS = "array<i64>"
    FLOAT = "f64"
    FLOATS = "array<f64>"
    BOOLEAN = "bool"
    STRING = "string"
    STRINGS = "array of strings"
    NUMBER = "i64, ui64 or f64"


@dataclass(frozen=True)
class Kind:
    """An attribute's kind: its WebIDL type, its storage, and `check`, which returns the normalized value.

    `choices` are the values of an enumeration.
    """

    idl: str
    storage: Storage
    check: Callable[[Any], Any] = field(repr=False)
    choices: tuple[str, ...] = ()


def _integer(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{value!r} must be an integer")
    try:
        result = operator.index(value)
    except TypeError:
        raise TypeError(f"{value!r} must be an integer") from None
    if not low <= result <= high:
        raise TypeError(f"{result} must be from {low} to {high}")
    return result


def _unsigned_long(value: Any) -> int:
    return _integer(value, 0, 2**32 - 1)


def _long(value: Any) -> int:
    return _integer(value, -(2**31), 2**31 - 1)


def _double(value: Any) -> float:
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{value!r} must be a number") from None
    if isinstance(value, str) or not math.isfinite(result):
        raise TypeError(f"{value!r} must be a finite number")
    return result


def _float(value: Any) -> float:
    """A double rounded to float32, which must stay finite."""
    double = _double(value)
    try:
        (result,) = struct.unpack("<f", struct.pack("<f", double))
    except OverflowError:
        raise TypeError(f"{double} is out of the range of float") from None
    return float(result)


def _number(value: Any) -> int | float:
    """MLNumber: a 64-bit integer stays one; every other number is a double, infinities and NaN included."""
    if isinstance(value, str | bool):
        raise TypeError(f"{value!r} must be a number")
    try:
        integer = operator.index(value)
    except TypeError:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{value!r} must be a number") from None
    if not -(2**63) <= integer < 2**64:
        raise TypeError(f"{integer} must fit in 64 bits")
    return integer


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} must be True or False")
    return value


def _data_type(value: Any) -> DataType:
    try:
        return DataType(str(value))
    except ValueError:
        raise TypeError(f"{value!r} must be one of {', '.join(map(str, DataType))}") from None


def _list_of(check: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def check_list(value: Any) -> tuple[Any, ...]:
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise TypeError(f"{value!r} must be a list")
        return tuple(check(v) for v in value)

    return check_list


def _splits(value: Any) -> int | tuple[int, ...]:
    return _list_of(_unsigned_long)(value) if isinstance(value, Iterable) else _unsigned_long(value)


def _choice(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in choices:
            raise TypeError(f"{value!r} must be one of {', '.join(choices)}")
        return str(value)

    return check


UNSIGNED_LONG = Kind("[EnforceRange] unsigned long", Storage.INTEGER, _unsigned_long)
LONG = Kind("[EnforceRange] long", Storage.INTEGER, _long)
UNSIGNED_LONGS = Kind("sequence<[EnforceRange] unsigned long>", Storage.INTEGERS, _list_of(_unsigned_long))
WRAPPING_UNSIGNED_LONG = Kind("unsigned long", Storage.INTEGER, _unsigned_long)
WRAPPING_UNSIGNED_LONGS = Kind("sequence<unsigned long>", Storage.INTEGERS, _list_of(_unsigned_long))
DOUBLE = Kind("double", Storage.FLOAT, _double)
FLOAT_LIST = Kind("sequence<float>", Storage.FLOATS, _list_of(_float))
BOOLEAN = Kind("boolean", Storage.BOOLEAN, _boolean)
NUMBER = Kind("MLNumber", Storage.NUMBER, _number)
DATA_TYPE = Kind("MLOperandDataType", Storage.STRING, _data_type)
SPLITS = Kind(
    "([EnforceRange] unsigned long or sequence<[EnforceRange] unsigned long>)", Storage.INTEGERS, _splits
)


def enum(idl: str, *choices: str) -> Kind:
    """A WebIDL enumeration."""
    return Kind(idl, Storage.STRING, _choice(choices), choices)


def enum_list(idl: str, *choices: str) -> Kind:
    """A sequence of a WebIDL enumeration's values."""
    return Kind(f"sequence<{idl}>", Storage.STRINGS, _list_of(_choice(choices)), choices)
