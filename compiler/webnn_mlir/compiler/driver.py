"""The driver: from a graph, or the path of one, to IR or an artifact. The work is done by the worker process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from webnn_mlir.dialects.webnn import Descriptor, Diagnostic, Graph, GraphError

from . import worker
from .cache import Cache, default_folder, toolchain_digest
from .kernels.packing import Packing
from .options import EXTERNAL_WEIGHTS_ABOVE, INLINE_LIMIT, CompileOptions
from .recall import file_key, reading, recall, remember
from .specialization import UNSPECIALIZED, Specialization

if TYPE_CHECKING:
    from .tuning import Place

# What takes a file out of the cache needs neither declarations nor choices: `wire` and `tuning` are imported where they
# are needed, and `worker` loads what it has when it is asked for.

Json = dict[str, Any]
MLIR_SUFFIXES = (".mlir", ".mlirbc")


@dataclass(frozen=True)
class Parameter:
    """A constant that the artifact reads from its archive: a range of bytes in a file, packed in another order if there
    is a packing."""

    key: str
    descriptor: Descriptor
    file: str
    offset: int
    packing: Packing | None = None

    def data(self) -> np.ndarray[Any, Any]:
        """The bytes that the archive must hold, where they lie if they are not packed."""
        data = np.memmap(self.file, np.uint8, "r", self.offset, (self.descriptor.byte_length,))
        return self.packing.apply(data) if self.packing else data


@dataclass
class Compilation:
    """What a compile gave: `text` of a stage, or the artifact and the parameters that its archive must hold.

    `keys` are the parameters' names; `packed` tells of which other constants some are made, and how; `places` where the
    constants of an MLIR file lie; `entry` is the key of the cache's entry; `choices` are where the compile could be
    tuned, if it was one with a tuning that did not come out of the cache. The files are there as long as this object.
    """

    options: CompileOptions
    text: str | None = None
    vmfb: Path | None = None
    keys: list[str] = field(default_factory=list)
    packed: dict[str, Json] = field(default_factory=dict)
    places: dict[str, Json] = field(default_factory=dict)
    parameters: list[Parameter] = field(default_factory=list)
    remarks: list[Diagnostic] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    cached: bool = False
    entry: str | None = None
    choices: list[Place] = field(default_factory=list)


@dataclass(frozen=True)
class Controls:
    """How a compile is run, which changes nothing about its result."""

    cache_dir: Path | None = None
    use_cache: bool = True
    timeout: float | None = None
    max_memory: int | None = None
    print_after_all: bool = False
    save_temps: Path | None = None
    crash_reproducer: Path | None = None
    on_event: Callable[[Json], None] | None = None


def compile_source(
    source: Graph | str | Path,
    options: CompileOptions,
    controls: Controls = Controls(),
    *,
    specialization: Specialization = UNSPECIALIZED,
) -> Compilation:
    """Compiles a graph, or the file of one (.webnn, .json, .onnx, .mlir, .mlirbc), its dynamic dimensions sized.

    Raises GraphError with all that is wrong with the graph, WorkerError when the native compiler died.
    """
    folder = Path(tempfile.mkdtemp(prefix="webnn-mlir-"))
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        compilation = _compile_in(folder, source, options, controls, specialization)
    except BaseException:
        remove()
        raise
    weakref.finalize(compilation, remove)
    return compilation


def _compile_in(
    folder: Path,
    source: Graph | str | Path,
    options: CompileOptions,
    controls: Controls,
    specialization: Specialization,
) -> Compilation:
    start = time.perf_counter()
    cache = _cache_for(controls, options)
    record = None
    if cache and not isinstance(source, Graph) and Path(source).suffix not in MLIR_SUFFIXES:
        record = file_key(Path(source), specialization, options.to_json(), host(options.to_json()))
        if recalled := _recalled(cache, record, folder, options, controls):
            return recalled
    if not isinstance(source, Graph):
        # It takes as long to get ready as the file takes to be read.
        _worker(options, controls).start()
    with reading() as read:
        request_source = _source(source, specialization, folder)
    weights = _weights_mode(request_source, options)
    seconds = {"read": time.perf_counter() - start}
    _report(controls, "read", seconds["read"])
    request = {
        "job": "compile",
        "source": request_source,
        "options": options.to_json(),
        "weights": weights,
        "careful": False,
        "folder": str(folder),
        "print_after_all": controls.print_after_all,
        "save_temps": controls.save_temps and str(controls.save_temps.resolve()),
        "crash_reproducer": controls.crash_reproducer is not None,
    }
    # The digest of an MLIR file does not cover the weights beside it.
    covered = "graph" in request_source or _weights_beside(request_source) is None
    if cache is None or not covered:
        answer = _ask(request, controls)
        compilation = _compilation(answer, options, seconds)
        compilation.vmfb = Path(answer["vmfb"]) if "vmfb" in answer else None
    else:
        compilation = _cached(cache, request, options, controls, seconds, weights)
    if "graph" in request_source:
        places = {entry["key"]: entry for entry in _constants(request_source)}
    else:
        places = compilation.places
    compilation.parameters = [_parameter(key, places, compilation.packed) for key in compilation.keys]
    # Where external weights lie, only reading tells.
    if cache and record and compilation.entry and not (compilation.keys or read.warned):
        remember(cache, record, read, compilation.entry)
    return compilation


def _recalled(
    cache: Cache, record: str, folder: Path, options: CompileOptions, controls: Controls
) -> Compilation | None:
    """What a file was compiled to before, if it is as it was and the artifact is still there."""
    start = time.perf_counter()
    key = recall(cache, record)
    entry = cache.peek(key) if key else None
    if entry is None:
        return None
    try:
        answer = json.loads((entry / "answer.json").read_text())
        vmfb = _own(entry / "module.vmfb", folder)
    except FileNotFoundError:
        return None
    elapsed = time.perf_counter() - start
    _report(controls, "cache", elapsed)
    return replace(_compilation(answer, options, {"cache": elapsed}), cached=True, vmfb=vmfb)


def _own(artifact: Path, folder: Path) -> Path:
    """An entry's artifact under a name of our own: the entry may be pruned while it is in use."""
    own = folder / "module.vmfb"
    try:
        os.link(artifact, own)
    except FileNotFoundError:
        raise
    except OSError:
        # The folder is in another file system, or this one has no links.
        shutil.copyfile(artifact, own)
    return own


def tuned(options: CompileOptions, path: Path) -> CompileOptions:
    """The options with what a tuning file decides. Raises TuningError for one that is damaged, or was not measured for
    these options on such a machine with this compiler, and OSError."""
    from .tuning import TuningFile

    file = TuningFile.read(path)
    file.check(options, path)
    return replace(options, tuning=file.decisions)


def outline_source(source: Graph | str | Path, *, specialization: Specialization = UNSPECIALIZED) -> Json:
    """A graph, or the file of one, as `wire` writes it, without the bytes of its constants. Raises GraphError."""
    if not isinstance(source, Graph) and Path(source).suffix in MLIR_SUFFIXES:
        request = {"job": "outline", "source": _mlir_source(Path(source), specialization)}
        graph: Json = _checked(worker.shared_worker().request(request))["graph"]
        return graph
    from . import wire

    return wire.encode_graph(_read(source, specialization), None)


def convert_source(
    source: Graph | str | Path, path: Path, *, specialization: Specialization = UNSPECIALIZED
) -> list[Path]:
    """Writes a graph, or that of a file, as .webnn or .json with .safetensors beside it; returns the files.

    The formats hold no labels. Raises GraphError; then, no file has changed.
    """
    from .frontend import write_graph

    write_graph(_read(source, specialization), path, drop_labels=True)
    weights = path.with_suffix(".safetensors")
    return [path, weights] if weights.exists() else [path]


def _cache_for(controls: Controls, options: CompileOptions) -> Cache | None:
    """The cache, for a compile that it can serve."""
    wanted = controls.use_cache and options.emit == "vmfb"
    return _cache(controls) if wanted and not (controls.print_after_all or controls.save_temps) else None


def _cache(controls: Controls) -> Cache | None:
    """The cache; a default folder that cannot be used, as on a machine without a home, leaves none."""
    if controls.cache_dir:
        return Cache(controls.cache_dir)
    try:
        return Cache(default_folder())
    except OSError:
        return None


def _cached(
    cache: Cache, request: Json, options: CompileOptions, controls: Controls, seconds: dict[str, float], weights: str
) -> Compilation:
    start = time.perf_counter()
    key = cache_key(request, weights)
    with cache.locked(key, controls.timeout):
        entry = cache.get(key)
        if entry:
            answer = json.loads((entry / "answer.json").read_text())
            _report(controls, "cache", time.perf_counter() - start)
            compilation = replace(_compilation(answer, options, seconds), cached=True)
        else:
            answer = _ask(request, controls)

            def fill(folder: Path) -> None:
                shutil.move(answer["vmfb"], folder / "module.vmfb")
                # The same graph may come from another file next time: the places are this one's.
                remarks = [remark | {"place": None} for remark in answer["remarks"]]
                kept = {"remarks": remarks, "seconds": {}, **{k: answer[k] for k in ("parameters", "packed")}}
                (folder / "answer.json").write_text(json.dumps(kept))

            entry = cache.put(key, fill)
            compilation = _compilation(answer, options, seconds)
        compilation.entry = key
        compilation.vmfb = _own(entry / "module.vmfb", Path(request["folder"]))
    return compilation


def _places(told: Sequence[Json]) -> list[Place]:
    if not told:
        return []
    from .tuning import Place

    return [Place.from_json(place) for place in told]


def _compilation(answer: Json, options: CompileOptions, seconds: dict[str, float]) -> Compilation:
    remarks = [Diagnostic(**r) for r in answer["remarks"]]
    return Compilation(
        options,
        answer.get("text"),
        keys=answer.get("parameters", []),
        packed=answer.get("packed", {}),
        places={entry["key"]: entry for entry in answer.get("placed", [])},
        remarks=remarks,
        seconds=seconds | answer["seconds"],
        choices=_places(answer.get("places", ())),
    )


def _source(source: Graph | str | Path, specialization: Specialization, folder: Path) -> Json:
    """A request's source; reading the file of a graph raises GraphError."""
    if not isinstance(source, Graph) and Path(source).suffix in MLIR_SUFFIXES:
        return _mlir_source(Path(source), specialization)
    from . import wire

    return {"graph": wire.encode_graph(_read(source, specialization), folder / "weights")}


def _read(source: Graph | str | Path, specialization: Specialization) -> Graph:
    if isinstance(source, Graph):
        if specialization.names:
            raise ValueError(f"a graph in memory is fixed; {specialization.names[0]!r} is given a size or a value")
        return source
    from .frontend import read_graph

    return read_graph(Path(source), specialization=specialization)


def _mlir_source(path: Path, specialization: Specialization) -> Json:
    """MLIR text or bytecode; the worker finds the weights beside it, once it knows what they are needed for."""
    if specialization.names:
        message = f"MLIR has no dynamic dimensions with names; {specialization.names[0]!r} is given a size or a value"
        raise GraphError([Diagnostic(message, place=str(path))])
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GraphError([Diagnostic(error.strerror or str(error), place=str(path))]) from None
    return {"path": str(path.resolve()), "file": str(path), "digest": hashlib.sha256(data).hexdigest()}


def _constants(source: Json) -> list[Json]:
    constants: list[Json] = source["graph"]["constants"] if "graph" in source else []
    return constants


def _length(entry: Json) -> int:
    return Descriptor.of(*entry["descriptor"]).byte_length


def _weights_mode(source: Json, options: CompileOptions) -> str:
    if options.weights != "auto":
        return options.weights
    if options.emit != "vmfb":
        # Text names the weights; it does not hold their bytes.
        return "external"
    if "graph" in source:
        total = sum(map(_length, _constants(source)))
    else:
        beside = _weights_beside(source)
        total = beside.stat().st_size if beside else 0
    return "external" if total > EXTERNAL_WEIGHTS_ABOVE else "embed"


def _weights_beside(source: Json) -> Path | None:
    from .frontend.weights import weights_beside

    return weights_beside(Path(source["path"]))


def _parameter(key: str, places: dict[str, Json], packed: dict[str, Json]) -> Parameter:
    made = packed.get(key)
    entry = places[made["source"] if made else key]
    packing = Packing.from_json(made["packing"]) if made else None
    return Parameter(key, Descriptor.of(*entry["descriptor"]), entry["file"], entry["offset"], packing)


def cache_key(request: Json, weights: str) -> str:
    """The digest of the graph, its weights where the artifact holds them, the options and the compiler."""
    digest = hashlib.sha256(toolchain_digest().encode())
    source = request["source"]
    graph = source.get("graph")
    zeros = _zero_points(graph) if graph else set()
    for number, entry in enumerate(_constants(source)):
        digest.update(json.dumps([entry["key"], entry["descriptor"]]).encode())
        # Small constants stand in the module even where the large ones are external, and so do zero points that are all
        # the same.
        if weights == "embed" or _length(entry) <= INLINE_LIMIT or number in zeros:
            _update(digest, entry["file"], entry["offset"], _length(entry))
    body = source.get("digest") or {
        **{k: v for k, v in graph.items() if k != "constants"},
        "nodes": [[name, fields, label, results] for name, fields, label, _, results in graph["nodes"]],
    }
    digest.update(json.dumps([body, request["options"], weights, host(request["options"])], sort_keys=True).encode())
    return digest.hexdigest()


def _zero_points(graph: Json) -> set[int]:
    """The numbers of the constants that are zero points, as they are or reshaped."""
    inputs, constants = len(graph["inputs"]), len(graph["constants"])
    source = list(range(inputs + constants))
    found = set()
    for name, fields, _, _, results in graph["nodes"]:
        if name == "dequantizeLinear":
            found.add(source[fields["zero_point"]] - inputs)
        source += [source[fields["input"]] if name in ("reshape", "identity") else -1] * len(results)
    return {number for number in found if 0 <= number < constants}


def host(options: Json) -> str:
    """What `host` stands for on this machine, so that a cache that travels is not used on another processor."""
    if options["target_cpu"] != "host" or options["target_triple"]:
        return ""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        import platform

        return platform.processor()
    return "".join(sorted({line for line in text.splitlines() if line.startswith(("flags", "model name", "Features"))}))


def _update(digest: Any, file: str, offset: int, length: int) -> None:
    with open(file, "rb") as stream:
        stream.seek(offset)
        while length > 0:
            block = stream.read(min(length, 2**22))
            if not block:
                raise GraphError([Diagnostic("the weights file ended early", place=file)])
            digest.update(block)
            length -= len(block)


def _report(controls: Controls, name: str, elapsed: float) -> None:
    if controls.on_event:
        controls.on_event({"event": "pass", "name": name, "seconds": elapsed})


def _ask(request: Json, controls: Controls) -> Json:
    """The worker's answer. Raises GraphError for diagnostics, WorkerError with a reproducer for a crash, ValueError
    where what is compiled for is the cause of either."""
    child = _worker(CompileOptions.from_json(request["options"]), controls)
    try:
        answer = child.request(request, controls.on_event, controls.timeout)
    except worker.WorkerError as error:
        if error.fault and _target_given(request):
            _check_target(request, child)
        if not error.fault or request["careful"]:
            raise _with_reproducer(error, request, controls) from None
        # Without what it was told of the module, and with its own checks, IREE may not fail, or say why.
        return _ask(request | {"careful": True}, controls)
    if not answer["ok"] and any("missing GPU target" in d["message"] for d in answer["diagnostics"]):
        raise _unknown_target(request)
    return _checked(answer)


def _worker(options: CompileOptions, controls: Controls) -> worker.Worker:
    return worker.shared_worker(controls.max_memory, linking=len(options.targets) == 1)


def _check_target(request: Json, child: worker.Worker) -> None:
    """Raises ValueError where the worker dies of the least graph too."""
    from webnn_mlir.dialects.webnn import GraphBuilder

    from . import wire

    builder = GraphBuilder()
    graph = builder.graph({"y": builder.abs(builder.input("x", "float32", [1]))})
    options = request["options"] | {"emit": "flow", "pass_pipeline": None, "aliases": []}
    source = {"graph": wire.encode_graph(graph, None)}
    # In another folder: what was to be compiled lies in the request's, for who wants to see it.
    with tempfile.TemporaryDirectory() as folder:
        try:
            child.request(request | {"source": source, "options": options, "folder": folder}, timeout=60)
        except worker.WorkerError:
            raise _unknown_target(request) from None


def _unknown_target(request: Json) -> ValueError:
    given = _target_given(request) or [request["options"]["target"]]
    return ValueError(f"the compiler knows no such target: {', '.join(given)}")


def _target_given(request: Json) -> list[str]:
    """The options beside the target's name that say what to compile for."""
    default = CompileOptions().to_json()
    names = ("target_cpu", "target_triple", "vulkan_target", "cuda_arch", "iree_flags")
    return [f"{name} {value!r}" for name in names if (value := request["options"][name]) not in (default[name], [])]


def _checked(answer: Json) -> Json:
    if not answer["ok"]:
        raise GraphError([Diagnostic(**d) for d in answer["diagnostics"]])
    return answer


def _with_reproducer(error: worker.WorkerError, request: Json, controls: Controls) -> worker.WorkerError:
    """Keeps the module that the compiler died on where the user asked for it."""
    reproducer = Path(request["folder"]) / "reproducer.mlir"
    if controls.crash_reproducer and reproducer.exists():
        shutil.copyfile(reproducer, controls.crash_reproducer)
        return worker.WorkerError(f"{error}; reproducer written to {controls.crash_reproducer}", error.printed)
    hint = "" if controls.crash_reproducer else "; --crash-reproducer FILE keeps the module it ended on"
    return worker.WorkerError(f"{error}{hint}", error.printed)
