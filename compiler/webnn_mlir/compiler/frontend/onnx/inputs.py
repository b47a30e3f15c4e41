"""The sizes of a model's inputs: given by name, by input, or defaults that are said; and inputs made constants."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from webnn_mlir.dialects.webnn import Diagnostic, GraphError

from ...specialization import Specialization
from ..source import quote
from .constants import Array

DEFAULTS = (
    (re.compile(r"batch|(^|[_.])(n|b)$", re.I), 1),
    (re.compile(r"seq|length|len|token|time|frame|sample", re.I), 128),
    (re.compile(r"height|width|(^|[_.])(h|w)$", re.I), 224),
)
"""The size that a dimension gets by its name where none is given; any other gets 1."""


class DefaultSize(UserWarning):
    """A dimension without a size was given one."""


class NeedsConstants(GraphError):
    """What is wrong with a model, values of `inputs` that are not known at import among it."""

    def __init__(self, diagnostics: Iterable[Diagnostic], inputs: Iterable[str]):
        super().__init__(diagnostics)
        self.inputs = frozenset(inputs)


@dataclass
class Inputs:
    """The shapes of a model's inputs, and the values of those made constants; `resolve` finds them.

    A dimension without a name is given its size as `INPUT.AXIS`.
    """

    given: Specialization
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)

    def resolve(self, values: Sequence[ir.Value], path: str, problems: list[Diagnostic]) -> None:
        """Gives every input a shape or a value; what cannot be is added to the problems."""

        def problem(message: str) -> None:
            problems.append(Diagnostic(message, place=path))

        names = {value.name for value in values}
        for name in [*self.given.input_shapes, *self.given.constants]:
            if name not in names:
                problem(f"there is no input {quote(name)}; there are: {', '.join(sorted(n or '' for n in names))}")
        sizes: dict[str, int] = {}
        seen: set[str] = set()
        for value in values:
            name = value.name or ""
            if not isinstance(value.type, ir.TensorType) or value.shape is None:
                problem(f"input {quote(name)} must be a tensor of known rank")
                continue
            dims = [_dimension(name, axis, dim) for axis, dim in enumerate(value.shape)]
            seen.update(d for d in dims if isinstance(d, str))
            if name in self.given.input_shapes:
                self._given_shape(name, dims, sizes, problem)
        for name in sorted(self.given.dims.keys() - seen):
            problem(f"there is no dynamic dimension {quote(name)}; there are: {', '.join(sorted(seen)) or 'none'}")
        sizes |= self.given.dims
        for value in values:
            name = value.name or ""
            if not isinstance(value.type, ir.TensorType) or value.shape is None:
                continue
            if name in self.given.constants:
                self._given_constant(name, value, problem)
                continue
            dims = [_dimension(name, axis, dim) for axis, dim in enumerate(value.shape)]
            if name not in self.shapes:
                self.shapes[name] = tuple(d if isinstance(d, int) else _size(d, sizes, name, path) for d in dims)

    def _given_shape(self, name: str, dims: list[int | str], sizes: dict[str, int], problem: Any) -> None:
        given = tuple(self.given.input_shapes[name])
        if len(given) != len(dims) or any(isinstance(d, int) and d != g for d, g in zip(dims, given, strict=True)):
            problem(f"input {quote(name)} has shape {_show(dims)}; {list(given)} is given")
            return
        self.shapes[name] = given
        for dim, size in zip(dims, given, strict=True):
            # An input's own shape wins there; elsewhere a name keeps its first size.
            if isinstance(dim, str):
                sizes.setdefault(dim, size)

    def _given_constant(self, name: str, value: ir.Value, problem: Any) -> None:
        assert value.dtype is not None
        dims = [_dimension(name, axis, dim) for axis, dim in enumerate(value.shape or ())]
        try:
            array = np.asarray(self.given.constants[name]).astype(value.dtype.numpy())
        except (TypeError, ValueError) as error:
            problem(f"input {quote(name)}: the constant is no {value.dtype.name}: {error}")
            return
        if array.ndim == 0 and all(isinstance(d, int) for d in dims):
            array = np.broadcast_to(array, [d for d in dims if isinstance(d, int)])
        matches = array.ndim == len(dims) and all(
            isinstance(d, str) or d == n for d, n in zip(dims, array.shape, strict=True)
        )
        if matches:
            self.constants[name] = array
        else:
            problem(f"input {quote(name)} has shape {_show(dims)}; the constant has {list(array.shape)}")


def _dimension(name: str, axis: int, dim: int | ir.SymbolicDim) -> int | str:
    """A dimension's size, or the name that gives it one. Exporters write 0, -1 and ? for sizes they do not know."""
    if isinstance(dim, int):
        return dim if dim > 0 else f"{name}.{axis}"
    text = str(dim.value) if dim.value is not None else ""
    return text if text.strip("?-10") else f"{name}.{axis}"


def _size(dim: str, sizes: dict[str, int], name: str, path: str) -> int:
    if dim not in sizes:
        sizes[dim] = next((size for pattern, size in DEFAULTS if pattern.search(dim)), 1)
        message = f"{path}: dimension {quote(dim)} of input {quote(name)} has no size: {sizes[dim]} is taken; "
        warnings.warn(message + f"--dim {dim}=N chooses another", DefaultSize, stacklevel=2)
    return sizes[dim]


def _show(dims: Sequence[int | str]) -> str:
    return f"[{', '.join(map(str, dims))}]"
