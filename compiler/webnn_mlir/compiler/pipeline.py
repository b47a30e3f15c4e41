"""The pipeline: one list, read from top to bottom."""

from __future__ import annotations

STAGES: dict[str, tuple[str, ...]] = {
    # What the person wrote, checked: everything after this trusts the declarations' rules.
    "webnn": ("webnn-verify",),
    # Formulas become simpler ops.
    "decomposed": ("webnn-decompose",),
    # What StableHLO says badly goes to Linalg, the rest to StableHLO; nothing of ours may be left.
    "stablehlo": ("webnn-to-linalg", "webnn-to-stablehlo", "webnn-verify-lowered"),
}
"""The passes that lead to each stage, in order."""
