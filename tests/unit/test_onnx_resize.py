"""Resize, Upsample and Pad of ONNX, against ONNX Runtime and ONNX's reference implementation."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_models import Case, Draw, Run, by_reference, case, compare, fixed, model, problem_of


@pytest.fixture
def x() -> Draw:
    return Draw()


def scaled(image: np.ndarray, scales: list[float], **attributes: Any) -> Case:
    return case("Resize", image, None, fixed(scales, np.float32), **attributes)


def sized(image: np.ndarray, sizes: list[int], **attributes: Any) -> Case:
    return case("Resize", image, None, None, fixed(sizes), **attributes)


COORDINATES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"]


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_nearest(run: Run, tmp_path: Path, x: Draw, coordinates: str) -> None:
    image = x(1, 2, 4, 6)
    modes = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
    sizes = {"up": [1, 2, 8, 18], "odd": [1, 2, 7, 5], "down": [1, 2, 2, 3]}
    compare(run, tmp_path, {
        f"{mode}-{name}": sized(image, size, coordinate_transformation_mode=coordinates, nearest_mode=mode)
        for mode, (name, size) in product(modes, sizes.items())
    })  # fmt: skip


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_linear_and_cubic(run: Run, tmp_path: Path, x: Draw, coordinates: str) -> None:
    image = x(1, 2, 4, 6)
    sizes = {"up": [1, 2, 8, 18], "odd": [1, 2, 7, 5], "down": [1, 2, 2, 3]}
    compare(run, tmp_path, {
        f"{mode}-{name}-{o}": sized(
            image, size, mode=mode, coordinate_transformation_mode=coordinates, exclude_outside=o
        )
        for mode, (name, size), o in product(["linear", "cubic"], sizes.items(), [0, 1]) if mode == "cubic" or not o
    }, tolerance=1e-4)  # fmt: skip


def test_scales(run: Run, tmp_path: Path, x: Draw) -> None:
    image = x(1, 2, 5, 6)
    compare(run, tmp_path, {
        f"{mode}-{i}": scaled(image, scales, mode=mode)
        for mode in ("nearest", "linear", "cubic")
        for i, scales in enumerate([[1, 1, 2, 2], [1, 1, 0.6, 0.6], [1, 1, 1.7, 1], [1, 1, 1, 1]])
    }, tolerance=1e-4)  # fmt: skip


def test_what_only_the_reference_does(run: Run, tmp_path: Path, x: Draw) -> None:
    image, cube = x(1, 2, 4, 6), x(1, 1, 3, 4, 5)
    crop = fixed([0, 0, 0.4, 0.6, 1, 1, 0.6, 1.7], np.float32)
    cases = {
        "antialias": scaled(image, [1, 1, 0.6, 0.6], mode="linear", antialias=1),
        "antialias-cubic": scaled(image, [1, 1, 0.6, 0.4], mode="cubic", antialias=1),
        "antialias-excluded": scaled(image, [1, 1, 0.6, 0.4], mode="cubic", antialias=1, exclude_outside=1),
        "axes": sized(image, [3, 9], axes=[3, 2], mode="linear"),
        "axes-scales": scaled(image, [2, 2.5], axes=[2, 3], mode="cubic"),
        "channels": sized(image, [2, 5, 4, 6], mode="linear"),
        "cube": sized(cube, [1, 1, 5, 5, 5], mode="linear", coordinate_transformation_mode="align_corners"),
        "larger": sized(image, [7, 8], axes=[2, 3], keep_aspect_ratio_policy="not_larger"),
        "smaller": sized(image, [7, 8], axes=[2, 3], keep_aspect_ratio_policy="not_smaller", mode="linear"),
        **{
            mode: scaled(image, [1, 1, 0.6, 0.6], mode="linear", coordinate_transformation_mode=mode)
            for mode in ("half_pixel_symmetric", "align_corners")
        },
        "crop": case("Resize", image, crop, None, fixed([1, 2, 3, 3]), mode="linear", extrapolation_value=10.0,
                     coordinate_transformation_mode="tf_crop_and_resize"),
        "a": sized(image, [1, 2, 7, 5], mode="cubic", cubic_coeff_a=-0.5),
    }  # fmt: skip
    compare(run, tmp_path, {n: by_reference(c, 19) for n, c in cases.items()}, opset=19, tolerance=1e-5)


def test_an_element_that_is_no_number_stays_alone(run: Run, tmp_path: Path, x: Draw) -> None:
    line = x(1, 1, 9)
    line[0, 0, 4] = np.nan
    compare(run, tmp_path, {"cubic": by_reference(sized(line, [1, 1, 18], mode="cubic"), 19)}, opset=19)


def test_half_precision(run: Run, tmp_path: Path, x: Draw) -> None:
    image = x(1, 2, 4, 6, dtype=np.float16)
    cubic = sized(image, [1, 2, 7, 9], mode="cubic")
    compare(run, tmp_path, {"cubic": by_reference(cubic, 19)}, opset=19, tolerance=2e-3)


def test_older_forms(run: Run, tmp_path: Path, x: Draw) -> None:
    image = x(1, 2, 4, 6)
    scales = fixed([1, 1, 2, 3], np.float32)
    compare(run, tmp_path, {
        mode: case("Upsample", image, mode=mode, scales=[1.0, 1, 2, 3]) for mode in ("nearest", "linear")
    }, opset=7)  # fmt: skip
    compare(run, tmp_path, {
        mode: case("Upsample", image, scales, mode=mode) for mode in ("nearest", "linear")
    }, opset=9)  # fmt: skip
    compare(run, tmp_path, {
        **{mode: case("Resize", image, scales, mode=mode) for mode in ("nearest", "linear")},
        "down": case("Resize", image, fixed([1, 1, 0.6, 0.4], np.float32)),
    }, opset=10)  # fmt: skip
    compare(run, tmp_path, {
        "roi": case("Resize", image, fixed([], np.float32), scales, mode="linear"),
        "sizes": case("Resize", image, fixed([], np.float32), fixed([], np.float32), fixed([1, 2, 5, 5])),
    }, opset=11)  # fmt: skip


def test_bytes(run: Run, tmp_path: Path, x: Draw) -> None:
    image = x.integers(0, 256, 1, 2, 4, 6, dtype=np.uint8)
    compare(run, tmp_path, {"nearest": sized(image, [1, 2, 8, 12]), "other": sized(image, [1, 2, 7, 5])})


def test_resample2d_where_it_is_the_same(tmp_path: Path, x: Draw) -> None:
    from webnn_mlir.compiler.frontend.onnx import read_onnx

    def ops(c: Case) -> set[str]:
        proto, _ = model({"n": c}, 19)
        proto.graph.output[0].CopyFrom(
            onnx.helper.make_tensor_value_info("n=0", onnx.TensorProto.FLOAT, [None] * 4)
        )
        onnx.save(proto, tmp_path / "m.onnx")
        return {node.op.name for node in read_onnx(tmp_path / "m.onnx").nodes}

    image = x(1, 2, 4, 6)
    asymmetric = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    assert ops(scaled(image, [1, 1, 2, 2], **asymmetric)) == {"resample2d"}
    assert ops(sized(image, [1, 2, 7, 9], mode="linear")) == {"resample2d"}
    assert ops(scaled(image, [1, 1, 1.5, 1.5], **asymmetric | {"nearest_mode": "ceil"})) == {"gather"}
    assert ops(sized(image, [1, 2, 7, 9], mode="cubic")) == {"gather", "mul", "add"}
    assert ops(sized(x(1, 1, 1, 99999), [1, 1, 1, 199999], mode="linear")) == {"resample2d"}


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_pad(run: Run, tmp_path: Path, x: Draw, mode: str) -> None:
    image = x(2, 3, 4, 5)
    pads = {"some": [0, 1, 2, 0, 1, 0, 1, 2], "less": [0, -1, 1, 0, 0, 1, -2, 2], "far": [0, 0, 5, 0, 0, 0, 0, 6]}
    far = {"far"} if mode == "reflect" else set()
    cases = {n: case("Pad", image, fixed(p), mode=mode) for n, p in pads.items() if n not in far}
    cases["axes"] = case("Pad", image, fixed([1, 2, 2, 0]), None, fixed([-1, 1]), mode=mode)
    cases["integers"] = case("Pad", x.integers(0, 9, 3, 4), fixed([1, 0, 0, 2]), mode=mode)
    if mode == "constant":
        cases["value"] = case("Pad", image, fixed(pads["some"]), fixed(1.5, np.float32))
        cases["computed"] = case("Pad", image, fixed(pads["less"]), np.asarray(1.5, np.float32))
    compare(run, tmp_path, cases, opset=19)


def test_reflection_back_and_forth(run: Run, tmp_path: Path) -> None:
    line = np.arange(3, dtype=np.float32)
    answer = np.pad(line, (5, 4), "reflect")
    compare(run, tmp_path, {"far": case("Pad", line, fixed([5, 4]), mode="reflect", expected=[answer])})


def test_pad_by_attributes(run: Run, tmp_path: Path, x: Draw) -> None:
    compare(run, tmp_path, {
        "constant": case("Pad", x(2, 3), pads=[1, 0, 0, 2], value=2.5),
        "edge": case("Pad", x(2, 3), pads=[1, 0, 0, 2], mode="edge"),
    }, opset=7)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (sized(np.zeros((1, 1, 2, 2), np.float32), [1, 1, 4], mode="linear"), "sizes [1, 1, 4] must have an entry"),
        (sized(np.zeros((1, 1, 2, 2), np.float32), [1, 1, 4, 2**30]), "axis 3 would get 1073741824 elements"),
        (scaled(np.zeros((1, 1, 2, 2), np.float32), [1, 1, 0, 1]), "must be above 0"),
        (sized(np.zeros((1, 1, 2, 2), np.float32), [1, 1, 4, 4], mode="area"), "mode 'area' must be nearest, linear"),
        (case("Pad", np.zeros((2, 2), np.float32), fixed([0, -1, 0, -1])), "leave nothing of [2, 2]"),
        (case("Pad", np.zeros((2, 2), np.float32), fixed([0, 1])), "must have two entries for each of 2 axes"),
        (case("Pad", np.zeros((2, 2), np.float32), np.zeros(4, np.int64)), "input 'pads' must be known at import"),
    ],
)
def test_what_resize_and_pad_are_not(tmp_path: Path, given: Case, problem: str) -> None:
    assert problem in problem_of(tmp_path, given)
