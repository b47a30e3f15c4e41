"""JSON with the place of every value, within limits, and strict: no duplicate keys, NaN, or numbers out of range."""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

from webnn_mlir.dialects.webnn import GraphError

from .source import MAX_DEPTH, MAX_TOKENS, Source, parse_number, quote


class Object(dict[str, Any]):
    """A JSON object; `offset` is its place and `offsets` has those of its keys' values."""

    __slots__ = ("keys_at", "offset", "offsets")

    def __init__(self, offset: int):
        super().__init__()
        self.offset = offset
        self.offsets: dict[str, int] = {}
        self.keys_at: dict[str, int] = {}


class Array(list[Any]):
    """A JSON array; `offsets` has the places of its items, or is empty for a list of plain integers."""

    __slots__ = ("offset", "offsets")

    def __init__(self, offset: int):
        super().__init__()
        self.offset = offset
        self.offsets: list[int] = []

    def at(self, index: int) -> int:
        return self.offsets[index] if self.offsets else self.offset


_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?(?![\w.+-])")
_INTEGERS = re.compile(r"\[\s*+(?:(?:0|[1-9][0-9]{0,17})\s*+,\s*+)*+(?:0|[1-9][0-9]{0,17})\s*+\]")
_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"[\w.+-]+")


def parse(source: Source) -> Any:
    """The value of a JSON text. Raises GraphError."""
    return _Scanner(source).document()


class _Scanner:
    def __init__(self, source: Source):
        self.source, self.text, self.values = source, source.text, 0

    def skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        assert match
        return match.end()

    def document(self) -> Any:
        value, end = self.value(self.skip(0), 0)
        end = self.skip(end)
        if end < len(self.text):
            raise self.unexpected(end, "the end of the file")
        return value

    def unexpected(self, at: int, expected: str) -> GraphError:
        word = _WORD.match(self.text, at)
        found = word[0] if word else self.text[at : at + 1]
        what = f"{quote(found)} is unexpected" if found else "the file ends too early"
        return self.source.failure(f"{what}; expected {expected}", at)

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        self.values += 1
        if self.values > MAX_TOKENS:
            raise self.source.failure(f"more than {MAX_TOKENS} values", at)
        match self.text[at : at + 1]:
            case '"':
                return self.string(at)
            case "{":
                return self.object(at, depth + 1)
            case "[":
                return self.array(at, depth + 1)
        if number := _NUMBER.match(self.text, at):
            try:
                return parse_number(number[0]), number.end()
            except ValueError as error:
                raise self.source.failure(str(error), at) from None
        word = _WORD.match(self.text, at)
        if not word or word[0] not in _WORDS:
            raise self.unexpected(at, "a value")
        return _WORDS[word[0]], word.end()

    def string(self, at: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            message = f"{error.msg[0].lower()}{error.msg[1:]}".removesuffix(" at")
            raise self.source.failure(message, error.pos) from None
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise self.source.failure("a string has half of a surrogate pair", at)
        return text, end

    def array(self, at: int, depth: int) -> tuple[Array, int]:
        result = Array(at)
        if integers := _INTEGERS.match(self.text, at):
            result.extend(map(int, integers[0][1:-1].split(",")))
            return result, integers.end()
        self.check_depth(depth, at)
        at = self.skip(at + 1)
        if self.text[at : at + 1] == "]":
            return result, at + 1
        while True:
            result.offsets.append(at)
            value, at = self.value(at, depth)
            result.append(value)
            at, ended = self.separator(at, "]")
            if ended:
                return result, at

    def object(self, at: int, depth: int) -> tuple[Object, int]:
        self.check_depth(depth, at)
        result = Object(at)
        at = self.skip(at + 1)
        if self.text[at : at + 1] == "}":
            return result, at + 1
        while True:
            if self.text[at : at + 1] != '"':
                raise self.unexpected(at, "a string")
            result_at = at
            key, at = self.string(at)
            if key in result:
                raise self.source.failure(f"{quote(key)} is a duplicate", result_at)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                raise self.unexpected(at, "':'")
            at = self.skip(at + 1)
            result.keys_at[key], result.offsets[key] = result_at, at
            result[key], at = self.value(at, depth)
            at, ended = self.separator(at, "}")
            if ended:
                return result, at

    def separator(self, at: int, closing: str) -> tuple[int, bool]:
        """The offset behind a comma or the closing bracket, and whether it was the latter."""
        at = self.skip(at)
        character = self.text[at : at + 1]
        if character == closing:
            return at + 1, True
        if character != ",":
            raise self.unexpected(at, f"',' or '{closing}'")
        return self.skip(at + 1), False

    def check_depth(self, depth: int, at: int) -> None:
        if depth > MAX_DEPTH:
            raise self.source.failure(f"brackets nest deeper than {MAX_DEPTH}", at)
