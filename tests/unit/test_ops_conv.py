"""Convolutions, pooling and matmul against NumPy loops, and the rules of their shapes."""

import itertools
import math

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.dialects.webnn.diagnostics import GraphError
from webnn_mlir.dialects.webnn.types import ALL, FLOATS

WINDOWS = [
    {},
    {"strides": [2, 3]},
    {"padding": [1, 0, 2, 1]},
    {"dilations": [2, 1], "padding": [0, 2, 0, 1]},
    {"strides": [3, 1], "dilations": [1, 2], "padding": [2, 1, 0, 3]},
    # A single window that leaves much of the input out.
    {"strides": [9, 9], "padding": [1, 1, 0, 2]},
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


TRANSPOSED_WINDOWS = [
    {},
    {"strides": [2, 3], "output_padding": [1, 2]},
    {"strides": [3, 2], "padding": [1, 0, 2, 1]},
    {"dilations": [2, 3], "padding": [0, 2, 0, 1]},
    {"strides": [2, 2], "dilations": [1, 2], "output_sizes": [9, 12]},
    # More padding than the filter reaches cuts into the input.
    {"strides": [1, 2], "padding": [3, 1, 2, 2], "output_padding": [0, 1]},
    # As much is cut off as is spread.
    {"strides": [1, 2], "padding": [2, 2, 1, 5]},
]


@pytest.mark.parametrize("data_type", FLOATS)
def test_conv_transpose2d(run, data_type):
    # 4 channels in; out 6, 2 · 3, 4 · 2
    counts = {1: 6, 2: 3, 4: 2}
    filters = {g: ({"i": 4, "o": o, "h": 3, "w": 2}, [TRANSPOSED_FILTERS[g // 2]]) for g, o in counts.items()}
    filters[2] = (filters[2][0], TRANSPOSED_FILTERS)
    inputs = conv_inputs(data_type, counts, {"n": 2, "c": 4, "h": 4, "w": 5}, filters, {1: 6, 2: 6, 4: 8})
    keys = [key for key in inputs if key[:-1] in TRANSPOSED_FILTERS]
    cases = {}
    for number, (layout, key) in enumerate(itertools.product(LAYOUTS, keys)):
        options = {"filter_layout": key[:-1], "groups": int(key[-1]), **TRANSPOSED_WINDOWS[number % 7]}
        bias = f"bias{key[-1]}" if number % 3 else "none"
        case = conv_case("conv_transpose2d", conv_transpose2d, layout, key, bias, options)
        cases[f"{layout} {options} {bias}"] = case
    check(run, inputs, cases)


POOLED = [
    {"window_dimensions": [3, 2], "strides": [2, 3], "padding": [1, 2, 0, 1]},
    {"window_dimensions": [2, 3], "dilations": [2, 3], "padding": [0, 1, 2, 0]},
    # The last windows reach over the end: of 7 rows to the 8th, of 9 columns to the 12th.
    {"window_dimensions": [2, 3], "strides": [2, 4], "output_shape_rounding": "ceil", "padding": [0, 0, 1, 0]},
    {"window_dimensions": [2, 2], "strides": [3, 2], "output_sizes": [3, 5], "dilations": [2, 1]},
    {"window_dimensions": [2, 2], "strides": [3, 2], "output_sizes": [2, 4], "dilations": [2, 1]},
    # A single window a row, that leaves much of the row out; the first windows of a column, almost all padding.
    {"window_dimensions": [3, 2], "strides": [1, 9], "padding": [2, 0, 0, 1]},
    {},
]


def pool_cases(methods, options):
    def case(method, layout, options):
        options = {"layout": layout, **options}
        return (
            lambda b, **x: getattr(b, method)(x[layout], **options),
            lambda **x: pool(POOLS[method], x[layout], **options),
        )

    return {
        f"{method} {layout} {options[i]}": case(method, layout, options[i])
        for method, layout, i in itertools.product(methods, LAYOUTS, range(len(options)))
        if layout == "nchw" or i % 2 == 0
    }


@pytest.mark.parametrize("data_type", FLOATS)
def test_pools(run, data_type):
    inputs = {layout: random(data_type, shape_of(layout, n=2, c=3, h=7, w=9)) for layout in LAYOUTS}
    check(run, inputs, pool_cases(POOLS, POOLED))


def test_max_pool2d_of_integers(run):
    types = [t for t in ALL if not t.is_float]
    # The least value is where padding would win if it were 0.
    inputs = {f"{t}": np.minimum(random(t, (1, 2, 5, 6)), 0 if t.range[0] else t.range[1]) for t in types}
    options = {"window_dimensions": [2, 3], "strides": [2, 2], "padding": [1, 0, 1, 1], "output_shape_rounding": "ceil"}

    def case(name):
        return (
            lambda b, **x: b.max_pool2d(x[name], **options),
            lambda **x: pool(POOLS["max_pool2d"], x[name], **options),
        )

    check(run, inputs, {name: case(name) for name in inputs})


def test_float16_pools_do_not_overflow(run):
    """Sums and squares of a window are beyond float16, their mean and root are not."""
    inputs = {layout: np.full(shape_of(layout, n=1, c=1, h=4, w=4), 20000, np.float16) for layout in LAYOUTS}
    check(run, inputs, pool_cases(["average_pool2d", "l2_pool2d"], [{"window_dimensions": [3, 3]}]))


@pytest.mark.parametrize("data_type", FLOATS)
def test_matmul(run, data_type):
    shapes = [
        ((3, 4), (4, 5)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((1, 3, 4), (6, 1, 4, 1)),
        ((2, 3, 1, 4), (2, 3, 4, 5)),
    ]
    inputs = {f"{side}{i}": random(data_type, pair["ab".index(side)], i)
              for i, pair in enumerate(shapes) for side in "ab"}  # fmt: skip
    cases = {
        str(pair): (
            lambda b, i=i, **x: b.matmul(x[f"a{i}"], x[f"b{i}"]),
            lambda i=i, **x: x[f"a{i}"] @ x[f"b{i}"],
        )
        for i, pair in enumerate(shapes)
    }
    check(run, inputs, cases)


CONV, TRANSPOSED, POOL = ("conv2d", (1, 4, 5, 5)), ("conv_transpose2d", (1, 4, 5, 5)), ("max_pool2d", (1, 4, 5, 5))


@pytest.mark.parametrize(
    ("call", "shapes", "options", "message"),
    [
        (CONV, [(6, 4, 3, 3)], {"groups": 0}, "groups must not be 0"),
        (CONV, [(6, 4, 3, 3)], {"groups": 3}, "groups 3 must divide the input's 4 channels"),
        (CONV, [(6, 4, 3, 3)], {"groups": 2}, "the filter has 4 input channels; it must have 4 / groups 2"),
        (CONV, [(6, 1, 3, 3)], {"groups": 4}, "groups 4 must divide the filter's 6 output channels"),
        (CONV, [(6, 4, 3, 3), (4,)], {}, r"bias has shape \[4\]; it must be \[6\]"),
        (CONV, [(6, 4, 6, 3)], {}, "the filter's height 6, dilated, must fit in the padded input's"),
        (CONV, [(6, 4, 3, 3)], {"dilations": [1, 3]}, "the filter's width 3, dilated, must fit"),
        (CONV, [(6, 4, 3, 3)], {"padding": [1, 1]}, r"padding \[1, 1\] must have 4 entries"),
        (CONV, [(6, 4, 3, 3)], {"strides": [1, 0]}, r"strides \[1, 0\] must be two numbers above 0"),
        (CONV, [(6, 4, 3, 3)], {"dilations": [1]}, r"dilations \[1\] must be two numbers above 0"),
        (CONV, [(6, 4, 3)], {}, "filter.* rank"),
        (TRANSPOSED, [(4, 2, 3, 3)], {"groups": 0}, "groups must not be 0"),
        (TRANSPOSED, [(6, 2, 3, 3)], {}, "the filter has 6 input channels; it must have the input's 4"),
        (TRANSPOSED, [(4, 2, 3, 3), (2,)], {"groups": 2}, r"bias has shape \[2\]; it must be \[4\]"),
        (TRANSPOSED, [(4, 2, 3, 3)], {"output_padding": [1, 0]},
         r"outputPadding \[1, 0\] must be below strides \[1, 1\]"),
        (TRANSPOSED, [(4, 2, 3, 3)], {"output_padding": [0]}, r"outputPadding \[0\] must have 2 entries"),
        (TRANSPOSED, [(4, 2, 3, 3)], {"output_sizes": [7]}, r"outputSizes \[7\] must have 2 entries"),
        (TRANSPOSED, [(4, 2, 3, 3)], {"output_sizes": [7, 8]},
         r"outputSizes \[7, 8\] must be from \[7, 7\], by less than the strides \[1, 1\]"),
        (TRANSPOSED, [(4, 2, 3, 3)], {"padding": [4, 3, 0, 0]}, r"the output has sizes \[0, 7\]; they must be above 0"),
        (POOL, [], {"window_dimensions": [0, 2]}, r"windowDimensions \[0, 2\] must be two numbers above 0"),
        (POOL, [], {"window_dimensions": [6, 2]}, r"windowDimensions \[6, 2\], dilated, must fit in the padded input"),
        (POOL, [], {"window_dimensions": [2, 2], "output_sizes": [4, 3]}, r"outputSizes \[4, 3\] must be \[4, 4\]"),
        (POOL, [], {"window_dimensions": [2, 2], "strides": [2, 2], "output_sizes": [2, 3]},
         r"outputSizes \[2, 3\] must be \[2, 2\] or \[3, 3\]"),
        (POOL, [], {"padding": [1, 1, 1]}, r"padding \[1, 1, 1\] must have 4 entries"),
        (("matmul", (2, 3)), [(4, 3)], {}, "a has 3 columns and b has 4 rows; they must be as many"),
        (("matmul", (2, 3, 4)), [(3, 4, 5)], {}, r"outer dimensions \[2\] of a and \[3\] of b must broadcast"),
        (("matmul", (3,)), [(3, 4)], {}, "rank"),
    ],
)  # fmt: skip
def test_rules(call, shapes, options, message):
    b = GraphBuilder()
    method, shape = call
    operands = [b.input(f"x{i}", "float32", s) for i, s in enumerate([shape, *shapes])]
    named = {"bias": operands.pop()} if len(operands) == 3 else {}
    with pytest.raises(TypeError, match=message):
        getattr(b, method)(*operands, **named, **options)


def test_data_types_of_operands_must_agree():
    b = GraphBuilder()
    x, weights = b.input("x", "float32", (1, 1, 3, 3)), b.input("w", "float16", (1, 1, 3, 3))
    for method in ("conv2d", "conv_transpose2d", "matmul"):
        with pytest.raises(TypeError, match="float16"):
            getattr(b, method)(x, weights)
    with pytest.raises(TypeError, match="int32"):
        b.average_pool2d(b.input("i", "int32", (1, 1, 3, 3)))


def test_groups_that_do_not_divide_the_channels_of_conv_transpose2d(run):
    """The specification lets them through; they stop where the graph is lowered."""
    b = GraphBuilder()
    y = b.conv_transpose2d(b.input("x", "float32", (1, 3, 2, 2)), b.input("w", "float32", (3, 1, 2, 2)), groups=2)
    with pytest.raises(GraphError, match="groups 2 must divide the input's 3 channels"):
        run(b.graph({"y": y}), {})
