"""Random chains of ops that move data give the same with webnn-canonicalize-strides as without it."""

import numpy as np
import pytest

from webnn_mlir.compiler import pipeline
from webnn_mlir.compiler.program import from_graph
from webnn_mlir.dialects.webnn import GraphBuilder

PASS = "webnn-canonicalize-strides"
SHAPES = [(), (1,), (12,), (3, 4), (2, 1, 6), (5, 1, 3, 1), (2, 3, 1, 2, 2)]


def random_slice(b, x, r):
    strides = [int(r.integers(1, 4)) for _ in x.shape]
    starts = [int(r.integers(0, (n + 1) // 2)) for n in x.shape]
    sizes = [int(r.integers((n - s + 1) // 2, n - s + 1)) for n, s in zip(x.shape, starts, strict=True)]
    return b.slice(x, starts, sizes, strides=strides)


def random_reverse(b, x, r):
    return b.reverse(x, axes=[int(a) for a in r.permutation(x.rank)[: r.integers(0, x.rank + 1)]])


def random_transpose(b, x, r):
    return b.transpose(x, permutation=[int(a) for a in r.permutation(x.rank)])


def random_reshape(b, x, r):
    """The elements shared out anew over 1 to 4 dimensions."""
    rest, shape = x.descriptor.size, []
    for _ in range(r.integers(0, 4)):
        shape.append(int(r.choice([n for n in range(1, rest + 1) if rest % n == 0])))
        rest //= shape[-1]
    return b.reshape(x, [*shape, rest])


def random_no_op(b, x, r):
    ops = [
        lambda: b.identity(x),
        lambda: b.expand(x, list(x.shape)),
        lambda: b.tile(x, [1] * x.rank),
        lambda: b.pad(x, [0] * x.rank, [0] * x.rank, mode=str(r.choice(["constant", "edge", "reflection"]))),
        lambda: b.slice(x, [0] * x.rank, list(x.shape)),
        lambda: b.concat([x], 0) if x.rank else x,
        lambda: b.split(x, 1)[0] if x.rank else x,
    ]
    return ops[r.integers(len(ops))]()


def random_elementwise(b, x, r):
    two = b.constant("float32", 2)
    ops = [lambda: b.neg(x), lambda: b.relu(x), lambda: b.sub(two, x), lambda: b.mul(x, two), lambda: b.abs(x)]
    return ops[r.integers(len(ops))]()


STEPS = [
    random_slice,
    random_reverse,
    random_reverse,
    random_transpose,
    random_reshape,
    random_no_op,
    random_elementwise,
]


def random_graph(seed, chains, length):
    """Chains that branch off earlier values, so that many values have several uses; some are outputs, too."""
    r = np.random.default_rng(seed)
    b = GraphBuilder()
    inputs, outputs = {}, {}
    for chain in range(chains):
        shape = SHAPES[r.integers(len(SHAPES))]
        name = f"x{chain}"
        inputs[name] = r.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32) - 3
        values = [b.input(name, "float32", list(shape))]
        for _ in range(length):
            x = values[-1] if r.random() < 0.85 else values[r.integers(len(values))]
            values.append(STEPS[r.integers(len(STEPS))](b, x, r))
        outputs |= {f"{name} {i}": v for i, v in enumerate(values) if v.node and (r.random() < 0.1 or v is values[-1])}
    graph = b.graph(outputs)
    return graph, {name: inputs[name] for name in graph.inputs}


@pytest.mark.parametrize("seed", range(4))
def test_random_chains(run, seed):
    graph, inputs = random_graph(seed, 20, 12)
    merged, plain = run(graph, inputs), run(graph, inputs, without=[PASS])
    assert merged.keys() == plain.keys()
    for name, expected in plain.items():
        np.testing.assert_array_equal(merged[name], expected, name, strict=True)


def canonicalized(graph):
    """The lines of the program that the pass leaves, those of webnn ops, and its seconds."""
    program = from_graph(graph)
    seconds = []
    pipeline.run(program, ["webnn-verify", PASS], lambda name, s: seconds.append(s))
    pipeline.run(program, ["webnn-verify"])
    return [line.strip() for line in program.text().splitlines() if '"webnn.' in line], seconds[-1]


@pytest.mark.parametrize("seed", range(3, 23))
def test_no_op_is_left_to_merge(seed):
    """What the pass leaves is right by the declarations, and a second time there is nothing to do."""
    graph, _ = random_graph(seed, 10, 20)
    program = from_graph(graph)
    pipeline.run(program, ["webnn-decompose", PASS, "webnn-verify"])
    once = program.text()
    pipeline.run(program, [PASS])
    assert program.text() == once


def alternate(b, x, k):
    return b.exp(b.transpose(x)) if k % 2 else b.transpose(b.neg(x))


CHAINS = {
    "transposes": (lambda b, x, k: b.transpose(x), 0),
    "reverses": (lambda b, x, k: b.reverse(x, axes=[k % 2]), 0),
    "reshapes": (lambda b, x, k: b.reshape(x, [[30, 40], [1200], [40, 30]][k % 3]), 1),
    "slices": (lambda b, x, k: b.slice(b.reverse(x, axes=[0]), [0, 0], [x.shape[0] - (k % 80 == 0), 30]), 1),
    "elementwise": (alternate, 5000),
}


@pytest.mark.parametrize("name", CHAINS)
def test_long_chains_merge_in_linear_time(name):
    step, left = CHAINS[name]
    b = GraphBuilder()
    x = b.input("x", "float32", [40, 30])
    for k in range(5000 if name in ("transposes", "reverses", "reshapes") else 2500):
        x = step(b, x, k)
    lines, seconds = canonicalized(b.graph({"y": b.identity(x)}))
    assert len(lines) <= left, lines[:5]
    assert seconds < 2, f"{seconds:.2f} s"


def test_a_value_of_many_uses():
    """5,000 uses of a reverse and of what it gives."""
    b = GraphBuilder()
    x = b.reverse(b.input("x", "float32", [40, 30]))
    values = [b.slice(x, [k % 40, 0], [1, 30]) for k in range(2500)] + [b.reverse(x) for _ in range(2500)]
    lines, seconds = canonicalized(b.graph({str(k): v for k, v in enumerate(values)}))
    assert len(lines) == 2501
    assert seconds < 2, f"{seconds:.2f} s"
