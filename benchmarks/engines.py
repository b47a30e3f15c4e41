"""The engines that rows name: those of webnn-benchmark."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from webnn_mlir.tools.measuring.engines import (
    Contender,
    Runner,
    artifact,
    onnxruntime,
    openvino,
    ours,
    temporary_folder,
    xla,
)

__all__ = ["artifact", "onnxruntime", "openvino", "ours", "reading", "temporary_folder", "xla"]


def reading(length: int) -> Contender:
    """Only reads as many bytes of memory, as fast as the threads can: what no computation with them can be ahead of."""

    def prepare(threads: int) -> Runner:
        parts = np.array_split(np.ones(length // 4, np.float32), threads)
        pool = ThreadPoolExecutor(threads)
        # A sum, which NumPy divides into short ones, takes up to twice as long as the greatest element.
        return Runner(lambda: list(pool.map(np.max, parts)), lambda: np.empty(0))

    return prepare
