"""Reductions, argMin and argMax, cumulativeSum, softmax and triangular against NumPy."""

import math

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import DataType, GraphBuilder
from webnn_mlir.dialects.webnn.types import ALL, FLOATS, WIDE

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

REDUCTIONS = {
    "reduce_l1": lambda x, **axes: np.sum(np.abs(x), **axes),
    "reduce_l2": lambda x, **axes: np.sqrt(np.sum(x * x, **axes)),
    "reduce_log_sum": lambda x, **axes: np.log(np.sum(x, **axes)),
    "reduce_log_sum_exp": lambda x, **axes: np.log(np.sum(np.exp(x), **axes)),
    "reduce_max": np.max,
    "reduce_mean": np.mean,
    "reduce_min": np.min,
    "reduce_product": np.prod,
    "reduce_sum": np.sum,
    "reduce_sum_square": lambda x, **axes: np.sum(x * x, **axes),
}
OF_INTEGERS = ["reduce_l1", "reduce_product", "reduce_sum", "reduce_sum_square"]


def relative(data_type):
    return 16 * float(np.finfo(np.float32).eps) if data_type is DataType.FLOAT32 else float(np.finfo(np.float16).eps)


def run_one(run, x, make):
    """Outputs by name of `make(builder, operand)`."""
    b = GraphBuilder()
    return run(b.graph(make(b, b.input("x", str(x.dtype), list(x.shape)))), {"x": x})


def reductions_of(x, names, cases):
    """Outputs and references of every reduction with every (axes, keepDimensions)."""

    def make(b, operand):
        return {
            f"{name} {axes} {keep}": getattr(b, name)(operand, axes=axes, keep_dimensions=keep)
            for name in names
            for axes, keep in cases
        }

    def reference(name, axes, keep):
        return REDUCTIONS[name](x, axis=None if axes is None else tuple(axes), keepdims=keep)

    return make, {f"{name} {axes} {keep}": reference(name, axes, keep) for name in names for axes, keep in cases}


@pytest.mark.parametrize("data_type", FLOATS)
@pytest.mark.parametrize(
    ("shape", "cases"),
    [
        ((), [(None, False), ([], True)]),
        ((5,), [(None, True), ([0], False), ([], False)]),
        ((3, 4, 5), [([2, 0], False), ([1], True), (None, False)]),
        ((2, 3, 1, 4, 5), [([4, 1], True), ([0, 2, 3], False)]),
    ],
)
def test_reductions(run, data_type, shape, cases):
    x = np.random.default_rng(3).uniform(0.25, 2, shape).astype(data_type.numpy)
    make, references = reductions_of(x.astype(np.float64), list(REDUCTIONS), cases)
    found = run_one(run, x, make)
    for name, reference in references.items():
        assert found[name].shape == np.shape(reference), name
        np.testing.assert_allclose(found[name].astype(np.float64), reference, rtol=relative(data_type), err_msg=name)


@pytest.mark.parametrize("data_type", [t for t in WIDE if not t.is_float])
def test_reductions_of_integers(run, data_type):
    """Sums and products wrap around."""
    low, high = data_type.range
    x = np.random.default_rng(4).integers(low, high, (3, 4, 5), data_type.numpy, endpoint=True)
    x[0, 0, :3] = [low, high, 0]
    # NumPy sums 32-bit integers up in 64 bits.
    make, references = reductions_of(x, OF_INTEGERS, [([1], False), ([0, 2], True)])
    for name, found in run_one(run, x, make).items():
        np.testing.assert_array_equal(found, references[name].astype(x.dtype), name)


@pytest.mark.parametrize("data_type", ALL)
def test_extremes(run, data_type):
    x = np.random.default_rng(5).integers(0, 100, (3, 4, 5)).astype(data_type.numpy)
    if not data_type.is_float:
        low, high = data_type.range
        x[:, 0, 0] = [low, high, 1]
    make, references = reductions_of(x, ["reduce_max", "reduce_min"], [([1], False), (None, False)])
    for name, found in run_one(run, x, make).items():
        np.testing.assert_array_equal(found, references[name], name)


@pytest.mark.parametrize("data_type", FLOATS)
def test_reductions_of_special_values(run, data_type):
    inf, nan = math.inf, math.nan
    x = np.array([[1, nan, 2], [inf, 1, -1], [-inf, -inf, -inf], [inf, -inf, 0], [300, 200, 100]], data_type.numpy)
    names = ["reduce_max", "reduce_min", "reduce_sum", "reduce_l2", "reduce_log_sum_exp"]
    found = run_one(run, x, lambda b, operand: {n: getattr(b, n)(operand, axes=[1]) for n in names})
    # 300² overflows float16, and e^300 float32, where their results do not.
    expected = {
        "reduce_max": [nan, inf, -inf, inf, 300],
        "reduce_min": [nan, -1, -inf, -inf, 100],
        "reduce_sum": [nan, inf, -inf, nan, 600],
        "reduce_l2": [nan, inf, inf, inf, math.sqrt(140000)],
        "reduce_log_sum_exp": [nan, inf, -inf, inf, 300],
    }
    for name in names:
        np.testing.assert_allclose(found[name], np.array(expected[name], data_type.numpy), rtol=1e-3, err_msg=name)


def test_float16_is_summed_up_in_float32(run):
    x = np.full((1, 5000), 1.25, np.float16)
    make, _ = reductions_of(x, ["reduce_sum", "reduce_mean", "reduce_l1"], [([1], False)])
    found = run_one(run, x, make)
    assert [v.item() for v in found.values()] == [6248, 1.25, 6248]


@pytest.mark.parametrize("data_type", ALL)
def test_arg_min_max(run, data_type):
    """The first of several."""
    x = np.random.default_rng(6).integers(0, 6, (3, 4, 5)).astype(data_type.numpy)
    if not data_type.is_float:
        x[:, 1, 1], x[:, 2, 2] = data_type.range

    def make(b, operand):
        return {
            f"{name} {axis}": getattr(b, name)(operand, axis, keep_dimensions=axis == 1, output_data_type=output)
            for name in ("arg_min", "arg_max")
            for axis, output in ((0, "int64"), (1, "int32"), (2, "int32"))
        }

    found = run_one(run, x, make)
    for axis in range(3):
        for name, reference in (("arg_min", np.argmin), ("arg_max", np.argmax)):
            expected = reference(x, axis=axis, keepdims=axis == 1)
            assert found[f"{name} {axis}"].dtype == (np.int64 if axis == 0 else np.int32)
            np.testing.assert_array_equal(found[f"{name} {axis}"], expected, name)


def test_arg_min_max_of_special_values(run):
    """The first NaN, as NumPy has it; an infinity is a value."""
    inf, nan = math.inf, math.nan
    x = np.array([[1, nan, nan, 2], [-inf, -inf, 1, inf], [inf, inf, inf, inf], [-inf] * 4], np.float32)
    found = run_one(run, x, lambda b, operand: {"min": b.arg_min(operand, 1), "max": b.arg_max(operand, 1)})
    np.testing.assert_array_equal(found["min"], np.argmin(x, axis=1))
    np.testing.assert_array_equal(found["max"], np.argmax(x, axis=1))


SUMS = [(axis, exclusive, reverse) for axis in range(3) for exclusive in (False, True) for reverse in (False, True)]


def cumulative_sum(x, axis, exclusive, reverse):
    x = np.flip(x, axis) if reverse else x
    total = np.cumsum(x, axis=axis, dtype=x.dtype)
    if exclusive:
        total = total - x
    return np.flip(total, axis) if reverse else total


@pytest.mark.parametrize("without", [(), ("webnn-to-linalg",)], ids=["linalg", "stablehlo"])
@pytest.mark.parametrize("data_type", WIDE)
def test_cumulative_sum(run, data_type, without):
    low, high = (-9, 9) if data_type.is_float else data_type.range
    x = np.random.default_rng(7).integers(low, high, (3, 4, 7), np.uint64 if high >= 2**63 else np.int64)
    x = x.astype(data_type.numpy)
    b = GraphBuilder()
    operand = b.input("x", data_type, [3, 4, 7])
    outputs = {str(case): b.cumulative_sum(operand, case[0], exclusive=case[1], reversed=case[2]) for case in SUMS}
    found = run(b.graph(outputs), {"x": x}, without=without)
    for case in SUMS:
        np.testing.assert_array_equal(found[str(case)], cumulative_sum(x, *case), str(case))


def test_cumulative_sum_of_a_long_axis(run):
    x = np.random.default_rng(8).integers(-9, 9, (2, 100_000)).astype(np.float32)
    found = run_one(run, x, lambda b, operand: {"y": b.cumulative_sum(operand, 1)})["y"]
    np.testing.assert_array_equal(found, np.cumsum(x, axis=1))


@pytest.mark.parametrize("data_type", FLOATS)
def test_softmax(run, data_type):
    x = np.random.default_rng(9).uniform(-5, 5, (2, 3, 4, 5)).astype(data_type.numpy)
    x[0, 0, 0] = [60000, 60000, -60000, 0, -np.inf]
    found = run_one(run, x, lambda b, operand: {str(axis): b.softmax(operand, axis) for axis in range(4)})
    for axis in range(4):
        powers = np.exp(x.astype(np.float64) - np.max(x, axis=axis, keepdims=True))
        expected = powers / powers.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(found[str(axis)], expected, rtol=2 * relative(data_type), atol=6e-8)


@pytest.mark.parametrize("data_type", ALL)
def test_triangular(run, data_type):
    x = np.arange(1, 41).reshape(2, 4, 5).astype(data_type.numpy)
    diagonals = [-(2**31), -3, -1, 0, 1, 4, 5, 2**31 - 1]

    def make(b, operand):
        cases = [(d, upper) for d in diagonals for upper in (True, False)]
        return {f"{d} {upper}": b.triangular(operand, diagonal=d, upper=upper) for d, upper in cases}

    found = run_one(run, x, make)
    for d in diagonals:
        near = max(min(d, 10), -10)
        np.testing.assert_array_equal(found[f"{d} True"], np.triu(x, near))
        np.testing.assert_array_equal(found[f"{d} False"], np.tril(x, near))


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda b, x: b.reduce_sum(x, axes=[0, 0]), r"axes \[0, 0\] must be distinct"),
        (lambda b, x: b.reduce_sum(x, axes=[2]), r"axes \[2\] must be below the rank 2"),
        (lambda b, x: b.arg_max(x, 2), r"axes \[2\] must be below the rank 2"),
        (lambda b, x: b.arg_max(x, 0, output_data_type="uint32"), "outputDataType uint32 must be int32 or int64"),
        (lambda b, x: b.cumulative_sum(x, 2), "axis 2 must be below the rank 2"),
        (lambda b, x: b.softmax(x, 2), "axis 2 must be below the rank 2"),
        (lambda b, x: b.softmax(x), "'axis' is required"),
        (lambda b, x: b.triangular(b.reduce_sum(x, axes=[0])), "input has rank 1; it must be at least 2"),
        (lambda b, x: b.reduce_mean(b.cast(x, "int32")), "input has data type int32"),
        (lambda b, x: b.cumulative_sum(b.cast(x, "int8"), 0), "input has data type int8"),
    ],
)
def test_rules(build, rule):
    b = GraphBuilder()
    with pytest.raises(TypeError, match=rule):
        build(b, b.input("x", "float32", [2, 3]))


def test_softmax_of_a_matrix_without_an_axis():
    """As in 2025."""
    b = GraphBuilder(compatibility="2025")
    node = b.softmax(b.input("x", "float32", [2, 3])).node
    assert node.fields["axis"] == 1
