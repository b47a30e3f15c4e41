"""The webnn dialect: its ops (`OPS`), the graph and its builder. Plain Python; no MLIR is needed to import it."""

from typing import TYPE_CHECKING

from ..lazy import at_first_use

if TYPE_CHECKING:
    from .declaration import Op, OpView
    from .declared import DECLARED, EXTENSIONS, OPS, GraphBuilder, OpBuilder
    from .diagnostics import Diagnostic, GraphError, InvalidStateError, OpError, Place
    from .graph import Constant, Graph, MLOperand, Node
    from .types import DataType, Descriptor

# Names are imported when they are first used: who loads an artifact needs no declarations.
_HOMES = {
    "DECLARED": ".declared",
    "EXTENSIONS": ".declared",
    "OPS": ".declared",
    "Constant": ".graph",
    "DataType": ".types",
    "Descriptor": ".types",
    "Diagnostic": ".diagnostics",
    "Graph": ".graph",
    "GraphBuilder": ".declared",
    "GraphError": ".diagnostics",
    "InvalidStateError": ".diagnostics",
    "MLOperand": ".graph",
    "Node": ".graph",
    "Op": ".declaration",
    "OpBuilder": ".declared",
    "OpError": ".diagnostics",
    "OpView": ".declaration",
    "Place": ".diagnostics",
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

__getattr__, __dir__ = at_first_use(__name__, _HOMES)
