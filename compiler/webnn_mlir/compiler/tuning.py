"""What a compile can decide otherwise than its cost models do, and the file that tells what was measured to be faster.

Where there is a choice, a pass asks `Program.choose`: the place is named after the op's kind and sizes, so that it is
the same in every compile. What is decided there comes from the options; without that the model decides. A compile whose
options have a tuning, be it empty, tells all the places that it came by.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webnn_mlir.dialects.webnn import Diagnostic, GraphError

if TYPE_CHECKING:
    from .options import CompileOptions

Json = dict[str, Any]
Value = str | int
Decision = tuple[str, str, Value]
"""A choice, a place and a value."""

FORMAT, VERSION = "webnn-mlir tuning", 1
LARGEST_FILE = 2**22
LONGEST_PLACE = 200


@dataclass(frozen=True)
class Choice:
    """What is chosen, of which values, and what decides where nothing was measured. Some places have fewer values.

    `forms` tells that it is about what dispatches IREE forms: where these stay the same, it does nothing.
    """

    about: str
    values: tuple[Value, ...]
    model: str
    forms: bool = False


IREE = "iree"
KERNEL_OR_IREE = ("kernel", IREE)
FLAG, LEVEL = ("default", "on", "off"), "IREE's optimization level"

CHOICES = {
    "packing": Choice("IREE's data tiling, for the module", ("on", "off"), "choices.gain_of_packing"),
    "fusion": Choice("IREE's aggressive fusion, for the module", FLAG, LEVEL, forms=True),
    "transposes": Choice("whether IREE moves transposes into products, for the module", FLAG, LEVEL, forms=True),
    "splitReduction": Choice("whether IREE divides long sums, for the module", FLAG, LEVEL, forms=True),
    "generalMatmul": Choice("whether IREE fuses products as loops, for the module", FLAG, LEVEL, forms=True),
    "unrolling": Choice("whether LLVM unrolls loops, for the module", FLAG, LEVEL),
    "convolution": Choice("how a convolution is computed", ("kernel", "winograd", IREE), "kernels.winograd.pays"),
    "convolution.vectors": Choice("of output channels in a tile", tuple(range(1, 9)), "Convolution.vectors"),
    "convolution.workgroups": Choice("workgroups, at most", (2, 4, 8, 16, 32, 64), "convolution.WORKGROUPS"),
    "dense": Choice("who multiplies with weights that are packed", KERNEL_OR_IREE, "webnn-dense"),
    "dense.width": Choice("vectors of columns in a tile", tuple(range(1, 9)), "Dense.width"),
    "dense.panel": Choice("depth of a panel, at most", (128, 256, 384, 512, 1024, 2048, 4096), "dense.PANEL"),
    "matvec": Choice("who multiplies few rows", KERNEL_OR_IREE, "webnn-matvec"),
    "rows": Choice("who computes softmax, layer normalization or gelu", KERNEL_OR_IREE, "webnn-rows"),
    "attention": Choice("who computes attention", KERNEL_OR_IREE, "kernels.attention.pays"),
    "attention.keys": Choice("keys of a tile, at most", (16, 32, 64, 128, 256), "attention.KEYS"),
    "quantized": Choice("form of an exact product with quantized weights", ("digits", "tiles"), "Machine.few"),
}
"""By their names, in the order in which they are measured."""


@dataclass
class Place:
    """Where a choice is: `default` is what the model says, `values` what can be chosen, `work` how many multiplications
    or elements depend on it, and `dispatches` the names of the functions that come of it."""

    choice: str
    name: str
    default: Value
    values: tuple[Value, ...]
    work: float = 0.0
    dispatches: list[str] = field(default_factory=list)

    def to_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Place:
        return cls(**data | {"values": tuple(data["values"])})


class Tuning:
    """What is decided of a module, whose digest names the places of choices about it as a whole, and what places there
    are: those that were asked for."""

    def __init__(self, decisions: Iterable[Decision], module: str):
        self.decided = {(choice, place): value for choice, place, value in decisions}
        self.module = f"module {hashlib.sha256(module.encode()).hexdigest()[:16]}"
        self.places: dict[tuple[str, str], Place] = {}

    def choose(self, choice: str, name: str, default: Value, values: Sequence[Value] | None, work: float) -> Value:
        possible = tuple(CHOICES[choice].values if values is None else values)
        place = self.places.setdefault((choice, name), Place(choice, name, default, possible))
        place.work += work
        value = self.decided.get((choice, name), default)
        if value not in (default, *possible):
            rule = f"must be one of {_listed(possible)}"
            raise GraphError([Diagnostic(f"tuning: {choice} of {name} is {value!r}; {rule}")])
        return value

    def note(self, name: str, function: str) -> None:
        for place in self.places.values():
            if place.name == name and function not in place.dispatches:
                place.dispatches.append(function)

    def remarks(self) -> list[Diagnostic]:
        """What is decided of places that are not there. Raises GraphError where all are such."""
        strange = [f"{choice} of {place}" for choice, place in self.decided if (choice, place) not in self.places]
        if strange and len(strange) == len(self.decided):
            raise GraphError([Diagnostic(f"tuning: nothing of it is about this graph, such as {strange[0]}")])
        return [Diagnostic(f"tuning: {name} is not in this graph", severity="remark") for name in strange]


class TuningError(ValueError):
    """A tuning file that cannot be followed."""


@dataclass(frozen=True)
class TuningFile:
    """What was measured, and what is decided by it; times in seconds. `machine` and `compiler` are digests."""

    machine: str
    compiler: str
    options: Json
    decisions: tuple[Decision, ...]
    about: Json = field(default_factory=dict)

    @classmethod
    def of(cls, options: CompileOptions, decisions: Iterable[Decision], **about: Any) -> TuningFile:
        """For this machine and this compiler."""
        return cls(*_identity(options), tuple(decisions), about)

    def text(self) -> str:
        decisions = [{"choice": choice, "place": place, "value": value} for choice, place, value in self.decisions]
        head = {"format": FORMAT, "version": VERSION, **self.about, "machine": self.machine, "compiler": self.compiler}
        return json.dumps(head | {"options": self.options, "decisions": decisions}, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> TuningFile:
        """Raises TuningError for a file that is none, or that decides what there is no choice about, and OSError."""
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
        try:
            return cls._parse(data)
        except TuningError as error:
            raise TuningError(f"{path}: {error}") from None

    @classmethod
    def _parse(cls, data: bytes) -> TuningFile:
        if len(data) > LARGEST_FILE:
            raise TuningError(f"is larger than {LARGEST_FILE} bytes")
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            raise TuningError("is no JSON") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise TuningError(f"is no tuning file: its format must be {FORMAT!r}")
        if content.get("version") != VERSION:
            raise TuningError(f"has version {content.get('version')!r}; this compiler reads {VERSION}")
        for key, type_ in (("machine", str), ("compiler", str), ("options", dict), ("decisions", list)):
            if not isinstance(content.get(key), type_):
                raise TuningError(f"{key} must be of type {type_.__name__}")
        decisions = [_decision(number, entry) for number, entry in enumerate(content["decisions"])]
        if len({(choice, place) for choice, place, _ in decisions}) < len(decisions):
            raise TuningError("decides something twice")
        return cls(content["machine"], content["compiler"], content["options"], tuple(decisions))

    def check(self, options: CompileOptions, path: Path) -> None:
        """Raises TuningError where it was measured with another machine, compiler or options than these."""
        machine, compiler, given = _identity(options)
        if self.compiler != compiler:
            raise TuningError(f"{path}: was measured with another version of the compiler: tune again")
        if self.machine != machine:
            raise TuningError(f"{path}: was measured on another machine, for its own processor: tune again")
        for name, value in given.items():
            if (measured := self.options.get(name)) != value:
                raise TuningError(f"{path}: was measured with {name} {str(measured)[:40]!r}, not {value!r}")


def _identity(options: CompileOptions) -> tuple[str, str, Json]:
    """What decisions hold for: a digest of the processor, if it is the host's, one of the compiler, and options."""
    from .cache import toolchain_digest
    from .driver import host

    given = options.to_json()
    kept = {name: given[name] for name in ("target", "target_cpu", "target_triple", "opt_level", "accuracy")}
    return hashlib.sha256(host(given).encode()).hexdigest(), toolchain_digest(), kept


def _decision(number: int, entry: Any) -> Decision:
    where = f"decision {number}"
    if not isinstance(entry, dict) or entry.keys() != {"choice", "place", "value"}:
        raise TuningError(f"{where} must have a choice, a place and a value, and nothing else")
    choice, place, value = entry["choice"], entry["place"], entry["value"]
    if not isinstance(choice, str) or choice not in CHOICES:
        raise TuningError(f"{where}: {str(choice)[:40]!r} is no choice; there are {_listed(CHOICES)}")
    if not isinstance(place, str) or not 0 < len(place) <= LONGEST_PLACE:
        raise TuningError(f"{where}: a place is text of 1 to {LONGEST_PLACE} characters")
    possible = CHOICES[choice].values
    if isinstance(value, bool) or not isinstance(value, str | int) or value not in possible:
        raise TuningError(f"{where}: {choice} is {str(value)[:40]!r}; must be one of {_listed(possible)}")
    return choice, place, value


def _listed(values: Iterable[Value]) -> str:
    return ", ".join(map(str, values))
