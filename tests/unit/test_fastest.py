"""Which way of running a program is taken, and that each gives the right answers."""

import numpy as np
import pytest

from webnn_mlir import ML
from webnn_mlir.runtime import executable, fastest
from webnn_mlir.runtime.fastest import Fastest


@pytest.fixture
def clock(monkeypatch):
    """Time that only passes when a way takes it."""
    now = [0.0]
    monkeypatch.setattr(fastest.time, "perf_counter", lambda: now[0])
    return now


def ways(clock, *seconds, first=0.0):
    """Ways that take these seconds, the first run `first` more, and the numbers of those that ran."""
    return ways_of(clock, seconds, first)


def ways_of(clock, seconds, first=0.0):
    """The same of seconds that may change."""
    ran = []

    def way(number):
        def run():
            clock[0] += seconds[number] + (0 if ran else first)
            ran.append(number)

        return run

    return Fastest(*map(way, range(len(seconds)))), ran


@pytest.mark.parametrize(("seconds", "chosen"), [((1e-4, 3e-5), 1), ((1e-4, 1.1e-4), 0), ((6e-3, 1e-3), 0)])
def test_the_fastest_is_taken(clock, seconds, chosen):
    """But what takes long is only ever run in the first way."""
    run, ran = ways(clock, *seconds)
    while not run.chosen:
        run()
    assert run.chosen is run._ways[chosen]
    assert (1 in ran) == (max(seconds) <= fastest.LONG)


def test_a_slow_way_is_tried_once(clock):
    run, ran = ways(clock, 1e-4, 1e-2)
    while not run.chosen:
        run()
    assert ran.count(1) == 1


def test_all_are_tried_again(clock):
    """What was slow may be so no longer; each time it takes twice as long until then."""
    run, ran = ways(clock, 1e-4, 3e-5)
    while not run.chosen:
        run()
    slow = []
    for _ in range(200_000):
        run()
        slow += [len(ran)] if ran[-1] == 0 else []
    begun = [after for before, after in zip([0, *slow], slow, strict=False) if after > before + 1]
    assert 5 <= len(begun) <= 8


def test_who_was_wrong_looks_again_soon(clock):
    """Another one that is faster than the chosen one was slow for a while: that may be so again."""
    seconds = [1e-4, 3e-5]
    run, _ = ways_of(clock, seconds)
    for _ in range(20_000):
        run()
    assert run._pause > fastest.PAUSE
    seconds.reverse()
    while run.chosen is not run._ways[0]:
        run()
    assert run._pause == fastest.PAUSE


def test_a_long_first_run_decides_nothing(clock):
    """It starts threads, and may have waited for others."""
    run, _ = ways(clock, 1e-4, 1.5e-4, first=0.05)
    while not run.chosen:
        run()
    assert run.chosen is run._ways[0]


def test_the_only_way_is_taken(clock):
    run, ran = ways(clock, 1e-4)
    run()
    assert ran == [0]


def test_answers_are_right_in_all_ways(monkeypatch):
    """A program of several dispatches: by the device's threads, then by the calling one, then by the faster."""
    monkeypatch.setattr(executable, "cores", lambda: 4)
    monkeypatch.setattr(fastest, "ENOUGH", 0.0)
    rng = np.random.default_rng(0)
    with ML().create_context(accelerated=False) as context:
        b = context.create_graph_builder()
        x = b.input("x", "float32", [300, 200])
        graph = b.build({"y": b.reduce_sum(b.sin(b.transpose(x)), axes=[0]), "z": b.resample2d(
            b.reshape(x, [1, 1, 300, 200]), scales=[2, 2])})  # fmt: skip
        for _ in range(4):
            given = rng.random((300, 200), np.float32)
            results = context.compute(graph, {"x": given})
            np.testing.assert_allclose(results["y"], np.sin(given).sum(1), rtol=1e-4)
            np.testing.assert_array_equal(results["z"][0, 0], given.repeat(2, 0).repeat(2, 1))
        assert len(graph._executable._fastest._least) == 2
