"""Activations, normalizations and reductions of ONNX, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import Case, Draw, Run, by_reference, case, compare, fixed, problem_of


@pytest.fixture
def x() -> Draw:
    return Draw()


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
def test_softmax(run: Run, tmp_path: Path, x: Draw, op: str) -> None:
    cube = x(2, 3, 4)
    cube[0, 1, 2] = cube[0, 1, 3] = 9
    compare(run, tmp_path, {"last": case(op, cube)} | {str(a): case(op, cube, axis=a) for a in range(-3, 3)})
    # Before opset 13, all axes from the given one on.
    compare(run, tmp_path, {"first": case(op, cube)} | {str(a): case(op, cube, axis=a) for a in range(-3, 3)}, opset=11)


def test_activations(run: Run, tmp_path: Path, x: Draw) -> None:
    v = 3 * x(3, 5)
    v[0, 0] = 0
    compare(run, tmp_path, {
        "Elu": case("Elu", v, alpha=1.5),
        "Selu": case("Selu", v),
        "Selu2": case("Selu", v, alpha=2.0, gamma=3.0),
        "Celu": case("Celu", v),
        "Celu2": case("Celu", v, alpha=0.5),
        "LeakyRelu": case("LeakyRelu", v),
        "LeakyRelu2": case("LeakyRelu", v, alpha=0.3),
        "ThresholdedRelu": case("ThresholdedRelu", v, alpha=0.7),
        "PRelu": case("PRelu", v, x(5)),
        "HardSigmoid": case("HardSigmoid", v),
        "HardSigmoid2": case("HardSigmoid", v, alpha=0.5, beta=0.6),
        "HardSwish": case("HardSwish", v),
        "Gelu": case("Gelu", v),
        "GeluTanh": case("Gelu", v, approximate="tanh"),
        "Mish": case("Mish", v),
        "Shrink": case("Shrink", v, bias=0.2, lambd=1.0),
        "ShrinkIntegers": case("Shrink", x.integers(-5, 5, 9), bias=1.0, lambd=1.5),
    })  # fmt: skip
    swish = {"Swish": case("Swish", v), "Swish2": case("Swish", v, alpha=1.7)}
    compare(run, tmp_path, {name: by_reference(c, 24) for name, c in swish.items()}, opset=24)


def batch(x: Draw, *shape: int) -> list[np.ndarray]:
    c = shape[1]
    return [x(*shape), x(c), x(c), x(c), np.abs(x(c)) + 0.5]


def test_batch_normalization(run: Run, tmp_path: Path, x: Draw) -> None:
    op = "BatchNormalization"
    for opset in (7, 9, 15):
        compare(run, tmp_path, {
            "image": case(op, *batch(x, 2, 3, 4, 5)),
            "epsilon": case(op, *batch(x, 2, 3, 4), epsilon=0.1),
            "matrix": case(op, *batch(x, 2, 3)),
        }, opset=opset)  # fmt: skip
    training = case(op, *batch(x, 2, 3, 4, 5), training_mode=1, outputs=3, momentum=0.7)
    compare(run, tmp_path, {"training": by_reference(training, 15)}, opset=15)


def lrn(x: np.ndarray) -> np.ndarray:
    """With windows of one channel before, the channel and two after, which ONNX Runtime does not have."""
    squares = np.stack([(x[:, max(0, c - 1) : c + 3] ** 2).sum(1) for c in range(x.shape[1])], 1)
    return (x / (1.5 + 0.3 / 4 * squares) ** 0.6).astype(np.float32)


def test_normalizations(run: Run, tmp_path: Path, x: Draw) -> None:
    image, line, cube = x(2, 6, 4, 5), x(2, 6, 7), x(2, 6, 2, 3, 2)
    zeros = x(3, 4)
    zeros[1] = 0
    instance, layer, lp = "InstanceNormalization", "LayerNormalization", "LpNormalization"
    compare(run, tmp_path, {
        **{f"instance{v.ndim}": case(instance, v, x(6), x(6)) for v in (line, image, cube)},
        "layer": case(layer, line, x(7), x(7), epsilon=1e-3),
        "layer-axis": case(layer, image, x(6, 4, 5), axis=1),
        "layer-broadcast": case(layer, image, x(5), x(4, 5), axis=1),
        "layer-moments": case(layer, image, x(4, 5), x(4, 5), axis=-2, outputs=3),
        "lrn": case("LRN", image, size=3),
        "lrn-wide": case("LRN", image, size=19),
        "lrn-even": case("LRN", image, size=4, alpha=0.3, beta=0.6, bias=1.5, expected=[lrn(image)]),
        "lrn-line": case("LRN", line, size=4, alpha=0.3, beta=0.6, bias=1.5, expected=[lrn(line)]),
        "l1": case(lp, line, p=1, axis=1),
        "l2": case(lp, line),
        "zeros": case(lp, zeros),
        "mvn": case("MeanVarianceNormalization", image),
        "mvn-axes": case("MeanVarianceNormalization", image, axes=[1, -1]),
    }, opset=17)  # fmt: skip


def test_group_normalization(run: Run, tmp_path: Path, x: Draw) -> None:
    image = x(2, 6, 4, 5)
    channels = case("GroupNormalization", image, x(6), x(6), num_groups=3)
    compare(run, tmp_path, {"channels": by_reference(channels, 21)}, opset=21)
    scale, bias = x(3), x(3)
    spread = case("GroupNormalization", image, np.repeat(scale, 2), np.repeat(bias, 2), num_groups=3)
    answer = by_reference(spread, 21).expected
    groups = case("GroupNormalization", image, scale, bias, num_groups=3, expected=answer)
    compare(run, tmp_path, {"groups": groups}, opset=18)


REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


def test_reductions(run: Run, tmp_path: Path, x: Draw) -> None:
    cube = np.abs(x(2, 3, 4)) + 0.1

    def cases(op: str) -> dict[str, Case]:
        return {
            f"{op}-all": case(op, cube),
            f"{op}-gone": case(op, cube, fixed([1]), keepdims=0),
            f"{op}-two": case(op, cube, fixed([-1, 0])),
            f"{op}-empty": case(op, cube, fixed([]), keepdims=0),
        }

    compare(run, tmp_path, {n: c for op in REDUCTIONS for n, c in cases(f"Reduce{op}").items()}, opset=18)
    compare(run, tmp_path, {
        f"{op}-{keep}": case(f"Reduce{op}", cube, axes=[0, -1], keepdims=keep) for op in REDUCTIONS for keep in (0, 1)
    }, opset=11)  # fmt: skip


def test_reductions_over_no_axis(run: Run, tmp_path: Path, x: Draw) -> None:
    v = np.abs(x(2, 3)) + 0.1
    each = {"LogSum": np.log, "SumSquare": np.square, "L2": np.abs, "L1": np.abs}
    compare(run, tmp_path, {
        op: case(f"Reduce{op}", v, noop_with_empty_axes=1, expected=[each.get(op, np.copy)(v)]) for op in REDUCTIONS
    }, opset=18)  # fmt: skip


def test_reductions_of_integers(run: Run, tmp_path: Path, x: Draw) -> None:
    v = x.integers(-9, 9, 3, 4)
    small = x.integers(0, 200, 3, 4, dtype=np.uint8)
    truth = np.asarray([[True, False], [False, False]])
    compare(run, tmp_path, {
        **{op: case(f"Reduce{op}", v, fixed([1])) for op in ("L1", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")},
        "wide": case("ReduceSum", v.astype(np.int64), fixed([0])),
        "bytes": case("ReduceMax", small, fixed([0])),
        "truth-max": case("ReduceMax", truth, fixed([1])),
        "truth-min": case("ReduceMin", truth, fixed([1])),
    }, opset=20)  # fmt: skip


def test_arg_extremes(run: Run, tmp_path: Path, x: Draw) -> None:
    ties = x.integers(0, 3, 4, 5).astype(np.float32)
    options = [{}, {"axis": 1}, {"axis": -1, "keepdims": 0}, {"axis": 1, "select_last_index": 1}]
    compare(run, tmp_path, {
        f"{op}{i}": case(op, ties, **o) for op in ("ArgMax", "ArgMin") for i, o in enumerate(options)
    } | {"bytes": case("ArgMax", x.integers(-9, 9, 3, 4, dtype=np.int8))})  # fmt: skip
    compare(run, tmp_path, {"old": case("ArgMax", ties, axis=1)}, opset=11)


def test_cum_sum(run: Run, tmp_path: Path, x: Draw) -> None:
    v = x(3, 5)
    compare(run, tmp_path, {
        f"{e}{r}{axis}": case("CumSum", v, fixed(axis), exclusive=e, reverse=r)
        for e in (0, 1) for r in (0, 1) for axis in (0, -1)
    } | {"integers": case("CumSum", x.integers(0, 9, 3, 4), fixed([1], np.int32))})  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (case("Softmax", np.zeros((2, 3), np.float32), axis=2), "axis 2 must be from -2 to 1"),
        (case("ReduceSum", np.zeros((2, 3), np.float32), fixed([4])), "axis 4 must be from -2 to 1"),
        (case("ReduceSum", np.zeros((2, 3), np.float32), np.zeros(1, np.int64)), "'axes' must be known at import"),
        (case("LpNormalization", np.zeros((2, 3), np.float32), p=3), "p 3 must be 1 or 2"),
        (case("Gelu", np.zeros(3, np.float32), approximate="sigmoid"), "'sigmoid' must be none or tanh"),
    ],
)
def test_what_formulas_are_not(tmp_path: Path, given: Case, problem: str) -> None:
    assert problem in problem_of(tmp_path, given)
