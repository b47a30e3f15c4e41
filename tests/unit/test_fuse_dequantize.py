"""webnn-fuse-dequantize: answers against NumPy in float64, memory as IREE's flow IR shows it, and missed fusions."""

import math
import re

import numpy as np
import pytest
from programs import lowered

from webnn_mlir import compile
from webnn_mlir.compiler.iree import compile_to_phase
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.dialects.webnn import DataType, Descriptor, GraphBuilder

TYPES = ["int4", "uint4", "int8", "uint8"]

def weights(builder, rng, data_type, shape, scales, *, zero=False, float_type="float32"):
    """A dequantizeLinear of constants and its value in float64."""
    low, high = DataType(data_type).range
    numpy_type = DataType(data_type).numpy
    q = rng.integers(low, high, shape, endpoint=True).astype(numpy_type)
    z = np.zeros(scales, numpy_type) if zero else rng.integers(low, high, scales, endpoint=True).astype(numpy_type)
    s = (rng.random(scales) + 0.1).astype(float_type)
    constants = [(data_type, q), (float_type, s), (data_type, z)]
    operands = [builder.constant(Descriptor.of(t, v.shape), v) for t, v in constants]
    for axis, size in enumerate(shape):
        s, z = (np.repeat(v, size // v.shape[axis], axis) for v in (s, z))
    return builder.dequantize_linear(*operands, label="weights"), (q.astype(np.float64) - z) * s.astype(np.float64)


def check(run, builder, y, x, reference, magnitude):
    """Fused, and each result within 1e-5 (float16: its own precision) of the sum of magnitudes."""
    graph = builder.graph({"y": y})
    assert lowered(graph).remarks == []
    found = run(graph, {"x": x})["y"]
    tolerance = 1e-5 if x.dtype == np.float32 else 2e-3
    assert found.shape == reference.shape
    assert np.all(np.abs(found - reference) <= tolerance * magnitude)


def product(run, x_shape, data_type, shape, scales, *, zero=False, float_type="float32", through=(), left=False):
    """matmul of x and the weights, after `through`: reshapes (shapes) and transposes (permutations in a tuple)."""
    rng, builder = np.random.default_rng(1), GraphBuilder()
    w, value = weights(builder, rng, data_type, shape, scales, zero=zero, float_type=float_type)
    for step in through:
        if isinstance(step, tuple):
            w, value = builder.transpose(w, permutation=step), value.transpose(step)
        else:
            w, value = builder.reshape(w, step), value.reshape(step)
    x = rng.standard_normal(x_shape).astype(float_type)
    operands = (w, builder.input("x", float_type, x_shape))
    wide = (value, x.astype(np.float64))
    if not left:
        operands, wide = operands[::-1], wide[::-1]
    check(run, builder, builder.matmul(*operands), x, wide[0] @ wide[1], abs(wide[0]) @ abs(wide[1]))


@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("data_type", TYPES)
@pytest.mark.parametrize("scales", [(4, 24), (1, 24), (4, 3), (1, 1), (64, 1)])
def test_matmul(run, data_type, scales, zero):
    product(run, (3, 64), data_type, (64, 24), scales, zero=zero)


@pytest.mark.parametrize(
    ("x", "shape", "scales", "options"),
    [
        ((1, 64), (64, 50), (4, 50), {}),
        ((2, 3, 64), (64, 10), (4, 5), {"float_type": "float16"}),
        ((2, 3, 64), (2, 64, 10), (2, 4, 5), {}),
        ((3, 64), (2, 64, 10), (2, 4, 5), {}),
        ((2, 1, 3, 64), (5, 64, 10), (5, 4, 5), {}),
        ((2, 3, 6, 8), (2, 3, 8, 10), (1, 1, 1, 1), {}),
        ((3, 9), (9, 3), (3, 3), {}),  # an odd number of int4
        ((3, 10), (10, 5), (2, 5), {}),  # odd rows
        ((3, 12), (12, 1), (3, 1), {}),
        ((1, 1), (1, 4), (1, 4), {}),
        ((3, 64), (10, 4, 16), (10, 4, 1), {"through": ([10, 64], (1, 0))}),
        ((3, 64), (10, 4, 16), (10, 4, 1), {"through": ((1, 2, 0), [64, 10])}),
        ((3, 64), (640,), (40,), {"through": ([10, 64], (1, 0))}),
        ((2, 64, 3), (10, 64), (10, 4), {"left": True}),
        ((2, 64, 3), (2, 10, 64), (2, 10, 4), {"left": True}),
    ],
)
def test_matmul_shapes(run, x, shape, scales, options):
    for data_type in ("int4", "uint8"):
        product(run, x, data_type, shape, scales, **options)


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_gemm(run, turned):
    rng, builder = np.random.default_rng(2), GraphBuilder()
    a_turned, b_turned = turned
    w, value = weights(builder, rng, "int4", (24, 64) if b_turned else (64, 24), (24, 4) if b_turned else (4, 24))
    x = rng.standard_normal((64, 3) if a_turned else (3, 64)).astype(np.float32)
    c = rng.standard_normal(24).astype(np.float32)
    y = builder.gemm(builder.input("x", "float32", x.shape), w, c=builder.constant(c), alpha=0.5, beta=2.0,
                     a_transpose=a_turned, b_transpose=b_turned)  # fmt: skip
    a, b = x.T if a_turned else x, value.T if b_turned else value
    check(run, builder, y, x, 0.5 * (a.astype(np.float64) @ b) + 2.0 * c, abs(a) @ abs(b) + abs(c))


def convolution(x, w, stride, dilation, groups):
    """x in nchw, w in oihw."""
    (_, _, h, wd), (o, i, kh, kw) = x.shape, w.shape
    oh, ow = ((n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip((h, wd), (kh, kw), dilation, stride, strict=True))
    y = np.zeros((x.shape[0], o, oh, ow))
    for g in range(groups):
        outs = slice(g * o // groups, (g + 1) * o // groups)
        for r in range(kh):
            for c in range(kw):
                rows = slice(r * dilation[0], r * dilation[0] + (oh - 1) * stride[0] + 1, stride[0])
                columns = slice(c * dilation[1], c * dilation[1] + (ow - 1) * stride[1] + 1, stride[1])
                y[:, outs] += np.einsum("nihw,oi->nohw", x[:, g * i : (g + 1) * i, rows, columns], w[outs, :, r, c])
    return y


@pytest.mark.parametrize(
    ("data_type", "layout", "filter_layout", "options"),
    [
        ("int8", "nchw", "oihw", {}),
        ("int8", "nhwc", "hwio", {"padding": [1, 1, 0, 1]}),
        ("uint8", "nhwc", "ohwi", {"strides": [2, 1]}),
        ("uint8", "nchw", "ihwo", {"dilations": [2, 1], "strides": [1, 3]}),
        ("int4", "nchw", "oihw", {"groups": 2}),  # odd rows
        ("uint4", "nhwc", "ohwi", {"groups": 4, "padding": [1, 1, 1, 1]}),
        ("int4", "nhwc", "hwio", {"blocks": 2}),
    ],
)
def test_conv2d(run, data_type, layout, filter_layout, options):
    rng, builder, options = np.random.default_rng(3), GraphBuilder(), dict(options)
    groups, blocks = options.get("groups", 1), options.pop("blocks", 1)
    size = {"o": 8, "i": 8 // groups, "h": 3, "w": 3}
    scales = {"o": 8, "i": blocks, "h": 1, "w": 1}
    shape, scale_shape = ([d[k] for k in filter_layout] for d in (size, scales))
    w, value = weights(builder, rng, data_type, shape, scale_shape)
    x = rng.standard_normal([{"n": 2, "c": 8, "h": 7, "w": 6}[d] for d in layout]).astype(np.float32)
    bias = rng.standard_normal(8).astype(np.float32)
    y = builder.conv2d(builder.input("x", "float32", x.shape), w, bias=builder.constant(bias), input_layout=layout,
                       filter_layout=filter_layout, **options)  # fmt: skip
    top, bottom, before, after = options.get("padding", [0, 0, 0, 0])
    nchw = np.pad(x.transpose([layout.index(d) for d in "nchw"]).astype(np.float64),
                  [(0, 0), (0, 0), (top, bottom), (before, after)])  # fmt: skip
    oihw = value.transpose([filter_layout.index(d) for d in "oihw"])
    steps = options.get("strides", [1, 1]), options.get("dilations", [1, 1]), groups
    back = ["nchw".index(d) for d in layout]
    reference, magnitude = (convolution(f(nchw), f(oihw), *steps) for f in (lambda a: a, np.abs))
    reference += bias[:, None, None]
    magnitude += np.abs(bias)[:, None, None]
    check(run, builder, y, x, reference.transpose(back), magnitude.transpose(back))


@pytest.mark.parametrize("placed", ["embed", "external"])
@pytest.mark.parametrize("data_type", TYPES)
def test_weights_are_never_in_floating_point(data_type, placed):
    """With weights that are mapped, not inline: one dispatch, and all floats are smaller than the weights."""
    rng, builder = np.random.default_rng(4), GraphBuilder()
    w, _ = weights(builder, rng, data_type, (512, 256), (16, 256))
    program = lowered(builder.graph({"y": builder.matmul(builder.input("x", "float32", [1, 512]), w)}), weights=placed)
    text = compile_to_phase(program, CompileOptions(target_cpu="generic").flags(), "flow")
    assert text.count("flow.dispatch @") == 1
    floats = [math.prod(map(int, dims.split("x"))) for dims in re.findall(r"tensor<([\dx]+)xf\d+>", text)]
    assert floats
    assert max(floats) == 16 * 256
    packed = 512 * 256 * DataType(data_type).bits // 8
    stored = re.findall(r"util\.global private \S+ .* : tensor<([\dx]+)xi8>", text)
    assert max(math.prod(map(int, dims.split("x"))) for dims in stored) == packed


def remarks(builder, *outputs):
    program = lowered(builder.graph({f"y{i}": o for i, o in enumerate(outputs)}))
    return [str(r) for r in program.remarks]


def test_missed_fusions_say_why():
    builder = GraphBuilder()
    x = builder.input("x", "float32", [2, 4])
    scale = builder.constant(np.ones((4, 4), np.float32))
    given = builder.input("q", "int8", [4, 4])
    computed = builder.matmul(x, builder.dequantize_linear(given, scale, given, label="computed"))
    int32 = builder.constant(np.ones((4, 4), np.int32))
    wide = builder.matmul(x, builder.dequantize_linear(int32, scale, int32, label="wide"))
    int8 = builder.constant(np.ones((4, 4), np.int8))
    elsewhere = builder.exp(builder.dequantize_linear(int8, scale, int8, label="elsewhere"))
    place = "remark: 'webnn.dequantizeLinear' (label"
    assert remarks(builder, computed, wide, elsewhere) == [
        f'{place} "computed"): not fused: matmul: the weights are not constant',
        f'{place} "wide"): not fused: matmul: the weights are int32, not one of int4, uint4, int8, uint8',
        f'{place} "elsewhere"): not fused: it feeds webnn.exp, which is no matmul, gemm or conv2d',
    ]


def test_a_reshape_that_cuts_across_blocks_is_missed():
    builder = GraphBuilder()
    x = builder.input("x", "float32", [2, 4])
    int8, scale = builder.constant(np.ones((6, 2), np.int8)), builder.constant(np.ones((6, 2), np.float32))
    w = builder.reshape(builder.dequantize_linear(int8, scale, int8), [4, 3])
    (remark,) = remarks(builder, builder.matmul(x, w))
    assert "the reshape to [4, 3] cuts across dimensions or blocks" in remark


def test_weights_with_two_users_are_fused_into_both(run):
    rng, builder = np.random.default_rng(5), GraphBuilder()
    w, value = weights(builder, rng, "int4", (16, 8), (4, 8))
    x = builder.input("x", "float32", [2, 16])
    y = builder.add(builder.matmul(x, w), builder.gemm(x, w))
    data = rng.standard_normal((2, 16)).astype(np.float32)
    check(run, builder, y, data, 2 * (data.astype(np.float64) @ value), 2 * (abs(data) @ abs(value)))


def test_products_of_several_sizes_in_one_artifact():
    rng, builder = np.random.default_rng(6), GraphBuilder()
    y, reference = builder.input("x", "float32", [1, 64]), rng.standard_normal((1, 64))
    x = reference.astype(np.float32)
    for rows, columns in ((64, 128), (128, 96), (96, 64)):
        w, value = weights(builder, rng, "uint4", (columns, rows), (columns, rows // 32))
        y, reference = builder.matmul(y, builder.transpose(w, permutation=[1, 0])), reference @ value.T
    found = compile(builder.graph({"y": y}), cache=False).run(x=x)["y"]
    np.testing.assert_allclose(found, reference, atol=1e-4 * abs(reference).max())


def test_many_rows_are_multiplied_with_weights_in_floating_point():
    rng, builder = np.random.default_rng(6), GraphBuilder()
    w, _ = weights(builder, rng, "int8", (256, 256), (8, 256))
    few, many = (builder.matmul(builder.input(f"x{rows}", "float32", [rows, 256]), w) for rows in (4, 5))
    (remark,) = remarks(builder, few, many)
    assert "not fused: matmul: 5 rows are multiplied faster with weights in floating point" in remark
