"""Code for several processors in one artifact, of which that for the first whose features are there is taken.

Given, in each executable:
    hal.executable.variant public @v target(<"llvm-cpu", "embedded-elf-x86_64", {cpu = "x86-64-v3", …}>) {…}
Result:
    hal.executable.variant public @v target(<"llvm-cpu", "embedded-elf-x86_64", {cpu = "x86-64-v3", …}>) {
      hal.executable.condition(%device: !hal.device) -> i1 {
        %ok, %avx2 = hal.device.query<%device : !hal.device> key("hal.cpu" :: "avx2") : i1, i1 = false
        …
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from iree.compiler import ir

from .targets.cpu import LEVELS


def choose_when_loaded(module: ir.Module) -> None:
    """Gives the variants of all executables their conditions."""
    with module.context, ir.Location.unknown():
        templates = {name: _template(features) for name, features in LEVELS.items() if features}
        for variant in _variants(module):
            name = re.search(r'\bcpu = "([^"]*)"', str(variant.attributes["target"]))
            if name and name[1] in templates:
                start = ir.InsertionPoint.at_block_begin(variant.regions[0].blocks[0])
                _condition(templates[name[1]]).clone(ip=start)


def _variants(module: ir.Module) -> Iterator[ir.Operation]:
    """The variants of all executables."""
    for executable in module.body.operations:
        if executable.operation.name == "hal.executable":
            for variant in executable.regions[0].blocks[0].operations:
                if variant.operation.name == "hal.executable.variant":
                    yield variant.operation


def _template(features: tuple[str, ...]) -> ir.Module:
    """A module with the condition in the only place where MLIR lets it be."""
    lines = ["%all0 = arith.constant true"]
    for i, feature in enumerate(features):
        query = f'hal.device.query<%device : !hal.device> key("hal.cpu" :: "{feature}") : i1, i1 = false'
        lines += [f"%ok{i}, %has{i} = {query}", f"%all{i + 1} = arith.andi %all{i}, %has{i} : i1"]
    body = "\n".join([*lines, f"hal.return %all{len(features)} : i1"])
    return ir.Module.parse(
        f"""hal.executable private @executable {{
          hal.executable.variant public @variant target(<"llvm-cpu", "embedded-elf-x86_64">) {{
            hal.executable.condition(%device: !hal.device) -> i1 {{ {body} }}
            builtin.module {{}}
          }}
        }}"""
    )


def _condition(template: ir.Module) -> ir.Operation:
    [variant] = _variants(template)
    return variant.regions[0].blocks[0].operations[0].operation
