"""The options of a compile."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

STAGES = ("webnn", "decomposed", "stablehlo", "linalg", "flow", "vmfb")
"""What `--emit` can stop at, in the order of the road."""

EXTERNAL_WEIGHTS_ABOVE = 256 * 2**20
"""Graphs with more bytes of weights than this keep them in an .irpa archive beside the .vmfb, unless told otherwise."""

INLINE_LIMIT = 1024
"""Constants up to this many bytes stand in the MLIR text; larger ones are named there and stay mapped."""


@dataclass(frozen=True)
class CompileOptions:
    """How to compile.

    target: one of TARGETS, or several with commas, the one to prefer first: one artifact that runs on any. For the CPU,
    target_cpu: `host`, `generic` or a name that LLVM knows, or several of LEVELS with commas, the best one first, of
    which the first that the processor can do is taken when the artifact is loaded; and target_triple, another machine,
    of which `host` is the generic one. vulkan_target: `desktop`, or a GPU or family that IREE knows. cuda_arch: `sm_80`
    or another.
    metal_platform: `macos`, `ios` or `ios-simulator`. opt_level: 0 to 3. weights: `embed`,
    `external`, or `auto` (external above EXTERNAL_WEIGHTS_ABOVE bytes). emit: one of STAGES. pass_pipeline replaces the
    webnn passes up to StableHLO. iree_flags are passed on as they are, after ours. aliases are pairs of an output and
    the input whose memory it takes over. accuracy: `exact`, or `dynamic`, which lets products with quantized weights
    round what they multiply them with to 8 bits. memory: `artifact` allocates results and what lives only during a run
    itself, with `caller` both come from the caller. sequences: whether kernels that follow each other are one dispatch,
    from level 2 on; a profile tells those apart that are not. tuning: what is decided otherwise than the cost models
    do, of tuning.CHOICES; with one, the compile tells its places.
    """

    target: str = "cpu"
    target_cpu: str = "host"
    opt_level: int = 2
    weights: str = "auto"
    emit: str = "vmfb"
    pass_pipeline: str | None = None
    iree_flags: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    accuracy: str = "exact"
    memory: str = "artifact"
    sequences: bool = True
    tuning: tuple[tuple[str, str, str | int], ...] | None = None
    target_triple: str = ""
    vulkan_target: str = "desktop"
    cuda_arch: str = "sm_80"
    metal_platform: str = "macos"

    def __post_init__(self) -> None:
        from .targets import TARGETS

        for name, value, allowed in [
            *(("target", name, tuple(TARGETS)) for name in self.targets),
            ("opt_level", self.opt_level, (0, 1, 2, 3)),
            ("weights", self.weights, ("auto", "embed", "external")),
            ("emit", self.emit, STAGES),
            ("accuracy", self.accuracy, ("exact", "dynamic")),
            ("memory", self.memory, ("artifact", "caller")),
            ("metal_platform", self.metal_platform, ("macos", "ios", "ios-simulator")),
        ]:
            if value not in allowed:
                raise ValueError(f"{name} {value!r} must be one of {', '.join(map(str, allowed))}")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError(f"target {self.target!r} names one twice")
        if len(self.processors) > 1:
            self._check_levels()
        if {"cpu", "wasm32"} <= set(self.targets):
            raise ValueError("target: cpu and wasm32 have one compiler, which makes code for one at a time")

    def _check_levels(self) -> None:
        """Raises ValueError for several processors that loading could not choose one of."""
        from .targets.cpu import LEVELS

        of = f"target_cpu {self.target_cpu!r}"
        if unknown := [name for name in self.processors if name not in LEVELS]:
            raise ValueError(f"{of}: {unknown[0]!r} is none of {', '.join(LEVELS)}")
        if list(self.processors) != sorted(set(self.processors), key=list(LEVELS).index):
            raise ValueError(f"{of}: the best comes first, and none twice: {', '.join(LEVELS)}")
        if self.processors[-1] != "generic":
            raise ValueError(f"{of} must end with generic, for processors that are none of these")
        machine = self.target_triple or platform.machine()
        if not machine.startswith(("x86_64", "AMD64")):
            raise ValueError(f"{of}: these are no processors of {machine}")
        if "vmvx" in self.targets:
            raise ValueError(f"{of}: vmvx has one device with cpu, which several processors fill")

    @property
    def processors(self) -> tuple[str, ...]:
        """The processors that code for the CPU is for, the one to prefer first."""
        return tuple(name.strip() for name in self.cpu.split(","))

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.target.split(","))

    @property
    def cpu(self) -> str:
        """The processor that code for the CPU is for."""
        return "generic" if self.target_triple and self.target_cpu == "host" else self.target_cpu

    def flags(self) -> list[str]:
        """IREE's flags for these options."""
        from .targets import flags

        return [
            f"--iree-opt-level=O{self.opt_level}",
            "--iree-vm-bytecode-module-strip-source-map=true",
            *flags(self),
            *self.iree_flags,
        ]

    @property
    def chooses(self) -> bool:
        """Whether what is best for the module is chosen, which is measured for the CPU and optimized code."""
        one = self.target == "cpu" and len(self.processors) == 1
        return one and not self.target_triple and self.opt_level >= 2

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CompileOptions:
        lists: dict[str, Any] = {"iree_flags": tuple(data["iree_flags"]), "aliases": tuple(map(tuple, data["aliases"]))}
        if data["tuning"] is not None:
            lists["tuning"] = tuple(map(tuple, data["tuning"]))
        return cls(**{**data, **lists})
