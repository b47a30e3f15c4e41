"""gruCell, gru, lstmCell and lstm against NumPy, gate by gate and step by step, and the rules of their shapes."""

import itertools

import numpy as np
import pytest

from webnn_mlir.dialects.webnn import GraphBuilder
from webnn_mlir.dialects.webnn.types import FLOATS

STEPS, BATCH, INPUTS, HIDDEN = 3, 2, 4, 5

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}
GRU_LAYOUTS, LSTM_LAYOUTS = ["zrn", "rzn"], ["iofg", "ifgo"]
DIRECTIONS = ["forward", "backward", "both"]


def parts(x, letters):
    """The rows of each gate; without x, zeros."""
    return dict(zip(letters, np.split(x, len(letters)), strict=True)) if x is not None else dict.fromkeys(letters, 0)


def gates(x, h, options, layout):
    """What each gate gets from the input and from the hidden state: x · weightᵀ + bias, h · recurrentWeightᵀ + bias."""
    weight, recurrent, bias, recurrent_bias = (
        parts(options.get(name), layout) for name in ("weight", "recurrent_weight", "bias", "recurrent_bias")
    )
    from_input = {gate: x @ weight[gate].T + bias[gate] for gate in layout}
    from_state = {gate: h @ recurrent[gate].T + recurrent_bias[gate] for gate in layout}
    return from_input, from_state, recurrent, recurrent_bias


def gru_cell(x, h, options):
    gate, new = (ACTIVATIONS[name] for name in options.get("activations", ["sigmoid", "tanh"]))
    from_input, from_state, recurrent, recurrent_bias = gates(x, h, options, options.get("layout", "zrn"))
    z, r = (gate(from_input[name] + from_state[name]) for name in "zr")
    if options.get("reset_after", True):
        n = new(from_input["n"] + r * from_state["n"])
    else:
        n = new(from_input["n"] + (r * h) @ recurrent["n"].T + recurrent_bias["n"])
    return [(1 - z) * n + z * h]


def lstm_cell(x, h, c, options):
    gate, cell, out = (ACTIVATIONS[name] for name in options.get("activations", ["sigmoid", "tanh", "tanh"]))
    from_input, from_state, *_ = gates(x, h, options, options.get("layout", "iofg"))
    peephole = parts(options.get("peephole_weight"), "iof")
    i, o, f = (gate(from_input[name] + from_state[name] + peephole[name] * c) for name in "iof")
    c = i * cell(from_input["g"] + from_state["g"]) + f * c
    return [o * out(c), c]


CELLS = {"gru": (gru_cell, 1, 3), "lstm": (lstm_cell, 2, 4)}
OF_A_DIRECTION = ("weight", "recurrent_weight", "bias", "recurrent_bias", "peephole_weight")


def network(kind, x, options):
    """[directions, batch, hidden] of each state, then [steps, directions, batch, hidden] if asked for."""
    cell, states, _ = CELLS[kind]
    direction = options.get("direction", "forward")
    backward = {"forward": [False], "backward": [True], "both": [False, True]}[direction]
    last, sequence = [[] for _ in range(states)], np.zeros((len(x), len(backward), BATCH, HIDDEN))
    for number, reverse in enumerate(backward):
        own = {k: v[number] if k in OF_A_DIRECTION else v for k, v in options.items()}
        initial = [options.get(f"initial_{name}_state") for name in ("hidden", "cell")[:states]]
        state = [np.zeros((BATCH, HIDDEN)) if s is None else s[number] for s in initial]
        for step in range(len(x))[:: -1 if reverse else 1]:
            state = cell(x[step], *state, own)
            sequence[step, number] = state[0]
        for values, value in zip(last, state, strict=True):
            values.append(value)
    return [np.stack(values) for values in last] + [sequence] * options.get("return_sequence", False)


def arrays(kind, data_type, directions=None):
    """Every operand by field name; with a number of directions, those of the network."""
    rng = np.random.default_rng(3)
    rows = CELLS[kind][2] * HIDDEN
    outer = [] if directions is None else [directions]
    shapes = {
        "input": [BATCH, INPUTS] if directions is None else [STEPS, BATCH, INPUTS],
        "weight": [*outer, rows, INPUTS],
        "recurrent_weight": [*outer, rows, HIDDEN],
        "bias": [*outer, rows],
        "recurrent_bias": [*outer, rows],
    }
    states = ["hidden_state", "cell_state"][: CELLS[kind][1]]
    shapes |= {("" if directions is None else "initial_") + name: [*outer, BATCH, HIDDEN] for name in states}
    if kind == "lstm":
        shapes["peephole_weight"] = [*outer, 3 * HIDDEN]
    return {name: rng.uniform(-1, 1, shape).astype(data_type.numpy) for name, shape in shapes.items()}


def check(run, data_type, inputs, cases):
    """Runs one graph of {name: (make(builder, operands), expected arrays)}; make returns one output or several."""
    b = GraphBuilder()
    operands = {name: b.input(name, str(x.dtype), list(x.shape)) for name, x in inputs.items()}
    outputs, expected = {}, {}
    for name, (make, references) in cases.items():
        results = make(b, operands)
        results = results if isinstance(results, list | tuple) else [results]
        assert len(results) == len(references), name
        outputs |= {f"{name} {i}": value for i, value in enumerate(results)}
        expected |= {f"{name} {i}": value for i, value in enumerate(references)}
    graph = b.graph(outputs)
    found = run(graph, {name: inputs[name] for name in graph.inputs})
    tolerance = 2**-10 if data_type == "float16" else 1e-5
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance / 4, err_msg=name)


def wide(inputs):
    return {name: x.astype(np.float64) for name, x in inputs.items()}


def subsets(names):
    return [chosen for n in range(len(names) + 1) for chosen in itertools.combinations(names, n)]


@pytest.mark.parametrize("data_type", FLOATS)
def test_gru_cell(run, data_type):
    inputs = arrays("gru", data_type)
    values = wide(inputs)
    plain = itertools.product(GRU_LAYOUTS, [True, False], subsets(["bias", "recurrent_bias"]))
    variants = [({"layout": layout, "reset_after": after}, optional) for layout, after, optional in plain]
    variants += [({"activations": list(names)}, ("bias",)) for names in itertools.product(ACTIVATIONS, repeat=2)]
    variants += [({}, ())]

    def case(options, optional):
        weights = {name: values[name] for name in ("weight", "recurrent_weight", *optional)}
        return (
            lambda b, v: b.gru_cell(
                v["input"], v["weight"], v["recurrent_weight"], v["hidden_state"], HIDDEN,
                **{name: v[name] for name in optional}, **options,
            ),
            gru_cell(values["input"], values["hidden_state"], weights | options),
        )  # fmt: skip

    check(run, data_type, inputs, {f"{options} {optional}": case(options, optional) for options, optional in variants})


@pytest.mark.parametrize("data_type", FLOATS)
def test_lstm_cell(run, data_type):
    inputs = arrays("lstm", data_type)
    values = wide(inputs)
    plain = itertools.product(LSTM_LAYOUTS, subsets(["bias", "recurrent_bias", "peephole_weight"]))
    variants = [({"layout": layout}, optional) for layout, optional in plain]
    functions = [["relu", "tanh", "sigmoid"], ["tanh", "sigmoid", "relu"], ["sigmoid", "relu", "tanh"]]
    variants += [({"activations": names}, ("peephole_weight",)) for names in functions]
    variants += [({}, ())]

    def case(options, optional):
        weights = {name: values[name] for name in ("weight", "recurrent_weight", *optional)}
        return (
            lambda b, v: b.lstm_cell(
                v["input"], v["weight"], v["recurrent_weight"], v["hidden_state"], v["cell_state"], HIDDEN,
                **{name: v[name] for name in optional}, **options,
            ),
            lstm_cell(values["input"], values["hidden_state"], values["cell_state"], weights | options),
        )  # fmt: skip

    check(run, data_type, inputs, {f"{options} {optional}": case(options, optional) for options, optional in variants})


EVERYTHING = {
    "gru": ("bias", "recurrent_bias", "initial_hidden_state"),
    "lstm": ("bias", "recurrent_bias", "peephole_weight", "initial_hidden_state", "initial_cell_state"),
}
VARIANTS = {
    "gru": [
        ({}, ()),
        ({"return_sequence": True, "layout": "rzn"}, EVERYTHING["gru"]),
        ({"return_sequence": True, "reset_after": False, "activations": ["tanh", "relu"]}, ("recurrent_bias",)),
        ({"layout": "rzn", "reset_after": False}, ("bias", "initial_hidden_state")),
    ],
    "lstm": [
        ({}, ()),
        ({"return_sequence": True, "layout": "ifgo"}, EVERYTHING["lstm"]),
        ({"return_sequence": True, "activations": ["tanh", "sigmoid", "relu"]}, ("peephole_weight", "bias")),
        ({"layout": "ifgo"}, ("recurrent_bias", "initial_cell_state")),
        ({"return_sequence": True}, ("initial_hidden_state",)),
    ],
}


@pytest.mark.parametrize("data_type", FLOATS)
@pytest.mark.parametrize("kind", CELLS)
def test_networks(run, kind, data_type):
    inputs = {
        f"{name}{directions}": x for directions in (1, 2) for name, x in arrays(kind, data_type, directions).items()
    }
    values = wide(inputs)

    def case(direction, options, optional):
        count = 2 if direction == "both" else 1
        options = options | {"direction": direction}
        weights = {name: values[f"{name}{count}"] for name in ("weight", "recurrent_weight", *optional)}
        return (
            lambda b, v: getattr(b, kind)(
                *[v[f"{name}{count}"] for name in ("input", "weight", "recurrent_weight")], STEPS, HIDDEN,
                **{name: v[f"{name}{count}"] for name in optional}, **options,
            ),
            network(kind, values[f"input{count}"], weights | options),
        )  # fmt: skip

    # float16 differs in the conversions around the formula, whichever way it runs.
    variants = itertools.product(DIRECTIONS if data_type == "float32" else ["both"], VARIANTS[kind])
    check(run, data_type, inputs, {f"{d} {variant}": case(d, *variant) for d, variant in variants})


SHAPES = {
    # method: operands, then steps where there are any
    "gru_cell": ([(2, 4), (15, 4), (15, 5), (2, 5)], []),
    "lstm_cell": ([(2, 4), (20, 4), (20, 5), (2, 5), (2, 5)], []),
    "gru": ([(3, 2, 4), (1, 15, 4), (1, 15, 5)], [3]),
    "lstm": ([(3, 2, 4), (1, 20, 4), (1, 20, 5)], [3]),
}


@pytest.mark.parametrize(
    ("method", "changed", "options", "message"),
    [
        ("gru_cell", {1: (14, 4)}, {}, r"weight has shape \[14, 4\]; it must be \[15, 4\]"),
        ("gru_cell", {2: (15, 4)}, {}, r"recurrentWeight has shape \[15, 4\]; it must be \[15, 5\]"),
        ("gru_cell", {3: (1, 5)}, {}, r"hiddenState has shape \[1, 5\]; it must be \[2, 5\]"),
        ("gru_cell", {}, {"bias": (5,)}, r"bias has shape \[5\]; it must be \[15\]"),
        ("gru_cell", {}, {"recurrent_bias": (20,)}, r"recurrentBias has shape \[20\]; it must be \[15\]"),
        ("gru_cell", {}, {"activations": ["relu"]}, "activations has 1 entries; it must have 2"),
        ("gru_cell", {}, {"hidden_size": 0}, "hiddenSize 0 must be from 1 to 357913941"),
        ("gru_cell", {}, {"hidden_size": 2**30}, "hiddenSize 1073741824 must be from 1 to 357913941"),
        ("gru_cell", {0: (2, 4, 1)}, {}, "input.* rank"),
        ("lstm_cell", {4: (2, 4)}, {}, r"cellState has shape \[2, 4\]; it must be \[2, 5\]"),
        ("lstm_cell", {}, {"peephole_weight": (20,)}, r"peepholeWeight has shape \[20\]; it must be \[15\]"),
        ("lstm_cell", {}, {"activations": ["tanh"] * 4}, "activations has 4 entries; it must have 3"),
        ("lstm_cell", {}, {"layout": "zrn"}, "layout.*zrn"),
        ("lstm_cell", {}, {"hidden_size": 2**29}, "hiddenSize 536870912 must be from 1 to 268435455"),
        ("gru", {}, {"direction": "both"}, r"weight has shape \[1, 15, 4\]; it must be \[2, 15, 4\]"),
        ("gru", {0: (2, 2, 4)}, {}, "steps 3 must be the input's first dimension, 2"),
        ("gru", {}, {"initial_hidden_state": (1, 2, 4)}, r"initialHiddenState has shape .*; it must be \[1, 2, 5\]"),
        ("gru", {}, {"bias": (2, 15)}, r"bias has shape \[2, 15\]; it must be \[1, 15\]"),
        ("gru", {}, {"activations": ["gelu", "tanh"]}, "activations.*gelu"),
        ("lstm", {}, {"initial_cell_state": (2, 2, 5)}, r"initialCellState has shape .*; it must be \[1, 2, 5\]"),
        ("lstm", {}, {"peephole_weight": (1, 10)}, r"peepholeWeight has shape \[1, 10\]; it must be \[1, 15\]"),
        ("lstm", {}, {"direction": "sideways"}, "direction.*sideways"),
        ("lstm", {2: (20, 5)}, {}, "recurrentWeight.* rank"),
    ],
)
def test_rules(method, changed, options, message):
    b = GraphBuilder()
    shapes, steps = SHAPES[method]
    operands = [b.input(f"x{i}", "float32", changed.get(i, shape)) for i, shape in enumerate(shapes)]
    hidden = options.get("hidden_size", HIDDEN)
    named = {
        name: b.input(name, "float32", value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if name != "hidden_size"
    }
    with pytest.raises(TypeError, match=message):
        getattr(b, method)(*operands, *steps, hidden, **named)


def test_data_types_of_operands_must_agree():
    b = GraphBuilder()
    shapes, _ = SHAPES["gru_cell"]
    operands = [b.input(f"x{i}", "float16" if i == 3 else "float32", shape) for i, shape in enumerate(shapes)]
    with pytest.raises(TypeError, match=r"hiddenState.*float16"):
        b.gru_cell(*operands, HIDDEN)
