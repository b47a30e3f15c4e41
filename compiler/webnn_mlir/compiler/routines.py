"""Routines: functions of executables that only their entries call, kept out of a module while IREE is busy with what is
around them.

IREE folds globals, and canonicalizes all there is, again and again before it comes to executables. Meanwhile a routine

    func.func private @dense_8x64x64_within(%workgroup: index, …) {…}

is declared only. That leaves out a fifth of the compile of a convolutional net.
"""

from __future__ import annotations

from collections.abc import Iterator

from iree.compiler import ir

from . import binding


def take_out(module: ir.Module) -> dict[str, ir.Operation]:
    """Leaves the declarations of routines, whose names are a module's own, and returns the routines."""
    found = {}
    for inner in _modules(module.operation):
        for function in list(_functions(inner)):
            if function.regions[0].blocks and _is_private(function):
                declared = ir.Operation.create(
                    function.name, attributes=dict(_attributes(function)), regions=1, loc=function.location,
                    ip=ir.InsertionPoint(function),
                )  # fmt: skip
                found[_name(declared)] = function.detach_from_parent()
    return found


def put_back(module: ir.Module, routines: dict[str, ir.Operation]) -> None:
    """Puts routines where they are declared, in each variant of an executable."""
    for inner in _modules(module.operation):
        for declared in list(_functions(inner)):
            if not declared.regions[0].blocks and (routine := routines.get(_name(declared))):
                routine.clone(ip=ir.InsertionPoint(declared))
                declared.erase()


def _modules(operation: ir.Operation) -> Iterator[ir.Operation]:
    """The modules of executables, however deep."""
    for region in operation.regions:
        for block in region.blocks:
            for inner in (one.operation for one in block.operations):
                if inner.name == "builtin.module":
                    yield inner
                elif inner.name in ("stream.executable", "hal.executable", "hal.executable.variant"):
                    yield from _modules(inner)


def _functions(module: ir.Operation) -> Iterator[ir.Operation]:
    for operation in module.regions[0].blocks[0].operations:
        if operation.operation.name == "func.func":
            yield operation.operation


def _attributes(function: ir.Operation) -> Iterator[tuple[str, ir.Attribute]]:
    for name in function.attributes:
        name = name if isinstance(name, str) else name.name
        yield name, function.attributes[name]


def _is_private(function: ir.Operation) -> bool:
    return "sym_visibility" in function.attributes and str(function.attributes["sym_visibility"]) == '"private"'


def _name(function: ir.Operation) -> str:
    return str(binding.decode(function.attributes["sym_name"]))
