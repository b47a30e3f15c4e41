"""The devices of this machine, and which of them an artifact runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .errors import ArtifactError

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


def details(device: DeviceInfo) -> str:
    """What the driver tells of a device; often nothing."""
    import iree.runtime as rt

    driver = rt.get_driver(device.driver)
    ids = [d["device_id"] for d in driver.query_available_devices() if d["path"] == device.path]
    return str(driver.dump_device_info(ids[0])) if ids else ""


def order(targets: Sequence[str]) -> list[str]:
    """Targets, the one to prefer first. A driver that computes on the CPU is no match for code that is for it."""
    return sorted(targets, key=lambda t: (t == "vulkan" and any(d.is_software for d in present(t)[:1]), RANKS.index(t)))


def choose(targets: Sequence[str], wanted: str | None = None) -> tuple[str, str]:
    """The target of an artifact and the driver that run here: `wanted`, one or the other, or the best of those present.

    Raises ArtifactError where there is none.
    """
    candidates = [
        (target, driver)
        for target in order([t for t in targets if t in DRIVERS])
        for driver in DRIVERS[target]
        if wanted in (None, target, driver)
    ]
    if not candidates and wanted is None:
        raise ArtifactError(f"no device of this runtime runs code for {', '.join(targets)}")
    if not candidates:
        raise ArtifactError(f"has no code for {wanted!r}; it has code for: {', '.join(targets)}")
    for target, driver in candidates:
        if present(driver):
            return target, driver
    raise ArtifactError(f"no device is present for {', '.join(dict.fromkeys(t for t, _ in candidates))}")
