"""`compile`: the runtime's one door to the compiler, and what comes through it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from webnn_mlir.dialects.files import write_whole
from webnn_mlir.dialects.webnn import Graph

from .artifact import Artifact, Weights, load_executable, read_archive
from .device import Array
from .executable import Executable


def compiler() -> Any:
    """The compiler's driver. Raises ImportError that names the extra to install."""
    for needed in ("iree.compiler", "filelock", "jsonschema", "lark", "platformdirs"):
        if find_spec(needed) is None:
            hint = "compiling needs the extra 'compiler': pip install 'webnn-mlir[compiler]'"
            raise ImportError(hint, name=needed)
    import webnn_mlir.compiler.driver as driver

    return driver


class CompiledGraph:
    """A compiled graph: `save` it, `run` it, or read its MLIR at any stage."""

    def __init__(self, source: Any, compilation: Any, specialization: Any):
        self._source, self._compilation, self._specialization = source, compilation, specialization

    @property
    def cached(self) -> bool:
        """Whether the artifact came out of the cache."""
        return bool(self._compilation.cached)

    @cached_property
    def artifact(self) -> Artifact:
        """The artifact, loaded."""
        return Artifact(self._compilation.vmfb, parameters_of(self._compilation), own=True)

    def run(self, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, Array]:
        """Runs on arrays by input name and returns arrays by output name; see `Artifact.run`."""
        return self.artifact.run(inputs, **named)

    def save(self, path: str | Path, *, archive: str | Path | None = None) -> list[Path]:
        """Writes the .vmfb, and the .irpa (by default beside it) if weights are external; returns the files.

        Each appears whole. Artifacts may share an archive: one that is there keeps its weights and gets those that it
        lacks. Raises ValueError if it holds others under the same keys.
        """
        return save(self._compilation, Path(path), Path(archive) if archive else None)

    def mlir(self, stage: str) -> str:
        """The MLIR of a stage: webnn, decomposed, stablehlo, linalg or flow."""
        from dataclasses import replace

        options = replace(self._compilation.options, emit=stage)
        return str(compiler().compile_source(self._source, options, specialization=self._specialization).text)

    @property
    def stablehlo(self) -> str:
        """The StableHLO text."""
        return self.mlir("stablehlo")


def compile(
    source: Graph | str | os.PathLike[str],
    target: str = "cpu",
    *,
    target_cpu: str = "host",
    target_triple: str = "",
    vulkan_target: str = "desktop",
    cuda_arch: str = "sm_80",
    metal_platform: str = "macos",
    opt_level: int = 2,
    weights: str = "auto",
    dims: Mapping[str, int] | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Any] | None = None,
    iree_flags: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
    accuracy: str = "exact",
    memory: str = "artifact",
    sequences: bool = True,
    tuning: str | os.PathLike[str] | None = None,
    cache_dir: str | Path | None = None,
    cache: bool = True,
    timeout: float | None = None,
    max_memory: int | None = None,
) -> CompiledGraph:
    """Compiles a graph, or the file of one (.webnn, .json, .onnx, .mlir), for cpu, vulkan, cuda, metal or vmvx.

    Several targets with commas make one artifact, which runs on the best device present. target_cpu: `host`, `generic`
    or a name that LLVM knows; target_triple, vulkan_target, cuda_arch, metal_platform: see CompileOptions; opt_level: 0
    to 3; weights: `auto`, `embed` or `external`; dims: sizes of dynamic dimensions by name; for ONNX models also
    input_shapes, shapes by input, and constants, values of inputs that are then none; aliases: by output, the input
    whose memory it takes over, which it must scatter into;
    accuracy: `exact`, or `dynamic`, which lets what quantized weights are multiplied with be rounded to 8 bits;
    memory: `artifact`, or `caller`, whose runs allocate nothing, but take a buffer for each output and one more;
    sequences: whether kernels that follow each other are one dispatch, which profiles cannot look into;
    tuning: a file of decisions, as `webnn-compile --tune` writes it;
    timeout in seconds; max_memory in bytes, of the compiler.
    Raises GraphError with all that is wrong with the graph, ValueError for a tuning file that is damaged or was
    measured elsewhere.
    """
    driver = compiler()
    path = source if isinstance(source, Graph) else Path(source)
    pairs = tuple((aliases or {}).items())
    options = driver.CompileOptions(
        target, target_cpu, opt_level, weights, iree_flags=tuple(iree_flags), aliases=pairs, accuracy=accuracy,
        memory=memory, sequences=sequences,
        target_triple=target_triple, vulkan_target=vulkan_target, cuda_arch=cuda_arch, metal_platform=metal_platform,
    )  # fmt: skip
    options = driver.tuned(options, Path(tuning)) if tuning else options
    controls = driver.Controls(
        cache_dir=Path(cache_dir) if cache_dir else None, use_cache=cache, timeout=timeout, max_memory=max_memory
    )
    specialization = driver.Specialization(dims or {}, input_shapes or {}, constants or {})
    compilation = driver.compile_source(path, options, controls, specialization=specialization)
    return CompiledGraph(path, compilation, specialization)


def parameters_of(compilation: Any) -> Any:
    """The weights of a compilation, copied: a file that they are mapped from may change while they are used."""
    import iree.runtime as rt

    parameters = rt.ParameterIndex()
    for parameter in compilation.parameters:
        parameters.add_buffer(parameter.key, np.array(parameter.data()))
    return parameters


@dataclass(frozen=True)
class File:
    """A weight in an archive."""

    key: str
    archive: Any

    def data(self) -> Array:
        return np.frombuffer(self.archive[self.key].file_view, np.uint8)


@dataclass(frozen=True)
class Files:
    """An artifact's files, which can be saved elsewhere as a compilation can; `weights` is the archive."""

    vmfb: Path
    parameters: list[File]
    index: Any = None
    weights: Weights | None = None

    @classmethod
    def of(cls, path: Path, parameters: str | Path | None = None) -> Files:
        """The files of an artifact, as `load` finds them. Raises ArtifactError and OSError."""
        archive = Path(parameters) if parameters else path.with_suffix(".irpa")
        if not (parameters or archive.exists()):
            return cls(path, [])
        weights = Weights.of(archive)
        index = read_archive(archive)
        entries = dict(index.items())
        return cls(path, [File(key, entries) for key in entries], index, weights)


def executable_of(files: Any, driver: str) -> Executable:
    """The program of a compilation or of files, on a device. Raises ArtifactError."""
    if isinstance(files, Files):
        return load_executable(files.vmfb, files.index, device=driver, weights=files.weights)
    return load_executable(files.vmfb, parameters_of(files), device=driver, own=True)


def archived(archive: Path) -> dict[str, Array]:
    """The bytes of an archive's weights where they lie, by key."""
    return {key: np.frombuffer(entry.file_view, np.uint8) for key, entry in read_archive(archive).items()}


def save(compilation: Any, path: Path, archive: Path | None = None) -> list[Path]:
    """Writes a compilation's .vmfb to `path` and its parameters to an archive, by default beside it; that one first."""
    files = []
    if compilation.parameters:
        import iree.runtime as rt

        shared = {} if archive is None or not archive.exists() else archived(archive)
        missing = [p for p in compilation.parameters if p.key not in shared]
        for parameter in compilation.parameters:
            if parameter.key in shared and not np.array_equal(parameter.data(), shared[parameter.key]):
                raise ValueError(f"{archive}: holds another weight under the key {parameter.key!r}")
        archive = archive or path.with_suffix(".irpa")
        if missing or not shared:
            entries = shared | {p.key: p.data() for p in missing}
            write_whole(archive, lambda temporary: rt.save_archive_file(entries, temporary))
        files.append(archive)
    write_whole(path, lambda temporary: shutil.copyfile(compilation.vmfb, temporary))
    return [path, *files]
