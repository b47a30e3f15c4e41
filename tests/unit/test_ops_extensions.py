"""The operators that the specification does not have, against NumPy."""

import itertools
import math

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import EXTENSIONS, OPS, GraphBuilder, OpError
from webnn_mlir.dialects.webnn.declaration import snake_case

INTEGERS = ["int8", "uint8", "int32", "uint32", "int64", "uint64"]
RANDOM = np.random.default_rng(0)


def build(outputs, **inputs):
    """The graph of `outputs(builder, *inputs)` on arrays."""
    builder = GraphBuilder(extensions=True)
    operands = [builder.input(name, str(array.dtype), list(array.shape)) for name, array in inputs.items()]
    return builder.graph(outputs(builder, *operands))


def integers(dtype, size=64):
    limits = np.iinfo(dtype)
    array = RANDOM.integers(limits.min, limits.max, size, dtype, endpoint=True)
    array[:4] = [limits.min, limits.max, 0, 1]
    return array


def test_they_are_behind_a_switch():
    assert len(EXTENSIONS) == 20
    assert not EXTENSIONS.keys() & OPS.keys()
    builder = GraphBuilder()
    x = builder.input("x", "int32", [2])
    with pytest.raises(OpError, match="is no operator of the specification: a builder with extensions=True has it"):
        builder.bitwise_not(x)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_bits(run, dtype):
    a, b = integers(dtype), RANDOM.permutation(integers(dtype))
    places = RANDOM.integers(0, np.iinfo(dtype).bits, a.size).astype(dtype)
    graph = build(
        lambda w, a, b, n: {
            "and": w.bitwise_and(a, b), "or": w.bitwise_or(a, b), "xor": w.bitwise_xor(a, b), "not": w.bitwise_not(a),
            "left": w.shift_left(a, n), "right": w.shift_right(a, n), "modulus": w.modulus(a, b),
        },
        a=a, b=b, n=places,
    )  # fmt: skip
    found = run(graph, {"a": a, "b": b, "n": places})
    least_by_minus_one = (b == 0) | ((b == np.array(-1).astype(dtype)) & (np.iinfo(dtype).min < 0))
    with np.errstate(all="ignore"):
        modulus = np.where(least_by_minus_one, 0, np.mod(a, np.where(b == 0, 1, b)))
        wanted = {"and": a & b, "or": a | b, "xor": a ^ b, "not": ~a, "left": a << places, "right": a >> places}
    for name, value in (wanted | {"modulus": modulus.astype(dtype)}).items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_roundings_and_modulus_of_floats(run):
    x = np.array([0.5, -0.5, 1.5, -1.5, 2.5, 0.49999997, -0.49999997, 8388609, 3e38, 0, -0.0, 2.7, -2.7], np.float32)
    y = np.full_like(x, 4)
    y[::2] = -3
    found = run(
        build(
            lambda w, x, y: {"away": w.round_half_away_from_zero(x), "cut": w.truncate(x), "modulus": w.modulus(x, y)},
            x=x, y=y,
        ),
        {"x": x, "y": y},
    )  # fmt: skip
    away = [math.copysign(math.floor(abs(float(v)) + 0.5), v) for v in x]
    np.testing.assert_array_equal(found["away"], np.array(away, np.float32))
    np.testing.assert_array_equal(found["cut"], np.trunc(x))
    small = np.abs(x) < 100
    np.testing.assert_allclose(found["modulus"][small], np.mod(x, y)[small], rtol=1e-6, atol=1e-6)


def windows(x, window, padding, strides, dilations, fill):
    """All windows: [n, c, *outputs, *window], with `fill` for what lies outside."""
    pairs = list(zip(padding[::2], padding[1::2], strict=True))
    x = np.pad(x, [(0, 0), (0, 0), *pairs], constant_values=fill)
    sizes = [
        (n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(x.shape[2:], window, dilations, strides, strict=True)
    ]
    result = np.empty((*x.shape[:2], *sizes, *window), x.dtype)
    for place in itertools.product(*map(range, sizes)):
        cut = tuple(
            slice(p * s, p * s + (k - 1) * d + 1, d)
            for p, s, k, d in zip(place, strides, window, dilations, strict=True)
        )
        result[(slice(None), slice(None), *place)] = x[(slice(None), slice(None), *cut)]
    return result


CASES = {
    1: [{"window": [3]}, {"window": [2], "padding": [1, 2], "strides": [2], "dilations": [2]}],
    2: [{"window": [2, 3], "padding": [1, 0, 0, 1], "strides": [2, 1], "dilations": [1, 2]}],
    3: [{"window": [2, 2, 2]}, {"window": [2, 3, 1], "padding": [1, 0, 1, 1, 0, 0], "strides": [2, 1, 2],
                                "dilations": [1, 2, 1]}],
}  # fmt: skip


def complete(case):
    count = len(case["window"])
    return {"padding": [0] * 2 * count, "strides": [1] * count, "dilations": [1] * count} | case


@pytest.mark.parametrize(("count", "case"), [(count, complete(case)) for count in (1, 3) for case in CASES[count]])
def test_pooling(run, count, case):
    x = RANDOM.uniform(-2, 2, (2, 3, *[6, 5, 7][:count])).astype(np.float32)
    options = {"window_dimensions": case["window"], **{k: v for k, v in case.items() if k != "window"}}
    kinds = ("average", "max", "l2", "sum")
    graph = build(lambda w, x: {k: getattr(w, f"{k}_pool{count}d")(x, **options) for k in kinds}, x=x)
    found = run(graph, {"x": x})
    axes = tuple(range(-count, 0))
    zeros = windows(x.astype(np.float64), **case, fill=0)
    inside = windows(np.ones_like(x), **case, fill=0).sum(axes)
    wanted = {"sum": zeros.sum(axes), "l2": np.sqrt((zeros**2).sum(axes)), "average": zeros.sum(axes) / inside}
    wanted["max"] = windows(x, **case, fill=-np.inf).max(axes)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=1e-5, err_msg=name)


def test_sum_pooling_in_two_dimensions(run):
    x, case = RANDOM.uniform(-2, 2, (2, 3, 6, 7)).astype(np.float32), complete(CASES[2][0])
    options = {"window_dimensions": case["window"], **{k: v for k, v in case.items() if k != "window"}}
    found = run(build(lambda w, x: {"y": w.sum_pool2d(x, **options)}, x=x), {"x": x})
    np.testing.assert_allclose(found["y"], windows(x, **case, fill=0).sum((-2, -1)), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize(("count", "case"), [(count, complete(case)) for count in (1, 3) for case in CASES[count]])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(run, count, case, groups):
    x = RANDOM.uniform(-1, 1, (2, 4, *[6, 5, 7][:count])).astype(np.float32)
    weights = RANDOM.uniform(-1, 1, (6, 4 // groups, *case["window"])).astype(np.float32)
    bias = RANDOM.uniform(-1, 1, 6).astype(np.float32)
    options = {k: v for k, v in case.items() if k != "window"} | {"groups": groups}
    graph = build(
        lambda w, x, f, b: {"y": getattr(w, f"conv{count}d")(x, f, bias=b, **options)}, x=x, f=weights, b=bias
    )
    found = run(graph, {"x": x, "f": weights, "b": bias})["y"]
    cut = windows(x.astype(np.float64), **case, fill=0)
    parts = []
    for group in range(groups):
        channels = slice(group * 4 // groups, (group + 1) * 4 // groups)
        filters = weights[group * 6 // groups : (group + 1) * 6 // groups]
        axes = [1, *range(-count, 0)]
        parts.append(np.moveaxis(np.tensordot(cut[:, channels], filters, (axes, [1, *range(2, 2 + count)])), -1, 1))
    wanted = np.concatenate(parts, 1) + bias.reshape(-1, *[1] * count)
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_every_example_builds(name):
    builder = GraphBuilder(extensions=True)
    op = EXTENSIONS[name]
    numbers = itertools.count()
    op.example(builder, lambda *shape: builder.input(f"x{next(numbers)}", str(op.operands[0].types[0]), list(shape)))
    assert hasattr(builder, snake_case(name))
