#!/usr/bin/env python3
"""Compiles real models, compares them with ONNX Runtime and writes the table of docs/models.md.

    python scripts/models.py                  all of them
    python scripts/models.py --only silero    those with this in their name; the rows of the others stay
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples"))

TOLERANCE = 1e-4

HEADER = """# Real models

Each is compiled for the CPU of the machine and run on the inputs that ONNX Runtime is given too.

```sh
pip install -e ".[test]" && python scripts/models.py
```

* **compile**: seconds of `webnn-compile`, from the ONNX file to the artifact, nothing cached.
* **artifact**: the .vmfb, and the .irpa with the weights where they are external.
* **memory**: the most that a process of the compile has had in memory; mapped weights count.
* **difference**: the largest of all inputs and outputs, relative to the output's largest value; at most {tolerance:g}.
* **equal**: what is made of the outputs, equal to what is made of ONNX Runtime's.

Measured on {machine}, with IREE {iree} and ONNX Runtime {runtime}.
The `light` models come with the `onnx` package; their weights are filled from a seed. The audio encoder and the
decoders have random weights too, the others real ones, from the packages that
[packages.py](../examples/models/packages.py) names.

"""


@dataclass(frozen=True)
class Row:
    model: str
    operators: int
    kinds: int
    parameters: int
    seconds: float
    artifact: int
    memory: int
    difference: float
    answer: str
    equal: bool

    @property
    def good(self) -> bool:
        return self.difference <= TOLERANCE and self.equal


@dataclass(frozen=True)
class Prepared:
    path: str
    operators: int
    kinds: int
    parameters: int
    arguments: list[str]


def prepare(name: str, folder: str) -> Prepared:
    """Fetches or makes a model, and counts what is in it."""
    import onnx
    from models.cases import case

    found = case(name)
    path = found.make(Path(folder))
    model = onnx.load(path, load_external_data=False)
    nodes = list(every_node(model.graph))
    kinds = {(node.domain, node.op_type) for node in nodes}
    shapes = [f"--input-shape={n}={','.join(map(str, shape))}" for n, shape in found.shapes.items()]
    constants = [f"--const={n}={value}" for n, value in found.constants.items()]
    return Prepared(str(path), len(nodes), len(kinds), parameters(model.graph), [*shapes, *constants])


def every_node(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        if node.op_type != "Constant":
            yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from every_node(inner)


def parameters(graph: Any) -> int:
    """The elements of all constants but those of one element."""
    import numpy as np

    tensors = list(graph.initializer)
    total = 0
    for node in graph.node:
        for attribute in node.attribute:
            total += sum(parameters(inner) for inner in [attribute.g, *attribute.graphs])
            if node.op_type == "Constant" and attribute.name == "value":
                tensors.append(attribute.t)
    sizes = (int(np.prod(tensor.dims, dtype=np.int64)) for tensor in tensors)
    return total + sum(size for size in sizes if size > 1)


def compile_model(prepared: Prepared, artifact: Path) -> tuple[float, int]:
    """Compiles with the command; returns its seconds and the bytes of memory of its largest process.

    A process begins with the peak of the one that started it: this one must stay small.
    """
    command = [sys.executable, "-m", "webnn_mlir.tools.compile", prepared.path, "-o", str(artifact), "--no-cache"]
    start = time.perf_counter()
    with subprocess.Popen([*command, *prepared.arguments], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(said.strip() or f"exit status {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def compare(name: str, path: str, artifact: str) -> tuple[float, str, bool]:
    """The largest difference to ONNX Runtime, what is made of the outputs, and whether it is equal."""
    from models.cases import case
    from models.engines import difference, onnx_runtime

    import webnn_mlir

    found = case(name)
    ours, theirs = webnn_mlir.load(artifact).run, onnx_runtime(Path(path), found.constants)
    largest = max(difference(ours(inputs), theirs(inputs)) for inputs in found.inputs())
    if found.answer is None:
        return largest, "", True
    return largest, found.says, found.answer(ours) == found.answer(theirs)


def measure(name: str, folder: Path) -> Row:
    # Each job has a process of its own: what it had in memory is gone with it.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        prepared = pool.submit(prepare, name, str(folder)).result()
        artifact = folder / "model.vmfb"
        seconds, memory = compile_model(prepared, artifact)
        size = sum(file.stat().st_size for file in (artifact, artifact.with_suffix(".irpa")) if file.exists())
        largest, answer, equal = pool.submit(compare, name, prepared.path, str(artifact)).result()
    return Row(
        name, prepared.operators, prepared.kinds, prepared.parameters, seconds, size, memory, largest, answer, equal
    )


HEAD = """| model | operators (kinds) | parameters | compile | artifact | memory | difference | equal |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
"""


def line(row: Row) -> str:
    cells = [
        row.model, f"{row.operators} ({row.kinds})", count(row.parameters), f"{row.seconds:.1f} s",
        f"{row.artifact / 1e6:.1f} MB", f"{row.memory / 1e6:.0f} MB", f"{row.difference:.1e}",
        row.answer if row.equal else f"**different {row.answer}**",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


class Table:
    """The file with the table: a row for each model, in their order."""

    def __init__(self, path: Path, order: list[str]):
        self.path, self.order = path, order
        written = path.read_text().partition(HEAD)[2].splitlines() if path.exists() else []
        self.lines = {text.split(" | ")[0].removeprefix("| "): text for text in written}

    def set(self, name: str, text: str | None) -> None:
        """Replaces a model's row, or removes it, and writes the file."""
        self.lines.pop(name, None)
        if text:
            self.lines[name] = text
        versions = {"iree": version("iree-base-compiler"), "runtime": version("onnxruntime")}
        header = HEADER.format(tolerance=TOLERANCE, machine=machine(), **versions)
        rows = [self.lines[name] for name in self.order if name in self.lines]
        self.path.write_text(header + HEAD + "\n".join(rows) + "\n")


def count(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1e5 else f"{number / 1e3:.1f} k"


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor() or platform.machine()}"


def main() -> int:
    from models.cases import cases

    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", action="append", metavar="NAME", help="models with this in their name")
    p.add_argument("--large", action="store_true", help="also the models whose weights take gigabytes")
    p.add_argument("--json", action="store_true", help="print the rows as JSON")
    p.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "models.md", help="the file with the table")
    args = p.parse_args()

    names = [c.name for c in cases(args.large) if not args.only or any(part in c.name for part in args.only)]
    table = Table(args.output, [c.name for c in cases(huge=True)])
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="webnn-models-") as folder:
            try:
                rows.append(measure(name, Path(folder)))
                text = line(rows[-1])
            except Exception as error:
                print(f"{name}: {error}", file=sys.stderr)
                text = None
        table.set(name, text)
        if text and not args.json:
            print(text, flush=True)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    return 0 if len(rows) == len(names) and all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
