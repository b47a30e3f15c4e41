"""What the operators that move data reject, and what they make of their options."""

import math

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import GraphBuilder


@pytest.mark.parametrize(
    ("data_type", "given", "expected"),
    [
        ("float32", 1 / 3, np.float32(1 / 3)),
        ("float32", -math.inf, -math.inf),
        ("float16", 1e9, math.inf),
        ("int8", -200, -128),
        ("uint8", math.inf, 255),
        ("int32", math.nan, 0),
        ("int64", 2**63 - 1, 2**63 - 1),
        ("uint64", 2**64 - 1, 2**64 - 1),
        ("uint64", -1, 0),
    ],
)
def test_the_value_of_pad_is_cast(run, data_type, given, expected):
    b = GraphBuilder()
    padded = b.pad(b.input("x", data_type, [1]), [1], [0], value=given)
    found = run(b.graph({"y": padded}), {"x": np.ones(1, data_type)})["y"]
    np.testing.assert_array_equal(found, np.array([expected, 1], data_type))


def test_sizes_of_resample2d():
    """floor(dimension · scale), the scales being rounded to float: 0.7 is a little less."""
    b = GraphBuilder()
    x = b.input("x", "float32", [1, 10, 10, 1])
    assert b.resample2d(x, axes=[1, 2], scales=[0.7, 1.5]).shape == (1, 6, 15, 1)
    assert b.resample2d(x, axes=[2, 1], scales=[0.7, 1.5], sizes=[3, 4]).shape == (1, 4, 3, 1)


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda b, x, i: b.concat([], 0), "'inputs' must be a non-empty list"),
        (lambda b, x, i: b.concat([x, x], 2), "axis 2 must be below the rank 2"),
        (lambda b, x, i: b.concat([x, b.transpose(x)], 0), r"inputs\[1\] has shape \[3, 2\]; it must be \[2, 3\] but"),
        (lambda b, x, i: b.concat([x, b.cast(x, "int8")], 0), r"inputs\[1\] has data type int8"),
        (lambda b, x, i: b.expand(x, [2, 2]), r"\[2, 3\] must broadcast to newShape \[2, 2\]"),
        (lambda b, x, i: b.expand(x, [3]), r"\[2, 3\] must broadcast to newShape \[3\]"),
        (lambda b, x, i: b.gather(x, i, axis=2), "axis 2 must be below the rank 2"),
        (lambda b, x, i: b.gather(x, x), "indices has data type float32"),
        (lambda b, x, i: b.gather_elements(x, b.reshape(i, [3, 2])), r"indices have shape \[3, 2\]; it must be \[2, 3"),
        (lambda b, x, i: b.gather_nd(x, b.reshape(i, [2, 3])), "3 coordinates; the input's rank is 2"),
        (lambda b, x, i: b.scatter_elements(x, b.reshape(i, [2, 3]), b.transpose(x)), r"updates have shape \[3, 2\]"),
        (lambda b, x, i: b.scatter_nd(x, b.reshape(i, [6, 1]), x), r"updates have shape \[2, 3\]; it must be \[6, 3\]"),
        (lambda b, x, i: b.pad(x, [1], [1, 1]), r"beginningPadding \[1\] must have as many entries"),
        (lambda b, x, i: b.pad(x, [0, 0], [2, 0], mode="reflection"), r"endingPadding\[0\] 2 must be below"),
        (lambda b, x, i: b.pad(x, [2**31, 0], [0, 0]), "must be from 1 to"),
        (lambda b, x, i: b.reshape(x, [2, 2]), r"newShape \[2, 2\] has 4 elements; it must have the input's 6"),
        (lambda b, x, i: b.reshape(x, [6, 0]), "has 0 elements"),
        (lambda b, x, i: b.reverse(x, axes=[0, 0]), r"axes \[0, 0\] must be distinct"),
        (lambda b, x, i: b.reverse(x, axes=[2]), r"axes \[2\] must be below the rank 2"),
        (lambda b, x, i: b.slice(x, [0], [1]), r"starts \[0\] must have as many entries as the input's rank"),
        (lambda b, x, i: b.slice(x, [0, 1], [2, 3]), r"starts\[1\] 1 \+ sizes\[1\] 3 must not be above"),
        (lambda b, x, i: b.slice(x, [0, 0], [2, 0]), r"sizes\[1\] must not be 0"),
        (lambda b, x, i: b.slice(x, [0, 0], [2, 3], strides=[0, 1]), r"strides\[0\] must not be 0"),
        (lambda b, x, i: b.split(x, 2, axis=1), "splits 2 must divide the input's dimension 3"),
        (lambda b, x, i: b.split(x, 0), "splits 0 must be from 1"),
        (lambda b, x, i: b.split(x, [1, 2]), r"splits \[1, 2\] must add up to the input's dimension 2"),
        (lambda b, x, i: b.tile(x, [1]), r"repetitions \[1\] must have as many entries"),
        (lambda b, x, i: b.tile(x, [1, 0]), r"repetitions \[1, 0\] must not hold 0"),
        (lambda b, x, i: b.transpose(x, permutation=[0, 0]), r"permutation \[0, 0\] must be a permutation of 0\.\.1"),
        (lambda b, x, i: b.resample2d(x), "input has rank 2; it must be 4"),
        (lambda b, x, i: b.resample2d(b.reshape(x, [1, 1, 2, 3]), scales=[0, 1]), "must be two numbers above 0"),
        (lambda b, x, i: b.resample2d(b.reshape(x, [1, 1, 2, 3]), scales=[0.1, 1]), r"sizes \[0, 3\] must be two"),
        (lambda b, x, i: b.resample2d(b.reshape(x, [1, 1, 2, 3]), scales=[1e39, 1]), r"1e\+39 is out of the range"),
        (lambda b, x, i: b.resample2d(b.reshape(x, [1, 1, 2, 3]), sizes=[1]), r"sizes \[1\] must be two numbers"),
        (lambda b, x, i: b.resample2d(b.reshape(x, [1, 1, 2, 3]), axes=[3, 3]), r"axes \[3, 3\] must be two of 0 to 3"),
    ],
)
def test_rules(build, rule):
    b = GraphBuilder()
    with pytest.raises(TypeError, match=rule):
        build(b, b.input("x", "float32", [2, 3]), b.input("i", "int32", [6]))
