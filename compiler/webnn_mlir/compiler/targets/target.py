"""What a target is to the compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..options import CompileOptions


@dataclass(frozen=True)
class Target:
    """A kind of device. `device` is what IREE calls it, in words or as an attribute, and `flags` tells IREE the rest.

    `backend` is for devices that share a name: what makes their code. `lacks` names what its lowering must do without:
    see `legalization`.
    """

    device: Callable[[CompileOptions], str]
    flags: Callable[[CompileOptions], list[str]]
    backend: str | None = None
    lacks: frozenset[str] = frozenset()


SPIRV = ("--iree-dispatch-creation-enable-aggressive-fusion=false",)
"""Flags where code goes by way of SPIR-V: for sums that are fused with one another and with what is summed, as in layer
normalization, IREE has no code, or code that needs more shared memory than there is."""
