"""webnn-attention: attention as graphs have it, against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.compiler.kernels import attention as kernel
from webnn_mlir.compiler.kernels.machine import BY_NAME
from webnn_mlir.dialects.webnn import GraphBuilder

LOWEST = float(np.finfo(np.float32).min)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "pays", lambda *sizes: True)

    def compile_and_run(graph, machine, inputs):
        program = lowered(graph, machine=machine)
        assert "flow.dispatch @attention" in program.text()
        return run_program(program, tmp_path, inputs)["y"]

    return compile_and_run


def arrays(batch, queries, keys, depth, width, scale=1.0):
    rng = np.random.default_rng(0)
    shapes = {"q": (queries, depth), "k": (keys, depth), "v": (keys, width)}
    return {n: rng.normal(scale=scale, size=(*batch, *s)).astype(np.float32) for n, s in shapes.items()}


def turned(b, x):
    rank = len(x.shape)
    return b.transpose(x, permutation=[*range(rank - 2), rank - 1, rank - 2])


def number(b, value):
    return b.constant(np.array(value, np.float32))


def scores_of(b, values):
    q, k, v = (b.input(name, "float32", value.shape) for name, value in values.items() if name in "qkv")
    return b.matmul(q, turned(b, k)), v


def attended(q, k, v, scale=1.0, mask=0.0):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    with np.errstate(invalid="ignore"):
        scores = q @ np.swapaxes(k, -1, -2) * scale + mask
        powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ v


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize(
    "sizes",
    [((), 1, 1, 1, 1), ((2,), 5, 3, 7, 2), ((2, 3), 33, 65, 17, 20), ((1, 2), 64, 128, 32, 32), ((1,), 20, 150, 16, 9)],
)
def test_sizes(run, machine, sizes):
    values = arrays(*sizes)
    b = GraphBuilder()
    scores, v = scores_of(b, values)
    graph = b.graph({"y": b.matmul(b.softmax(scores, len(values["q"].shape) - 1), v)})
    np.testing.assert_allclose(run(graph, machine, values), attended(**values), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize("shape", [(70,), (1, 1, 1, 70), (2, 1, 1, 70), (40, 70), (2, 3, 40, 70), (3, 1, 70)])
def test_masks(run, machine, shape):
    values = arrays((2, 3), 40, 70, 16, 16)
    mask = np.where(np.random.default_rng(1).random(shape) < 0.3, -np.inf, 0.5).astype(np.float32)
    b = GraphBuilder()
    scores, v = scores_of(b, values)
    scaled = b.div(scores, number(b, 4))
    graph = b.graph({"y": b.matmul(b.softmax(b.add(b.input("mask", "float32", shape), scaled), 3), v)})
    y = run(graph, machine, values | {"mask": mask})
    np.testing.assert_allclose(y, attended(**values, scale=0.25, mask=mask), rtol=1e-5, atol=1e-5)


def test_conditions_and_sums_are_masks(run):
    values = arrays((2,), 20, 30, 8, 8)
    allowed, bias = np.tri(20, 30, 5, dtype=np.uint8), np.random.default_rng(1).normal(size=(20, 30))
    b = GraphBuilder()
    scores, v = scores_of(b, values)
    scores = b.mul(number(b, 0.5), scores)
    scores = b.add(scores, b.input("bias", "float32", bias.shape))
    scores = b.where(b.input("allowed", "uint8", allowed.shape), scores, number(b, LOWEST))
    y = run(
        b.graph({"y": b.matmul(b.softmax(scores, 2), v)}), "avx512vnni",
        values | {"bias": bias.astype(np.float32), "allowed": allowed},
    )  # fmt: skip
    mask = bias + np.where(allowed, 0, -np.inf)
    np.testing.assert_allclose(y, attended(**values, scale=0.5, mask=mask), rtol=1e-5, atol=1e-5)


def test_queries_without_keys_and_large_scores(run):
    """What is masked in all of a tile of keys, or everywhere, and scores far above what exp can be taken of."""
    values = arrays((), 33, 200, 16, 16, scale=30)
    mask = np.zeros((33, 200), np.float32)
    mask[0, :150], mask[1, 50:], mask[2] = -np.inf, -np.inf, -np.inf
    b = GraphBuilder()
    scores, v = scores_of(b, values)
    graph = b.graph({"y": b.matmul(b.softmax(b.add(scores, b.input("mask", "float32", mask.shape)), 1), v)})
    y = run(graph, "avx512vnni", values | {"mask": mask})
    expected = attended(**values, mask=mask)
    assert np.isnan(y[2]).all()
    assert np.isnan(expected[2]).all()
    kept = [i for i in range(33) if i != 2]
    np.testing.assert_allclose(y[kept], expected[kept], rtol=2e-3, atol=2e-3)


def test_layouts_and_shared_heads(run):
    """Heads beside one another in a row, one head of keys and values for all, and a result that is transposed."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 40, n, 24)).astype(np.float32) for n in (3, 1, 1))
    b = GraphBuilder()
    given = {name: b.input(name, "float32", value.shape) for name, value in zip("qkv", (q, k, v), strict=True)}
    heads = {name: b.transpose(x, permutation=[0, 2, 1, 3]) for name, x in given.items()}
    scores = b.matmul(heads["q"], b.transpose(given["k"], permutation=[0, 2, 3, 1]))
    y = b.transpose(b.matmul(b.softmax(scores, 3), heads["v"]), permutation=[0, 2, 1, 3])
    y = run(b.graph({"y": y}), "avx512vnni", {"q": q, "k": k, "v": v})
    expected = attended(*(np.swapaxes(x, 1, 2) for x in (q, k, v)))
    np.testing.assert_allclose(y, np.swapaxes(expected, 1, 2), rtol=1e-5, atol=1e-5)


def test_queries_that_lie_as_columns(run):
    values = arrays((2,), 20, 30, 8, 8)
    b = GraphBuilder()
    q = b.input("q", "float32", [2, 8, 20])
    k, v = (b.input(name, "float32", values[name].shape) for name in "kv")
    graph = b.graph({"y": b.matmul(b.softmax(b.matmul(turned(b, q), turned(b, k)), 2), v)})
    given = values | {"q": np.ascontiguousarray(np.swapaxes(values["q"], 1, 2))}
    np.testing.assert_allclose(run(graph, "avx2", given), attended(**values), rtol=1e-5, atol=1e-5)


def graph_of(change=lambda b, scores: scores, data_type="float32", also=False, axis=2):
    b = GraphBuilder()
    q, k, v = (b.input(name, data_type, [4, 64, 64]) for name in "qkv")
    weights = b.softmax(change(b, b.matmul(q, k)), axis)
    return b.graph({"y": b.matmul(weights, v)} | ({"weights": weights} if also else {}))


@pytest.mark.parametrize(
    ("graph", "machine"),
    [
        (graph_of(), None),
        (graph_of(data_type="float16"), "avx2"),
        (graph_of(also=True), "avx2"),
        (graph_of(axis=1), "avx2"),
        (graph_of(lambda b, s: b.tanh(s)), "avx2"),
        (graph_of(lambda b, s: b.mul(s, b.input("scale", "float32", [64]))), "avx2"),
        (graph_of(lambda b, s: b.mul(b.add(s, b.input("mask", "float32", [64])), number(b, 2))), "avx2"),
        (graph_of(lambda b, s: b.add(s, b.input("mask", "float32", [64, 1]))), "avx2"),
    ],
)
def test_left_alone(graph, machine):
    assert "@attention" not in lowered(graph, machine=machine).text()


def test_it_pays_for_many_queries():
    for name in ("avx512vnni", "avx2"):
        assert kernel.pays(BY_NAME[name], 128, 128, 32, 32)
        assert not kernel.pays(BY_NAME[name], 1, 1024, 64, 64)
        assert not kernel.pays(BY_NAME[name], 128, 128, 512, 512)
