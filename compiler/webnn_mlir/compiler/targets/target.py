"""What a target is to the compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webnn_mlir.dialects.webnn.types import DataType

if TYPE_CHECKING:
    from ..options import CompileOptions


@dataclass(frozen=True)
class Target:
    """A kind of device. `device` is what IREE calls it, in words or as an attribute, and `flags` tells IREE the rest.

    `backend` is for devices that share a name: what makes their code. `lacks` names what its lowering must do without
    (see `legalization`), `excluded` the data types that it cannot compute with at all, each with the reason.
    """

    device: Callable[[CompileOptions], str]
    flags: Callable[[CompileOptions], list[str]]
    backend: str | None = None
    lacks: frozenset[str] = frozenset()
    excluded: tuple[tuple[DataType, str], ...] = ()
