"""webnn-run: runs an artifact on arrays by name."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import GRAPH_SUFFIXES, report_errors

if TYPE_CHECKING:
    from webnn_mlir.dialects.webnn import Descriptor
    from webnn_mlir.runtime import Artifact

    from .arrays import Array

EXAMPLE = """examples:
  webnn-run model.vmfb --input x=x.npy
  webnn-run model.vmfb --input x=random:7 --input mask=fill:1 --output y.npz
  webnn-run model.vmfb --inputs in.npz --expect out.npz --rtol 1e-4

An input's value is FILE.npy, FILE.npz (its array of that name, or its only one), FILE.npz:KEY, fill:VALUE or
random[:SEED] (floats from -1 to 1, integers over their range). int4 and uint4 are int8 and uint8 arrays, one element an
entry, or uint8 arrays of packed bytes, low nibble first.

Loading an artifact runs native code: run only what you trust."""



def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-run",
        description="Runs an artifact (.vmfb) and prints its outputs, or writes or compares them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("artifact", help="a .vmfb file that webnn-compile wrote")
    p.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="an input's value, see below")
    p.add_argument("--inputs", type=Path, metavar="FILE.npz", help="inputs by name; --input overrides")
    p.add_argument("--output", type=Path, metavar="FILE.npz", help="write the outputs instead of printing them")
    p.add_argument("--expect", type=Path, metavar="FILE.npz", help="compare the outputs; exit status 1 if they differ")
    p.add_argument("--rtol", type=float, default=1e-5, help="relative tolerance (default 1e-5)")
    p.add_argument("--atol", type=float, default=1e-6, help="absolute tolerance (default 1e-6)")
    p.add_argument("--parameters", type=Path, metavar="FILE.irpa", help="the weights, if not beside the artifact")
    p.add_argument("--device", "--driver", help="a target, or a driver: local-task (all cores), local-sync (the "
                   "calling thread), vulkan, …; by default the best one present, see webnn-devices")  # fmt: skip
    p.add_argument("--repeat", type=int, default=1, metavar="N", help="run N times and print the seconds it took")
    p.add_argument("--json", action="store_true", help="print the outputs or the comparison as JSON")
    return p


@report_errors("webnn-run")
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    _check_arguments(args)
    from webnn_mlir.runtime import load

    from .arrays import check_names, write_npz

    artifact = load(args.artifact, parameters=args.parameters, device=args.device)
    if args.output:
        check_names(artifact.outputs)
    if len(artifact.signature.targets) > 1 and not args.json:
        print(f"runs on {artifact.target} ({artifact.driver})", file=sys.stderr)
    inputs = read_inputs(artifact.inputs, args.input, args.inputs)
    expected = read_expected(artifact.outputs, args.expect) if args.expect else None
    seconds = []
    for _ in range(args.repeat):
        start = time.perf_counter()
        outputs = artifact.run(inputs)
        seconds.append(time.perf_counter() - start)
    if args.output:
        write_npz(args.output, outputs)
    comparisons = None
    if expected is not None:
        comparisons = {n: compare(outputs[n], expected[n], args.rtol, args.atol) for n in outputs}
    _print(args, artifact, outputs, comparisons, seconds)
    return 0 if comparisons is None or all(c["pass"] for c in comparisons.values()) else 1


def _check_arguments(args: argparse.Namespace) -> None:
    path = Path(args.artifact)
    if path.suffix in GRAPH_SUFFIXES:
        command = shlex.join(["webnn-compile", args.artifact, "-o", str(path.with_suffix(".vmfb"))])
        raise ValueError(f"{args.artifact} is a graph, not an artifact; compile it first: {command}")
    if args.repeat < 1:
        raise ValueError(f"--repeat {args.repeat} must be at least 1")
    if not (args.rtol >= 0 and args.atol >= 0):
        raise ValueError("--rtol and --atol must not be negative")
    if args.parameters and not args.parameters.is_file():
        raise FileNotFoundError(2, "no such file", str(args.parameters))
    if args.output and not args.output.parent.is_dir():
        raise FileNotFoundError(2, "no such folder", str(args.output.parent))


# Inputs


def read_inputs(
    descriptors: Mapping[str, Descriptor], options: list[str], archive: Path | None
) -> dict[str, Array]:
    """The arrays of all inputs. Raises ValueError for what is wrong, or missing, or given twice."""
    from .arrays import Archive

    inputs: dict[str, Array] = {}
    if archive:
        with Archive(archive) as file:
            if unknown := [name for name in file.names if name not in descriptors]:
                raise ValueError(f"{archive}: {unknown[0]!r} is no input; {_listed(descriptors)}")
            inputs = {name: file.read(name, descriptors[name]) for name in file.names}
    given = set()
    for option in options:
        name, value = split_option(option, descriptors)
        if name in given:
            raise ValueError(f"--input {name!r} is given twice")
        given.add(name)
        inputs[name] = read_value(value, name, descriptors[name])
    if missing := {name: d for name, d in descriptors.items() if name not in inputs}:
        raise ValueError("missing " + _listed(missing))
    return inputs


def split_option(option: str, descriptors: Mapping[str, Descriptor]) -> tuple[str, str]:
    """Name and value of `NAME=VALUE`. A name may have a `=` in it: the longest that the artifact knows is meant."""
    names = [name for name in descriptors if option.startswith(f"{name}=")]
    if not names:
        raise ValueError(f"--input {option!r} must be NAME=VALUE with the name of an input; {_listed(descriptors)}")
    name = max(names, key=len)
    return name, option[len(name) + 1 :]


def _listed(descriptors: Mapping[str, Descriptor]) -> str:
    return "inputs: " + ", ".join(f"{name!r} {descriptor}" for name, descriptor in descriptors.items())


def read_value(value: str, name: str, descriptor: Descriptor) -> Array:
    """An input's array. Raises ValueError."""
    from .arrays import Archive, read_npy

    kind, _, rest = value.partition(":")
    if kind == "fill" and rest:
        return fill(rest, name, descriptor)
    if kind == "random" and (value == kind or rest.isdecimal()):
        return random(int(rest or 0), descriptor)
    if value.endswith(".npy"):
        return read_npy(Path(value), descriptor)
    if value.endswith(".npz"):
        with Archive(Path(value)) as archive:
            only = archive.names[0] if len(archive.names) == 1 else name
            return archive.read(name if name in archive.names else only, descriptor)
    file, dot, key = value.partition(".npz:")
    if dot:
        with Archive(Path(f"{file}.npz")) as archive:
            return archive.read(key, descriptor)
    raise ValueError(f"input {name!r}: {value!r} must be FILE.npy, FILE.npz[:KEY], fill:VALUE or random[:SEED]")


def fill(text: str, name: str, descriptor: Descriptor) -> Array:
    """An array of one value, which the data type must hold."""
    import numpy as np

    from webnn_mlir.dialects.webnn.types import cast_number

    data_type = descriptor.data_type
    try:
        value = float(text) if data_type.is_float else int(text, 0)
    except ValueError:
        raise ValueError(f"input {name!r}: {text!r} is no value of {data_type}") from None
    low, high = (-np.inf, np.inf) if data_type.is_float else data_type.range
    if value < low or value > high:
        raise ValueError(f"input {name!r}: {value} must be from {low} to {high}, the range of {data_type}")
    return np.full(descriptor.shape, cast_number(value, data_type), data_type.numpy)


def random(seed: int, descriptor: Descriptor) -> Array:
    """Floats from -1 to 1, integers over their range; the same for a seed wherever it runs."""
    import numpy as np

    generator = np.random.default_rng(seed)
    data_type = descriptor.data_type
    if data_type.is_float:
        return np.asarray(generator.uniform(-1, 1, descriptor.shape), data_type.numpy)
    low, high = data_type.range
    return np.asarray(generator.integers(low, high, descriptor.shape, data_type.numpy, endpoint=True))


# Outputs


def read_expected(descriptors: Mapping[str, Descriptor], path: Path) -> dict[str, Array]:
    """The expected outputs. Raises ValueError unless there is one for each, by its name."""
    from webnn_mlir.dialects.webnn.int4 import unpack_int4

    from .arrays import Archive

    with Archive(path) as file:
        problems = [f"{name!r} is no output" for name in file.names if name not in descriptors]
        problems += [f"output {name!r} is missing" for name in descriptors if name not in file.names]
        if problems:
            raise ValueError(f"{path}: {'; '.join(problems)}")
        expected = {name: file.read(name, descriptor) for name, descriptor in descriptors.items()}
    for name, descriptor in descriptors.items():
        if expected[name].dtype != descriptor.data_type.numpy or expected[name].shape != descriptor.shape:
            expected[name] = unpack_int4(expected[name], descriptor)
    return expected


def compare(actual: Array, expected: Array, rtol: float, atol: float) -> dict[str, Any]:
    """The largest differences, and whether each element has |actual - expected| <= atol + rtol * |expected|.

    NaN equals NaN, an infinity itself.
    """
    import numpy as np

    if actual.dtype.kind == "f":
        a, e = actual.astype(np.float64), expected.astype(np.float64)
        same = (a == e) | (np.isnan(a) & np.isnan(e))
        with np.errstate(invalid="ignore"):
            absolute = np.where(same, 0.0, np.abs(a - e))
        absolute = np.where(np.isnan(absolute), np.inf, absolute)
        magnitude = np.where(np.isfinite(e), np.abs(e), 0.0)
    else:
        # Modulo 2^64, where the difference of the larger and the smaller is right for signed types too.
        larger, smaller = np.maximum(actual, expected), np.minimum(actual, expected)
        with np.errstate(over="ignore"):
            absolute = (larger.astype(np.uint64) - smaller.astype(np.uint64)).astype(np.float64)
        magnitude = np.abs(expected.astype(np.float64))
    wrong = ~(absolute <= atol + rtol * magnitude)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(absolute == 0, 0.0, absolute / magnitude)
    found: dict[str, Any] = {
        "max_absolute": float(absolute.max()),
        "max_relative": float(relative.max()),
        "pass": not wrong.any(),
    }
    if wrong.any():
        first = tuple(map(int, np.argwhere(wrong)[0]))
        found["wrong"] = int(wrong.sum())
        found["first"] = {"index": list(first), "actual": actual[first].item(), "expected": expected[first].item()}
    return found


def _print(
    args: argparse.Namespace,
    artifact: Artifact,
    outputs: Mapping[str, Array],
    comparisons: dict[str, dict[str, Any]] | None,
    seconds: list[float],
) -> None:
    if args.json:
        print(json.dumps(_report(args, artifact, outputs, comparisons, seconds), indent=2))
        return
    for name, descriptor in artifact.outputs.items():
        if comparisons is not None:
            print(f"{name}: {descriptor} {_verdict(comparisons[name], outputs[name].size)}")
        elif not args.output:
            print(f"{name}: {descriptor}\n{outputs[name]}")
    if args.repeat > 1:
        print(f"{args.repeat} runs: least {min(seconds):.6f} s, mean {sum(seconds) / len(seconds):.6f} s")


def _verdict(found: dict[str, Any], size: int) -> str:
    differences = f"largest difference {found['max_absolute']:.3g} (relative {found['max_relative']:.3g})"
    if found["pass"]:
        return f"PASS: {differences}"
    first = found["first"]
    return (
        f"FAIL: {differences}; {found['wrong']} of {size} elements are wrong, the first at {first['index']}: "
        f"{first['actual']}, expected {first['expected']}"
    )


def _report(
    args: argparse.Namespace,
    artifact: Artifact,
    outputs: Mapping[str, Array],
    comparisons: dict[str, dict[str, Any]] | None,
    seconds: list[float],
) -> dict[str, Any]:
    entries = []
    for name, descriptor in artifact.outputs.items():
        entry = {"name": name, "dataType": descriptor.data_type.value, "shape": list(descriptor.shape)}
        if comparisons is not None:
            entry["comparison"] = _finite(comparisons[name])
        elif not args.output:
            entry["values"] = _finite(outputs[name].tolist())
        entries.append(entry)
    return {"artifact": args.artifact, "target": artifact.target, "outputs": entries, "seconds": seconds}


def _finite(value: Any) -> Any:
    """A value for JSON, which has no NaN and no infinities: they are strings."""
    if isinstance(value, list):
        return [_finite(v) for v in value]
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, float) and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


if __name__ == "__main__":
    sys.exit(main())
