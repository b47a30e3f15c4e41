"""Writes docs/operators.md from the declarations; what an operator becomes is found by lowering its example."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Iterable
from typing import Any

from webnn_mlir.dialects.webnn import DECLARED, DataType, Descriptor, Graph, GraphBuilder, MLOperand, Op
from webnn_mlir.dialects.webnn.declaration import AttributeSpec, OperandSpec, ResultSpec

from .generated import page_command

INTRODUCTION = """# Operators

This file is generated: `python -m webnn_mlir.tools.docs docs/operators.md`. What an operator becomes is what the passes
make of one small instance of it; other options, data types and shapes may take more, fewer or other ops. Constants are
left out. Where a default depends on the operands, the one shown is that instance's.
"""

SCAFFOLDING = re.compile(r"builtin\.module|func\.\w+|.*\.(constant|return|yield)")
"""Ops that say nothing about what an operator becomes."""


EXTENSIONS_APART = """# Extension operators

The specification does not have these. A builder with `extensions=True` makes them, and MLIR may have them; the
formats of graph files do not.
"""


def page(ops: Iterable[Op] = tuple(DECLARED.values())) -> str:
    """The whole page, the operators that the specification does not have apart."""
    ordered = sorted(ops, key=lambda op: op.name.lower())
    apart = [section(op) for op in ordered if op.extension]
    return "\n".join(
        [
            INTRODUCTION,
            *(section(op) for op in ordered if not op.extension),
            *([EXTENSIONS_APART, *apart] if apart else []),
        ]
    )


def section(op: Op) -> str:
    """An operator's part of the page."""
    graph = example(op)
    fields = next(node.fields for node in graph.nodes if node.op is op)
    lines = [f"## {op.name}", "", *([] if op.extension else [f"[Specification]({op.url})", ""])]
    lines += table(["operand", "data types", "rank"], [*map(_operand, op.operands), *map(_result, op.results)])
    if op.attributes:
        lines += table(["attribute", "type", "default"], [_attribute(a, fields[a.field]) for a in op.attributes])
    formula, lowered = becomes(graph)
    if op.decompose:
        lines += [f"Formula: {_code(formula)}", ""]
    return "\n".join([*lines, f"Lowered: {_code(lowered)}", ""])


def example(op: Op) -> Graph:
    """The graph of the declaration's example, in float32 where the first operand takes it."""
    builder = GraphBuilder(extensions=op.extension)
    types = op.operands[0].types
    tested = DataType.FLOAT32 if DataType.FLOAT32 in types else types[0]
    numbers = itertools.count()

    def x(*shape: int, data_type: DataType | str = tested) -> MLOperand:
        return builder.input(f"input{next(numbers)}", Descriptor.of(data_type, shape))

    results = op.example(builder, x)
    results = results if isinstance(results, list | tuple) else [results]
    return builder.graph({f"output{i}": result for i, result in enumerate(results)})


def becomes(graph: Graph) -> tuple[list[str], list[str]]:
    """The names of a graph's ops after decomposition, and after lowering, in the order in which they first appear."""
    from webnn_mlir.compiler import pipeline
    from webnn_mlir.compiler.program import from_graph

    program = from_graph(graph)
    pipeline.run(program, [*pipeline.STAGES["webnn"], *pipeline.STAGES["decomposed"]])
    formula = _op_names(program)
    pipeline.run(program, pipeline.STAGES["stablehlo"])
    return formula, _op_names(program)


def _op_names(program: Any) -> list[str]:
    from iree.compiler import ir

    names: dict[str, None] = {}

    def visit(operation: Any) -> Any:
        names[operation.name] = None
        return ir.WalkResult.ADVANCE

    program.module.operation.walk(visit, ir.WalkOrder.PRE_ORDER)
    return [name for name in names if not SCAFFOLDING.fullmatch(name)]


def _operand(spec: OperandSpec) -> list[str]:
    low, high = spec.rank
    rank = f"{low}" if low == high else f"{low} to {high}" if high is not None else f"{low} or more" if low else "any"
    note = " (optional)" if spec.optional else " (a list)" if spec.variadic else ""
    return [f"`{spec.name}`{note}", _types(spec.types, spec.like), rank]


def _result(spec: ResultSpec) -> list[str]:
    return [f"→ `{spec.name}`{' (a list)' if spec.variadic else ''}", _types(spec.types or (), spec.like), ""]


def _types(types: tuple[DataType, ...], like: str | None) -> str:
    return "; ".join([*([", ".join(types)] if types else []), *([f"that of `{like}`"] if like else [])])


def _attribute(spec: AttributeSpec, value: Any) -> list[str]:
    if spec.required:
        default = "required"
    elif callable(spec.default):
        default = f"{_value(value)}, from the operands"
    else:
        default = _value(spec.default)
    choices = f": {', '.join(spec.kind.choices)}" if spec.kind.choices else ""
    return [f"`{spec.name}`", f"`{spec.kind.idl}`{choices}", default]


def _value(value: Any) -> str:
    return "none" if value is None else f"`{json.dumps(value)}`"


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing, the operand itself"


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table and an empty line."""
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows), ""]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


main = page_command("docs", "docs/operators.md", "Writes the reference table of operators.", page)

if __name__ == "__main__":
    sys.exit(main())
