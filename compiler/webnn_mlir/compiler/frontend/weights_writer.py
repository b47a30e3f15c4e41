"""Writes weights files: `.safetensors`, or `.weights` with a manifest. The bytes go from their mapping to the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from webnn_mlir.dialects.webnn import Descriptor

from .source import Outputs, os_errors
from .weights import SAFETENSORS_TYPES, WEIGHTS_MAGIC, Bytes

Tensors = Mapping[str, tuple[Descriptor, Bytes]]
"""Packed bytes by key."""

_ALIGNMENT = 64
_WEIGHTS_ALIGNMENT = 8


def write_safetensors(path: Path, tensors: Tensors, outputs: Outputs) -> None:
    """int4 and uint4 are there as U8, packed two a byte, of one dimension: the format has no data type for them."""
    header: dict[str, object] = {}
    # The format allows no gaps: those of wider elements come first, so that every tensor is aligned to its elements.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1][0].data_type.bits, item[0]))
    offset = 0
    for key, (descriptor, data) in ordered:
        packed = descriptor.data_type.bits == 4
        header[key] = {
            "dtype": "U8" if packed else SAFETENSORS_TYPES[descriptor.data_type.value],
            "shape": [data.nbytes] if packed else list(descriptor.shape),
            "data_offsets": [offset, offset + data.nbytes],
        }
        offset += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    file = outputs.open(path)
    with os_errors(path):
        file.write(len(text).to_bytes(8, "little") + text)
        for _key, (_descriptor, data) in ordered:
            file.write(data.data)


def write_weights(path: Path, tensors: Tensors, outputs: Outputs) -> None:
    """A `.weights` file, and `{stem}.manifest.json` beside it."""
    entries = {}
    file = outputs.open(path)
    with os_errors(path):
        file.write(WEIGHTS_MAGIC)
        offset = len(WEIGHTS_MAGIC)
        for key, (descriptor, data) in sorted(tensors.items()):
            entries[key] = {
                "dataType": descriptor.data_type.value,
                "shape": list(descriptor.shape),
                "byteOffset": offset,
                "byteLength": data.nbytes,
                "layout": "row-major",
            }
            gap = -data.nbytes % _WEIGHTS_ALIGNMENT
            file.write(data.data)
            file.write(bytes(gap))
            offset += data.nbytes + gap
    manifest = path.with_name(f"{path.stem}.manifest.json")
    document = {"format": "wg-weights-manifest", "version": 1, "endianness": "little", "tensors": entries}
    stream = outputs.open(manifest)
    with os_errors(manifest):
        stream.write((json.dumps(document, indent=1) + "\n").encode())


WRITERS = {".safetensors": write_safetensors, ".weights": write_weights}
"""What writes a weights file, by the ending of its name."""
