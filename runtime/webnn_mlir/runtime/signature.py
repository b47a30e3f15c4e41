"""The signature that an artifact carries: names, data types and shapes of its inputs, outputs and parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from webnn_mlir.dialects.webnn.types import DataType, Descriptor

from .errors import ArtifactError

REFLECTION_KEY = "webnn.signature"


@dataclass(frozen=True)
class Signature:
    """Descriptors by name, in the order of the function's arguments and results."""

    inputs: dict[str, Descriptor]
    outputs: dict[str, Descriptor]
    parameters: dict[str, Descriptor]
    aliases: dict[str, str]
    """By output, the input whose memory it takes over."""
    targets: tuple[str, ...] = ("cpu",)
    """What it has code for, the one to prefer first."""
    processors: tuple[str, ...] = ()
    """Those that code for the CPU is for, the one to prefer first, where they are several."""

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Raises ArtifactError when the text is no signature."""
        try:
            data = json.loads(text)
            inputs, outputs, parameters = (_descriptors(data[group]) for group in ("inputs", "outputs", "parameters"))
            aliases = {entry["name"]: entry["alias"] for entry in data["outputs"] if "alias" in entry}
            targets, processors = tuple(map(str, data["targets"])), tuple(map(str, data.get("processors", ())))
            if not inputs.keys() >= set(aliases.values()):
                raise ValueError(f"an output takes over one of {sorted(aliases.values())}, which are no inputs")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ArtifactError(f"the signature of the artifact is damaged: {error}") from None
        return cls(inputs, outputs, parameters, aliases, targets, processors)


def _descriptors(entries: list[dict[str, Any]]) -> dict[str, Descriptor]:
    found: dict[str, Descriptor] = {}
    for entry in entries:
        name, descriptor = entry["name"], Descriptor(DataType(entry["dataType"]), tuple(entry["shape"]))
        if not isinstance(name, str) or name in found:
            raise ValueError(f"the name {name!r} is no string, or there twice")
        if problem := descriptor.problem():
            raise ValueError(problem)
        found[name] = descriptor
    return found
