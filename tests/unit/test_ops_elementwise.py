"""Element-wise operators against NumPy, on special and random values of every data type and over broadcasts."""

import itertools
import math
import operator

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import DataType, Descriptor, GraphBuilder
from webnn_mlir.dialects.webnn.types import ALL, ALL_AND_INT4S, FLOATS, SIGNED

erf, erfc = np.vectorize(math.erf), np.vectorize(math.erfc)

INTEGERS = [t for t in ALL if not t.is_float]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def values(data_type, count=300):
    """Special values first, then random ones, small and over the whole range."""
    rng = np.random.default_rng(1)
    if not data_type.is_float:
        low, high = data_type.range
        special_values = [low, high, 0, 1, high - 1, low + 1, 2, 3, 7, *([-1, -2, -3] if low else [])]
        drawn = rng.integers(low, high, count, data_type.numpy, endpoint=True)
        return np.concatenate([np.array(special_values, data_type.numpy), drawn])
    info = np.finfo(data_type.numpy)
    special_values = [0, 1, 0.5, 1.5, 2.5, 3, np.inf, float(info.max)]
    special_values += [-v for v in map(float, special_values)] + [np.nan]
    # Nearer to 0, products of float32 in between may become subnormal, which the processor flushes to zero.
    least = max(float(info.tiny), 1e-30)
    magnitudes = np.exp(rng.uniform(math.log(least), math.log(float(info.max)), count))
    drawn = np.concatenate([rng.uniform(-10, 10, count), magnitudes * rng.choice([-1, 1], count)])
    return np.concatenate([special_values, drawn]).astype(data_type.numpy)


def pairs(data_type):
    """Every pair of special values, and pairs of random ones."""
    x = values(data_type)
    a, b = np.meshgrid(x[:17], x[:17])
    return np.concatenate([a.ravel(), x]), np.concatenate([b.ravel(), np.roll(x, 5)])


def ulps(found, expected):
    """Distances in units in the last place, of the expected values' type; NaN is next to NaN alone."""
    assert found.dtype == expected.dtype
    if not np.issubdtype(found.dtype, np.floating):
        return np.where(found == expected, 0, 2**40)
    integer = {2: np.int16, 4: np.int32}[found.itemsize]

    def order(x):
        bits = np.abs(x).view(integer).astype(np.int64)
        return np.where(np.signbit(x), -bits, bits)

    distance = np.abs(order(found) - order(expected))
    both, one = np.isnan(found) & np.isnan(expected), np.isnan(found) | np.isnan(expected)
    return np.where(both, 0, np.where(one, 2**40, distance))


def difference(found, expected, limit, *operands):
    """What is more than `limit` ulps off, or None; without float32's subnormal numbers, which the processor flushes."""
    expected = np.asarray(expected).astype(found.dtype)
    distance = ulps(found, expected)
    if found.dtype == np.float32:
        subnormal = [(np.abs(t) < np.finfo(np.float32).tiny) & (t != 0) for t in (expected, *operands)]
        distance = np.where(np.logical_or.reduce(subnormal), 0, distance)
    worst = int(np.argmax(distance))
    at = [t.ravel()[worst] for t in operands]
    message = f"{at}: {found.ravel()[worst]} is {distance.ravel()[worst]} ulps off {expected.ravel()[worst]}"
    return message if distance.ravel()[worst] > limit else None


def check(run, make, inputs, references):
    """Builds `make(builder, operands)`, outputs by name, and compares them with (reference, limit) by name."""
    b = GraphBuilder()
    operands = [b.input(f"x{i}", str(x.dtype), list(x.shape)) for i, x in enumerate(inputs)]
    results = run(b.graph(make(b, operands)), {f"x{i}": x for i, x in enumerate(inputs)})
    found = {name: difference(results[name], *reference, *inputs) for name, reference in references.items()}
    assert not any(found.values()), "\n".join(f"{name}: {message}" for name, message in found.items() if message)


def logistic(x):
    return np.where(x > 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))


UNARY = {
    # method: reference in float64, ulps allowed in float32 (float16 gets one)
    "abs": (np.abs, 0),
    "ceil": (np.ceil, 0),
    "cos": (np.cos, 1),
    "erf": (erf, 8),
    "exp": (np.exp, 4),
    "floor": (np.floor, 0),
    "identity": (lambda x: x, 0),
    "log": (np.log, 1),
    "neg": (np.negative, 0),
    "reciprocal": (lambda x: 1 / x, 1),
    "round_even": (np.round, 0),
    "sigmoid": (logistic, 4),
    "sign": (lambda x: np.where(np.isnan(x), 0, np.sign(x)), 0),
    "sin": (np.sin, 1),
    "sqrt": (np.sqrt, 0),
    "tan": (np.tan, 1),
    "tanh": (np.tanh, 5),
    "relu": (lambda x: np.maximum(x, 0), 0),
    "elu": (lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)), 3),
    "hard_swish": (lambda x: x * np.clip(x + 3, 0, 6) / 6, 4),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 4),
    "softsign": (lambda x: x / (1 + np.abs(x)), 2),
}


@pytest.mark.parametrize("data_type", FLOATS)
def test_unary(run, data_type):
    x = values(data_type)
    if data_type is DataType.FLOAT32:
        # There, 6 x of hardSwish overflows.
        x = x[~(np.abs(x) > 5e37) | ~np.isfinite(x)]
    # The sum x + 3 of hardSwish cancels near its zero.
    x = x[~(np.abs(x + 3) < 0.25)]
    references = {
        name: (reference(x.astype(np.float64)), limit if data_type is DataType.FLOAT32 else min(limit, 1))
        for name, (reference, limit) in UNARY.items()
    }
    check(run, lambda b, xs: {name: getattr(b, name)(xs[0]) for name in UNARY}, [x], references)


@pytest.mark.parametrize("data_type", [t for t in SIGNED if not t.is_float])
def test_unary_of_integers(run, data_type):
    x = values(data_type)
    references = {
        "abs": (np.abs(x), 0),
        "neg": (np.negative(x), 0),
        "sign": (np.sign(x), 0),
        "relu": (np.maximum(x, 0), 0),
        "identity": (x, 0),
    }
    check(run, lambda b, xs: {name: getattr(b, name)(xs[0]) for name in references}, [x], references)


@pytest.mark.parametrize("data_type", FLOATS)
def test_gelu(run, data_type):
    """The sum 1 + erf cancels for negative values, to some units of float32 at 1."""
    x = np.linspace(-6, 6, 1001).astype(data_type.numpy)
    b = GraphBuilder()
    found = run(b.graph({"y": b.gelu(b.input("x", data_type, [1001]))}), {"x": x})["y"].astype(np.float64)
    wide = x.astype(np.float64)
    expected = wide * 0.5 * erfc(-wide / math.sqrt(2))
    np.testing.assert_allclose(found, expected, rtol=float(np.finfo(data_type.numpy).eps), atol=1.5e-6)


@pytest.mark.parametrize("data_type", FLOATS)
@pytest.mark.parametrize("given", [{}, {"alpha": -2.0}, {"alpha": 0.3, "beta": 3.1}, {"alpha": 1e9}])
def test_options_of_activations(run, data_type, given):
    """The options are cast to the input's data type."""
    x = np.linspace(-4.125, 4.125, 34).astype(data_type.numpy)
    wide = x.astype(np.float64)
    defaults = {"leaky_relu": (0.01,), "elu": (1,), "linear": (1, 0), "hard_sigmoid": (0.2, 0.5)}
    options, references = {}, {}
    for name, default in defaults.items():
        resolved = dict(zip(("alpha", "beta"), default, strict=False))
        options[name] = {option: value for option, value in given.items() if option in resolved}
        alpha, beta = (float(x.dtype.type((resolved | given).get(option, 0))) for option in ("alpha", "beta"))
        references[name] = {
            "leaky_relu": np.maximum(wide, 0) + alpha * np.minimum(wide, 0),
            "elu": np.maximum(wide, 0) + alpha * np.expm1(np.minimum(wide, 0)),
            "linear": alpha * wide + beta,
            "hard_sigmoid": np.clip(alpha * wide + beta, 0, 1),
        }[name]
    b = GraphBuilder()
    operand = b.input("x", data_type, [34])
    results = run(b.graph({name: getattr(b, name)(operand, **options[name]) for name in defaults}), {"x": x})
    epsilon = float(np.finfo(x.dtype).eps)
    for name, reference in references.items():
        np.testing.assert_allclose(results[name], reference, rtol=2 * epsilon, atol=epsilon / 1000, err_msg=name)


COMPARISONS = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "greater": operator.gt,
    "greater_or_equal": operator.ge,
    "lesser": operator.lt,
    "lesser_or_equal": operator.le,
}


@pytest.mark.parametrize("data_type", FLOATS)
def test_binary_of_floats(run, data_type):
    x, y = pairs(data_type)
    a, b = x.astype(np.float64), y.astype(np.float64)
    references = {
        "add": (a + b, 0),
        "sub": (a - b, 0),
        "mul": (a * b, 0),
        "div": (a / b, 1),
        "max": (np.maximum(a, b), 0),
        "min": (np.minimum(a, b), 0),
        "pow": (np.power(a, b), 1),
        "prelu": (np.maximum(a, 0) + b * np.minimum(a, 0), 1),
    } | {name: (f(a, b).astype(np.uint8), 0) for name, f in COMPARISONS.items()}
    check(run, lambda w, xs: {name: getattr(w, name)(*xs) for name in references}, [x, y], references)


@pytest.mark.parametrize("data_type", INTEGERS)
def test_binary_of_integers(run, data_type):
    x, y = pairs(data_type)

    def wrapped(function):
        low, high = data_type.range
        exact = [(function(int(a), int(b)) - low) % (high - low + 1) + low for a, b in zip(x, y, strict=True)]
        return (np.array(exact, data_type.numpy), 0)

    references = {
        "add": wrapped(operator.add),
        "sub": wrapped(operator.sub),
        "mul": wrapped(operator.mul),
        "div": wrapped(lambda a, b: 0 if b == 0 else abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1)),
        "max": wrapped(max),
        "min": wrapped(min),
        "pow": wrapped(lambda a, b: pow(a, b, 2**64) if b >= 0 else {1: 1, -1: 1 - b % 2 * 2}.get(a, 0)),
    } | {name: (f(x, y).astype(np.uint8), 0) for name, f in COMPARISONS.items()}
    if data_type in SIGNED:
        references["prelu"] = wrapped(lambda a, b: max(a, 0) + b * min(a, 0))
    check(run, lambda w, xs: {name: getattr(w, name)(*xs) for name in references}, [x, y], references)


@pytest.mark.parametrize("data_type", ["float32", "float16", "int32", "uint8"])
def test_constant_exponents(run, data_type):
    x = values(DataType(data_type)) if data_type != "uint8" else np.arange(256, dtype=np.uint8)
    expected = {e: np.power(x.astype(np.float64), e) if x.dtype.kind == "f" else x**e for e in (2, 3)}
    references = {f"pow{e}": (reference, 2) for e, reference in expected.items()}
    check(run, lambda b, xs: {f"pow{e}": b.pow(xs[0], b.constant(data_type, e)) for e in expected}, [x], references)


SHAPES = [
    ((), ()),
    ((), (3,)),
    ((2, 1), (3,)),
    ((1, 1, 1), (2, 3, 4)),
    ((4, 1, 2), (3, 1)),
    ((2, 1, 3, 1, 2), (1, 4, 1, 3, 1)),
    ((5,), (2, 1, 1, 3, 5)),
]


def test_broadcasting(run):
    rng = np.random.default_rng(2)
    b, inputs, outputs, expected = GraphBuilder(), {}, {}, {}
    for i, shapes in enumerate(SHAPES):
        inputs[f"a{i}"], inputs[f"b{i}"] = (rng.standard_normal(s).astype(np.float32) for s in shapes)
        inputs[f"c{i}"] = rng.integers(0, 2, shapes[1], np.uint8)
        x, y = (b.input(f"{n}{i}", "float32", s) for n, s in zip("ab", shapes, strict=True))
        c = b.input(f"c{i}", "uint8", shapes[1])
        outputs |= {f"sub{i}": b.sub(x, y), f"greater{i}": b.greater(x, y), f"where{i}": b.where(c, x, y)}
        expected[f"sub{i}"] = inputs[f"a{i}"] - inputs[f"b{i}"]
        expected[f"greater{i}"] = (inputs[f"a{i}"] > inputs[f"b{i}"]).astype(np.uint8)
        expected[f"where{i}"] = np.where(inputs[f"c{i}"], inputs[f"a{i}"], inputs[f"b{i}"])
    results = run(b.graph(outputs), inputs)
    for name, reference in expected.items():
        np.testing.assert_array_equal(results[name], reference, name)


def test_logic(run):
    """Every value but 0 is true."""
    x, y = (t.ravel().astype(np.uint8) for t in np.meshgrid([0, 1, 2, 128, 255], [0, 1, 2, 128, 255]))
    references = {
        "logical_and": (x != 0) & (y != 0),
        "logical_or": (x != 0) | (y != 0),
        "logical_xor": (x != 0) ^ (y != 0),
    }
    check(
        run,
        lambda b, xs: {name: getattr(b, name)(*xs) for name in references} | {"not": b.logical_not(xs[0])},
        [x, y],
        {name: (r.astype(np.uint8), 0) for name, r in references.items()} | {"not": ((x == 0).astype(np.uint8), 0)},
    )


@pytest.mark.parametrize("data_type", FLOATS)
def test_classes_of_floats(run, data_type):
    x = values(data_type)
    references = {"is_nan": (np.isnan(x).astype(np.uint8), 0), "is_infinite": (np.isinf(x).astype(np.uint8), 0)}
    check(run, lambda b, xs: {name: getattr(b, name)(xs[0]) for name in references}, [x], references)


def cast(x, target):
    """Saturates floats and takes the low bits of integers."""
    if target.is_float:
        return x.astype(np.float64).astype(target.numpy) if x.dtype.itemsize < 8 else x.astype(target.numpy)
    low, high = target.range
    if x.dtype.kind == "f":
        number = [0 if math.isnan(v) else min(max(v, low), high) for v in x.tolist()]
        return np.array([int(v) for v in number], target.numpy)
    return np.array([(int(v) - low) % (high - low + 1) + low for v in x.tolist()], target.numpy)


@pytest.mark.parametrize("source", ALL_AND_INT4S)
def test_cast(run, source):
    x = values(source)
    if source.is_float:
        edges = [s * (2.0**k + d) for s in (1, -1) for k in (3, 4, 7, 8, 15, 31, 32, 63, 64) for d in (0, -1, -0.5)]
        x = np.concatenate([x, np.array(edges).astype(x.dtype), x.dtype.type([255.9, -128.9, 6e4])])
    b = GraphBuilder()
    operand = b.input("x", Descriptor(source, x.shape))
    results = run(b.graph({t: b.cast(operand, t) for t in ALL_AND_INT4S}), {"x": x})
    for target in ALL_AND_INT4S:
        np.testing.assert_array_equal(results[target], cast(x, target), f"{source} to {target}")


@pytest.mark.parametrize(
    ("data_type", "options", "limits"),
    [
        ("float32", {"min_value": -1.5, "max_value": 2}, (-1.5, 2)),
        ("float32", {"max_value": -math.inf}, (-math.inf, -math.inf)),
        ("float16", {"min_value": 0.1}, (np.float16(0.1), math.inf)),
        ("float16", {"min_value": -1e9, "max_value": 1e9}, (-math.inf, math.inf)),
        ("int8", {"min_value": -1000, "max_value": 2.5}, (-128, 2)),
        ("int64", {"min_value": -(2**63), "max_value": 2**62 + 1}, (-(2**63), 2**62 + 1)),
        ("uint64", {"min_value": 2**63 + 3, "max_value": 2**64 - 2}, (2**63 + 3, 2**64 - 2)),
        ("uint64", {"min_value": -5, "max_value": math.inf}, (0, 2**64 - 1)),
        ("uint32", {"max_value": 2**31 + 5}, (0, 2**31 + 5)),
        ("uint8", {}, (0, 255)),
    ],
)
def test_clamp(run, data_type, options, limits):
    x = values(DataType(data_type))
    low, high = (x.dtype.type(v) for v in limits)
    expected = np.minimum(np.maximum(x, low), high)
    check(run, lambda b, xs: {"y": b.clamp(xs[0], **options)}, [x], {"y": (expected, 0)})


@pytest.mark.parametrize(
    ("data_type", "low", "high"), [("float32", 1, 0), ("uint8", 300, 254), ("int8", math.inf, 126), ("float32", 2, 1.5)]
)
def test_clamp_rejects_an_empty_range(data_type, low, high):
    b = GraphBuilder()
    with pytest.raises(TypeError, match="must not be above maxValue"):
        b.clamp(b.input("x", data_type, [2]), min_value=low, max_value=high)


@pytest.mark.parametrize("data_type", ALL)
def test_where(run, data_type):
    x, y = pairs(data_type)
    condition = (np.arange(x.size) % 5 * 63).astype(np.uint8)
    expected = np.where(condition, x, y)
    check(run, lambda b, xs: {"y": b.where(xs[2], xs[0], xs[1])}, [x, y, condition], {"y": (expected, 0)})


@pytest.mark.parametrize("method", ["add", "pow", "equal", "logical_and", "prelu", "where"])
def test_shapes_must_broadcast(method):
    b = GraphBuilder()
    data_type = "uint8" if method == "logical_and" else "float32"
    operands = [b.input(n, data_type, s) for n, s in (("a", [2, 3]), ("b", [2]))]
    if method == "where":
        operands.insert(0, b.input("c", "uint8", [1]))
    with pytest.raises(TypeError, match=r"has shape \[2\]; it must broadcast with \[2, 3\]"):
        getattr(b, method)(*operands)


@pytest.mark.parametrize(("a", "b"), list(itertools.permutations(ALL, 2))[::9])
def test_data_types_must_agree(a, b):
    builder = GraphBuilder()
    with pytest.raises(TypeError, match=f"it must be that of a, {a}"):
        builder.add(builder.input("a", a, [2]), builder.input("b", b, [2]))
