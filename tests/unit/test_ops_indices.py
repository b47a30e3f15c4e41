"""Gathering and scattering against NumPy: all data types, both forms, indices that are negative or out of bounds."""

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import DataType, GraphBuilder
from webnn_mlir.dialects.webnn.types import ALL, ALL_AND_INT4S, INDICES, INT4S

STABLEHLO = ("webnn-to-linalg",)
"""Left out, gathers become StableHLO's."""


def forms(data_types):
    """Every data type in Linalg, where there is a form, and three of them in StableHLO."""
    few = (DataType.FLOAT32, DataType.UINT8, DataType.INT64)
    return pytest.mark.parametrize(
        ("data_type", "without"),
        [pytest.param(t, (), id=t) for t in data_types]
        + [pytest.param(t, STABLEHLO, id=f"{t}-stablehlo") for t in few],
    )


class Cases:
    """A graph of many outputs, each with its reference."""

    def __init__(self, data_type, seed):
        self.data_type, self.random = data_type, np.random.default_rng(seed)
        self.builder, self.inputs, self.outputs, self.references = GraphBuilder(), {}, {}, {}

    def some(self, low, high, count):
        return [int(n) for n in self.random.integers(low, high, count)]

    def values(self, shape):
        """Of the whole range of an integer type."""
        if self.data_type.is_float:
            return self.random.uniform(-100, 100, shape).astype(self.data_type.numpy)
        low, high = self.data_type.range
        wide = np.uint64 if high >= 2**63 else np.int64
        return self.random.integers(low, high, shape, wide, endpoint=True).astype(self.data_type.numpy)

    def indices(self, data_type, size, shape):
        """Indices into a dimension, some of them out of bounds, a few far out."""
        low, high = data_type.range
        near = self.random.integers(-size - 2 if low else 0, size + 2, shape, endpoint=True)
        far = self.random.choice([low, high], shape)
        return np.where(self.random.random(shape) < 0.1, far, near).astype(data_type.numpy)

    def operand(self, array, data_type=None):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = array
        return self.builder.input(name, data_type or self.data_type, list(array.shape))

    def expect(self, name, output, reference):
        name = f"{len(self.outputs)} {name}"
        self.outputs[name], self.references[name] = output, np.asarray(reference)

    def check(self, run, **options):
        found = run(self.builder.graph(self.outputs), self.inputs, **options)
        for name, reference in self.references.items():
            np.testing.assert_array_equal(found[name], reference, name, strict=True)


def within(indices, size):
    """Positions from 0 to size - 1."""
    numbers = np.array(indices, dtype=object)
    return np.asarray(np.clip(np.where(numbers < 0, numbers + size, numbers), 0, size - 1)).astype(np.int64)


@forms(ALL_AND_INT4S)
def test_gather(run, data_type, without):
    c = Cases(data_type, 4)
    for rank in range(1, 6):
        x = c.values(c.some(1, 5, rank))
        operand = c.operand(x)
        for number, index_type in enumerate(INDICES):
            axis = int(c.random.integers(rank))
            indices = c.indices(index_type, x.shape[axis], c.some(1, 4, number))
            reference = np.take(x, within(indices, x.shape[axis]), axis)
            c.expect("gather", c.builder.gather(operand, c.operand(indices, index_type), axis=axis), reference)
    c.check(run, without=without)


@forms(ALL)
def test_elements(run, data_type, without):
    """gatherElements, and scatterElements, where later updates win."""
    c = Cases(data_type, 5)
    for rank in range(1, 6):
        x, index_type = c.values(c.some(1, 4, rank)), INDICES[rank % 3]
        axis, count = int(c.random.integers(rank)), int(c.random.integers(1, 6))
        indices = c.indices(index_type, x.shape[axis], [count if i == axis else n for i, n in enumerate(x.shape)])
        updates, positions = c.values(indices.shape), within(indices, x.shape[axis])
        operands = c.operand(x), c.operand(indices, index_type)
        gathered = np.take_along_axis(x, positions, axis)
        c.expect("gatherElements", c.builder.gather_elements(*operands, axis=axis), gathered)
        scattered = x.copy()
        for place in np.ndindex(*indices.shape):
            scattered[(*place[:axis], positions[place], *place[axis + 1 :])] = updates[place]
        output = c.builder.scatter_elements(*operands, c.operand(updates), axis=axis)
        c.expect("scatterElements", output, scattered)
    c.check(run, without=without)


@forms(ALL)
def test_slices(run, data_type, without):
    """gatherND, and scatterND, where later updates win."""
    c = Cases(data_type, 6)
    for rank, count, outer in [(1, 1, []), (2, 1, [3]), (3, 3, [3, 2]), (4, 2, [5]), (5, 4, [])]:
        x, index_type = c.values(c.some(1, 4, rank)), INDICES[rank % 3]
        columns = [c.indices(index_type, n, outer) for n in x.shape[:count]]
        positions = np.stack([within(column, n) for column, n in zip(columns, x.shape, strict=False)], -1)
        gathered = x[tuple(np.moveaxis(positions, -1, 0))]
        operands = c.operand(x), c.operand(np.stack(columns, -1), index_type)
        c.expect("gatherND", c.builder.gather_nd(*operands), gathered)
        scattered, updates = x.copy(), c.values(gathered.shape)
        for place in np.ndindex(*positions.shape[:-1]):
            scattered[tuple(positions[place])] = updates[place]
        c.expect("scatterND", c.builder.scatter_nd(*operands, c.operand(updates)), scattered)
    c.check(run, without=without)


@pytest.mark.parametrize("without", [(), STABLEHLO], ids=["linalg", "stablehlo"])
def test_indices_out_of_bounds(run, without):
    """Negative ones count from the end; what is out of bounds then is clamped."""
    b = GraphBuilder()
    x = b.input("x", "int8", [4])
    given = {
        "int32": [-4, -1, 3, 4, -5, 2**31 - 1, -(2**31)],
        "uint32": [0, 1, 3, 4, 5, 2**31, 2**32 - 1],
        "int64": [-4, -1, 3, 2**32, -(2**32), 2**63 - 1, -(2**63)],
    }
    expected = {"int32": [0, 3, 3, 3, 0, 3, 0], "uint32": [0, 1, 3, 3, 3, 3, 3], "int64": [0, 3, 3, 3, 0, 3, 0]}
    outputs = {t: b.gather(x, b.input(f"i {t}", t, [7])) for t in given}
    inputs = {f"i {t}": np.array(indices, t) for t, indices in given.items()}
    found = run(b.graph(outputs), {"x": np.arange(4, dtype=np.int8), **inputs}, without=without)
    assert {name: array.tolist() for name, array in found.items()} == expected


def test_many_updates_of_one_place(run):
    """The last one stays, however the work is shared out."""
    b = GraphBuilder()
    x, i, u = b.input("x", "float32", [3, 64]), b.input("i", "int32", [5000, 1]), b.input("u", "float32", [5000, 64])
    indices = np.random.default_rng(7).integers(0, 3, (5000, 1)).astype(np.int32)
    updates = np.arange(5000 * 64, dtype=np.float32).reshape(5000, 64)
    inputs = {"x": np.zeros((3, 64), np.float32), "i": indices, "u": updates}
    found = run(b.graph({"y": b.scatter_nd(x, i, u)}), inputs)["y"]
    last = [max(k for k in range(5000) if indices[k, 0] == place) for place in range(3)]
    np.testing.assert_array_equal(found, updates[last])


@pytest.mark.parametrize("shape", [[1], [1, 1, 1], [2], [1, 3], [4, 3], [2, 1, 2]])
def test_the_input_of_a_scatter_stays(run, shape):
    """Read before and after, as it is and through a view."""
    b = GraphBuilder()
    x, i, u = b.input("x", "float32", shape), b.input("i", "int32", [2, 1]), b.input("u", "float32", [2, *shape[1:]])
    outputs = {
        "before": b.identity(x),
        "elements": b.scatter_elements(x, b.cast(x, "int32"), b.neg(x)),
        "scattered": b.scatter_nd(x, i, u),
        "of a view": b.scatter_nd(b.reshape(x, [*shape, 1]), i, b.reshape(u, [2, *shape[1:], 1])),
        "after": b.gather(x, b.constant(np.arange(shape[0], dtype=np.int32))),
    }
    array = np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape)
    inputs = {"x": array, "i": np.zeros((2, 1), np.int32), "u": np.full((2, *shape[1:]), 9, np.float32)}
    found = run(b.graph(outputs), inputs)
    for name in ("before", "after"):
        np.testing.assert_array_equal(found[name], array, name)
    array = array.copy()
    array[0] = 9
    np.testing.assert_array_equal(found["scattered"], array)
    np.testing.assert_array_equal(found["of a view"][..., 0], array)


@pytest.mark.parametrize("data_type", INT4S)
def test_what_int4_has_not(data_type):
    """Of all of these only gather moves int4."""
    b = GraphBuilder()
    x, i = b.input("x", data_type, [3]), b.input("i", "int32", [3])
    for build in (b.gather_elements, b.gather_nd):
        with pytest.raises(TypeError, match=f"input has data type {data_type}"):
            build(x, i)
    for build in (b.scatter_elements, b.scatter_nd):
        with pytest.raises(TypeError, match=f"input has data type {data_type}"):
            build(x, i, x)
