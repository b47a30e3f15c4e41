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
