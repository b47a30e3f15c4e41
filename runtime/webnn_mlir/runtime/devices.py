"""The devices of this machine, and which of them an artifact runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .signature import ArtifactError

DRIVERS = {
    "cpu": ("local-task", "local-sync"),
    "vmvx": ("local-task", "local-sync"),
    "vulkan": ("vulkan",),
    "cuda": ("cuda",),
    "metal": ("metal",),
}
"""IREE's drivers that run code for a target, the one to prefer first."""

RANKS = ("cuda", "metal", "vulkan", "cpu", "vmvx")
"""The targets by what their devices can be expected to do; Vulkan on the CPU comes last of all."""

SOFTWARE = ("llvmpipe", "lavapipe", "swiftshader")
"""What the names of Vulkan devices have in them that are none, but compute on the CPU."""


@dataclass(frozen=True)
class DeviceInfo:
    """A device: IREE's driver, how the driver calls it, and whether it is the CPU under whatever name."""

    driver: str
    name: str
    path: str

    @property
    def is_software(self) -> bool:
        return self.driver.startswith("local-") or any(name in self.name.lower() for name in SOFTWARE)


@lru_cache
def present(driver: str) -> tuple[DeviceInfo, ...]:
    """The devices of a driver; none where the driver, or what it needs of the system, is not there."""
    import iree.runtime as rt

    try:
        found = rt.get_driver(driver).query_available_devices()
    except (ValueError, RuntimeError, KeyError):
        return ()
    return tuple(DeviceInfo(driver, d["name"], d["path"]) for d in found)


def choose(targets: Sequence[str], wanted: str | None = None) -> tuple[str, str]:
    """The target of an artifact and the driver that run here: `wanted`, one or the other, or the best of those present.

    Raises ArtifactError where there is none.
    """
    known = [t for t in targets if t in DRIVERS]
    candidates = [(t, d) for t in sorted(known, key=RANKS.index) for d in DRIVERS[t] if wanted in (None, t, d)]
    if wanted and not candidates:
        raise ArtifactError(f"has no code for {wanted!r}; it has code for: {', '.join(targets)}")
    found = [(t, d) for t, d in candidates if present(d)]
    if not found:
        raise ArtifactError(f"no device is present for {', '.join(dict.fromkeys(t for t, _ in candidates) or targets)}")
    # A driver that computes on the CPU is no match for code that is for it.
    return min(found, key=lambda c: c[0] == "vulkan" and present(c[1])[0].is_software)
