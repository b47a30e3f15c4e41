"""A matrix product with quantized weights, as the kernels compute it."""

from __future__ import annotations

from dataclasses import dataclass

from .machine import Machine


@dataclass(frozen=True)
class Product:
    """y[rows, columns] = x[rows, depth] @ (q - zero) * scale, where x and y are float32 and q has `bits` bits.

    Each `block` along the depth has a scale a column, or the whole column has one (`whole`; then the block is what
    kernels work in). `scale` is f32 or f16. `zero` is the zero point of all weights, or None: there is one for each
    scale. How the weights lie in memory tells `packing`.
    """

    machine: Machine
    rows: int
    depth: int
    columns: int
    block: int
    bits: int
    scale: str = "f32"
    zero: int | None = None
    whole: bool = False

    @property
    def name(self) -> str:
        """One for all products of these sizes."""
        zero = "" if self.zero is None else f"_zero{self.zero % 256}"
        block = "whole" if self.whole else f"block{self.block}"
        return f"{self.rows}x{self.depth}x{self.columns}_i{self.bits}_{block}_{self.scale}{zero}"

    @property
    def blocks(self) -> int:
        return -(-self.depth // self.block)

    @property
    def groups(self) -> int:
        """Of columns, as many in each as the machine has lanes."""
        return -(-self.columns // self.machine.lanes)

    @property
    def block_bytes(self) -> int:
        """The bytes of a block of a group of columns."""
        return self.block * self.machine.lanes * self.bits // 8

    @property
    def signed(self) -> bool:
        """Whether stored weights and zero points are signed bytes."""
        return self.machine.signed and self.bits == 8

    @property
    def weights(self) -> dict[str, str]:
        """The parameters that hold the weights, with their types."""
        types = {"weights": self.weights_type, "factors": self.scales_type}
        return types if self.zero is not None else types | {"zeros": self.zeros_type}

    @property
    def scales(self) -> int:
        """Scales a column."""
        return 1 if self.whole else self.blocks

    @property
    def weights_type(self) -> str:
        return f"{self.groups * self.blocks * self.block_bytes}xi8"

    @property
    def scales_type(self) -> str:
        return f"{self.groups * self.scales * self.machine.lanes}x{self.scale}"

    @property
    def zeros_type(self) -> str:
        return f"{self.groups * self.scales * self.machine.lanes}xi8"
