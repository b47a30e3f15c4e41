"""Convolutions, pooling and matmul against NumPy loops, and the rules of their shapes."""

import itertools
import math

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import DataType, GraphBuilder
from webnn_mlir.dialects.webnn.types import ALL, FLOATS

WINDOWS = [
    {},
    {"strides": [2, 3]},
    {"padding": [1, 0, 2, 1]},
    {"dilations": [2, 1], "padding": [0, 2, 0, 1]},
    {"strides": [3, 1], "dilations": [1, 2], "padding": [2, 1, 0, 3]},
]
FILTERS = ["oihw", "hwio", "ohwi", "ihwo"]
TRANSPOSED_FILTERS = ["iohw", "hwoi", "ohwi"]
LAYOUTS = ["nchw", "nhwc"]


def random(data_type, shape, seed=0):
    rng = np.random.default_rng(seed)
    if not data_type.is_float:
        return rng.integers(*data_type.range, shape, data_type.numpy, endpoint=True)
    return rng.uniform(-2, 2, shape).astype(data_type.numpy)


def check(run, inputs, cases):
    """Runs one graph of all cases, {name: (make(builder, **operands), reference(**arrays))}, and compares.

    The references compute in float64; float16 may be one unit in the last place off, integers nothing.
    """
    b = GraphBuilder()
    operands = {name: b.input(name, str(x.dtype), list(x.shape)) for name, x in inputs.items()}
    results = run(b.graph({name: make(b, **operands) for name, (make, _) in cases.items()}), inputs)
    wide = {name: x.astype(np.float64) if x.dtype.kind == "f" else x for name, x in inputs.items()}
    for name, (_, reference) in cases.items():
        expected, found = reference(**wide), results[name]
        assert found.shape == expected.shape, name
        if found.dtype.kind != "f":
            np.testing.assert_array_equal(found, expected, name)
            continue
        tolerance = 2**-10 if found.dtype == np.float16 else 1e-5
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance / 4, err_msg=name)


def reorder(x, source, target):
    return x.transpose([source.index(axis) for axis in target])


def windows_of(options):
    """strides, dilations and ((top, bottom), (left, right))."""
    top, bottom, left, right = options.get("padding", [0, 0, 0, 0])
    return options.get("strides", [1, 1]), options.get("dilations", [1, 1]), ((top, bottom), (left, right))


def conv2d(x, weights, bias, *, groups=1, input_layout="nchw", filter_layout="oihw", **options):
    x, weights = reorder(x, input_layout, "nchw"), reorder(weights, filter_layout, "oihw")
    strides, dilations, padding = windows_of(options)
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    count, inner, *window = weights.shape
    sizes = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], window, strides, dilations, strict=True)]
    result = np.zeros((x.shape[0], count, *sizes))
    for o, i, row, column in itertools.product(*map(range, weights.shape)):
        channel = o // (count // groups) * inner + i
        top, left = row * dilations[0], column * dilations[1]
        bottom, right = (start + (n - 1) * s + 1 for start, n, s in zip((top, left), sizes, strides, strict=True))
        part = x[:, channel, top : bottom : strides[0], left : right : strides[1]]
        result[:, o] += weights[o, i, row, column] * part
    if bias is not None:
        result += bias[:, None, None]
    return reorder(result, "nchw", input_layout)


def conv_transpose2d(x, weights, bias, *, groups=1, input_layout="nchw", filter_layout="iohw", **options):
    """Every element adds the filter, times itself, to the output from where it lies; the padding is cut off."""
    x, weights = reorder(x, input_layout, "nchw"), reorder(weights, filter_layout, "iohw")
    strides, dilations, padding = windows_of(options)
    channels, outer, *window = weights.shape
    full = [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in zip(x.shape[2:], window, strides, dilations, strict=True)]
    least = [n - sum(p) for n, p in zip(full, padding, strict=True)]
    extra = options.get("output_padding", [0, 0])
    sizes = options.get("output_sizes", [n + e for n, e in zip(least, extra, strict=True)])
    result = np.zeros((x.shape[0], outer * groups, *(n + 8 for n in full)))
    for i, o, row, column in itertools.product(*map(range, weights.shape)):
        top, left = row * dilations[0], column * dilations[1]
        for y, z in np.ndindex(*x.shape[2:]):
            place = result[:, i // (channels // groups) * outer + o, top + y * strides[0], left + z * strides[1]]
            place += weights[i, o, row, column] * x[:, i, y, z]
    (top, _), (left, _) = padding
    result = result[:, :, top : top + sizes[0], left : left + sizes[1]]
    if bias is not None:
        result = result + bias[:, None, None]
    return reorder(result, "nchw", input_layout)


def pool(fold, x, *, layout="nchw", **options):
    """`fold` of the values of each window that lie in the input."""
    x = reorder(x, layout, "nchw")
    strides, dilations, padding = windows_of(options)
    window = options.get("window_dimensions", x.shape[2:])
    rounding = math.ceil if options.get("output_shape_rounding") == "ceil" else math.floor
    sizes = options.get("output_sizes") or [
        rounding((n + sum(p) - (k - 1) * d - 1) / s) + 1
        for n, k, s, d, p in zip(x.shape[2:], window, strides, dilations, padding, strict=True)
    ]
    result = np.empty((*x.shape[:2], *sizes), x.dtype)
    for y, z in np.ndindex(*sizes):
        rows = [y * strides[0] + k * dilations[0] - padding[0][0] for k in range(window[0])]
        columns = [z * strides[1] + k * dilations[1] - padding[1][0] for k in range(window[1])]
        rows, columns = (
            [i for i in places if 0 <= i < n] for places, n in zip((rows, columns), x.shape[2:], strict=True)
        )
        result[:, :, y, z] = fold(x[:, :, rows][:, :, :, columns])
    return reorder(result, "nchw", layout)


POOLS = {
    "average_pool2d": lambda part: part.mean(axis=(2, 3)),
    "l2_pool2d": lambda part: np.sqrt((part * part).sum(axis=(2, 3))),
    "max_pool2d": lambda part: part.max(axis=(2, 3)),
}


def shape_of(layout, **sizes):
    return tuple(sizes[axis] for axis in layout)


def conv_inputs(data_type, groups, input_shape, filters, bias):
    """An input a layout, a filter a layout and number of groups, a bias a number of groups."""
    inputs = {layout: random(data_type, shape_of(layout, **input_shape), 1) for layout in LAYOUTS}
    for g in groups:
        for seed, layout in enumerate(filters[g][1]):
            inputs[f"{layout}{g}"] = random(data_type, shape_of(layout, **filters[g][0]), 2 + seed)
        inputs[f"bias{g}"] = random(data_type, (bias[g],), 9)
    return inputs


def conv_case(method, reference, layout, weights, bias, options):
    options = {"input_layout": layout, **options}
    return (
        lambda b, **x: getattr(b, method)(x[layout], x[weights], bias=x.get(bias), **options),
        lambda **x: reference(x[layout], x[weights], x.get(bias), **options),
    )


@pytest.mark.parametrize("data_type", FLOATS)
@pytest.mark.parametrize("groups", [1, 2, 6], ids=["whole", "grouped", "depthwise"])
def test_conv2d(run, data_type, groups):
    # 6 channels in, 12 out: 2 groups of 3 and 6, or 2 filters a channel.
    filters = {groups: ({"o": 12, "i": 6 // groups, "h": 3, "w": 2}, FILTERS)}
    inputs = conv_inputs(data_type, [groups], {"n": 2, "c": 6, "h": 7, "w": 8}, filters, {groups: 12})
    cases = {}
    for number, (layout, filter_layout) in enumerate(itertools.product(LAYOUTS, FILTERS)):
        options = {"filter_layout": filter_layout, "groups": groups, **WINDOWS[number % len(WINDOWS)]}
        bias = f"bias{groups}" if number % 3 else "none"
        cases[f"{layout} {options} {bias}"] = conv_case(
            "conv2d", conv2d, layout, f"{filter_layout}{groups}", bias, options
        )
    check(run, inputs, cases)
