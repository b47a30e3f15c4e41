"""Kernels for quantized products: each against NumPy in float64, on sizes that fill nothing evenly."""

import json

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler import driver
from webnn_mlir.compiler.iree import compile_program
from webnn_mlir.compiler.kernels import choice
from webnn_mlir.compiler.kernels.machine import BY_NAME
from webnn_mlir.compiler.kernels.packing import Packing
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.compiler.program import from_graph
from webnn_mlir.dialects.webnn import DataType, Descriptor, GraphBuilder
from webnn_mlir.runtime.artifact import load
from webnn_mlir.runtime.compiled import compile

NATIVE = [name for name in BY_NAME if name != "neondot"]
TYPES = ["int4", "uint4", "int8", "uint8"]
BOUND = 1e-5


class Quantized:
    """Weights [depth, columns] in a graph: along the depth in blocks of `block`, or with a scale a column for None;
    `turned`: stored as [columns, depth], as exporters of language models do."""

    def __init__(self, rng, data_type, depth, columns, block, *, turned=False, symmetric=False, scale="float32"):
        self.data_type, self.turned, self.scale_type = data_type, turned, scale
        low, high = DataType(data_type).range
        blocks = depth // block if block else 1
        shape, scales = (depth, columns), (blocks, columns)
        self.steps = rng.integers(low, high, shape, endpoint=True).astype(DataType(data_type).numpy)
        self.zeros = rng.integers(low, high, scales, endpoint=True).astype(self.steps.dtype)
        if symmetric:
            self.zeros[:] = (low + high + 1) // 2
        self.scales = (rng.random(scales) + 0.1).astype(scale)
        self.spread = depth // blocks

    @property
    def values(self):
        zeros, scales = (np.repeat(v.astype(np.float64), self.spread, 0) for v in (self.zeros, self.scales))
        return (self.steps - zeros) * scales

    def emit(self, builder):
        arrays = [(self.data_type, self.steps), (self.scale_type, self.scales), (self.data_type, self.zeros)]
        turned = [(t, np.ascontiguousarray(v.T) if self.turned else v) for t, v in arrays]
        w = builder.dequantize_linear(*[builder.constant(Descriptor.of(t, v.shape), v) for t, v in turned])
        return builder.transpose(w, permutation=[1, 0]) if self.turned else w


@pytest.fixture
def product(tmp_path):
    """product(x, weights, machine, …) computes x @ weights by the kernels of a machine."""

    def run(x, weights, machine, accuracy="exact"):
        b = GraphBuilder()
        given = b.input("x", "float16" if x.dtype == np.float16 else "float32", x.shape)
        program = lowered(b.graph({"y": b.matmul(given, weights.emit(b))}), machine=machine, accuracy=accuracy)
        assert ("stream.executable" in program.text()) == (machine is not None)
        return run_program(program, tmp_path, {"x": x})["y"]

    return run


def errors(y, x, weights):
    """Relative to the sum of magnitudes."""
    wide, values = x.astype(np.float64), weights.values
    return np.abs(y - wide @ values) / (np.abs(wide) @ np.abs(values))


def diagonal(rng, data_type, size):
    """Weights of which each column has one that is not zero."""
    weights = Quantized(rng, data_type, size, size, 64)
    zeros = np.repeat(weights.zeros, weights.spread, 0)
    weights.steps = np.where(np.eye(size, dtype=bool), np.where(zeros < 5, zeros + 5, zeros - 5), zeros)
    return weights


def with_outliers(rng, rows, weights):
    """Activations with an outlier of 1e3 in every block of 16; every other one is on weights of zero."""
    depth = weights.steps.shape[0]
    x = rng.standard_normal((rows, depth)).astype(np.float32)
    places = np.arange(0, depth, 16) + rng.integers(0, 16, depth // 16)
    x[:, places] *= 1000
    zeros = np.repeat(weights.zeros, weights.spread, 0)
    weights.steps[places[::2]] = zeros[places[::2]]
    return x


@pytest.mark.parametrize("machine", NATIVE)
@pytest.mark.parametrize("data_type", TYPES)
@pytest.mark.parametrize("rows", [1, 3, 21])
def test_exact(product, machine, data_type, rows):
    rng = np.random.default_rng(rows)
    block = [16, 32, 64][rows % 3]
    weights = Quantized(rng, data_type, 192, 37, block, turned=rows == 3, symmetric=rows == 1)
    x = with_outliers(rng, rows, weights)
    assert errors(product(x, weights, machine), x, weights).max() <= BOUND


@pytest.mark.parametrize("seed", range(16))
def test_random_sizes(product, seed):
    rng = np.random.default_rng(seed)
    block = [16, 32, 48, 64, 128, 256, 512, None][seed % 8]
    depth = int(rng.integers(1, 4)) * block if block else int(rng.integers(1, 300))
    columns = int(rng.integers(1, 70))
    weights = Quantized(
        rng, TYPES[rng.integers(4)], depth, columns, block, turned=bool(seed % 2), symmetric=bool(seed // 2 % 2),
        scale=["float32", "float16"][seed // 4 % 2],
    )  # fmt: skip
    rows = int(rng.choice([1, 2, 5, 8, 9, 16, 33]))
    x = rng.standard_normal((rows, depth)).astype(weights.scale_type)
    y = product(x, weights, NATIVE[seed % len(NATIVE)])
    assert y.dtype == x.dtype
    assert errors(y, x, weights).max() <= (BOUND if x.dtype == np.float32 else 2e-3)


@pytest.mark.parametrize("machine", NATIVE)
@pytest.mark.parametrize("data_type", TYPES)
def test_dynamic(product, machine, data_type):
    """Elements of x are off by half a step of a block's 8 bits at most."""
    rng = np.random.default_rng(7)
    for rows, block, columns in ((1, 32, 40), (17, 64, 33)):
        weights = Quantized(rng, data_type, 128, columns, block)
        x = rng.standard_normal((rows, 128)).astype(np.float32)
        step = np.abs(x).reshape(rows, -1, block).max(-1) / BY_NAME[machine].digit(DataType(data_type).bits)
        allowed = np.repeat(step / 2, block, 1) @ np.abs(weights.values)
        y = product(x, weights, machine, "dynamic")
        off = np.abs(y - x.astype(np.float64) @ weights.values)
        assert np.all(off <= allowed * 1.001)
        assert off.max() > 1e-4 * allowed.max()


@pytest.mark.parametrize("machine", NATIVE)
@pytest.mark.parametrize("data_type", ["uint4", "int8"])
@pytest.mark.parametrize(("share", "least"), [(0.05, -12), (1.0, -12), (1.0, -40)])
def test_exact_for_every_element(product, machine, data_type, share, least):
    """Each column has a single weight, so each element's own error is seen: of few small ones in a block, or many."""
    rng = np.random.default_rng(11)
    weights = diagonal(rng, data_type, 256)
    small = np.exp2(rng.uniform(least, 0, (2, 256)))
    x = np.where(rng.random((2, 256)) < share, small, rng.uniform(0.5, 1, (2, 256))).astype(np.float32)
    assert errors(product(x, weights, machine), x, weights).max() <= BOUND


def test_products_of_the_same_rows(tmp_path):
    """What is listed of x depends on where the weights lie."""
    rng = np.random.default_rng(12)
    x = rng.standard_normal((1, 256)).astype(np.float32)
    x[0, ::60] = 1e-3
    products = {t: diagonal(rng, t, 256) for t in ("uint4", "int8")}
    b = GraphBuilder()
    given = b.input("x", "float32", x.shape)
    graph = b.graph({t: b.matmul(given, weights.emit(b)) for t, weights in products.items()})
    outputs = run_program(lowered(graph, machine="avx512vnni"), tmp_path, {"x": x})
    for name, weights in products.items():
        assert errors(outputs[name], x, weights).max() <= BOUND


@pytest.mark.parametrize("scale", [1e-37, 1e-34, 1e-20, 1e20, 1e30])
def test_any_magnitude(product, scale):
    """Blocks whose elements lie 2^60 apart, and such as are next to the smallest and the largest numbers."""
    rng = np.random.default_rng(9)
    weights = Quantized(rng, "uint4", 64, 16, 32)
    weights.steps[0] = weights.zeros[0]
    x = (rng.standard_normal((1, 64)) * scale).astype(np.float32)
    x[0, 0] *= np.float32(2.0**60 if scale < 1e20 else 1)
    # IREE takes subnormal numbers for 0.
    least = np.finfo(np.float32).smallest_normal * np.abs(weights.values).sum(0)
    wide, values = x.astype(np.float64), weights.values
    off = np.abs(product(x, weights, "avx512vnni") - wide @ values)
    assert np.all(off <= BOUND * (np.abs(wide) @ np.abs(values)) + least)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_gives_no_number(product, value):
    weights = Quantized(np.random.default_rng(1), "int4", 64, 16, 32)
    x = np.ones((2, 64), np.float32)
    x[1, 40] = value
    y = product(x, weights, "avx512vnni")
    assert np.isfinite(y[0]).all()
    assert not np.isfinite(y[1]).any()


def test_rows_of_zeros(product):
    weights = Quantized(np.random.default_rng(1), "uint8", 64, 16, 32)
    assert not product(np.zeros((2, 64), np.float32), weights, "avx512vnni").any()


@pytest.mark.parametrize("shape", [(2, 3, 64), (2, 2, 5, 64)])
def test_leading_dimensions(product, shape):
    rng = np.random.default_rng(3)
    weights = Quantized(rng, "int4", 64, 24, 32)
    x = rng.standard_normal(shape).astype(np.float32)
    y = product(x, weights, "avx512vnni")
    assert y.shape == (*shape[:-1], 24)
    assert errors(y, x, weights).max() <= BOUND


def test_blocks_that_fit_no_kernel_take_the_linalg_form():
    b = GraphBuilder()
    weights = Quantized(np.random.default_rng(1), "int8", 60, 16, 12)
    graph = b.graph({"y": b.matmul(b.input("x", "float32", [1, 60]), weights.emit(b))})
    program = lowered(graph, machine="avx512vnni")
    assert "stream.executable" not in program.text()
    assert "linalg.generic" in program.text()


# Machines


def test_a_description_is_the_same_in_every_process():
    assert all("0x" not in text and "frozenset" not in text for text in map(repr, BY_NAME.values()))


@pytest.mark.parametrize(
    ("cpu", "machine"),
    [
        ("znver5", "zen5"), ("znver4", "avx512vnni"), ("tigerlake", "avx512vnni"), ("alderlake", "avxvnni"),
        ("haswell", "avx2"), ("generic", None), ("x86-64-v2", None),
    ],
)  # fmt: skip
def test_machine_of_a_processor(cpu, machine):
    program = from_graph(_graph())
    program.options["flags"] = CompileOptions(target_cpu=cpu).flags()
    found = choice.machine_of(program)
    assert (found and found.name) == machine


def _graph():
    b = GraphBuilder()
    return b.graph({"y": b.abs(b.input("x", "float32", [1]))})


@pytest.mark.parametrize(("rows", "accuracy"), [(1, "exact"), (1, "dynamic"), (20, "exact")])
@pytest.mark.parametrize("data_type", ["uint4", "uint8"])
def test_neon_compiles(rows, accuracy, data_type):
    b = GraphBuilder()
    weights = Quantized(np.random.default_rng(1), data_type, 64, 20, 32)
    flags = CompileOptions(
        target_cpu="cortex-a76", iree_flags=("--iree-llvmcpu-target-triple=aarch64-unknown-linux-gnu",)
    ).flags()
    graph = b.graph({"y": b.matmul(b.input("x", "float32", [rows, 64]), weights.emit(b))})
    program = lowered(graph, flags=flags, accuracy=accuracy)
    assert choice.machine_of(program).name == "neondot"
    assert ("neon.sdot" in program.text()) == (rows == 1)
    assert compile_program(program, flags)


# Packing


@pytest.mark.parametrize("element", TYPES)
def test_packing(element):
    """Each weight is where a lane finds it."""
    rng = np.random.default_rng(2)
    low, high = DataType(element).range
    steps = rng.integers(low, high, (3, 5, 16), endpoint=True).astype(DataType(element).numpy)
    bits = steps.reshape(-1).view(np.uint8) & (15 if "4" in element else 255)
    data = bits[0::2] | bits[1::2] << 4 if "4" in element else bits
    # The axes of columns are the last and the first in memory, that of the depth the middle one.
    packing = Packing(element, (3, 5, 16), (2, 0, 1), (16, 3, 5), 2, lanes=16, depth=8, flip=8, interleave=True)
    packed = packing.apply(data)
    assert packed.nbytes == packing.byte_length
    matrix = steps.transpose(2, 0, 1).reshape(48, 5).astype(np.int64) + 8
    for column in range(48):
        for k in range(5):
            if "4" in element:
                byte = packed.reshape(3, 16, 4)[column // 16, column % 16, k % 4]
                assert (byte >> 4 if k >= 4 else byte & 15) == matrix[column, k] % 16
            else:
                assert packed.reshape(3, 2, 16, 4)[column // 16, k // 4, column % 16, k % 4] == matrix[column, k] % 256


def test_packing_of_scales():
    scales = np.arange(6, dtype=np.float32).reshape(2, 3)
    packing = Packing("float32", (2, 3), (1, 0), (3, 2), 1, lanes=4, depth=3, repeat=2)
    # Three columns and one of nothing; each of two scales is that of two blocks, of which the last is left out.
    with pytest.raises(ValueError, match="could not broadcast"):
        packing.apply(scales.view(np.uint8))
    packing = Packing("float32", (2, 3), (1, 0), (3, 2), 1, lanes=4, depth=4, repeat=2)
    expected = [[0, 1, 2, 0], [0, 1, 2, 0], [3, 4, 5, 0], [3, 4, 5, 0]]
    assert packing.apply(scales.view(np.uint8)).view(np.float32).reshape(4, 4).tolist() == expected


def test_one_scale_for_all_columns():
    packing = Packing("float32", (), (-1,), (5,), 1, lanes=4, depth=1)
    assert packing.apply(np.float32([2.5]).view(np.uint8)).view(np.float32).tolist() == [2.5] * 5 + [0] * 3


def test_packing_travels_as_json():
    packing = Packing("int4", (2, 3), (1, 0), (3, 2), 1, lanes=4, depth=8, interleave=True)
    assert Packing.from_json(json.loads(json.dumps(packing.to_json()))) == packing


# Weights in an archive


def _product(weights, rows=1):
    b = GraphBuilder()
    return b.graph({"y": b.matmul(b.input("x", "float32", [rows, weights.steps.shape[0]]), weights.emit(b))})


def test_archives_hold_packed_weights(tmp_path):
    rng = np.random.default_rng(5)
    weights = Quantized(rng, "int4", 256, 48, 32)
    x = {rows: rng.standard_normal((rows, 256)).astype(np.float32) for rows in (1, 20)}
    options = {"weights": "external", "cache_dir": tmp_path / "cache"}
    for rows in x:
        compiled = compile(_product(weights, rows), **options)
        assert errors(compiled.run(x=x[rows])["y"], x[rows], weights).max() <= BOUND
        # Both read the same archive.
        compiled.save(tmp_path / f"{rows}.vmfb", archive=tmp_path / "shared.irpa")
    for rows in x:
        y = load(tmp_path / f"{rows}.vmfb", parameters=tmp_path / "shared.irpa").run(x=x[rows])["y"]
        assert errors(y, x[rows], weights).max() <= BOUND


def test_the_cache_tells_zero_points_apart(tmp_path):
    """Kernels know a zero point that all weights share, wherever the weights are."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((1, 512)).astype(np.float32)
    for zero in (3, 9):
        weights = Quantized(np.random.default_rng(7), "uint4", 512, 96, 16)
        weights.zeros[:] = zero
        compiled = compile(_product(weights), weights="external", cache_dir=tmp_path)
        assert not compiled.cached
        assert errors(compiled.run(x=x)["y"], x, weights).max() <= BOUND
    assert compile(_product(weights), weights="external", cache_dir=tmp_path).cached


def test_zero_points_of_a_graph():
    nodes = [
        ["reshape", {"input": 2, "new_shape": [1]}, "", None, [["int8", [1]]]],
        ["dequantizeLinear", {"input": 1, "scale": 3, "zero_point": 5}, "", None, [["float32", [1]]]],
        ["dequantizeLinear", {"input": 1, "scale": 3, "zero_point": 4}, "", None, [["float32", [1]]]],
        ["dequantizeLinear", {"input": 1, "scale": 3, "zero_point": 0}, "", None, [["float32", [1]]]],
    ]
    graph = {"inputs": [["x", []]], "constants": [{}] * 4, "nodes": nodes}
    assert driver._zero_points(graph) == {1, 3}
