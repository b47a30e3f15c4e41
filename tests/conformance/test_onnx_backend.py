"""The backend that ONNX's own tests run against, some of those tests, and the file of those that are excluded."""

import json
import unittest

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx, of the extra 'onnx'", exc_type=ImportError)

import onnx
from onnx import TensorProto, helper

from webnn_mlir.dialects.webnn import GraphError
from webnn_mlir.tools import onnx_backend
from webnn_mlir.tools.conformance.main import main
from webnn_mlir.tools.conformance.onnx_cases import (
    Exclusion,
    read_exclusions,
    read_onnx_cases,
    reason_to_exclude,
)

FLOATS = np.arange(6, dtype=np.float32).reshape(2, 3)


def model_of(nodes, inputs, outputs, **graph):
    def info(name, element, shape):
        return helper.make_tensor_value_info(name, element, shape)

    made = helper.make_graph(nodes, "g", [info(*i) for i in inputs], [info(*o) for o in outputs], **graph)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.fixture
def reshape():
    """[n, m] to the shape that an input gives."""
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"])]
    inputs = [("x", TensorProto.FLOAT, ["n", "m"]), ("s", TensorProto.INT64, ["rank"])]
    return model_of(nodes, inputs, [("y", TensorProto.FLOAT, ["a", "b"])])


def test_a_node():
    [result] = onnx_backend.run_node(helper.make_node("Add", ["a", "b"], ["c"]), [FLOATS, FLOATS[0]])
    np.testing.assert_array_equal(result, FLOATS + FLOATS[0])
    [result] = onnx_backend.run_node(helper.make_node("Relu", ["a"], ["c"]), [-FLOATS], opset_version=6)
    np.testing.assert_array_equal(result, np.zeros((2, 3), np.float32))


def test_truth_values_are_bool():
    node = helper.make_node("And", ["a", "b"], ["c"])
    a, b = np.array([True, True, False]), np.array([True, False, False])
    result = onnx_backend.run_node(node, [a, b]).c
    assert result.dtype == bool
    np.testing.assert_array_equal(result, a & b)


def test_results_have_names_and_the_order_of_the_model():
    nodes = [helper.make_node("Neg", ["x"], ["second"]), helper.make_node("Abs", ["x"], ["first"])]
    outputs = [("first", TensorProto.FLOAT, [2, 3]), ("second", TensorProto.FLOAT, [2, 3])]
    model = model_of(nodes, [("x", TensorProto.FLOAT, [2, 3])], outputs)
    result = onnx_backend.run_model(model, {"x": -FLOATS})
    assert result._fields == ("first", "second")
    np.testing.assert_array_equal(result.first, FLOATS)


def test_a_value_that_must_be_known_is_compiled_for(reshape, monkeypatch):
    compiled = []
    compile = onnx_backend.compile
    monkeypatch.setattr(onnx_backend, "compile", lambda graph, **o: compiled.append(graph) or compile(graph, **o))
    prepared = onnx_backend.prepare(reshape)
    for shape, count in [([3, 2], 1), ([6, 1], 2), ([3, 2], 2)]:
        [result] = prepared.run([FLOATS, np.array(shape)])
        np.testing.assert_array_equal(result, FLOATS.reshape(shape))
        assert len(compiled) == count
    prepared.run([FLOATS + 1, np.array([6, 1])])
    assert len(compiled) == 2
    prepared.run([FLOATS[:1], np.array([3, 1])])
    assert len(compiled) == 3
    assert all(list(graph.inputs) == ["x"] for graph in compiled)


def test_what_is_wrong_is_said(reshape):
    with pytest.raises(TypeError, match="1 inputs are given; the model takes 2: x, s"):
        onnx_backend.prepare(reshape).run([FLOATS])
    with pytest.raises(GraphError, match="does not divide 6 elements"):
        onnx_backend.run_model(reshape, [FLOATS, np.array([4, -1])])
    with pytest.raises(ValueError, match="device 'CUDA' is not supported"):
        onnx_backend.prepare(reshape, "CUDA")
    with pytest.raises(onnx.checker.ValidationError):
        onnx_backend.run_node(helper.make_node("Relu", ["a"], ["c"], size=1), [FLOATS])
    assert onnx_backend.supports_device("CPU")
    assert not onnx_backend.supports_device("CUDA:0")


def test_onnx_runs_its_tests_against_it():
    from onnx.backend.test import BackendTest

    names = ["test_and2d_cpu", "test_reshape_negative_dim_cpu", "test_split_equal_parts_1d_opset13_cpu"]
    suite = BackendTest(onnx_backend.WebNNBackend, __name__).test_cases["OnnxBackendNodeModelTest"]
    result = unittest.TestResult()
    unittest.TestSuite(map(suite, names)).run(result)
    assert result.testsRun == len(names)
    assert result.wasSuccessful(), result.failures + result.errors
    assert not result.skipped


# ONNX's tests in batches

SOME = (
    "abs|acos|and_bcast3v1d|argmax_default_axis_example|averagepool_2d_ceil|basic_conv_with_padding|batchnorm_example|"
    "bitshift_right_uint8|cast_FLOAT_to_FLOAT16|ceil|clip_default_min|concat_2d_axis_0|convinteger_with_padding|"
    "convtranspose_group_2|cumsum_1d|dequantizelinear_blocked|dft|dynamicquantizelinear|einsum_batch_matmul|gather_0|"
    "gathernd_example_int32|gemm_all_attributes|globalmaxpool|gridsample_bicubic|gru_defaults|hannwindow|if|isinf|"
    "layer_normalization_2d_axis1|loop11|lstm_defaults|matmul_3d|matmulinteger|maxpool_2d_pads|mod_broadcast|onehot_with_axis|"
    "pow_types_int32_float32|qlinearconv|quantizelinear_axis|reduce_sum_keepdims_example|resize_upsample_scales_linear|"
    "reshape_negative_dim|scan9_sum|scatter_elements_with_axis|shape_start_1|slice_negative_axes|softmax_axis_0|"
    "split_variable_parts_2d_opset18|sce_mean|stft|tile|top_k|transpose_default|tril|where_example|xor2d|"
    "softmax_lastdim|operator_add_broadcast|expand_shape_model1|gradient_of_add|strnorm_model_monday_casesensintive_lower"
)


def run(tmp_path, *arguments):
    """Exit status and records by name."""
    out = tmp_path / "out.json"
    status = main(["--onnx", *arguments, "--jobs", "2", "--json", str(out)])
    return status, {r["id"]: r for r in json.loads(out.read_text())["records"]}


def test_some_pass(tmp_path, capsys):
    status, records = run(tmp_path, "--filter", f"^test_({SOME})$")
    assert {id: r["message"] for id, r in records.items() if r["status"] == "failed"} == {}
    assert status == 0
    assert len(records) == SOME.count("|") + 1
    assert "SKIPPED test_gradient_of_add: WebNN does not train" in capsys.readouterr().out


def test_a_wrong_answer_fails(tmp_path, monkeypatch):
    """In this process, by an engine that gives ones."""
    from webnn_mlir.tools.conformance import onnx_checking
    from webnn_mlir.tools.conformance.onnx_checking import check_onnx

    class Off:
        batch = 1

        def load(self, graphs, *, constant_folding):
            return lambda name, inputs: {n: np.ones(o.shape, np.float32) for n, o in graphs[name].outputs.items()}

    cases = [c for c in read_onnx_cases() if c.name in ("test_abs", "test_nonmaxsuppression_single_box")]
    wrong, unsupported = sorted(check_onnx(cases, Off()), key=lambda r: r.id)
    assert wrong.status == "failed"
    assert wrong.message.startswith("wrong answer: Not equal to tolerance")
    assert wrong.file == "Abs"
    assert unsupported.message.startswith("not supported: ")
    monkeypatch.setattr(onnx_checking, "size_model", lambda *_: 1 / 0)
    assert check_onnx(cases[:1], Off())[0].message == "crash: ZeroDivisionError: division by zero"


def test_each_exclusion_has_a_reason_and_tests():
    cases, exclusions = read_onnx_cases(), read_exclusions()
    assert len(cases) > 1500
    excluded = [case for case in cases if reason_to_exclude(case, exclusions)]
    assert len(excluded) < 0.3 * len(cases)
    for exclusion in exclusions:
        assert len(exclusion.reason) > 10
        assert any(map(exclusion.covers, cases)), exclusion.reason
        for operator in exclusion.operators - UNTESTED:
            assert any(operator in case.operators for case in cases), operator
        for pattern in exclusion.tests.pattern.split("|") if exclusion.tests else ():
            assert any(map(Exclusion.parse({"reason": "", "tests": [pattern]}).covers, cases)), pattern


UNTESTED = {"RandomUniform", "RandomNormal", "RandomNormalLike", "Multinomial"}
"""Operators that are excluded, should ONNX test them."""
