"""What a user fixes of a file's inputs before it is compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Specialization:
    """Sizes for a graph whose dimensions are dynamic.

    dims: sizes of dynamic dimensions by name. For ONNX models also input_shapes: shapes by input; and constants: values
    of inputs, which the graph then no longer has.
    """

    dims: Mapping[str, int] = field(default_factory=dict)
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All that is given a size or a value."""
        return [*self.dims, *self.input_shapes, *self.constants]


UNSPECIALIZED = Specialization()
"""Nothing is fixed."""
