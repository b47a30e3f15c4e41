import math

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.dialects.webnn.webidl import UNDEFINED, BigInt, convert, invoke, to_number, to_string

ENFORCED = "[EnforceRange] unsigned long"


@pytest.fixture
def builder():
    return GraphBuilder()


def new_input(builder, *shape, data_type="float32", name="x"):
    return invoke(builder, "input", [name, {"dataType": data_type, "shape": list(shape)}])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (UNDEFINED, math.nan), (None, 0), (True, 1), ("", 0), (" 12 ", 12), ("0x1F", 31), ("0b101", 5), ("1e3", 1000),
        (".5", 0.5), ("-Infinity", -math.inf), ("nan", math.nan), ("1_000", math.nan), ("infinity", math.nan),
        ([], 0), ([7], 7), ([1, 2], math.nan), ({}, math.nan), (10**400, math.inf),
    ],
)  # fmt: skip
def test_to_number(value, expected):
    assert to_number(value) == expected or (math.isnan(expected) and math.isnan(to_number(value)))


def test_a_bigint_is_no_number():
    with pytest.raises(TypeError, match="BigInt"):
        to_number(BigInt(1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, "5"), (5.0, "5"), (-0.0, "0"), (0.1, "0.1"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"), (1.5e-10, "1.5e-10"), (math.nan, "NaN"), (-math.inf, "-Infinity"), (BigInt(2**70), str(2**70)),
        (True, "true"), (None, "null"), (UNDEFINED, "undefined"), ([1, None, "a"], "1,,a"), ({}, "[object Object]"),
        ("a\ud800b", "a\ufffdb"),
    ],
)  # fmt: skip
def test_to_string(value, expected):
    assert to_string(value) == expected


@pytest.mark.parametrize(
    ("idl", "value", "expected"),
    [
        (ENFORCED, 2.9, 2),
        (ENFORCED, -0.9, 0),
        (ENFORCED, 2**32 - 0.5, 2**32 - 1),
        (ENFORCED, "3", 3),
        ("[EnforceRange] long", -3.7, -3),
        ("unsigned long", -1, 2**32 - 1),
        ("unsigned long", 2**32 + 5.5, 5),
        ("unsigned long", math.nan, 0),
        ("unsigned long", UNDEFINED, 0),
        ("sequence<unsigned long>", [-1, math.inf], [2**32 - 1, 0]),
        (f"sequence<{ENFORCED}>", (1, 2.5), [1, 2]),
        (f"({ENFORCED} or sequence<{ENFORCED}>)", 3.2, 3),
        (f"({ENFORCED} or sequence<{ENFORCED}>)", [1, 2], [1, 2]),
        ("double", "1.5", 1.5),
        ("float", 0.1, float(np.float32(0.1))),
        ("MLNumber", BigInt(2**63), 2**63),
        ("MLNumber", math.inf, math.inf),
        ("boolean", "false", True),
        ("boolean", math.nan, False),
        ("boolean", {}, True),
        ("boolean", BigInt(0), False),
        ("MLInputOperandLayout", "nchw", "nchw"),
        ("sequence<MLRecurrentNetworkActivation>", ["relu"], ["relu"]),
    ],
)
def test_convert(idl, value, expected):
    converted = convert(idl, value)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("idl", "value"),
    [
        (ENFORCED, -1), (ENFORCED, 2**32), (ENFORCED, math.nan), (ENFORCED, math.inf), (ENFORCED, UNDEFINED),
        (ENFORCED, {}), ("[EnforceRange] long", 2**31), ("double", math.nan), ("double", "x"), ("double", BigInt(1)),
        ("float", 1e39), ("sequence<double>", 1), ("sequence<double>", "12"), ("sequence<double>", {}),
        ("sequence<double>", b"12"),
    ],
)  # fmt: skip
def test_convert_rejects(idl, value):
    with pytest.raises(TypeError):
        convert(idl, value)


def test_input_truncates_dimensions_and_stringifies_its_name(builder):
    x = invoke(builder, "input", [5, {"dataType": "float32", "shape": [2.9, "3"], "unknown": 1}, "ignored"])
    assert (x.name, x.shape) == ("5", (2, 3))


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["x"], ["", {"dataType": "float32", "shape": [1]}], ["x", UNDEFINED], ["x", 5], ["x", {"shape": [1]}],
        ["x", {"dataType": "float32"}], ["x", {"dataType": "float32", "shape": UNDEFINED}],
        ["x", {"dataType": "float64", "shape": [1]}],
        ["x", {"dataType": "float32", "shape": [0]}], ["x", {"dataType": "float32", "shape": [2**32]}],
        ["x", {"dataType": "float32", "shape": 4}],
    ],
)  # fmt: skip
def test_input_rejects(builder, arguments):
    with pytest.raises(TypeError, match="input"):
        invoke(builder, "input", arguments)


@pytest.mark.parametrize(
    ("data_type", "buffer"),
    [
        ("float32", bytes(24)), ("float32", np.zeros(6, np.float32)), ("float32", np.zeros(24, np.uint8)),
        ("float16", np.zeros(6, np.float16)), ("float16", np.zeros(6, np.uint16)), ("int64", np.zeros(6, np.int64)),
        ("int4", np.zeros(3, np.uint8)), ("int4", np.zeros(3, np.int8)), ("uint4", bytes(3)),
    ],
)  # fmt: skip
def test_constant_of_a_buffer(builder, data_type, buffer):
    assert invoke(builder, "constant", [{"dataType": data_type, "shape": [2, 3]}, buffer]).shape == (2, 3)


@pytest.mark.parametrize(
    ("data_type", "buffer"),
    [
        ("float32", bytes(23)), ("float32", np.zeros(6, np.int32)), ("float32", np.zeros(6, np.uint8)), ("float32", 5),
        ("float32", [0] * 6), ("float32", UNDEFINED), ("int4", np.zeros(6, np.uint8)), ("int4", np.zeros(6, np.int8)),
    ],
)  # fmt: skip
def test_constant_rejects_a_buffer(builder, data_type, buffer):
    with pytest.raises(TypeError, match="constant"):
        invoke(builder, "constant", [{"dataType": data_type, "shape": [2, 3]}, buffer])


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        ("int8", 300, 127),
        ("uint8", -1, 0),
        ("int64", BigInt(2**62 + 1), 2**62 + 1),
        ("int32", UNDEFINED, 0),
        ("float32", "2", 2),
    ],
)
def test_constant_of_a_scalar(builder, data_type, value, expected):
    scalar = invoke(builder, "constant", [data_type, value])
    assert scalar.shape == ()
    assert scalar.constant.data.view(scalar.data_type.numpy)[0] == expected


def test_an_operator_takes_its_label_from_its_options(builder):
    result = invoke(builder, "abs", [new_input(builder, 2), {"label": 7, "unknown": {}}])
    assert result.node.label == "7"


@pytest.mark.parametrize("input", [UNDEFINED, None, 5, "x", {}, []])
def test_a_value_that_is_no_operand(builder, input):
    with pytest.raises(TypeError, match=r"\[here\] abs: input: .* is not of type 'MLOperand'"):
        invoke(builder, "abs", [input, {"label": "here"}])


def test_errors_of_an_operator_carry_its_label(builder):
    integer = new_input(builder, 2, data_type="int32")
    with pytest.raises(TypeError, match=r"\[here\]"):
        invoke(builder, "exp", [integer, {"label": "here"}])


def test_a_missing_argument(builder):
    with pytest.raises(TypeError, match="'input' is required"):
        invoke(builder, "abs", [])


def test_options_must_be_an_object(builder):
    with pytest.raises(TypeError, match="not an object"):
        invoke(builder, "abs", [new_input(builder, 2), "label"])


@pytest.mark.parametrize(
    ("compatibility", "option", "shape"),
    [
        (None, "roundingType", (1, 1, 1, 1)),
        ("2025", "roundingType", (1, 1, 2, 2)),
        ("2025", "outputShapeRounding", (1, 1, 2, 2)),
    ],
)
def test_an_option_is_known_by_its_name_of_2025_only_in_compatibility(compatibility, option, shape):
    builder = GraphBuilder(compatibility=compatibility)
    options = {"windowDimensions": [2, 2], "strides": [2, 2], option: "ceil"}
    assert invoke(builder, "maxPool2d", [new_input(builder, 1, 1, 3, 3), options]).shape == shape


def test_an_unknown_method(builder):
    with pytest.raises(AttributeError, match="emit"):
        invoke(builder, "emit", [])
