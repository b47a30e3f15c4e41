"""Vulkan: SPIR-V for GPUs, and for drivers that compute on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .target import SPIRV, Target

if TYPE_CHECKING:
    from ..options import CompileOptions


DESKTOP = "desktop"
"""The profile that is compiled for by default, made of what drivers of desktop GPUs share and lavapipe has too."""

_DESKTOP = (
    '#iree_gpu.target<arch = "desktop", features = "spirv:v1.3,cap:Shader", wgp = <'
    # No float64, which several lack; no subgroups, whose size differs.
    "compute = fp32|fp16|int64|int32|int16|int8, storage = b64|b32|b16|b8, subgroup = none,"
    # What Vulkan guarantees to roadmap profiles from 2022 on, below which desktop drivers do not go.
    " subgroup_size_choices = [32], max_workgroup_sizes = [256, 256, 64],"
    " max_thread_count_per_workgroup = 256, max_workgroup_memory_bytes = 16384,"
    " max_workgroup_counts = [65535, 65535, 65535]>>"
)


def _device(options: CompileOptions) -> str:
    if options.vulkan_target != DESKTOP:
        return "vulkan"
    executable = f'#hal.executable.target<"vulkan-spirv", "vulkan-spirv-fb", {{iree_codegen.target_info = {_DESKTOP}}}>'
    return f'#hal.device.target<"vulkan", [{executable}]> : !hal.device'


def _flags(options: CompileOptions) -> list[str]:
    return [*SPIRV, *([] if options.vulkan_target == DESKTOP else [f"--iree-vulkan-target={options.vulkan_target}"])]


VULKAN = Target(_device, _flags, lacks=frozenset({"float64", "narrow division", "sums of other widths"}))
