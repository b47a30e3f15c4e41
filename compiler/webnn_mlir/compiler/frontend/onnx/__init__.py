"""ONNX models: read with their weights mapped, and built as a WebNN graph by the builder that programs use.

    graph = read_onnx("model.onnx", dims={"batch": 1, "sequence": 128})

Shapes are static: symbolic dimensions get their sizes here, so that shape arithmetic, conditions and trip counts are
known and fold away. `skeleton` and `model` open the file, `inputs` sizes it, `importer` walks it, `folding` evaluates
what is known, and `operators/` holds a row or a small function for each operator.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from webnn_mlir.dialects.webnn import Graph

StrPath = str | os.PathLike[str]


def read_onnx(
    path: StrPath,
    *,
    dims: Mapping[str, int] | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of a model. Raises GraphError with everything that is wrong.

    dims: sizes of symbolic dimensions by name; input_shapes: shapes by input; constants: values of inputs that the
    graph then no longer has. A dimension that is given no size gets a default, with a `DefaultSize` warning.
    """
    from . import operators  # noqa: F401
    from .importer import import_model
    from .inputs import Inputs
    from .model import open_model

    return import_model(open_model(path), Inputs(dims or {}, input_shapes or {}, constants or {}))
