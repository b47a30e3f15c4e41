"""quantizeLinear and dequantizeLinear against NumPy: all data types, blocks in every dimension, odd sizes of int4."""

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import DataType, Descriptor, GraphBuilder
from webnn_mlir.dialects.webnn.types import FLOATS, QUANTIZED

SHAPES = [
    ((), ()), ((7,), (7,)), ((7,), (1,)), ((6,), (2,)), ((4, 6), (2, 3)), ((3, 5), (3, 1)), ((2, 3, 4), (1, 3, 2)),
    ((1, 2, 3, 2, 4), (1, 2, 1, 2, 2)),
]  # fmt: skip


def integers(rng, data_type, float_type, shape):
    """Integers whose differences the floating-point type has."""
    low, high = data_type.range
    limit = 1000 if float_type is DataType.FLOAT16 else 2**20
    return rng.integers(max(low, -limit), min(high, limit), shape, endpoint=True).astype(data_type.numpy)


def expand(value, shape):
    """Each element fills its block."""
    for axis, size in enumerate(shape):
        value = np.repeat(value, size // value.shape[axis], axis)
    return value


def graph_of_all(method, data_type, float_type, constant):
    """One graph with `method` on all SHAPES; its inputs, and x, scale and zero point expanded, by output."""
    rng, builder, outputs, inputs, expected = np.random.default_rng(0), GraphBuilder(), {}, {}, {}

    def operand(name, type_, values):
        descriptor = Descriptor(type_, values.shape)
        if constant and not name.startswith("x"):
            return builder.constant(descriptor, values)
        inputs[name] = values
        return builder.input(name, descriptor)

    for i, (shape, blocks) in enumerate(SHAPES):
        scale = (rng.random(blocks) + 0.5).astype(float_type.numpy)
        zero_point = integers(rng, data_type, float_type, blocks)
        x = integers(rng, data_type, float_type, shape)
        if method == "quantize_linear":
            x = (rng.standard_normal(shape) * 100).astype(float_type.numpy)
        x_type = float_type if method == "quantize_linear" else data_type
        operands = operand(f"x{i}", x_type, x), operand(f"s{i}", float_type, scale)
        outputs[f"y{i}"] = getattr(builder, method)(*operands, operand(f"z{i}", data_type, zero_point))
        expected[f"y{i}"] = x, expand(scale, shape), expand(zero_point, shape)
    return builder.graph(outputs), inputs, expected


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("float_type", FLOATS)
@pytest.mark.parametrize("data_type", QUANTIZED)
def test_dequantize(run, data_type, float_type, constant):
    graph, inputs, expected = graph_of_all("dequantize_linear", data_type, float_type, constant)
    found = run(graph, inputs)
    for name, (x, scale, zero_point) in expected.items():
        reference = (x.astype(np.float64) - zero_point) * scale.astype(np.float64)
        np.testing.assert_allclose(found[name], reference, rtol=np.finfo(float_type.numpy).eps)


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("float_type", FLOATS)
@pytest.mark.parametrize("data_type", QUANTIZED)
def test_quantize(run, data_type, float_type, constant):
    graph, inputs, expected = graph_of_all("quantize_linear", data_type, float_type, constant)
    found = run(graph, inputs)
    for name, (x, scale, zero_point) in expected.items():
        # In the floating-point type, step by step, as the specification's emulation is.
        steps = np.rint(x / scale) + zero_point.astype(float_type.numpy)
        np.testing.assert_array_equal(found[name], np.clip(steps.astype(np.float64), *data_type.range))


@pytest.mark.parametrize("data_type", QUANTIZED)
def test_quantize_rounds_to_even_and_saturates(run, data_type):
    low, high = data_type.range
    x = np.array([0.5, 1.5, 2.5, 3.5, 1e30, -1e30, np.inf, -np.inf], np.float32)
    builder = GraphBuilder()
    one = builder.constant(np.ones(1, np.float32))
    zero = builder.constant(Descriptor(data_type, (1,)), np.zeros(1, data_type.numpy))
    y = builder.quantize_linear(builder.input("x", "float32", [8]), one, zero)
    found = run(builder.graph({"y": y}), {"x": x})["y"]
    assert found.tolist() == [0, 2, 2, 4, high, low, high, low]


def test_older_broadcasting_is_accepted_in_compatibility_only(run):
    def build(compatibility):
        builder = GraphBuilder(compatibility=compatibility)
        x = builder.input("x", "int8", [2, 3])
        scale = builder.constant(np.array([1, 2, 3], np.float32))
        zero_point = builder.constant(np.array([0, 1, 2], np.int8))
        return builder.graph({"y": builder.dequantize_linear(x, scale, zero_point, label="old")})

    with pytest.raises(TypeError, match=r"\[old\] dequantizeLinear: scale has rank 1; it must be that of the input, 2"):
        build(None)
    x = np.array([[1, 2, 3], [4, 5, 6]], np.int8)
    np.testing.assert_array_equal(run(build("2025"), {"x": x})["y"], [[1, 2, 3], [4, 8, 12]])


@pytest.mark.parametrize(
    ("scale", "zero_point", "rule"),
    [
        ((3, 2), (3, 2), r"scale has shape \[3, 2\]; each dimension must divide that of the input, \[4, 6\]"),
        ((2, 2), (2, 1), r"zeroPoint has shape \[2, 1\]; it must be that of scale, \[2, 2\]"),
    ],
)
def test_shapes_that_fit_no_blocks(scale, zero_point, rule):
    for method, float_input in (("dequantize_linear", False), ("quantize_linear", True)):
        builder = GraphBuilder()
        x = builder.input("x", "float32" if float_input else "int8", [4, 6])
        operands = builder.input("s", "float32", scale), builder.input("z", "int8", zero_point)
        with pytest.raises(TypeError, match=rule):
            getattr(builder, method)(x, *operands)
