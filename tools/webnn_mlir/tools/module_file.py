"""What is inside an artifact, found without loading its native code."""

from __future__ import annotations

import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from webnn_mlir.runtime.artifact import open_module
from webnn_mlir.runtime.errors import ArtifactError
from webnn_mlir.runtime.executable import TRANSIENT_SIZE
from webnn_mlir.runtime.signature import Signature

MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv"}
"""ELF's `e_machine`: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html."""

ELF = b"\x7fELF"
LINE_LIMIT = 2**16


@dataclass
class ModuleFile:
    """An artifact: its signature, the bytes of its parts, its machine code by processor, and its dispatches.

    `dispatches` counts the calls of kernels in its code, `kernels` the names of those called. `transient_bytes` is the
    most memory that a run needs at a time beside inputs, outputs and parameters; None where that depends on the run.
    """

    signature: Signature
    function: str
    parts: dict[str, int]
    native_code: dict[str, int] = field(default_factory=dict)
    dispatches: int = 0
    kernels: list[str] = field(default_factory=list)
    transient_bytes: int | None = 0


def read_module(path: Path) -> ModuleFile:
    """Raises ArtifactError when the file is no artifact."""
    import iree.runtime as rt

    vm_module, function, signature = open_module(path, rt.VmInstance())
    with zipfile.ZipFile(path) as archive:
        module = ModuleFile(signature, function, {entry.filename: entry.file_size for entry in archive.infolist()})
    _disassemble(module, path)
    # Where the caller brings the memory, IREE says how much that must be.
    brought = vm_module.lookup_function(function).reflection.get(TRANSIENT_SIZE)
    if brought is not None:
        module.transient_bytes = int(brought)
    return module


_RODATA = re.compile(rb"vm\.rodata\[(\d+)\] = ([0-9A-F]*)")
_CONSTANT = re.compile(rb"%[rR](\d+) = vm\.const\.ref\.rodata (\d+)")
_LOOKUP = re.compile(rb"@hal\.executable\.lookup\.function\(%[rR]\d+, %[rR](\d+)\)")
_DISPATCH = re.compile(rb"vm\.call\S* @hal\.command_buffer\.dispatch\b")


def _disassemble(module: ModuleFile, path: Path) -> None:
    """Reads what `iree-dump-module` prints: read-only data in hexadecimal, then the code of each function."""
    run = _Run()
    data: dict[int, bytes] = {}
    registers: dict[int, int] = {}
    kernels: dict[str, None] = {}
    for start, length in _lines(path):
        if match := _RODATA.match(start):
            digits = match[2][: len(match[2]) // 2 * 2]
            data[int(match[1])] = head = bytes.fromhex(digits.decode())
            if head.startswith(ELF):
                machine = int.from_bytes(head[18:20], "little")
                cpu = MACHINES.get(machine, f"machine {machine}")
                module.native_code[cpu] = module.native_code.get(cpu, 0) + (length - match.start(2)) // 2
        elif match := _CONSTANT.search(start):
            registers[int(match[1])] = int(match[2])
        elif match := _LOOKUP.search(start):
            name = data.get(registers.get(int(match[1]), -1), b"?")
            kernels[name.decode(errors="replace")] = None
        elif _DISPATCH.search(start):
            module.dispatches += 1
        elif match := _FUNCTION.match(start):
            run.entered = match[1] == module.function.encode()
        elif run.entered:
            run.read(start)
    module.kernels = list(kernels)
    module.transient_bytes = run.transient_bytes()


_FUNCTION = re.compile(rb"vm\.func @(\S+?)\(")
_SIZE = re.compile(rb"%i(\d+)(?::\d+)? = vm\.const\.i64(?:\.zero| (-?\d+))")
_ALLOCATION = re.compile(rb"%r(\d+) = vm\.call @hal\.device\.queue\.alloca\((?:[^,]*, ){7}%[iI](\d+),")
_RELEASE = re.compile(rb"@hal\.device\.queue\.dealloca\((?:[^,]*, ){4}%[rR](\d+),")


@dataclass
class _Run:
    """What a function allocates and releases, in order. What it does not release again is a result."""

    entered: bool = False
    sizes: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    allocated: list[int | None] = field(default_factory=list)
    events: list[tuple[int, int]] = field(default_factory=list)
    released: set[int] = field(default_factory=set)

    def read(self, line: bytes) -> None:
        if match := _SIZE.search(line):
            self.sizes[int(match[1])] = int(match[2] or 0)
        elif match := _ALLOCATION.search(line):
            self.held[int(match[1])] = number = len(self.allocated)
            self.allocated.append(self.sizes.get(int(match[2])))
            self.events.append((number, 1))
        elif (match := _RELEASE.search(line)) and int(match[1]) in self.held:
            number = self.held[int(match[1])]
            self.released.add(number)
            self.events.append((number, -1))

    def transient_bytes(self) -> int | None:
        now = most = 0
        for number, sign in self.events:
            if number in self.released:
                size = self.allocated[number]
                if size is None:
                    return None
                now += sign * size
                most = max(most, now)
        return most


def _lines(path: Path) -> Iterator[tuple[bytes, int]]:
    """The beginning of each line of the disassembly, and the line's length: weights make lines of any length."""
    from iree import _runtime_libs

    tool = Path(_runtime_libs.__path__[0]) / "iree-dump-module"
    command = [str(tool), "--output=disassembly", str(path.resolve())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield from _cut(process.stdout)
        error = process.stderr.read().decode(errors="replace")
        if process.wait():
            raise ArtifactError(f"{path}: iree-dump-module rejects it: {' '.join(error.split())}")


def _cut(stream: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    while start := stream.readline(LINE_LIMIT):
        length, part = len(start), start
        while part and not part.endswith(b"\n"):
            part = stream.readline(LINE_LIMIT)
            length += len(part)
        yield start, length - part.endswith(b"\n")
