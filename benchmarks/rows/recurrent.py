"""Nets whose steps need what the step before gave."""

from __future__ import annotations

from functools import partial

from ..row import Row
from .convnets import of_case

ROWS = [Row("recurrent", "silero-sequence", partial(of_case, "silero_vad_16k_sequence"), 1e-4, 1.0)]
