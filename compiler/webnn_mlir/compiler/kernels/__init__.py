"""Kernels: native code that is written as MLIR, for what IREE compiles badly."""
