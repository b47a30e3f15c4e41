"""IREE's own pipeline over a lowered program, in this process: the worker's, which a crash may end."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_bool, c_char_p, c_void_p
from functools import lru_cache

from iree.compiler import ir
from iree.compiler.api import Invocation, Output, _initializeGlobalCL, ctypes_dl

from .binding import new_session
from .program import Program
from .routines import put_back, take_out

EXECUTABLES = "executable-sources"
"""The phase after which a module has its executables, with a variant for each of their targets, and no code yet."""


class CompileError(Exception):
    """IREE rejected the program; `text` is what it printed."""

    def __init__(self, text: str):
        self.text = text
        super().__init__(text)


@contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """Collects what native code prints on standard error.

    The worker's standard error is a file already: there it stays, for the caller to read should the compiler crash.
    """
    lines: list[str] = []
    with os.fdopen(os.dup(2), "rb") if _can_be_read(2) else tempfile.TemporaryFile() as file:
        start = file.seek(0, os.SEEK_END)
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(start)
            lines.append(file.read().decode(errors="replace"))


def _can_be_read(descriptor: int) -> bool:
    """Whether it is of a file, open for reading too."""
    mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    return stat.S_ISREG(os.fstat(descriptor).st_mode) and mode == os.O_RDWR


def compile_to_phase(program: Program, flags: Sequence[str], phase: str) -> str:
    """Compiles up to a phase of IREE's (input, flow, stream, …) and returns the IR. Raises CompileError."""
    invocation = _execute(program, flags, phase)
    text = program.text()
    invocation.close()
    return text


def compile_to_file(
    program: Program, flags: Sequence[str], path: str, on_executables: Callable[[ir.Module], None] | None = None
) -> None:
    """Compiles to a .vmfb file; `on_executables` may change the module before its code is made. Raises CompileError."""
    invocation = _compile(program, flags, on_executables)
    with Output.open_file(path) as output:
        invocation.output_vm_bytecode(output)
        output.keep()


def compile_program(program: Program, flags: Sequence[str]) -> bytes:
    """Compiles to the bytes of a .vmfb. Raises CompileError."""
    invocation = _compile(program, flags)
    with Output.open_membuffer() as output:
        invocation.output_vm_bytecode(output)
        return bytes(output.map_memory())


def _compile(
    program: Program, flags: Sequence[str], on_executables: Callable[[ir.Module], None] | None = None
) -> Invocation:
    """All of IREE's phases. Those before executables see no routine's body."""
    with program.session.context, ir.Location.unknown():
        apart = take_out(program.module)
    if not (apart or on_executables):
        return _execute(program, flags, None)
    _execute(program, flags, EXECUTABLES).close()
    with program.session.context, ir.Location.unknown():
        put_back(program.module, apart)
    if on_executables:
        on_executables(program.module)
    return _execute(program, flags, None, EXECUTABLES)


@lru_cache
def target_features(flags: tuple[str, ...]) -> frozenset[str]:
    """What LLVM calls the instructions of the processor that the flags compile for; none where they compile for
    anything else, too. Raises CompileError."""
    targets = _targets(flags)
    if not all('<"llvm-cpu"' in target for target in targets):
        return frozenset()
    found = [re.search(r'cpu_features = "([^"]*)"', target) for target in targets]
    features = [{name[1:] for name in (m[1] if m else "").split(",") if name.startswith("+")} for m in found]
    return frozenset(set.intersection(*features))


@lru_cache
def executable_target(flags: tuple[str, ...]) -> str:
    """The attribute of the only target that the flags compile for. Raises CompileError."""
    [target] = _targets(flags)
    return target


def _targets(flags: Sequence[str]) -> list[str]:
    """What the flags compile for, in IREE's words."""
    session = new_session()
    with session.context, ir.Location.unknown():
        # A module without contents is left alone.
        module = ir.Module.parse("util.global private @x : i32", session.context)
    text = compile_to_phase(Program(session, module), flags, "preprocessing")
    return re.findall(r"#hal\.executable\.target<.*", text)


@lru_cache
def leave_unlinked() -> None:
    """From now on, in this process, IREE keeps executables apart: what it links for several devices runs on one only.

    No flag of a session says so. Only the first call does anything.
    """
    _initializeGlobalCL("webnn-mlir", "--iree-hal-link-executables=false")


def _execute(program: Program, flags: Sequence[str], to: str | None, after: str | None = None) -> Invocation:
    """Runs IREE's phases up to one or the last, those behind one that a module has been through or all."""
    try:
        program.session.set_flags(*flags)
    except ValueError as error:
        raise CompileError(str(error)) from None
    invocation = program.session.invocation()
    with captured_stderr() as printed:
        invocation.enable_console_diagnostics()
        invocation.import_module(program.module.operation)
        # The module was verified as it came in. To verify it again after each of IREE's passes takes a third of all.
        _set(invocation, "VerifyIR", c_bool, program.options.get("careful", False))
        for phase, function in ((after, "From"), (to, "To")):
            if phase:
                _set(invocation, f"Compile{function}Phase", c_char_p, phase.encode())
        done = invocation.execute()
    if not done:
        raise CompileError(printed[0])
    return invocation


def _set(invocation: Invocation, name: str, kind: type, value: object) -> None:
    """Sets what IREE's Python has no name for."""
    setter = getattr(ctypes_dl._dylib, f"ireeCompilerInvocationSet{name}")
    setter.argtypes, setter.restype = [c_void_p, kind], None
    setter(invocation._inv_p, value)
