"""webnn-inspect: what is in a graph or an artifact."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import GRAPH_SUFFIXES, add_specialization, parse_specialization, report_errors, write_text

if TYPE_CHECKING:
    from webnn_mlir.dialects.webnn import Descriptor

    from .module_file import ModuleFile
    from .outline import Outline

EXAMPLE = """examples:
  webnn-inspect model.webnn
  webnn-inspect model.vmfb --json
  webnn-inspect model.json --dim batch=8 --dot model.dot"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-inspect",
        description="Says what is in a graph (.webnn, .json, .onnx, .mlir) or an artifact (.vmfb), which is not run.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("file", help="a graph or an artifact")
    add_specialization(p)
    p.add_argument("--op-table", action="store_true", help="list every operator of the graph, with its label and types")
    p.add_argument("--dot", metavar="FILE", help="write a picture of the graph for Graphviz; - for standard output")
    p.add_argument("--json", action="store_true", help="print JSON")
    return p


@report_errors("webnn-inspect")
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if Path(args.file).suffix in GRAPH_SUFFIXES:
        _inspect_graph(args, parse_specialization(args))
        return 0
    if args.dot or args.op_table or args.dim or args.input_shape or args.const:
        options = "--dot, --op-table, --dim, --input-shape and --const"
        raise ValueError(f"{options} are for graphs ({', '.join(GRAPH_SUFFIXES)})")
    from .module_file import read_module

    path = Path(args.file)
    report = artifact_report(path, read_module(path))
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        _print_artifact(report)
    return 0


def _inspect_graph(args: argparse.Namespace, specialization: Any) -> None:
    from webnn_mlir.runtime.compiled import compiler

    from .dot import dot
    from .outline import Outline

    outline = Outline.parse(compiler().outline_source(args.file, specialization=specialization))
    if args.dot:
        write_text(args.dot, dot(outline))
    if args.dot == "-":
        return
    report = graph_report(args.file, outline)
    if args.json:
        print(json.dumps(report | ({"nodes": _nodes(outline)} if args.op_table else {}), indent=2))
        return
    _print_graph(report)
    if args.op_table:
        _print_nodes(outline)
    if args.dot:
        print(f"picture written to {args.dot}", file=sys.stderr)


# Graphs


def graph_report(file: str, outline: Outline) -> dict[str, Any]:
    """What there is to say about a graph."""
    return {
        "file": file,
        "kind": "graph",
        "name": outline.name,
        "inputs": _tensors(outline, outline.inputs.items()),
        "outputs": _tensors(outline, outline.outputs.items()),
        "constants": _tensors(outline, outline.constants),
        "constantBytes": outline.constant_bytes,
        "operators": outline.operators,
        "operatorCount": len(outline.nodes),
        "depth": outline.depth,
        "macs": outline.macs,
    }


def _tensors(outline: Outline, named: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    return _entries((name, outline.values[number]) for name, number in named)


def _entries(descriptors: Iterable[tuple[str, Descriptor]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "dataType": d.data_type.value, "shape": list(d.shape), "bytes": d.byte_length}
        for name, d in descriptors
    ]


def _nodes(outline: Outline) -> list[dict[str, Any]]:
    names = {number: name for name, number in (*outline.inputs.items(), *outline.constants)}
    for index, node in enumerate(outline.nodes):
        several = len(node.results) > 1
        names |= {n: f"%{index}#{i}" if several else f"%{index}" for i, n in enumerate(node.results)}

    def text(numbers: Iterable[int]) -> list[str]:
        return [f"{names[number]} {outline.values[number]}" for number in numbers]

    return [
        {"index": index, "op": node.op, "label": node.label, "operands": text(n for _, n in node.used),
         "results": text(node.results)}
        for index, node in enumerate(outline.nodes)
    ]


def _print_graph(report: dict[str, Any]) -> None:
    from .tables import print_table

    print(f"{report['file']}: graph {report['name']!r}")
    print(f"operators: {report['operatorCount']:,}, depth {report['depth']:,}, {report['macs']:,} MACs")
    print(f"constants: {len(report['constants']):,}, {report['constantBytes']:,} bytes")
    for title in ("inputs", "constants", "outputs"):
        print_table(title, TENSOR, _tensor_rows(report[title]))
    counts = [[op, f"{count:,}"] for op, count in report["operators"].items()]
    print_table("operators", ["operator", "count"], counts)


def _print_nodes(outline: Outline) -> None:
    from .tables import print_table

    rows = [
        [f"%{n['index']}", n["op"], *map(printable, (n["label"], ", ".join(n["operands"]), ", ".join(n["results"])))]
        for n in _nodes(outline)
    ]
    print_table("all operators", ["", "operator", "label", "operands", "results"], rows)


TENSOR = ["name", "data type", "shape", "bytes"]


def _tensor_rows(entries: list[dict[str, Any]]) -> list[list[str]]:
    return [[printable(e["name"]), e["dataType"], str(e["shape"]), f"{e['bytes']:,}"] for e in entries]


def printable(text: str) -> str:
    """A name as it can stand on a terminal."""
    return text if text.isprintable() else repr(text)


# Artifacts


def artifact_report(path: Path, module: ModuleFile) -> dict[str, Any]:
    """What there is to say about an artifact."""
    parameters = _entries(module.signature.parameters.items())
    return {
        "file": str(path),
        "kind": "artifact",
        "function": module.function,
        "inputs": _entries(module.signature.inputs.items()),
        "outputs": _entries(module.signature.outputs.items()),
        "parameters": parameters,
        "parameterBytes": sum(entry["bytes"] for entry in parameters),
        "transientBytes": module.transient_bytes,
        "bytes": path.stat().st_size,
        "parts": module.parts,
        "nativeCode": module.native_code,
        "dispatches": module.dispatches,
        "kernels": module.kernels,
    }


def _print_artifact(report: dict[str, Any]) -> None:
    from .tables import print_table

    code = ", ".join(f"{size:,} bytes for {machine}" for machine, size in report["nativeCode"].items())
    print(f"{report['file']}: artifact, {report['bytes']:,} bytes")
    print(f"native code: {code or 'none'}")
    print(f"dispatches: {report['dispatches']:,}, of {len(report['kernels']):,} kernels")
    print(f"parameters: {len(report['parameters']):,}, {report['parameterBytes']:,} bytes")
    transient = report["transientBytes"]
    print(f"peak of transient memory: {'depends on the run' if transient is None else f'{transient:,} bytes'}")
    for title in ("inputs", "outputs", "parameters"):
        print_table(title, TENSOR, _tensor_rows(report[title]))
    print_table("parts", ["part", "bytes"], [[printable(n), f"{size:,}"] for n, size in report["parts"].items()])
    print_table("kernels", ["kernel"], [[printable(name)] for name in report["kernels"]])


if __name__ == "__main__":
    sys.exit(main())
