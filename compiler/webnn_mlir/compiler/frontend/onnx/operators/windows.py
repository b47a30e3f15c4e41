"""What convolutions and pooling share: windows along spatial axes. WebNN has them along two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webnn_mlir.dialects.webnn import MLOperand

from ..importer import NodeBuilder

Ints = list[int]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Windows:
    """Sizes of the input, and of windows on it, along each spatial axis; `padding` is before and after."""

    inputs: Ints
    kernel: Ints
    strides: Ints
    dilations: Ints
    padding: list[Pair]

    @property
    def reach(self) -> Ints:
        """How far each dilated window reaches."""
        return [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]

    @property
    def two(self) -> Windows:
        """The same windows along two axes: a single axis gets one of size 1 before it."""
        if len(self.inputs) == 2:
            return self
        first = [1]
        return Windows(first + self.inputs, first + self.kernel, first + self.strides, first + self.dilations,
                       [(0, 0), *self.padding])  # fmt: skip

    def __getitem__(self, axes: slice) -> Windows:
        """The windows along some of the axes."""
        return Windows(
            self.inputs[axes], self.kernel[axes], self.strides[axes], self.dilations[axes], self.padding[axes]
        )

    def counts(self) -> Ints:
        """How many windows there are along each axis."""
        totals = [size + sum(padding) for size, padding in zip(self.inputs, self.padding, strict=True)]
        return [(t - r) // s + 1 for t, r, s in zip(totals, self.reach, self.strides, strict=True)]

    @property
    def options(self) -> dict[str, Ints]:
        """WebNN's options of the windows along two axes."""
        two = self.two
        return {
            "strides": two.strides,
            "dilations": two.dilations,
            "padding": [amount for pair in two.padding for amount in pair],
        }


def windows_of(
    w: NodeBuilder,
    inputs: Sequence[int],
    kernel: Sequence[int],
    strides: Ints | None,
    dilations: Ints | None,
    pads: Ints | None,
    auto_pad: str,
) -> Windows:
    """Windows from a node's attributes. Raises OpError where they do not fit the input's axes."""
    rank = len(inputs)
    w.require(rank >= 1, "the input has no spatial axes")
    w.require(len(kernel) == rank, f"kernel_shape {list(kernel)} must have {rank} entries")
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    for name, values in ("strides", strides), ("dilations", dilations), ("kernel_shape", kernel):
        right = len(values) == rank and all(v > 0 for v in values)
        w.require(right, f"{name} {list(values)} must be {rank} numbers above 0")
    windows = Windows(list(inputs), list(kernel), strides, dilations, explicit_padding(w, pads, rank))
    modes = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]
    w.require(auto_pad in modes, f"auto_pad {auto_pad!r} must be one of {', '.join(modes)}")
    if auto_pad == "NOTSET":
        return windows
    padding = [(0, 0)] * rank
    if auto_pad != "VALID":
        # As many windows as strides begin in the input.
        counts = [-(-size // stride) for size, stride in zip(inputs, strides, strict=True)]
        totals = [
            max(0, (count - 1) * stride + reach - size)
            for count, stride, reach, size in zip(counts, strides, windows.reach, inputs, strict=True)
        ]
        padding = [halves(total, upper=auto_pad == "SAME_UPPER") for total in totals]
    return Windows(windows.inputs, windows.kernel, strides, dilations, padding)


def explicit_padding(w: NodeBuilder, pads: Ints | None, rank: int) -> list[Pair]:
    pads = pads or [0] * 2 * rank
    w.require(len(pads) == 2 * rank and min(pads) >= 0, f"pads {pads} must be {2 * rank} numbers, none below 0")
    return list(zip(pads[:rank], pads[rank:], strict=True))


def halves(total: int, *, upper: bool) -> Pair:
    """Padding in two parts, the larger one after the input where it is `upper`, else before it."""
    small, large = total // 2, total - total // 2
    return (small, large) if upper else (large, small)


def in_two(w: NodeBuilder, x: MLOperand) -> MLOperand:
    """[n, c, l] as [n, c, 1, l]; one of rank 4 as it is."""
    result: MLOperand = x if x.rank == 4 else w.reshape(x, [*x.shape[:2], 1, x.shape[2]])
    return result


def back(w: NodeBuilder, x: MLOperand, rank: int) -> MLOperand:
    """The inverse of `in_two`, for a result of this rank."""
    result: MLOperand = x if rank == 4 else w.reshape(x, [*x.shape[:2], x.shape[3]])
    return result
