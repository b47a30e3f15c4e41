"""The builder raises TypeError where the specification does, with the label, the value and the rule in the message."""

import inspect

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import OPS, DataType, Descriptor, GraphBuilder, InvalidStateError
from webnn_mlir.dialects.webnn.int4 import pack_int4, unpack_int4


@pytest.fixture
def builder() -> GraphBuilder:
    return GraphBuilder()


def test_operands_show_their_shape_and_data_type(builder):
    y = builder.abs(builder.input("x", "float32", [2, 3]))
    assert (y.shape, y.data_type) == ((2, 3), "float32")


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("", "float32", [1]), "non-empty"),
        (("x", "float64", [1]), "'float64' must be one of"),
        (("x", "float32", [0]), "dimension 0"),
        (("x", "float32", [2**31]), "dimension 2147483648"),
        (("x", "float32", [2**16, 2**16]), "4294967296 elements"),
        (("x", "float32", [1.5]), "1.5 must be an integer"),
        (("x", "float32"), "shape is required"),
        (("x", {"dataType": "float32", "dimensions": [1]}), "unknown member 'dimensions'"),
    ],
)
def test_bad_inputs(builder, arguments, rule):
    with pytest.raises(TypeError, match=rule):
        builder.input(*arguments)


def test_input_names_are_unique(builder):
    builder.input("x", "float32", [1])
    with pytest.raises(TypeError, match="'x' is taken"):
        builder.input("x", "float32", [1])


def test_errors_name_the_label_the_value_and_the_rule(builder):
    x = builder.input("x", "int32", [2])
    with pytest.raises(TypeError, match=r"\[layer/7\] exp: input has data type int32; it must be one of float32"):
        builder.exp(x, label="layer/7")


def test_operands_of_another_builder_are_caught(builder):
    x = GraphBuilder().input("x", "float32", [2])
    with pytest.raises(TypeError, match="operand of another builder"):
        builder.abs(x)


def test_wrong_arguments_are_caught(builder):
    x = builder.input("x", "float32", [2])
    for call, rule in [
        (lambda: builder.abs(x, x), "takes 1 positional arguments"),
        (lambda: builder.abs(x, input=x), "given twice"),
        (lambda: builder.abs(x, alpha=1), "unknown option 'alpha'"),
        (lambda: builder.abs(), "'input' is required"),
        (lambda: builder.abs(np.zeros(2)), "must be an operand"),
        (lambda: builder.abs(x, label=3), "label 3 must be a string"),
    ]:
        with pytest.raises(TypeError, match=rule):
            call()


def test_a_builder_builds_once(builder):
    y = builder.abs(builder.input("x", "float32", [2]))
    builder.graph({"y": y})
    with pytest.raises(InvalidStateError):
        builder.graph({"y": y})
    with pytest.raises(InvalidStateError):
        builder.abs(y)


def test_outputs_must_be_results_of_operators(builder):
    x = builder.input("x", "float32", [2])
    c = builder.constant("float32", 1)
    y = GraphBuilder()
    other = y.abs(y.input("x", "float32", [2]))
    for outputs, rule in [
        ({}, "at least one output"),
        ({"": builder.abs(x)}, "non-empty string"),
        ({"y": x}, "is an input"),
        ({"y": c}, "is a constant"),
        ({"y": other}, "another builder"),
        ({"y": 1}, "must be an operand, not int"),
    ]:
        with pytest.raises(TypeError, match=rule):
            builder.graph(outputs)


def test_graph_keeps_only_what_its_outputs_need(builder):
    x, unused = (builder.input(name, "float32", [2]) for name in ("x", "unused"))
    builder.abs(unused)
    graph = builder.graph({"y": builder.exp(x)})
    assert list(graph.inputs) == ["x"]
    assert [n.op.name for n in graph.nodes] == ["exp"]


def test_constants_from_arrays_buffers_and_scalars(builder):
    values = np.arange(6, dtype=np.float16).reshape(2, 3)
    descriptor = {"dataType": "float16", "shape": [2, 3]}
    for constant in [
        builder.constant(values),
        builder.constant(descriptor, values),
        builder.constant(descriptor, values.tobytes()),
        builder.constant(descriptor, values.ravel()),
    ]:
        assert constant.descriptor == Descriptor.of("float16", [2, 3])
        assert constant.constant.data.tobytes() == values.tobytes()


def test_constants_are_copied(builder):
    values = np.zeros(2, np.float32)
    constant = builder.constant(values)
    values[0] = 1
    assert not constant.constant.data.any()


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        ("uint8", 300, 255),
        ("uint8", -1, 0),
        ("int8", float("nan"), 0),
        ("int64", 2**63 - 1, 2**63 - 1),
        ("uint64", 2**64 - 1, 2**64 - 1),
        ("int32", float("inf"), 2**31 - 1),
        ("int32", -2.9, -3),
        ("int32", 2.5, 2),
        ("float16", 1e9, np.inf),
    ],
)
def test_scalars_are_cast_as_the_specification_says(builder, data_type, value, expected):
    data = builder.constant(data_type, value).constant.data
    assert data.view(DataType(data_type).numpy)[0] == expected


def test_wrong_constants(builder):
    descriptor = {"dataType": "float32", "shape": [2]}
    for arguments, rule in [
        ((descriptor, bytes(7)), "7 bytes given"),
        ((descriptor, np.zeros(2)), "data type float64"),
        ((descriptor, np.zeros((1, 2), np.float32)), "shape"),
        ((descriptor,), "buffer is required"),
        ((descriptor, "text"), "no buffer"),
        ((np.zeros(2, np.complex64),), "none of WebNN's"),
        (("float32", "1"), "must be a number"),
        (({"dataType": "int4", "shape": [2]}, np.array([8, 0], np.int8)), "int4 holds -8 to 7"),
    ]:
        with pytest.raises(TypeError, match=rule):
            builder.constant(*arguments)


@pytest.mark.parametrize("data_type", ["int4", "uint4"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_int4_packs_low_nibble_first(data_type, count):
    descriptor = Descriptor.of(data_type, [count])
    low, high = descriptor.data_type.range
    values = np.linspace(low, high, count).astype(descriptor.data_type.numpy)
    packed = pack_int4(values, descriptor.data_type)
    assert packed.size == (count + 1) // 2
    assert packed[0] & 0xF == int(values[0]) & 0xF
    np.testing.assert_array_equal(unpack_int4(packed, descriptor), values)


def test_methods_show_their_signature():
    for op in OPS.values():
        names = list(inspect.signature(getattr(GraphBuilder, op.method)).parameters)
        assert names == ["self", *[p.field for p in op.parameters], *[o.field for o in op.options], "label"]
        assert op.url in getattr(GraphBuilder, op.method).__doc__


def test_compatibility_is_a_year_that_exists():
    with pytest.raises(TypeError, match="'2024'"):
        GraphBuilder(compatibility="2024")
