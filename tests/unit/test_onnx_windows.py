"""Convolutions and pooling of ONNX, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import Draw, Run, by_reference, case, compare, problem_of


@pytest.fixture
def x() -> Draw:
    return Draw()


def test_conv(run: Run, tmp_path: Path, x: Draw) -> None:
    image, weights, line = x(2, 4, 7, 9), x(6, 4, 3, 2), x(2, 4, 11)
    compare(run, tmp_path, {
        "plain": case("Conv", image, weights),
        "bias": case("Conv", image, weights, x(6), pads=[1, 0, 2, 1], strides=[2, 3]),
        "dilated": case("Conv", image, weights, dilations=[2, 3], kernel_shape=[3, 2]),
        "groups": case("Conv", image, x(6, 2, 3, 3), group=2, pads=[1, 1, 1, 1]),
        "depthwise": case("Conv", image, x(8, 1, 3, 3), x(8), group=4),
        "upper": case("Conv", image, weights, auto_pad="SAME_UPPER", strides=[2, 2]),
        "lower": case("Conv", image, weights, auto_pad="SAME_LOWER", strides=[2, 2]),
        "valid": case("Conv", image, weights, auto_pad="VALID"),
        "line": case("Conv", line, x(6, 4, 3), x(6), pads=[1, 2], strides=[2], dilations=[2]),
        "line-upper": case("Conv", line, x(6, 4, 4), auto_pad="SAME_UPPER"),
    })  # fmt: skip


def test_three_axes(run: Run, tmp_path: Path, x: Draw) -> None:
    cube = x(2, 4, 5, 6, 7)
    window = {"kernel_shape": [3, 2, 3], "strides": [2, 1, 2], "pads": [1, 0, 1, 0, 1, 1]}
    compare(run, tmp_path, {
        "conv": case("Conv", cube, x(6, 4, 3, 2, 2), x(6)),
        "conv-groups": case("Conv", cube, x(6, 2, 3, 2, 3), group=2, **window),
        "conv-dilated": case("Conv", cube, x(3, 4, 2, 2, 2), dilations=[3, 2, 1]),
        "max": case("MaxPool", cube, **window),
        "max-ceil": case("MaxPool", cube, ceil_mode=1, **window),
        # ONNX Runtime has other values as soon as indices are asked for.
        "max-indices": by_reference(case("MaxPool", cube, outputs=2, **window), 21),
        "average": case("AveragePool", cube, **window),
        "average-counted": case("AveragePool", cube, count_include_pad=1, **window),
        "average-ceil": case("AveragePool", cube, ceil_mode=1, count_include_pad=1, **window),
        "lp": case("LpPool", cube, **window),
        "lp1": case("LpPool", cube, p=1, **window),
    })  # fmt: skip


def test_conv_transpose(run: Run, tmp_path: Path, x: Draw) -> None:
    image, weights, line = x(2, 4, 4, 5), x(4, 3, 3, 2), x(2, 4, 6)
    compare(run, tmp_path, {
        "plain": case("ConvTranspose", image, weights),
        "bias": case("ConvTranspose", image, weights, x(3), pads=[1, 0, 1, 1], strides=[2, 3]),
        "dilated": case("ConvTranspose", image, weights, dilations=[2, 3]),
        "groups": case("ConvTranspose", image, weights, x(6), group=2, strides=[2, 2]),
        "more": case("ConvTranspose", image, weights, strides=[3, 3], output_padding=[1, 2]),
        "more-less": case("ConvTranspose", image, weights, strides=[3, 3], output_padding=[2, 2], pads=[0, 1, 1, 1]),
        "shape": case("ConvTranspose", image, weights, strides=[3, 2], output_shape=[10, 8]),
        "odd-shape": case("ConvTranspose", image, weights, strides=[3, 2], output_shape=[9, 7]),
        "upper-shape": case(
            "ConvTranspose", image, weights, strides=[3, 2], output_shape=[9, 7], auto_pad="SAME_UPPER"
        ),
        "upper": case("ConvTranspose", image, weights, strides=[2, 1], auto_pad="SAME_UPPER"),
        "lower": case("ConvTranspose", image, weights, strides=[2, 1], auto_pad="SAME_LOWER"),
        "line": case("ConvTranspose", line, x(4, 3, 4), x(3), pads=[1, 2], strides=[2]),
    })  # fmt: skip


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
def test_pool(run: Run, tmp_path: Path, x: Draw, op: str) -> None:
    image, line = x(2, 3, 8, 9), x(2, 3, 11)
    windows = {
        "plain": {"kernel_shape": [3, 2]},
        "padded": {"kernel_shape": [3, 3], "pads": [1, 0, 1, 2], "strides": [2, 3]},
        "dilated": {"kernel_shape": [3, 2], "dilations": [2, 3]},
        "upper": {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
        "lower": {"kernel_shape": [3, 2], "auto_pad": "SAME_LOWER", "strides": [2, 2]},
        "valid": {"kernel_shape": [3, 2], "auto_pad": "VALID", "strides": [2, 2]},
        "ceil": {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        "ceil-padded": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 1], "ceil_mode": 1},
        # The window that would begin in the padding after the input is left out.
        "ceil-left-out": {"kernel_shape": [1, 2], "strides": [3, 4], "pads": [0, 0, 0, 1], "ceil_mode": 1},
    }
    cases = {name: case(op, image, **window) for name, window in windows.items()}
    cases["line"] = case(op, line, kernel_shape=[3], strides=[2], pads=[1, 0], ceil_mode=1)
    if op == "AveragePool":
        cases |= {f"{n}-counted": case(op, image, count_include_pad=1, **window) for n, window in windows.items()}
    if op == "LpPool":
        cases |= {f"{n}-{p}": case(op, image, p=p, **window) for n, window in windows.items() for p in (1, 3)}
    compare(run, tmp_path, cases)


def test_max_pool_indices(run: Run, tmp_path: Path, x: Draw) -> None:
    image = x(2, 3, 8, 9)
    windows = {
        "plain": {"kernel_shape": [3, 2]},
        "padded": {"kernel_shape": [3, 3], "pads": [1, 0, 1, 2], "strides": [2, 3]},
        "dilated": {"kernel_shape": [3, 2], "dilations": [2, 3]},
        "columns": {"kernel_shape": [3, 2], "storage_order": 1},
    }
    cases = {name: case("MaxPool", image, outputs=2, **window) for name, window in windows.items()}
    cases["line"] = case("MaxPool", x(2, 3, 11), outputs=2, kernel_shape=[3], pads=[1, 1])
    compare(run, tmp_path, cases)


def test_max_pool_of_bytes(run: Run, tmp_path: Path, x: Draw) -> None:
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    compare(run, tmp_path, {
        "signed": case("MaxPool", x.integers(-128, 128, 1, 2, 5, 5, dtype=np.int8), **window),
        "unsigned": case("MaxPool", x.integers(0, 256, 1, 2, 5, 5, dtype=np.uint8), **window),
    })  # fmt: skip


def test_global_pools(run: Run, tmp_path: Path, x: Draw) -> None:
    inputs = {"line": x(2, 3, 5), "image": x(2, 3, 5, 4), "space": x(2, 3, 2, 3, 4)}
    ops = {"GlobalMaxPool": [{}], "GlobalAveragePool": [{}], "GlobalLpPool": [{"p": 1}, {}, {"p": 3}]}
    compare(run, tmp_path, {
        f"{op}-{name}-{i}": case(op, array, **options)
        for op, forms in ops.items() for i, options in enumerate(forms) for name, array in inputs.items()
    })  # fmt: skip


def test_half_precision(run: Run, tmp_path: Path, x: Draw) -> None:
    image = x(1, 4, 6, 6, dtype=np.float16)
    compare(run, tmp_path, {
        "conv": case("Conv", image, x(6, 4, 3, 3, dtype=np.float16)),
        "average": case("GlobalAveragePool", image),
    }, tolerance=2e-3)  # fmt: skip


@pytest.mark.parametrize(
    ("op", "shapes", "attributes", "problem"),
    [
        ("ConvTranspose", [(1, 2, 3, 3, 3), (2, 2, 1, 1, 1)], {}, "3 spatial axes are not supported; 1 and 2 are"),
        ("Conv", [(1, 2, 3, 3, 3), (2, 2, 4, 1, 1)], {}, "kernel_shape [4, 1, 1], dilated, must fit"),
        ("Conv", [(1, 2, 3, 3), (2, 2, 1, 1)], {"pads": [-1, 0, 0, 0]}, "pads [-1, 0, 0, 0] must be 4 numbers"),
        ("Conv", [(1, 2, 3, 3), (2, 2, 1, 1)], {"strides": [0, 1]}, "strides [0, 1] must be 2 numbers above 0"),
        ("Conv", [(1, 2, 3, 3), (2, 2, 1, 1)], {"kernel_shape": [2, 2]}, "kernel_shape [2, 2] must be that of W"),
        ("Conv", [(1, 2, 3, 3), (2, 2, 1, 1)], {"auto_pad": "LEFT"}, "auto_pad 'LEFT' must be one of"),
        ("Conv", [(1, 3, 3, 3), (2, 2, 1, 1)], {}, "conv2d: "),
        ("MaxPool", [(1, 2, 3, 3)], {"kernel_shape": [2]}, "kernel_shape [2] must have 2 entries"),
        ("MaxPool", [(1, 2, 3, 3)], {"kernel_shape": [4, 4]}, "must fit in the padded input"),
    ],
)
def test_what_windows_are_not(
    tmp_path: Path, x: Draw, op: str, shapes: list[tuple[int, ...]], attributes: dict, problem: str
) -> None:
    assert problem in problem_of(tmp_path, case(op, *(x(*shape) for shape in shapes), **attributes))
