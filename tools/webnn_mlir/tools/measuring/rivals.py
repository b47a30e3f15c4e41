"""Whom a model is compared with: what each rival reads, and how it is prepared for the model's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .engines import Array, Contender, load_jax, onnxruntime, openvino, xla


@dataclass(frozen=True)
class Rival:
    """An engine: the package that it is in, the suffixes of what it reads, and what prepares it for a model with its
    inputs and what was fixed of them."""

    package: str
    suffixes: tuple[str, ...]
    contender: Callable[[Path, Mapping[str, Array], Any], Contender]


def _onnxruntime(path: Path, inputs: Mapping[str, Array], specialization: Any) -> Contender:
    return onnxruntime(str(path), inputs_of_onnx(path, inputs, specialization))


def _openvino(path: Path, inputs: Mapping[str, Array], specialization: Any) -> Contender:
    return openvino(str(path), inputs_of_onnx(path, inputs, specialization))


def _xla(path: Path, inputs: Mapping[str, Array], specialization: Any) -> Contender:
    """XLA gets what `--emit jax-export` writes: our StableHLO."""
    from webnn_mlir import jax as exporter

    def prepare(threads: int) -> Any:
        # Without it, JAX makes int32 of the int64 that graphs have.
        load_jax(threads).config.update("jax_enable_x64", True)
        call = exporter.export(path, specialization).call
        # Arguments by name are sorted, those of a graph are not.
        names = list(inputs)
        return xla(lambda **given: call(*(given[name] for name in names)), inputs)(threads)

    return prepare


RIVALS = {
    "onnxruntime": Rival("onnxruntime", (".onnx",), _onnxruntime),
    "openvino": Rival("openvino", (".onnx",), _openvino),
    "xla": Rival("jax", (".onnx", ".webnn", ".json"), _xla),
}


def chosen(names: str, path: Path) -> dict[str, Rival]:
    """The rivals of a list with commas. Raises ValueError for one that is unknown, is not installed or cannot read
    the model."""
    found = {}
    for name in filter(None, map(str.strip, names.split(","))):
        if name not in RIVALS:
            raise ValueError(f"--against {name!r} must be of {', '.join(RIVALS)}")
        rival = RIVALS[name]
        if find_spec(rival.package) is None:
            raise ValueError(f"--against {name} needs {rival.package}; pip install 'webnn-mlir[benchmark]' has it")
        if path.suffix not in rival.suffixes:
            raise ValueError(f"--against {name} reads {', '.join(rival.suffixes)}; {path} is none of these")
        found[name] = rival
    return found


def inputs_of_onnx(path: Path, inputs: Mapping[str, Array], specialization: Any) -> dict[str, Array]:
    """The inputs as the ONNX model has them, with those that were made constants."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    given = {**inputs, **specialization.constants}
    held = {tensor.name for tensor in graph.initializer}
    arrays = {}
    for value in graph.input:
        if value.name in held:
            continue
        if value.name not in given:
            raise ValueError(f"input {value.name!r} of the model is none of ours: it cannot be compared")
        tensor = value.type.tensor_type
        array = np.asarray(given[value.name], onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        sizes = [dimension.dim_value for dimension in tensor.shape.dim]
        arrays[value.name] = np.ascontiguousarray(array.reshape(sizes) if all(sizes) else array)
    return arrays
