"""Targets: for each, the flags that make IREE compile for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import cpu

if TYPE_CHECKING:
    from ..options import CompileOptions

TARGETS: dict[str, Callable[[CompileOptions], list[str]]] = {"cpu": cpu.flags}
"""IREE's flags for a target, from the options of a compile."""
