"""What runs a model: ONNX Runtime and this project, with the same call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .cases import Arrays, Run


def onnx_runtime(path: Path, constants: Mapping[str, int] = {}) -> Run:
    """ONNX Runtime on the CPU. `constants` are given with every run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    types = {entry.name: entry.type for entry in session.get_inputs()}
    fixed = {name: np.array(value, np.int64) for name, value in constants.items() if name in types}

    def run(inputs: Arrays) -> Arrays:
        return dict(zip(names, session.run(names, {**inputs, **fixed}), strict=True))

    return run


def webnn(path: Path, shapes: Mapping[str, tuple[int, ...]], constants: Mapping[str, int] = {}) -> Run:
    """This project: compiled for inputs of these shapes, or taken out of the cache."""
    import webnn_mlir

    return webnn_mlir.compile(path, input_shapes=shapes, constants=constants).run


def difference(ours: Arrays, theirs: Arrays) -> float:
    """The largest difference over all outputs, relative to the largest value of each. Infinite where one is not finite.

    Raises ValueError when the outputs are others, or have other shapes.
    """
    if {n: a.shape for n, a in ours.items()} != {n: a.shape for n, a in theirs.items()}:
        raise ValueError(f"outputs {sorted(ours)} and {sorted(theirs)} are not of the same names and shapes")
    found = []
    for name, expected in theirs.items():
        largest = abs(ours[name].astype(np.float64) - expected).max()
        found.append(largest / max(abs(expected).max(), np.finfo(np.float32).tiny) if largest else 0.0)
    return float(max(found)) if np.isfinite(found).all() else float("inf")
