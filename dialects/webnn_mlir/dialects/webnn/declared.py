"""All declarations, and the builders with a method for each."""

from . import ops
from .builder import GraphBuilder, OpBuilder, register_methods
from .declaration import DECLARED, EXTENSIONS, OPS

ops.load()
register_methods()

__all__ = ["DECLARED", "EXTENSIONS", "OPS", "GraphBuilder", "OpBuilder"]
