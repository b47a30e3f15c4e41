"""The text of a pass pipeline, parsed without MLIR."""

from __future__ import annotations

import re

from webnn_mlir.dialects.webnn import Diagnostic, GraphError


def parse_pipeline(text: str) -> list[str]:
    """The passes of `builtin.module(a, func.func(b), c{x=1})`, or of the list alone. Raises GraphError."""
    match = re.fullmatch(r"\s*builtin\.module\((.*)\)\s*", text, re.DOTALL)
    passes, depth, current = [], 0, ""
    for character in match[1] if match else text:
        depth += (character in "({") - (character in ")}")
        if character == "," and depth == 0:
            passes.append(current.strip())
            current = ""
        else:
            current += character
    passes.append(current.strip())
    if depth or not all(passes):
        raise GraphError([Diagnostic(f"pass pipeline '{text}' is not of the form builtin.module(pass, pass, ...)")])
    return passes
