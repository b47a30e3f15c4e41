"""What convolutions and pooling share: options of windows, layouts, output sizes."""

from collections.abc import Sequence
from fractions import Fraction

from ..attributes import UNSIGNED_LONGS, enum
from ..declaration import AttributeSpec, OpView, attribute

INPUT_LAYOUT = enum("MLInputOperandLayout", "nchw", "nhwc")

PADDING = attribute("padding", UNSIGNED_LONGS, (0, 0, 0, 0))
STRIDES = attribute("strides", UNSIGNED_LONGS, (1, 1))
DILATIONS = attribute("dilations", UNSIGNED_LONGS, (1, 1))


def layout_attribute(name: str) -> AttributeSpec:
    return attribute(name, INPUT_LAYOUT, "nchw")


def require_options(op: OpView) -> None:
    """The rules of padding, strides and dilations."""
    op.require(len(op.padding) == 4, f"padding {list(op.padding)} must have 4 entries")
    for name in ("strides", "dilations"):
        values = list(getattr(op, name))
        op.require(len(values) == 2 and 0 not in values, f"{name} {values} must be two numbers above 0")


def spatial_axes(layout: str) -> tuple[int, int]:
    """The axes of height and width."""
    return layout.index("h"), layout.index("w")


def shaped(layout: str, batches: int, channels: int, sizes: Sequence[int]) -> list[int]:
    """A shape in a layout."""
    lengths = {"n": batches, "c": channels, "h": sizes[0], "w": sizes[1]}
    return [lengths[axis] for axis in layout]


def effective_size(window: int, dilation: int) -> int:
    """How far a dilated window reaches."""
    return (window - 1) * dilation + 1


def output_size(size: int, window: int, padding: Sequence[int], stride: int, dilation: int) -> Fraction:
    """https://www.w3.org/TR/webnn/#mlgraphbuilder-calculate-conv-output-size, not yet rounded."""
    return Fraction(size - effective_size(window, dilation) + sum(padding), stride) + 1


def pairs(padding: Sequence[int]) -> list[tuple[int, int]]:
    """[beginningHeight, endingHeight, beginningWidth, endingWidth] an axis."""
    return [(padding[0], padding[1]), (padding[2], padding[3])]
