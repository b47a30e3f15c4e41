"""VMVX: portable code for IREE's own virtual machine, for places without a native compiler."""

from __future__ import annotations

from .target import Target

LACKS = frozenset({"float64", "narrow shift", "truncation"})

VMVX = Target(lambda _: "local", lambda _: [], backend="vmvx", lacks=LACKS)
