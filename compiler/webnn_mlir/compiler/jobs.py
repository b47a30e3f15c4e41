"""What the worker does: from a graph or an MLIR file through the passes to IR or an artifact.

A job's answer has `ok`; with it `text` or `vmfb`, `parameters`, `remarks` and `seconds`, without it `diagnostics`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DECLARED, Diagnostic, GraphError, OpError

from . import binding, choices, iree, pipeline, wire
from .frontend.weights import find_weights
from .kernels.packing import Packed
from .options import CompileOptions
from .outline import outline
from .passes.webnn_alias import request as request_aliases
from .pipeline_text import parse_pipeline
from .processors import choose_when_loaded
from .program import Program, from_graph, parse
from .targets import lacks
from .tuning import Tuning

Json = dict[str, Any]
Send = Callable[[Json], None]

PHASES = {"linalg": "input", "flow": "flow"}
"""IREE's name for the phase after which a stage is printed."""


def run(request: Json, send: Send) -> Json:
    """Runs one job; whatever is wrong with its input comes back as diagnostics."""
    answer = _run(request, send)
    if "file" in request["source"]:
        for diagnostic in (*answer.get("diagnostics", ()), *answer.get("remarks", ())):
            diagnostic["place"] = _named(diagnostic["place"], request["source"]["file"])
    return answer


def _named(place: str | None, file: str) -> str | None:
    """A place in the file that MLIR knows only as '-'."""
    return place and re.sub(r"^-(?=:)", lambda _: file, place)


def _run(request: Json, send: Send) -> Json:
    try:
        return {"ok": True, **_JOBS[request["job"]](request, send)}
    except GraphError as error:
        return failure(error.diagnostics)
    except iree.CompileError as error:
        return failure(compiler_diagnostics(error.text))
    except ir.MLIRError as error:
        return failure(parse_diagnostics(error, request["source"].get("file", "-")))


def failure(diagnostics: list[Diagnostic]) -> Json:
    return {"ok": False, "diagnostics": [diagnostic_json(d) for d in diagnostics]}


def diagnostic_json(diagnostic: Diagnostic) -> Json:
    return {**asdict(diagnostic), "place": str(diagnostic.place) if diagnostic.place else None}


def load(source: Json, *, needs_weights: bool) -> Program:
    """The program of a request's source: a graph, or MLIR text or bytecode with the weights beside it, if needed."""
    if "graph" in source:
        return from_graph(wire.decode_graph(source["graph"]))
    program = parse_mlir(Path(source["path"]).read_bytes(), source["file"])
    if needs_weights:
        map_weights(program, Path(source["path"]))
    return program


def map_weights(program: Program, path: Path) -> None:
    """Finds the keyed constants of an MLIR file in the weights beside it. Raises GraphError with all that are wrong."""
    keyed = [
        operation
        for operation in binding.webnn_operations(program.module)
        if operation.name == "webnn.constant" and "key" in operation.attributes
    ]
    if not keyed:
        return
    weights = find_weights(path)
    found = []
    for operation in keyed:
        key = binding.decode(operation.attributes["key"])
        descriptor = binding.Tensor.of(operation.results[0]).descriptor
        try:
            program.places[key] = (descriptor, weights.constant(key, descriptor))
        except OpError as error:
            found.append(binding.diagnostic(operation, error.rule))
    if found:
        raise GraphError(found)
    program.weights = {key: constant.data for key, (_, constant) in program.places.items()}


def placed_parameters(program: Program, folder: Path) -> list[Json]:
    """Where the bytes of the parameters of an MLIR file, or of what they are packed from, lie; those that are not as in
    their file go to `folder`."""
    placed = []
    keys = dict.fromkeys(program.packed[key].source if key in program.packed else key for key in program.parameters)
    for number, key in enumerate(keys):
        descriptor, constant = program.places[key]
        file, offset = constant.file, constant.offset
        if file is None:
            file, offset = str(folder / f"parameter{number}"), 0
            constant.data.tofile(file)
        shape = list(descriptor.shape)
        entry = {"key": key, "descriptor": [descriptor.data_type.value, shape], "file": os.path.abspath(file)}
        placed.append({**entry, "offset": offset})
    return placed


def _packed_json(packed: Packed) -> Json:
    return {"source": packed.source, "packing": packed.packing.to_json()}


def parse_mlir(data: bytes, name: str) -> Program:
    """Parses MLIR text or bytecode. Raises GraphError with the place of every error."""
    if data.startswith(b"ML\xefR"):
        return parse(data)
    try:
        return parse(data.decode())
    except UnicodeDecodeError as error:
        raise GraphError([Diagnostic(f"byte {error.start} is not UTF-8", place=name)]) from None


def parse_diagnostics(error: ir.MLIRError, name: str) -> list[Diagnostic]:
    """The parser's errors, each with its place."""
    found = []
    for item in error.error_diagnostics:
        place = str(item.location).removeprefix("loc(").removesuffix(")").replace('"', "", 2)
        found.append(Diagnostic(item.message, place=place))
    return found or [Diagnostic(str(error), place=name)]


_PRINTED = re.compile(r"^(?P<where>\S.*?): (?P<severity>error|warning|note|remark): (?P<message>.*)$", re.MULTILINE)
_NAMED = re.compile(r'"(?:(?P<label>[^"]*) )?\(?(?P<op>\w+)\)?"')
_FILE = re.compile(r'"?([^"\s()]+)"?:(\d+):(\d+)')


def compiler_diagnostics(text: str) -> list[Diagnostic]:
    """What IREE printed, each error with the place, operator and label that its location holds."""
    found = []
    for match in _PRINTED.finditer(text):
        if match["severity"] != "error":
            continue
        message = re.sub(r'#hal\.executable\.target<.*', "the target", match["message"])
        label = op = None
        for named in _NAMED.finditer(match["where"]):
            if named["op"] in DECLARED:
                label, op = named["label"], named["op"]
                break
        file = _FILE.search(match["where"])
        place = f"{file[1]}:{file[2]}:{file[3]}" if file else None
        found.append(Diagnostic(message, place=place, op=op, label=label))
    return found or [Diagnostic(" ".join(text.split()) or "IREE failed and printed nothing")]


def _compile(request: Json, send: Send) -> Json:
    """With the flags that are chosen for the module; without them where IREE fails with them, which it may on a product
    that others around it are fused with. After a crash (`careful`) IREE checks the module after each of its passes."""
    chosen: list[str] = []

    def choose(program: Program) -> list[str]:
        chosen.extend(choices.flags(program))
        return chosen

    if request["careful"]:
        answer = _compile_with(request, send, lambda _: [])
        remark = Diagnostic("IREE crashed: compiled again, carefully", severity="remark")
        answer["remarks"].append(diagnostic_json(remark))
        return answer
    if not CompileOptions.from_json(request["options"]).chooses:
        return _compile_with(request, send, lambda _: [])
    try:
        return _compile_with(request, send, choose)
    except iree.CompileError:
        if not chosen:
            raise
    answer = _compile_with(request, send, lambda _: [])
    remark = Diagnostic(f"IREE fails with {' '.join(chosen)}: compiled without", severity="remark")
    answer["remarks"].append(diagnostic_json(remark))
    return answer


def _compile_with(request: Json, send: Send, choose: Callable[[Program], list[str]]) -> Json:
    options = CompileOptions.from_json(request["options"])
    folder = Path(request["folder"])
    seconds: dict[str, float] = {}

    def after(name: str, elapsed: float) -> None:
        seconds[name] = seconds.get(name, 0.0) + elapsed
        send({"event": "pass", "name": name, "seconds": elapsed})
        if request["print_after_all"]:
            text = program.text(resources=False)
            send({"event": "print", "text": f"// -----// IR Dump After {name} //----- //\n{text}"})

    start = time.perf_counter()
    external = request["weights"] == "external"
    program = load(request["source"], needs_weights=options.emit == "vmfb" or not external)
    kept = {"weights": request["weights"], "careful": request["careful"], "accuracy": options.accuracy}
    program.options |= kept | machine(options)
    if options.tuning is not None:
        program.tuning = Tuning(options.tuning, program.text(resources=False))
    if options.aliases:
        with program.session.context:
            request_aliases(program, dict(options.aliases))
    after("import", time.perf_counter() - start)
    for stage, passes in _stages(options):
        pipeline.run(program, passes, after)
        if request["save_temps"]:
            (Path(request["save_temps"]) / f"{stage}.mlir").write_text(program.text(resources=False))
        if stage == options.emit:
            break
    answer: Json = {"remarks": [diagnostic_json(d) for d in program.remarks], "seconds": seconds}
    if options.emit in pipeline.STAGES:
        return answer | {"text": program.text()}
    pipeline.run(program, pipeline.for_iree(options), after)
    if request["crash_reproducer"]:
        # Should the native compiler crash, this is what it crashed on.
        (folder / "reproducer.mlir").write_text(program.text(resources=False))
    start = time.perf_counter()
    flags = [*choose(program), *options.flags()]
    if program.tuning is not None:
        answer["remarks"] += [diagnostic_json(d) for d in program.tuning.remarks()]
        answer["places"] = [place.to_json() for place in program.tuning.places.values()]
    # A call waits for a fence and signals another one: it returns before the work is done.
    flags.append("--iree-execution-model=async-external")
    if request["save_temps"]:
        flags.append(f"--iree-hal-dump-executable-files-to={request['save_temps']}/iree")
    phase = PHASES.get(options.emit)
    if phase:
        answer["text"] = iree.compile_to_phase(program, flags, phase)
    else:
        answer["parameters"] = program.parameters
        packed = [key for key in program.parameters if key in program.packed]
        answer["packed"] = {key: _packed_json(program.packed[key]) for key in packed}
        answer["placed"] = placed_parameters(program, folder) if program.places else []
        answer["vmfb"] = str(folder / "module.vmfb")
        several = choose_when_loaded if len(options.processors) > 1 else None
        iree.compile_to_file(program, flags, answer["vmfb"], several)
    after("iree", time.perf_counter() - start)
    return answer


def machine(options: CompileOptions) -> dict[str, Any]:
    """What passes are told of the targets: what they lack, and IREE's flags where one processor's code is made.

    Without the flags there are no kernels: StableHLO that is asked for is what anyone can read.
    """
    alone = {"flags": options.flags()} if options.targets == ("cpu",) and options.emit not in pipeline.STAGES else {}
    return {"lacks": lacks(options.targets), "targets": options.targets, "processors": options.processors} | alone


def _stages(options: CompileOptions) -> list[tuple[str, list[str]]]:
    """The passes up to each of our stages; a pipeline of the user's own is one stage."""
    if options.pass_pipeline is not None:
        return [("stablehlo", parse_pipeline(options.pass_pipeline))]
    return [(stage, list(passes)) for stage, passes in pipeline.STAGES.items()]


def _opt(request: Json, send: Send) -> Json:
    """webnn-opt: runs passes on a piece of MLIR text."""
    source = request["source"]
    program = parse_mlir(source["text"].encode(), source["file"])
    program.options |= request["pass_options"]

    def after(name: str, elapsed: float) -> None:
        send({"event": "pass", "name": name, "seconds": elapsed})
        if request["print_after_all"]:
            send({"event": "print", "text": f"// -----// IR Dump After {name} //----- //\n{program.text()}"})

    pipeline.run(program, request["passes"], after)
    remarks = [diagnostic_json(remark) for remark in program.remarks]
    return {"text": program.text(locations=request["locations"]), "remarks": remarks}


def _outline(request: Json, send: Send) -> Json:
    """webnn-inspect: the graph of an MLIR file, checked."""
    program = load(request["source"], needs_weights=False)
    pipeline.run(program, pipeline.STAGES["webnn"])
    return {"graph": outline(program)}


_JOBS = {"compile": _compile, "opt": _opt, "outline": _outline}
