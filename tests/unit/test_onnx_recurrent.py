"""LSTM, GRU and RNN of ONNX, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import Case, Draw, Run, by_reference, case, compare, fixed, problem_of

STEPS, BATCH, INPUTS, HIDDEN = 4, 2, 3, 5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@pytest.fixture
def x() -> Draw:
    return Draw()


def network(x: Draw, op: str, *, lengths: Any = None, bias: bool = True, initial: bool = False, peephole: bool = False,
            **attributes: Any) -> Case:  # fmt: skip
    n = 2 if attributes.get("direction") == "bidirectional" else 1
    gates = GATES[op] * HIDDEN
    state = [x(n, BATCH, HIDDEN) if initial else None]
    values = [
        x(STEPS, BATCH, INPUTS), x(n, gates, INPUTS), x(n, gates, HIDDEN), x(n, 2 * gates) if bias else None, lengths,
        *state * (2 if op == "LSTM" else 1),
    ]  # fmt: skip
    if op == "LSTM":
        values.append(x(n, 3 * HIDDEN) if peephole else None)
    return case(op, *values, outputs=3 if op == "LSTM" else 2, hidden_size=HIDDEN, **attributes)


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_recurrent(run: Run, tmp_path: Path, x: Draw, op: str) -> None:
    cases = {
        "plain": network(x, op, bias=False),
        "initial": network(x, op, initial=True),
        "reverse": network(x, op, direction="reverse"),
        "both": network(x, op, direction="bidirectional", initial=True),
        "lengths": network(x, op, lengths=fixed([4, 2], np.int32), initial=True),
        "computed-lengths": network(x, op, lengths=np.asarray([1, 3], np.int32), direction="bidirectional"),
        "full": network(x, op, lengths=fixed([4, 4], np.int32)),
        "clip": network(x, op, clip=0.3),
    }
    compare(run, tmp_path, cases, tolerance=1e-4)


def test_gru(run: Run, tmp_path: Path, x: Draw) -> None:
    compare(run, tmp_path, {
        "after": network(x, "GRU", linear_before_reset=1),
        "after-lengths": network(x, "GRU", linear_before_reset=1, lengths=fixed([4, 2], np.int32)),
        "relu": network(x, "GRU", activations=["Sigmoid", "Relu"]),
    }, tolerance=1e-4)  # fmt: skip


def test_lstm(run: Run, tmp_path: Path, x: Draw) -> None:
    compare(run, tmp_path, {
        "peephole": network(x, "LSTM", peephole=True, initial=True),
        "couple": network(x, "LSTM", input_forget=1),
        "both-peephole": network(x, "LSTM", peephole=True, direction="bidirectional"),
    }, tolerance=1e-4)  # fmt: skip


def test_activations(run: Run, tmp_path: Path, x: Draw) -> None:
    names = [
        "Relu", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu", "Softsign",
        "Softplus",
    ]  # fmt: skip
    cases = {
        name: network(x, "RNN", activations=[name], activation_alpha=[0.7], activation_beta=[0.2]) for name in names
    }
    cases["two"] = network(
        x, "LSTM", activations=["HardSigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "Relu", "Tanh"],
        activation_alpha=[0.25, 0.1, 0.3], activation_beta=[0.5, 0.4], direction="bidirectional",
    )  # fmt: skip
    compare(run, tmp_path, cases, tolerance=1e-4)


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_batch_in_front(run: Run, tmp_path: Path, x: Draw, op: str) -> None:
    c = network(x, op, layout=1, direction="forward")
    compare(run, tmp_path, {"front": by_reference(c, 21)}, tolerance=1e-4)


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"direction": "up"}, "direction 'up' must be one of forward, reverse, bidirectional"),
        ({"activations": ["Sigmoid"]}, "activations ['Sigmoid'] must have 3 entries"),
        ({"activations": ["Sine", "Tanh", "Tanh"]}, "activation 'sine' is not supported"),
    ],
)
def test_what_recurrent_networks_are_not(tmp_path: Path, x: Draw, attributes: dict, problem: str) -> None:
    assert problem in problem_of(tmp_path, network(x, "LSTM", **attributes))
