"""ONNX models: read with their weights mapped, and built as a WebNN graph by the builder that programs use.

    graph = read_onnx("model.onnx", Specialization({"batch": 1, "sequence": 128}))

Shapes are static: symbolic dimensions get their sizes here, so that shape arithmetic, conditions and trip counts are
known and fold away. `skeleton` and `model` open the file, `inputs` sizes it, `importer` walks it, `folding` evaluates
what is known, and `operators/` holds a row or a small function for each operator.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from webnn_mlir.dialects.webnn import Graph

from ...specialization import UNSPECIALIZED, Specialization

if TYPE_CHECKING:
    from onnx import ModelProto

StrPath = str | os.PathLike[str]


def read_onnx(source: StrPath | ModelProto, specialization: Specialization = UNSPECIALIZED) -> Graph:
    """The graph of a model, in a file or in memory.

    Raises GraphError with everything that is wrong, ImportError without the extra `onnx`.
    A dimension that is given no size gets a default, with a `DefaultSize` warning.
    """
    try:
        from . import operators  # noqa: F401
        from .importer import import_model
        from .model import open_model
    except ImportError as error:
        if (error.name or "").startswith(("onnx", "ml_dtypes", "google")):
            hint = "reading ONNX models needs the extra 'onnx': pip install 'webnn-mlir[onnx]'"
            raise ImportError(hint, name=error.name) from None
        raise
    return import_model(open_model(source), specialization)
