"""The webnn dialect: its ops (`OPS`), the graph and its builder. Plain Python; no MLIR is needed to import it."""

from . import ops
from .builder import GraphBuilder, InvalidStateError, OpBuilder, register_methods
from .declaration import DECLARED, EXTENSIONS, OPS, Op, OpView
from .diagnostics import Diagnostic, GraphError, OpError, Place
from .graph import Constant, Graph, MLOperand, Node
from .types import DataType, Descriptor

ops.load()
register_methods()

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
