"""The `.webnn` text format: a grammar, a reader to a document, and a writer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from webnn_mlir.dialects.webnn import DataType, Diagnostic, GraphError, Place

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
from .source import MAX_DEPTH, MAX_TOKENS, Source, parse_number, quote

# INTS takes a list of plain integers as one token: bytes and shapes would be most of the tokens of a file.
_GRAMMAR = r"""
file: "webnn_graph" STRING VERSION QUANTIZED? "{" block* "}"
?block: inputs | consts | nodes | outputs
inputs: "inputs" "{" input* "}"
consts: "consts" "{" const* "}"
nodes: "nodes" "{" (statement ";")* "}"
outputs: "outputs" "{" (ID ("," ID)* ";"?)* "}"

input: ID ":" ID shape ";"
const: ID ":" ID shape annotation* ";"
shape: INTS | "[" [dimension ("," dimension)*] "]"
?dimension: INT | dynamic
dynamic: "dyn" "(" STRING "," INT ")"
annotation: WEIGHTS "(" STRING ")" | SCALAR "(" NUMBER ")" | BYTES "(" (INTS | array) ")"

statement: targets "=" (call | value)
targets: ID | LSQB ID ("," ID)* "]"
call: ID "(" [argument ("," argument)*] ")"
argument: ID "=" value -> named
        | value
?value: ID | STRING | NUMBER | TRUE | FALSE | NULL | INTS | array
array: LSQB [value ("," value)*] "]"

ID: /[A-Za-z_\/$][A-Za-z0-9_.\/]*+/
INT: /[0-9]++/
NUMBER: /-?[0-9]++(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?/
STRING: /"(?:[^"\\]|\\.)*+"/s
VERSION: /v\s*+[0-9]++/
INTS.2: /\[\s*+(?:[0-9]++\s*+(?:,\s*+[0-9]++\s*+)*+)?\]/
LSQB: "["
QUANTIZED: "@quantized"
WEIGHTS: "@weights"
SCALAR: "@scalar"
BYTES: "@bytes"
TRUE: "true"
FALSE: "false"
NULL: "null"
%ignore /[ \t\r\n]++/
%ignore /#[^\n]*+/
"""

_LITERALS = {"true": True, "false": False, "null": None}
_SHORT_TYPES = {f"{t[0]}{t.bits}": t for t in DataType}
_SHORT_NAMES = {t: short for short, t in _SHORT_TYPES.items()}

NAME = re.compile(r"[A-Za-z_/$][A-Za-z0-9_./]*")
"""What a name may look like."""


class _Limits:
    """Counts tokens and nesting on their way to the parser, so that no file takes time or memory without bound."""

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth = 0
        for number, token in enumerate(stream):
            if number == MAX_TOKENS:
                raise _LimitError(f"more than {MAX_TOKENS} tokens", token)
            depth += (token.type == "LSQB") - (token.type == "RSQB")
            if depth > MAX_DEPTH:
                raise _LimitError(f"brackets nest deeper than {MAX_DEPTH}", token)
            yield token


class _LimitError(Exception):
    def __init__(self, message: str, token: Token):
        self.message, self.token = message, token


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="file", parser="lalr", maybe_placeholders=False, postlex=_Limits())


def read(source: Source) -> Document:
    """The document of a `.webnn` text. Raises GraphError: one syntax error, or everything else that is wrong."""
    try:
        tree = _parser().parse(source.text)
    except UnexpectedInput as error:
        raise source.failure(_syntax_error(source, error), _offset(source, error)) from None
    except _LimitError as error:
        raise source.failure(error.message, error.token.start_pos or 0) from None
    reader = _Reader(source.file)
    document = reader.document(tree)
    if reader.problems:
        raise GraphError(reader.problems)
    return document


def _offset(source: Source, error: UnexpectedInput) -> int:
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return len(source.text.rstrip())
    return error.pos_in_stream or 0


def _syntax_error(source: Source, error: UnexpectedInput) -> str:
    at = _offset(source, error)
    found = re.compile(r"[\w@.$/-]+|\S", re.ASCII).match(source.text, at)
    allowed = getattr(error, "accepts", None) or getattr(error, "allowed", None) or ()
    expected = sorted(map(_spelling, allowed))
    what = f"{quote(found[0])} is unexpected" if found else "the file ends too early"
    return f"{what}; expected {' or '.join(expected)}" if expected else what


def _spelling(terminal: str) -> str:
    described = {"ID": "a name", "INT": "an integer", "INTS": "a list", "NUMBER": "a number", "STRING": "a string",
                 "VERSION": "a version (v1 or v2)", "$END": "the end of the file"}
    if terminal in described:
        return described[terminal]
    pattern = next(t.pattern.value for t in _parser().terminals if t.name == terminal)
    return f"'{pattern}'"


class _Reader:
    """Builds a document from the syntax tree."""

    def __init__(self, file: str):
        self.file = file
        self.problems: list[Diagnostic] = []

    def place(self, token: Token) -> Place:
        return Place(self.file, token.line or 0, token.column or 0)

    def problem(self, message: str, token: Token) -> None:
        self.problems.append(Diagnostic(message, place=self.place(token)))

    def document(self, tree: Tree[Token]) -> Document:
        name, version, *rest = tree.children
        assert isinstance(name, Token)
        number = str(version)[1:].strip()
        if number not in ("1", "2"):
            self.problem(f"version {number} is not supported; it must be 1 or 2", version)
        blocks: dict[str, list[Any]] = {"inputs": [], "consts": [], "nodes": [], "outputs": []}
        for child in rest:
            if isinstance(child, Tree):
                blocks[child.data] += child.children
        return Document(
            _unquote(name),
            2 if number == "2" else 1,
            any(isinstance(child, Token) for child in rest),
            tuple(self.input(*t.children) for t in blocks["inputs"]),
            tuple(self.const(*t.children) for t in blocks["consts"]),
            tuple(self.statement(*t.children) for t in blocks["nodes"]),
            tuple(Output(str(t), str(t), self.place(t)) for t in blocks["outputs"]),
            self.place(name),
        )

    def input(self, name: Token, data_type: Token, shape: Tree[Token]) -> Input:
        return Input(str(name), self.data_type(data_type), tuple(self.shape(shape)), self.place(name))

    def const(self, name: Token, data_type: Token, shape: Tree[Token], *annotations: Tree[Token]) -> Const:
        dimensions = []
        for dimension in self.shape(shape):
            if isinstance(dimension, DynamicDimension):
                self.problem("a constant's shape has no dynamic dimensions", name)
            else:
                dimensions.append(dimension)
        init: Weights | Scalar | InlineBytes = Weights(str(name))
        for number, annotation in enumerate(annotations):
            kind, value = annotation.children
            if number:
                self.problem(f"constant {quote(str(name))} has more than one value", kind)
            init = self.init(kind, value)
        return Const(str(name), self.data_type(data_type), tuple(dimensions), init, self.place(name))

    def init(self, kind: Token, value: Token | Tree[Token]) -> Weights | Scalar | InlineBytes:
        if kind.type == "WEIGHTS":
            assert isinstance(value, Token)
            return Weights(_unquote(value))
        if kind.type == "SCALAR":
            assert isinstance(value, Token)
            return Scalar(self.number(value))
        data = self.value(value)
        assert isinstance(data, tuple)
        integers = [v for v in data if type(v) is int and 0 <= v <= 255]
        if len(integers) == len(data):
            return InlineBytes(bytes(integers))
        self.problem("bytes must be integers from 0 to 255", kind)
        return InlineBytes(b"")

    def data_type(self, token: Token) -> DataType:
        if token not in _SHORT_TYPES:
            self.problem(f"data type {quote(str(token))} must be one of {', '.join(_SHORT_TYPES)}", token)
            return DataType.FLOAT32
        return _SHORT_TYPES[token]

    def shape(self, shape: Tree[Token]) -> list[Dimension]:
        if shape.children and isinstance(shape.children[0], Token) and shape.children[0].type == "INTS":
            return self.integers(shape.children[0])  # type: ignore[return-value]
        return [self.dimension(child) for child in shape.children]

    def dimension(self, child: Token | Tree[Token]) -> Dimension:
        if isinstance(child, Token):
            return int(self.number(child))
        name, size = child.children
        return DynamicDimension(_unquote(name), int(self.number(size)))

    def statement(self, targets: Tree[Token], right: Tree[Token] | Token) -> Statement:
        first, *more = targets.children
        assert isinstance(first, Token)
        place = self.place(first)
        outputs = tuple(map(str, more)) if first.type == "LSQB" else None
        id_ = outputs[0] if outputs else str(first)
        if not isinstance(right, Tree) or right.data != "call":
            return Statement(id_, "", (self.argument(right),), {}, outputs, place)
        op, *arguments = right.children
        inputs: list[Argument] = []
        options: dict[str, Argument] = {}
        for argument in arguments:
            assert isinstance(argument, Tree)
            if argument.data == "argument":
                inputs.append(self.argument(argument.children[0]))
                continue
            name, value = argument.children
            if name in options:
                self.problem(f"argument {quote(str(name))} is given twice", name)
            options[str(name)] = self.argument(value)
        return Statement(id_, str(op), tuple(inputs), options, outputs, place)

    def argument(self, node: Tree[Token] | Token) -> Argument:
        return Argument(self.value(node), self.place(_first(node)))

    def value(self, node: Tree[Token] | Token) -> Value:
        if isinstance(node, Tree):
            return tuple(self.value(child) for child in node.children if getattr(child, "type", "") != "LSQB")
        if node.type == "ID":
            return str(node)
        if node.type == "STRING":
            return _unquote(node)
        if node.type == "INTS":
            return tuple(self.integers(node))
        if node.type == "NUMBER":
            return self.number(node)
        return _LITERALS[node]

    def number(self, token: Token) -> int | float:
        return self.parsed(token, token)

    def integers(self, token: Token) -> list[int]:
        """The integers of an INTS token."""
        inner = token[1:-1].strip()
        return [int(self.parsed(part.strip(), token)) for part in inner.split(",")] if inner else []

    def parsed(self, text: str, token: Token) -> int | float:
        try:
            return parse_number(text)
        except ValueError as error:
            self.problem(str(error), token)
            return 1


def _first(node: Tree[Token] | Token) -> Token:
    while isinstance(node, Tree):
        node = node.children[0]
    return node


def _unquote(token: Token) -> str:
    return re.sub(r'\\(["\\])', r"\1", token[1:-1])


# Writing


def write(document: Document) -> str:
    """The text of a document. Raises GraphError for everything in it that the format cannot hold."""
    writer = _Writer()
    text = writer.document(document)
    if writer.problems:
        raise GraphError(writer.problems)
    return text


class _Writer:
    def __init__(self) -> None:
        self.problems: list[Diagnostic] = []
        self.refused: set[str] = set()

    def refuse(self, message: str, place: Place | None) -> str:
        """An empty text, for a problem."""
        self.problems.append(Diagnostic(f".webnn text cannot hold {message}", place=place))
        return ""

    def document(self, document: Document) -> str:
        taken = {i.name for i in document.inputs} | {c.name for c in document.consts}
        taken |= {r for n in document.nodes for r in n.results}
        # An output that is a value of another name: the format gives the value that name, too.
        aliases = [o for o in document.outputs if o.name != o.value]
        blocks = [
            ("inputs", [self.input(i) for i in document.inputs]),
            ("consts", [self.const(c) for c in document.consts]),
            ("nodes", [*map(self.statement, document.nodes), *(self.alias(o, taken) for o in aliases)]),
            ("outputs", [self.name(o.name, o.place) for o in document.outputs]),
        ]
        quantized = " @quantized" if document.quantized else ""
        lines = [f"webnn_graph {self.string(document.name)} v{document.version}{quantized} {{"]
        for title, items in blocks:
            if items:
                lines += [f"  {title} {{", *(f"    {item};" for item in items), "  }"]
        return "\n".join([*lines, "}", ""])

    def input(self, value: Input) -> str:
        dimensions = [self.literal(d, value.place, dimension=True) for d in value.shape]
        return f"{self.name(value.name, value.place)}: {_SHORT_NAMES[value.data_type]}[{', '.join(dimensions)}]"

    def const(self, value: Const) -> str:
        match value.init:
            case Weights(ref):
                annotation = f"@weights({self.string(ref)})"
            case Scalar(number):
                annotation = f"@scalar({self.literal(number, value.place)})"
            case InlineBytes(data):
                annotation = f"@bytes([{', '.join(map(str, data))}])"
        shape = ", ".join(map(str, value.shape))
        return f"{self.name(value.name, value.place)}: {_SHORT_NAMES[value.data_type]}[{shape}] {annotation}"

    def statement(self, node: Statement) -> str:
        names = ", ".join(self.name(name, node.place) for name in node.results)
        target = names if node.outputs is None else f"[{names}]"
        if node.outputs == ():
            self.refuse(f"node {quote(node.id)} without outputs", node.place)
        elif node.outputs and node.id != node.outputs[0]:
            self.refuse(f"node id {quote(node.id)} beside the name of its value, {quote(node.outputs[0])}", node.place)
        inputs = [self.literal(a.value, a.place or node.place, names=True) for a in node.inputs]
        if not node.op:
            if len(inputs) != 1 or node.options:
                self.refuse(f"node {quote(node.id)}, which has no operator but more than an operand", node.place)
            return f"{target} = {', '.join(inputs)}"
        options = [
            f"{self.word(name, a.place or node.place)}={self.literal(a.value, a.place or node.place)}"
            for name, a in node.options.items()
        ]
        return f"{target} = {self.word(node.op, node.place)}({', '.join(inputs + options)})"

    def alias(self, output: Output, taken: set[str]) -> str:
        if output.name in taken:
            self.refuse(f"output {quote(output.name)} beside another value of that name", output.place)
        return f"{self.name(output.name, output.place)} = {self.literal(output.value, output.place, names=True)}"

    def name(self, name: str, place: Place | None) -> str:
        if not NAME.fullmatch(name) and name not in self.refused:
            self.refused.add(name)
            self.refuse(f"the name {quote(name)}", place)
        return name

    def word(self, name: str, place: Place | None) -> str:
        """A name where a literal could stand, too."""
        return self.refuse(f"the name {quote(name)} here", place) if name in _LITERALS else self.name(name, place)

    def string(self, text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    def literal(self, value: Value, place: Place | None, *, names: bool = False, dimension: bool = False) -> str:
        match value:
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case str():
                return self.name(value, place) if names and value not in _LITERALS else self.string(value)
            case tuple():
                return f"[{', '.join(self.literal(v, place, names=names) for v in value)}]"
            case DynamicDimension(name, max_size):
                if not dimension:
                    return self.refuse("a dynamic dimension as an argument", place)
                return f"dyn({self.string(name)}, {max_size})"
            case float() if value != value or value in (float("inf"), -float("inf")):
                return self.refuse(f"the number {value}", place)
        return repr(value)
