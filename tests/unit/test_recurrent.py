"""webnn-recurrent: lstm and gru, against the specification's formulas in NumPy."""

import numpy as np
import pytest
from programs import lowered, run_program

from webnn_mlir.dialects.webnn import GraphBuilder

RNG = np.random.default_rng(0)
FUNCTIONS = {"relu": lambda x: np.maximum(x, 0), "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}
DIRECTIONS = {"forward": [False], "backward": [True], "both": [False, True]}


def random(*shape):
    return RNG.random(shape, np.float32) - np.float32(0.5)


def expected(kind, x, w, r, b, rb, layout, activations, h0, c0, backward):
    """The states of all steps, each as in its place of the sequence, and the last ones."""
    act = [FUNCTIONS[name] for name in activations]
    h, c, hidden = h0.astype(np.float64), c0.astype(np.float64), h0.shape[1]
    places = range(len(x))
    y = np.empty((len(x), *h.shape))
    for t in reversed(places) if backward else places:
        given, own = x[t] @ w.T + b, h @ r.T + rb
        gates = {
            n: (given[:, i : i + hidden], own[:, i : i + hidden])
            for n, i in zip(layout, range(0, w.shape[0], hidden), strict=True)
        }
        if kind == "lstm":
            i, f, o = (act[0](sum(gates[n])) for n in "ifo")
            c = f * c + i * act[1](sum(gates["g"]))
            h = o * act[2](c)
        elif kind == "gru before":
            z, reset = (act[0](sum(gates[n])) for n in "zr")
            weights, bias = (value[layout.index("n") * hidden :][:hidden] for value in (r, rb))
            h = z * h + (1 - z) * act[1](gates["n"][0] + (reset * h) @ weights.T + bias)
        else:
            z, reset = (act[0](sum(gates[n])) for n in "zr")
            h = z * h + (1 - z) * act[1](gates["n"][0] + reset * gates["n"][1])
        y[t] = h
    return y, h, c


@pytest.mark.parametrize("machine", ["avx512vnni", "avx2"])
@pytest.mark.parametrize(
    ("kind", "layout", "activations"),
    [("lstm", "iofg", ("sigmoid", "tanh", "tanh")), ("lstm", "ifgo", ("tanh", "relu", "sigmoid")),
     ("gru", "zrn", ("sigmoid", "tanh")), ("gru", "rzn", ("relu", "sigmoid")),
     ("gru before", "zrn", ("sigmoid", "tanh"))],
)  # fmt: skip
@pytest.mark.parametrize(
    ("steps", "batch", "inputs", "hidden", "direction", "given"),
    [(7, 1, 20, 64, "forward", True), (3, 5, 33, 37, "both", True), (4, 2, 16, 16, "backward", False),
     (1, 9, 5, 130, "both", False)],
)  # fmt: skip
def test_any_network(tmp_path, machine, kind, layout, activations, steps, batch, inputs, hidden, direction, given):
    b, directions, width = GraphBuilder(), DIRECTIONS[direction], len(layout) * hidden
    n = len(directions)
    x, w, r = random(steps, batch, inputs), random(n, width, inputs), random(n, width, hidden) / 4
    bias, states = (
        (random(2, n, width) if given else np.zeros((2, n, width), np.float32)),
        ["h"] + ["c"] * (kind == "lstm"),
    )
    first = {s: random(n, batch, hidden) if given else np.zeros((n, batch, hidden), np.float32) for s in "hc"}
    names = {"h": "initial_hidden_state", "c": "initial_cell_state"}
    options = {"bias": b.constant(bias[0]), "recurrent_bias": b.constant(bias[1])} if given else {}
    if given:
        options |= {names[s]: b.input(s, "float32", first[s].shape) for s in states}
    options |= {} if kind == "lstm" else {"reset_after": kind == "gru"}
    found = getattr(b, kind.split()[0])(
        b.input("x", "float32", x.shape), b.constant(w), b.constant(r), steps, hidden, direction=direction,
        layout=layout, activations=activations, return_sequence=True, **options,
    )  # fmt: skip
    program = lowered(b.graph(dict(zip([*(f"{s}n" for s in states), "y"], found, strict=True))), machine=machine)
    assert program.text().count(f"flow.dispatch @{kind.split()[0]}_") == 1
    out = run_program(program, tmp_path, {"x": x} | ({s: first[s] for s in states} if given else {}))
    for d, backward in enumerate(directions):
        y, h, c = expected(
            kind,
            x.astype(np.float64),
            w[d],
            r[d],
            bias[0, d],
            bias[1, d],
            layout,
            activations,
            first["h"][d],
            first["c"][d],
            backward,
        )
        np.testing.assert_allclose(out["y"][:, d], y, atol=2e-6, rtol=2e-6)
        np.testing.assert_allclose(out["hn"][d], h, atol=2e-6, rtol=2e-6)
        if kind == "lstm":
            np.testing.assert_allclose(out["cn"][d], c, atol=2e-6, rtol=2e-6)
