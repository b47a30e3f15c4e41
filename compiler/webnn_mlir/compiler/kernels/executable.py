"""Executables of kernels in a module, and the calls of their functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from iree.compiler import ir

from ..program import Program


def add(program: Program, name: str, entries: Mapping[str, int], functions: Iterable[str]) -> None:
    """Adds an executable: its entries, with the workgroups that each is called in, and the text of all its functions.

    IREE links executables to one, in which all functions need names of their own.
    """
    exports = "\n".join(_export(*entry) for entry in entries.items())
    lines = "\n".join(functions)
    text = f"stream.executable private @{name} {{\n{exports}\nbuiltin.module {{\n{lines}\n}}\n}}"
    parsed = ir.Module.parse(text, program.session.context)
    (operation,) = parsed.body.operations
    ir.InsertionPoint.at_block_begin(program.module.body).insert(operation.detach_from_parent())


def _export(name: str, workgroups: int) -> str:
    return f"""stream.executable.export public @{name} workgroups() -> (index, index, index) {{
      %n = arith.constant {workgroups} : index
      %one = arith.constant 1 : index
      stream.return %n, %one, %one : index, index, index
    }}"""


def call(
    executable: str, entry: str, operands: Sequence[ir.Value], results: Sequence[ir.Type]
) -> Sequence[ir.Value]:
    """Calls an entry on flat tensors."""
    attributes = {
        "entry_points": ir.ArrayAttr.get([ir.Attribute.parse(f"@{executable}::@{entry}")]),
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([0, len(operands), 0, 0]),
    }
    return list(ir.Operation.create("flow.dispatch", results=results, operands=operands, attributes=attributes).results)


def name_of(operation: ir.Operation) -> str | None:
    """The executable that a call calls; None for another operation."""
    if operation.name != "flow.dispatch":
        return None
    return str(operation.attributes["entry_points"][0]).removeprefix("@").split("::")[0]


def remove_unused(program: Program, names: Iterable[str], functions: Iterable[ir.Operation]) -> None:
    """Removes those of the executables that no function calls."""
    called = {name_of(op.operation) for function in functions for op in function.regions[0].blocks[0].operations}
    symbols = ir.SymbolTable(program.module.operation)
    for name in set(names) - called:
        symbols.erase(symbols[name])
