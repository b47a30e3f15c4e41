"""The webnn dialect: its ops (`OPS`), the graph and its builder. Plain Python; no MLIR is needed to import it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .declaration import Op, OpView
    from .declared import DECLARED, EXTENSIONS, OPS, GraphBuilder, OpBuilder
    from .diagnostics import Diagnostic, GraphError, InvalidStateError, OpError, Place
    from .graph import Constant, Graph, MLOperand, Node
    from .types import DataType, Descriptor

# Names are imported when they are first used: who loads an artifact needs no declarations.
_HOMES = {
    "DECLARED": "declared",
    "EXTENSIONS": "declared",
    "OPS": "declared",
    "Constant": "graph",
    "DataType": "types",
    "Descriptor": "types",
    "Diagnostic": "diagnostics",
    "Graph": "graph",
    "GraphBuilder": "declared",
    "GraphError": "diagnostics",
    "InvalidStateError": "diagnostics",
    "MLOperand": "graph",
    "Node": "graph",
    "Op": "declaration",
    "OpBuilder": "declared",
    "OpError": "diagnostics",
    "OpView": "declaration",
    "Place": "diagnostics",
}

__all__ = [
    "DECLARED",
    "EXTENSIONS",
    "OPS",
    "Constant",
    "DataType",
    "Descriptor",
    "Diagnostic",
    "Graph",
    "GraphBuilder",
    "GraphError",
    "InvalidStateError",
    "MLOperand",
    "Node",
    "Op",
    "OpBuilder",
    "OpError",
    "OpView",
    "Place",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
