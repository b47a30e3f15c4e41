"""Normalizations and gemm against NumPy, and the rules of their shapes."""

import itertools

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.dialects.webnn.types import FLOATS


def random(data_type, shape, seed=0, low=-2.0):
    return np.random.default_rng(seed).uniform(low, 2, shape).astype(data_type.numpy)


def check(run, inputs, cases):
    """Runs one graph of all cases, {name: (make(builder, operands), reference(arrays))}, and compares."""
    b = GraphBuilder()
    operands = {name: b.input(name, str(x.dtype), list(x.shape)) for name, x in inputs.items()}
    results = run(b.graph({name: make(b, operands) for name, (make, _) in cases.items()}), inputs)
    wide = {name: x.astype(np.float64) for name, x in inputs.items()}
    for name, (_, reference) in cases.items():
        expected, found = reference(wide), results[name]
        assert found.shape == expected.shape, name
        tolerance = 2**-10 if found.dtype == np.float16 else 1e-5
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance / 4, err_msg=name)


def along(x, axes, rank):
    """Dimension i of x as dimension axes[i] of `rank` dimensions."""
    return np.moveaxis(x.reshape(x.shape + (1,) * (rank - x.ndim)), range(x.ndim), axes)


def normalized(x, mean, variance, scale, bias, axes, epsilon):
    value = (x - mean) / np.sqrt(variance + epsilon)
    value = value if scale is None else value * along(scale, axes, x.ndim)
    return value if bias is None else value + along(bias, axes, x.ndim)


def moments(x, axes):
    return x.mean(axis=tuple(axes), keepdims=True), x.var(axis=tuple(axes), keepdims=True)


OPTIONAL = [(), ("scale",), ("bias",), ("scale", "bias")]


def given(values, names, suffix):
    return {name: values[f"{name}{suffix}"] for name in names}


@pytest.mark.parametrize("data_type", FLOATS)
def test_batch_normalization(run, data_type):
    inputs = {"x4": random(data_type, (2, 3, 4, 5)), "x2": random(data_type, (4, 3)), "x1": random(data_type, (4,))}
    for size in (3, 4, 5):
        inputs |= {f"{name}{size}": random(data_type, (size,), size) for name in ("mean", "scale", "bias")}
        inputs[f"variance{size}"] = random(data_type, (size,), 7, 0.1)

    def case(x, axis, names, epsilon):
        size = inputs[x].shape[axis]
        options = {} if axis == 1 else {"axis": axis}
        options |= {} if epsilon == 1e-5 else {"epsilon": epsilon}

        def reference(v):
            mean, variance = (along(v[f"{name}{size}"], [axis], v[x].ndim) for name in ("mean", "variance"))
            parts = given(v, names, size)
            return normalized(v[x], mean, variance, parts.get("scale"), parts.get("bias"), [axis], epsilon)

        return (
            lambda b, v: b.batch_normalization(
                v[x], v[f"mean{size}"], v[f"variance{size}"], **given(v, names, size), **options
            ),
            reference,
        )

    places = [("x4", 1, 1e-5), ("x4", 3, 0.5), ("x2", 1, 0.0), ("x2", 0, 1e-5), ("x1", 0, 1e-3)]
    cases = itertools.product(places, OPTIONAL)
    check(run, inputs, {f"{place} {names}": case(*place[:2], names, place[2]) for place, names in cases})


@pytest.mark.parametrize("data_type", FLOATS)
def test_instance_normalization(run, data_type):
    inputs = {"nchw": random(data_type, (2, 3, 4, 5)), "nhwc": random(data_type, (2, 4, 5, 3))}
    inputs |= {"scale": random(data_type, (3,), 1), "bias": random(data_type, (3,), 2)}

    def case(layout, names, epsilon):
        def reference(v):
            mean, variance = moments(v[layout], [layout.index("h"), layout.index("w")])
            parts = given(v, names, "")
            axes = [layout.index("c")]
            return normalized(v[layout], mean, variance, parts.get("scale"), parts.get("bias"), axes, epsilon)

        return (
            lambda b, v: b.instance_normalization(v[layout], **given(v, names, ""), layout=layout, epsilon=epsilon),
            reference,
        )

    cases = itertools.product(["nchw", "nhwc"], OPTIONAL, [1e-5, 0.25])
    check(run, inputs, {f"{layout} {names} {e}": case(layout, names, e) for layout, names, e in cases})


@pytest.mark.parametrize("data_type", FLOATS)
def test_layer_normalization(run, data_type):
    shapes = {"x": (2, 3, 4, 5), "vector": (6,), "scalar": ()}
    places = [("x", [1, 2, 3]), ("x", [3]), ("x", [3, 1]), ("x", [2, 3, 1]), ("x", [3, 0, 2]), ("x", [])]
    places += [("vector", [0]), ("vector", []), ("scalar", [])]
    inputs = {name: random(data_type, shape) for name, shape in shapes.items()}
    for (x, axes), (seed, name) in itertools.product(places, enumerate(("scale", "bias"))):
        # Scale and bias are in the order of the axes.
        inputs[f"{name} {x} {axes}"] = random(data_type, [shapes[x][axis] for axis in axes], seed)

    def case(x, axes, names):
        default = axes == list(range(1, len(shapes[x])))
        options = {} if default else {"axes": axes, "epsilon": 0.125}

        def reference(v):
            parts = given(v, names, f" {x} {axes}")
            scale, bias = parts.get("scale"), parts.get("bias")
            mean, variance = moments(v[x], axes)
            return normalized(v[x], mean, variance, scale, bias, axes, options.get("epsilon", 1e-5))

        return lambda b, v: b.layer_normalization(v[x], **given(v, names, f" {x} {axes}"), **options), reference

    cases = {f"{x} {axes} {names}": case(x, axes, names) for x, axes in places for names in OPTIONAL}
    check(run, inputs, cases)


def test_float16_does_not_overflow(run):
    """Squares of differences are beyond float16, what is normalized by them is not."""
    x = np.array([[-60000, -20000, 20000, 60000]], np.float16)
    cases = {
        "layer": (
            lambda b, v: b.layer_normalization(v["x"]),
            lambda v: normalized(v["x"], *moments(v["x"], [1]), None, None, [1], 1e-5),
        ),
        "gemm": (
            lambda b, v: b.gemm(v["x"], v["x"], b_transpose=True, alpha=2**-20),
            lambda v: v["x"] @ v["x"].T * 2**-20,
        ),
    }
    check(run, {"x": x}, cases)


@pytest.mark.parametrize("data_type", FLOATS)
def test_gemm(run, data_type):
    c_shapes = [None, (), (1,), (5,), (3, 1), (1, 5), (3, 5)]
    inputs = {"a": random(data_type, (3, 4), 1), "aT": random(data_type, (4, 3), 2)}
    inputs |= {"b": random(data_type, (4, 5), 3), "bT": random(data_type, (5, 4), 4)}
    inputs |= {f"c{shape}": random(data_type, shape, 5) for shape in c_shapes if shape is not None}

    def case(a, b, c, scales):
        def make(builder, v):
            options = {} if c is None else {"c": v[f"c{c}"]}
            options |= {"a_transpose": True} if a == "aT" else {}
            options |= {"b_transpose": True} if b == "bT" else {}
            return builder.gemm(v[a], v[b], **options, **scales)

        def reference(v):
            left, right = (v[name].T if name.endswith("T") else v[name] for name in (a, b))
            product = scales.get("alpha", 1) * (left @ right)
            return product if c is None else product + scales.get("beta", 1) * v[f"c{c}"]

        return make, reference

    scales = [{}, {"alpha": -0.5}, {"beta": 0.25}, {"alpha": 2, "beta": 0}, {"alpha": 0, "beta": -3}]
    transposes = list(itertools.product(["a", "aT"], ["b", "bT"]))
    cases = {}
    for i, (c, (a, b)) in enumerate(itertools.product(c_shapes, transposes)):
        cases[f"{a} {b} {c} {scales[i % 5]}"] = case(a, b, c, scales[i % 5])
    check(run, inputs, cases)


X = (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("method", "shapes", "options", "message"),
    [
        ("batch_normalization", [X, (3,), (3,)], {"axis": 4}, "axis 4 must be below the rank 4"),
        ("batch_normalization", [(3,), (3,), (3,)], {}, "axis 1 must be below the rank 1"),
        ("batch_normalization", [X, (4,), (3,)], {}, r"mean has shape \[4\]; it must be \[3\]"),
        ("batch_normalization", [X, (3,), (1,)], {}, r"variance has shape \[1\]; it must be \[3\]"),
        ("batch_normalization", [X, (3,), (3,)], {"scale": (2,)}, r"scale has shape \[2\]; it must be \[3\]"),
        ("batch_normalization", [X, (5,), (5,)], {"axis": 3, "bias": (3,)}, r"bias has shape \[3\]; it must be \[5\]"),
        ("batch_normalization", [(), (3,), (3,)], {}, "input.* rank"),
        ("batch_normalization", [X, (3, 1), (3,)], {}, "mean.* rank"),
        ("instance_normalization", [X], {"scale": (5,)}, r"scale has shape \[5\]; it must be \[3\]"),
        ("instance_normalization", [X], {"bias": (3,), "layout": "nhwc"}, r"bias has shape \[3\]; it must be \[5\]"),
        ("instance_normalization", [(2, 3, 4)], {}, "input.* rank"),
        ("layer_normalization", [X], {"axes": [1, 1]}, r"axes \[1, 1\] must be distinct"),
        ("layer_normalization", [X], {"axes": [4]}, r"axes \[4\] must be below the rank 4"),
        ("layer_normalization", [X], {"axes": [3, 1], "scale": (3, 5)},
         r"scale has shape \[3, 5\]; it must be \[5, 3\]"),
        ("layer_normalization", [X], {"bias": (5,)}, r"bias has shape \[5\]; it must be \[3, 4, 5\]"),
        ("layer_normalization", [X], {"axes": [], "bias": (1,)}, r"bias has shape \[1\]; it must be \[\]"),
        ("gemm", [(2, 3), (4, 3)], {}, "a has 3 columns and b has 4 rows; they must be as many"),
        ("gemm", [(2, 3), (3, 4)], {"a_transpose": True}, "a has 2 columns and b has 3 rows"),
        ("gemm", [(2, 3), (3, 4)], {"c": (2,)}, r"c has shape \[2\]; it must broadcast to \[2, 4\]"),
        ("gemm", [(2, 3), (3, 4)], {"c": (1, 2, 4)}, "c.* rank"),
        ("gemm", [(2, 3, 1), (3, 4)], {}, "a.* rank"),
    ],
)  # fmt: skip
def test_rules(method, shapes, options, message):
    b = GraphBuilder()
    operands = [b.input(f"x{i}", "float32", shape) for i, shape in enumerate(shapes)]
    named = {k: b.input(k, "float32", v) if k in ("scale", "bias", "c") else v for k, v in options.items()}
    with pytest.raises(TypeError, match=message):
        getattr(b, method)(*operands, **named)


@pytest.mark.parametrize("name", ["scale", "bias"])
def test_data_types_of_operands_must_agree(name):
    b = GraphBuilder()
    x, half = b.input("x", "float32", (1, 2, 3, 4)), b.input("y", "float16", (2,))
    for method in ("instance_normalization", "layer_normalization"):
        with pytest.raises(TypeError, match=f"{name}.*float16"):
            getattr(b, method)(x, **{name: half})
