"""A graph as a picture, in Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator

from .outline import Outline

INPUT = 'shape=ellipse, style=filled, fillcolor="#cfe8cf"'
CONSTANT = 'shape=cylinder, style=filled, fillcolor="#e8e8e8"'
OPERATOR = 'shape=box, style="rounded,filled", fillcolor="#d5e3f5"'
OUTPUT = 'shape=ellipse, style=filled, fillcolor="#f5dfc8"'


def dot(outline: Outline) -> str:
    """The text of the picture: inputs, constants, operators and outputs, and the values between them."""
    lines = [f"  {statement};\n" for statement in _statements(outline)]
    return f"digraph {quote(outline.name)} {{\n{''.join(lines)}}}\n"


def _statements(outline: Outline) -> Iterator[str]:
    yield "rankdir=TB"
    yield 'node [fontname="Helvetica"]'
    # The statement that makes each value, by the value's number.
    sources = {}
    groups = (("input", INPUT, list(outline.inputs.items())), ("constant", CONSTANT, outline.constants))
    for prefix, style, named in groups:
        for index, (name, number) in enumerate(named):
            sources[number] = f"{prefix}{index}"
            yield f"{prefix}{index} [label={quote(name, str(outline.values[number]))}, {style}]"
    for index, node in enumerate(outline.nodes):
        sources |= dict.fromkeys(node.results, f"op{index}")
        shapes = ", ".join(str(outline.values[number]) for number in node.results)
        yield f"op{index} [label={quote(node.op, *([node.label] if node.label else []), shapes)}, {OPERATOR}]"
        used = list(node.used)
        for field, operand in used:
            label = f" [label={quote(field)}, fontsize=9]" if len(used) > 1 else ""
            yield f"{sources[operand]} -> op{index}{label}"
    for index, (name, number) in enumerate(outline.outputs.items()):
        yield f"output{index} [label={quote(name, str(outline.values[number]))}, {OUTPUT}]"
        yield f"{sources[number]} -> output{index}"


def quote(*lines: str) -> str:
    """A quoted label of some lines. A backslash would begin an escape, and control characters no picture shows."""
    return '"' + "\\n".join(_escape(line) for line in lines) + '"'


def _escape(line: str) -> str:
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
    return printable.replace("\\", "\\\\").replace('"', '\\"')
