"""The compiler: from a WebNN graph through MLIR to an artifact."""
