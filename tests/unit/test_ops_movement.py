"""The operators that move data against NumPy: data types, ranks, indices out of bounds, repeated ones, paddings."""

import math

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import DataType, GraphBuilder
from webnn_mlir.dialects.webnn.types import ALL, ALL_AND_INT4S

SHAPES = [(), (7,), (3, 5), (1, 3, 1, 2, 3)]
"""From no dimension to five; odd counts, of which int4 leaves half a byte."""


class Cases:
    """One graph of many outputs, each with what NumPy expects of it."""

    def __init__(self):
        self.builder, self.inputs, self.outputs, self.expected = GraphBuilder(), {}, {}, {}

    def input(self, value, data_type=None):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = value
        return self.builder.input(name, str(data_type or value.dtype), list(value.shape))

    def add(self, name, output, expected):
        self.outputs[name], self.expected[name] = output, expected

    def check(self, run, **tolerance):
        found = run(self.builder.graph(self.outputs), self.inputs)
        for name, expected in self.expected.items():
            assert found[name].shape == np.shape(expected), name
            np.testing.assert_allclose(found[name], expected, err_msg=name, **({"rtol": 0} | tolerance))


def values(shape, data_type, seed=0):
    """Any values; of integers the extremes, too."""
    r = np.random.default_rng(seed)
    if data_type.is_float:
        return r.normal(size=shape).astype(data_type.numpy)
    low, high = data_type.range
    x = r.integers(low, high, shape, data_type.numpy, endpoint=True)
    x.reshape(-1)[:2] = [low, high][: x.size]
    return x


@pytest.mark.parametrize("data_type", ALL_AND_INT4S)
def test_movement(run, data_type):
    cases = Cases()
    b = cases.builder
    for shape in SHAPES:
        x, rank = values(shape, data_type, len(shape)), len(shape)
        v = cases.input(x, data_type)

        def add(name, output, expected, shape=shape):
            cases.add(f"{name} {shape}", output, expected)

        add("expand", b.expand(v, [3, *shape]), np.broadcast_to(x, (3, *shape)))
        add("reshape", b.reshape(v, [1, x.size]), x.reshape(1, -1))
        add("reverse", b.reverse(v), np.flip(x))
        add("tile", b.tile(v, [1 + i % 3 for i in range(rank)]), np.tile(x, [1 + i % 3 for i in range(rank)]))
        add("transpose", b.transpose(v), x.T)
        strided = x[tuple(slice(n // 3, n, 2) for n in shape)]
        starts, sizes = [n // 3 for n in shape], [n - n // 3 for n in shape]
        add("slice", b.slice(v, starts, sizes, strides=[2] * rank), strided)
        if not rank:
            continue
        add("reverse last", b.reverse(v, axes=[rank - 1]), np.flip(x, -1))
        add("reverse none", b.reverse(v, axes=[]), x)
        add("rotated", b.transpose(v, permutation=[*range(1, rank), 0]), np.moveaxis(x, 0, -1))
        add("concat", b.concat([v, v, v], rank - 1), np.concatenate([x, x, x], -1))
        for part, output in enumerate(b.split(v, [1, shape[-1] - 1], axis=rank - 1)):
            add(f"split {part}", output, np.split(x, [1], -1)[part])
    x = values((3, 5), data_type)
    for part, output in enumerate(b.split(cases.input(x, data_type), 3)):
        cases.add(f"split in three, {part}", output, x[part : part + 1])
    cases.check(run)


def indices(shape, size, data_type, seed=0):
    """Indices within a dimension, from its end, beyond it, and the type's extremes; and what they mean."""
    low, high = data_type.range
    r = np.random.default_rng(seed)
    i = r.integers(max(low, -size), size, shape).astype(data_type.numpy)
    special = [low, high, max(low, -size - 1), size, max(low, -1), 2**31, -(2**31) - 1, 2**32, -(2**32) + 1]
    special = [v for v in special if low <= v <= high][: i.size]
    i.reshape(-1)[: len(special)] = special
    exact = [v + size if v < 0 else v for v in map(int, i.reshape(-1))]
    return i, np.clip(np.array(exact, object), 0, size - 1).astype(np.int64).reshape(shape)


@pytest.mark.parametrize(
    ("data_type", "index_type"), [("float32", "int32"), ("uint64", "uint32"), ("int8", "int64"), ("int4", "int64")]
)
def test_gathering(run, data_type, index_type):
    data_type, index_type = DataType(data_type), DataType(index_type)
    cases = Cases()
    b = cases.builder
    x = values((5, 3, 7), data_type)
    v = cases.input(x, data_type)
    for axis in range(3):
        i, meant = indices((3, 4), x.shape[axis], index_type, axis)
        cases.add(f"gather {axis}", b.gather(v, cases.input(i), axis=axis), np.take(x, meant, axis))
        i, meant = indices((), x.shape[axis], index_type, axis)
        cases.add(f"scalar {axis}", b.gather(v, cases.input(i), axis=axis), np.take(x, meant, axis))
    if data_type in ALL:
        for axis in range(3):
            i, meant = indices([4 if k == axis else n for k, n in enumerate(x.shape)], x.shape[axis], index_type, axis)
            output = b.gather_elements(v, cases.input(i), axis=axis)
            cases.add(f"elements {axis}", output, np.take_along_axis(x, meant, axis))
        for count in (1, 2, 3):
            parts = [indices((2, 6), x.shape[k], index_type, 10 * count + k) for k in range(count)]
            i, meant = np.stack([p[0] for p in parts], -1), tuple(p[1] for p in parts)
            cases.add(f"nd {count}", b.gather_nd(v, cases.input(i)), x[meant])
    cases.check(run)


def scatter(x, places, updates):
    """Each update in its turn: of those for one place the last stays."""
    result = x.copy()
    for place, update in zip(places, updates, strict=True):
        result[place] = update
    return result


@pytest.mark.parametrize(
    ("data_type", "index_type"), [("float16", "int32"), ("uint32", "uint32"), ("uint8", "int64")]
)
def test_scattering(run, data_type, index_type):
    data_type, index_type = DataType(data_type), DataType(index_type)
    cases = Cases()
    b = cases.builder
    x = values((4, 3, 5), data_type)
    v = cases.input(x)
    for axis in range(3):
        shape = [40 if k == axis else n for k, n in enumerate(x.shape)]
        i, meant = indices(shape, x.shape[axis], index_type, axis)
        u = values(shape, data_type, 7)
        places = [(*at[:axis], meant[at], *at[axis + 1 :]) for at in np.ndindex(*shape)]
        output = b.scatter_elements(v, cases.input(i), cases.input(u), axis=axis)
        cases.add(f"elements {axis}", output, scatter(x, places, u.reshape(-1)))
    for count in (1, 2, 3):
        parts = [indices((300,), x.shape[k], index_type, k) for k in range(count)]
        i, meant = np.stack([p[0] for p in parts], -1), list(zip(*(p[1] for p in parts), strict=True))
        u = values((300, *x.shape[count:]), data_type, count)
        cases.add(f"nd {count}", b.scatter_nd(v, cases.input(i), cases.input(u)), scatter(x, meant, u))
    last, meant = 3 if index_type.is_unsigned else -1, (3, 2, 0)
    i = np.array([last, 9, 0], index_type.numpy)
    u = values((), data_type, 3)
    cases.add("scalar update", b.scatter_nd(v, cases.input(i), cases.input(u)), scatter(x, [meant], [u]))
    cases.check(run)


MODES = {"constant": "constant", "edge": "edge", "reflection": "reflect"}


@pytest.mark.parametrize("data_type", ALL)
def test_pad(run, data_type):
    cases = Cases()
    b = cases.builder
    for shape in SHAPES[1:] if data_type is DataType.FLOAT32 else SHAPES[2:3]:
        x = values(shape, data_type)
        v = cases.input(x)
        for mode, numpy_mode in MODES.items():
            before = [min(i + 1, n - 1) if mode == "reflection" else i + 1 for i, n in enumerate(shape)]
            after = [min(2 - i % 3, n - 1) if mode == "reflection" else 2 - i % 3 for i, n in enumerate(shape)]
            value = {"constant_values": 3} if mode == "constant" else {}
            padding = list(zip(before, after, strict=True))
            expected = np.pad(x, padding, mode=numpy_mode, **value)
            cases.add(f"{mode} {shape}", b.pad(v, before, after, mode=mode, value=3), expected)
    cases.check(run)


def resampled(x, axis, size, mode):
    length = x.shape[axis]
    c = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    if mode == "nearest-neighbor":
        return np.take(x, np.ceil(c - 0.5).astype(int), axis)
    low, t = np.floor(c).astype(int), c - np.floor(c)
    t = t.reshape([-1 if k == axis else 1 for k in range(4)])
    return np.take(x, low, axis) * (1 - t) + np.take(x, np.ceil(c).astype(int), axis) * t


@pytest.mark.parametrize("data_type", [DataType.FLOAT32, DataType.FLOAT16, DataType.INT8, DataType.UINT8])
@pytest.mark.parametrize("mode", ["nearest-neighbor", "linear"])
def test_resample2d(run, data_type, mode):
    cases = Cases()
    b = cases.builder
    x = values((4, 3, 5, 6), data_type)
    v = cases.input(x)
    wide = x.astype(np.float64)
    for axes, scales in [([2, 3], [1.7, 0.4]), ([1, 2], [3, 2.5]), ([3, 1], [2.3, 1.34])]:
        sizes = [math.floor(x.shape[a] * float(np.float32(s))) for a, s in zip(axes, scales, strict=True)]
        expected = wide
        for axis, size in zip(axes, sizes, strict=True):
            expected = resampled(expected, axis, size, mode)
        if not data_type.is_float:
            expected = np.rint(expected)
        cases.add(f"{axes}", b.resample2d(v, mode=mode, axes=axes, scales=scales), expected)
    rounding = 1 if mode == "linear" and not data_type.is_float else 0
    epsilon = float(np.finfo(data_type.numpy).eps) if data_type.is_float else 0
    cases.check(run, atol=rounding or 2 * epsilon * (mode == "linear"), rtol=2 * epsilon)
