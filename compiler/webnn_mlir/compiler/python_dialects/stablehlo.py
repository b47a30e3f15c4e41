"""The StableHLO dialect."""

from iree.compiler.dialects._ods_common import _cext


@_cext.register_dialect
class Dialect(_cext.ir.Dialect):  # type: ignore[misc]
    DIALECT_NAMESPACE = "stablehlo"
