"""Quantized ONNX operators: what node tests leave out, compared with ONNX Runtime or with NumPy's integers."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx, of the extra 'onnx'", exc_type=ImportError)
ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime, of the extra 'test'", exc_type=ImportError)

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from webnn_mlir.dialects.webnn import GraphError  # noqa: E402
from webnn_mlir.tools import onnx_backend  # noqa: E402

MICROSOFT = "com.microsoft"


def model(node, inputs, constants=(), output=TensorProto.FLOAT, opset=21):
    """A model of a node, with some of the inputs as initializers."""
    takes = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in inputs.items()
        if n not in constants
    ]
    gives = [helper.make_tensor_value_info(node.output[0], output, None)]
    tensors = [numpy_helper.from_array(np.asarray(inputs[n]), n) for n in constants]
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    graph = helper.make_graph([node], "g", takes, gives, tensors)
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def run(node, inputs, constants=(), output=TensorProto.FLOAT, opset=21):
    given = model(node, inputs, constants, output, opset)
    feeds = {n: a for n, a in inputs.items() if n not in constants}
    return onnx_backend.WebNNModel(given).run(feeds)[0], given, feeds


def compare(node, inputs, constants=(), output=TensorProto.FLOAT, steps=0, **tolerance):
    """With ONNX Runtime: equal, or so many steps apart, or within a tolerance."""
    result, given, feeds = run(node, inputs, constants, output)
    session = ort.InferenceSession(given.SerializeToString(), providers=["CPUExecutionProvider"])
    [expected, *_] = session.run(None, {name: np.asarray(value) for name, value in feeds.items()})
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    if tolerance:
        np.testing.assert_allclose(result, expected, **tolerance)
    else:
        assert np.abs(result.astype(np.int64) - expected.astype(np.int64)).max() <= steps


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def integers(rng, dtype, *shape):
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("constants", [(), ("b",)], ids=["weights given", "weights known"])
@pytest.mark.parametrize("size", [7, 300, 5000])
@pytest.mark.parametrize("b_type", [np.int8, np.uint8])
def test_matmul_integer_is_exact(rng, size, b_type, constants):
    a, b = integers(rng, np.uint8, 3, size), integers(rng, b_type, size, 5)
    # The largest sums that there are.
    a[0], b[:, 0] = 255, np.iinfo(b_type).max
    a[1], b[:, 1] = 0, np.iinfo(b_type).min
    zero_a, zero_b = np.uint8(3), b_type(5)
    node = helper.make_node("MatMulInteger", ["a", "b", "za", "zb"], ["y"])
    inputs = {"a": a, "b": b, "za": zero_a, "zb": zero_b}
    result, *_ = run(node, inputs, constants, TensorProto.INT32)
    np.testing.assert_array_equal(result, (a.astype(np.int64) - 3) @ (b.astype(np.int64) - 5))


def test_sums_that_no_parts_hold_are_an_error(rng):
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    inputs = {"a": np.zeros((1, 70000), np.uint8), "b": np.zeros((70000, 1), np.uint8)}
    with pytest.raises(GraphError, match="sums of 70000 products are not exact; at most 65536 are"):
        run(node, inputs, (), TensorProto.INT32)


def test_matmul_integer_of_vectors_and_stacks(rng):
    for a, b in [((4,), (4, 3)), ((2, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5))]:
        inputs = {"a": integers(rng, np.uint8, *a), "b": integers(rng, np.int8, *b)}
        result, *_ = run(helper.make_node("MatMulInteger", ["a", "b"], ["y"]), inputs, (), TensorProto.INT32)
        np.testing.assert_array_equal(result, np.matmul(*(v.astype(np.int32) for v in inputs.values())))


def test_matmul_integer_with_a_zero_point_a_row_and_a_column(rng):
    inputs = {"a": integers(rng, np.uint8, 2, 3, 4), "b": integers(rng, np.int8, 4, 5),
              "za": integers(rng, np.uint8, 3), "zb": integers(rng, np.int8, 5)}  # fmt: skip
    result, *_ = run(helper.make_node("MatMulInteger", ["a", "b", "za", "zb"], ["y"]), inputs, (), TensorProto.INT32)
    a, b, za, zb = (v.astype(np.int32) for v in inputs.values())
    np.testing.assert_array_equal(result, (a - za[:, None]) @ (b - zb))


@pytest.mark.parametrize("channels", [2, 600])
def test_conv_integer_is_exact(rng, channels):
    inputs = {"x": integers(rng, np.uint8, 1, channels, 5, 5), "w": integers(rng, np.uint8, 2, channels, 3, 3),
              "zx": np.uint8(1), "zw": np.uint8(0)}  # fmt: skip
    inputs["x"][0, :, 0], inputs["w"][0] = 255, 255
    node = helper.make_node("ConvInteger", ["x", "w", "zx", "zw"], ["y"], pads=[1, 1, 1, 1])
    compare(node, inputs, ("w",), TensorProto.INT32)


@pytest.mark.parametrize("per_channel", [False, True])
def test_qlinear_conv(rng, per_channel):
    count = 4 if per_channel else 1
    inputs = {
        "x": integers(rng, np.uint8, 1, 6, 8, 8), "xs": np.float32(0.02), "xz": np.uint8(120),
        "w": integers(rng, np.int8, 4, 3, 3, 3), "ws": rng.uniform(0.01, 0.03, count).astype(np.float32),
        "wz": np.zeros(count, np.int8), "ys": np.float32(0.11), "yz": np.uint8(100),
        "b": rng.integers(-3000, 3000, 4).astype(np.int32),
    }  # fmt: skip
    node = helper.make_node("QLinearConv", list(inputs), ["y"], group=2, strides=[2, 1], pads=[1, 0, 1, 2])
    compare(node, inputs, ("w", "ws", "wz", "b"), TensorProto.UINT8)


def test_qlinear_matmul(rng):
    inputs = {
        "a": integers(rng, np.uint8, 2, 4, 70), "as": np.float32(0.02), "az": np.uint8(120),
        "b": integers(rng, np.int8, 70, 6), "bs": np.float32(0.03), "bz": np.int8(-2),
        "ys": np.float32(0.13), "yz": np.uint8(128),
    }  # fmt: skip
    compare(helper.make_node("QLinearMatMul", list(inputs), ["y"]), inputs, (), TensorProto.UINT8)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_blocks(rng, axis):
    shape = (8, 12)
    scales = [n // 4 if a == axis % 2 else n for a, n in enumerate(shape)]
    inputs = {"x": integers(rng, np.int8, *shape), "s": rng.uniform(0.1, 1, scales).astype(np.float32),
              "z": integers(rng, np.int8, *scales)}  # fmt: skip
    node = helper.make_node("DequantizeLinear", ["x", "s", "z"], ["y"], axis=axis, block_size=4)
    compare(node, inputs, rtol=1e-6)
    floats = {**inputs, "x": rng.standard_normal(shape).astype(np.float32) * 20}
    node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], axis=axis, block_size=4)
    compare(node, floats, (), TensorProto.INT8)


def test_a_last_block_that_is_shorter(rng):
    inputs = {"x": integers(rng, np.uint8, 2, 10), "s": rng.uniform(0.1, 1, (2, 3)).astype(np.float32)}
    node = helper.make_node("DequantizeLinear", ["x", "s"], ["y"], axis=1, block_size=4)
    result, *_ = run(node, inputs)
    np.testing.assert_allclose(result, inputs["x"] * np.repeat(inputs["s"], 4, 1)[:, :10], rtol=1e-6)


def test_blocks_that_do_not_fit_are_an_error(rng):
    inputs = {"x": integers(rng, np.uint8, 2, 10), "s": np.ones((2, 4), np.float32)}
    node = helper.make_node("DequantizeLinear", ["x", "s"], ["y"], axis=1, block_size=4)
    with pytest.raises(GraphError, match="10 elements in blocks of 4 need 3 scales; 4 are given"):
        run(node, inputs)


def test_wide_integers_with_a_narrow_scale():
    inputs = {"x": np.array([1_000_000, -70_000], np.int32), "s": np.float16(0.0078125)}
    node = helper.make_node("DequantizeLinear", ["x", "s"], ["y"])
    result, *_ = run(node, inputs, (), TensorProto.FLOAT16)
    np.testing.assert_array_equal(result, np.array([7812.5, -546.875], np.float16))


@pytest.mark.parametrize("x", [[0.0, 0.0], [-3.0, -1.0], [1.0, 3.5], [-1.5, 2.5]])
def test_dynamic_quantize_linear(x):
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"])
    compare(node, {"x": np.array(x, np.float32)}, (), TensorProto.UINT8)


def test_dynamic_matmul(rng):
    inputs = {
        "a": rng.standard_normal((3, 40)).astype(np.float32), "b": integers(rng, np.int8, 40, 6),
        "s": rng.uniform(0.01, 0.03, 6).astype(np.float32), "z": np.zeros(6, np.int8),
        "bias": rng.standard_normal(6).astype(np.float32),
    }  # fmt: skip
    node = helper.make_node("DynamicQuantizeMatMul", list(inputs), ["y"], domain=MICROSOFT)
    compare(node, inputs, ("b", "s", "z", "bias"), rtol=1e-4, atol=1e-4)
    quantized = {
        "a": integers(rng, np.uint8, 3, 40), "b": inputs["b"], "as": np.float32(0.02), "bs": inputs["s"],
        "az": np.uint8(7), "bz": inputs["z"], "bias": inputs["bias"],
    }  # fmt: skip
    node = helper.make_node("MatMulIntegerToFloat", list(quantized), ["y"], domain=MICROSOFT)
    compare(node, quantized, ("b", "bs", "bz"), rtol=1e-5, atol=1e-5)


SCALES = {"xs": np.float32(0.05), "xz": np.uint8(110)}
RESULT = {"ys": np.float32(0.07), "yz": np.uint8(100)}


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("QLinearSigmoid", {}),
        ("QLinearLeakyRelu", {"alpha": 0.2}),
        ("QLinearSoftmax", {"axis": -1, "opset": 13}),
        ("QLinearAveragePool", {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 1, 0, 0]}),
        ("QLinearGlobalAveragePool", {}),
        ("QLinearGlobalAveragePool", {"channels_last": 1}),
    ],
)
def test_of_one_input(rng, name, attributes):
    result = {"ys": np.float32(1 / 256), "yz": np.uint8(0)} if name in ("QLinearSigmoid", "QLinearSoftmax") else RESULT
    inputs = {"x": integers(rng, np.uint8, 1, 4, 6, 6), **SCALES, **result}
    node = helper.make_node(name, list(inputs), ["y"], domain=MICROSOFT, **attributes)
    compare(node, inputs, tuple(inputs)[1:], TensorProto.UINT8, steps=1)


@pytest.mark.parametrize("name", ["QLinearAdd", "QLinearMul"])
def test_of_two_inputs(rng, name):
    inputs = {
        "x": integers(rng, np.uint8, 3, 4), **SCALES, "b": integers(rng, np.uint8, 4), "bs": np.float32(0.03),
        "bz": np.uint8(99), **RESULT,
    }  # fmt: skip
    node = helper.make_node(name, list(inputs), ["y"], domain=MICROSOFT)
    compare(node, inputs, (), TensorProto.UINT8, steps=1)


def test_concat(rng):
    inputs = {
        **RESULT, "x": integers(rng, np.uint8, 2, 4), **SCALES, "b": integers(rng, np.uint8, 2, 3),
        "bs": np.float32(0.03), "bz": np.uint8(99),
    }  # fmt: skip
    node = helper.make_node("QLinearConcat", list(inputs), ["y"], domain=MICROSOFT, axis=1)
    compare(node, inputs, (*RESULT, *SCALES, "bs", "bz"), TensorProto.UINT8, steps=1)
