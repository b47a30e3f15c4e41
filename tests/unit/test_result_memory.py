"""A result's memory stays there as long as an array looks at it, whatever has become of the rest."""

from __future__ import annotations

import numpy as np

import webnn_mlir


def test_a_result_outlives_all_that_made_it() -> None:
    builder = webnn_mlir.MLGraphBuilder()
    x = builder.input("x", "float32", [2, 40, 6000])
    graph = builder.build({"y": builder.sub(builder.abs(x), x)})
    value = np.random.default_rng(0).normal(size=(2, 40, 6000)).astype(np.float32)
    part = next(iter(graph.run(x=value).values()))[1]
    del graph, builder
    # Memory that was given back would go to these.
    others = [np.full(value.shape, 7, np.float32) for _ in range(8)]
    np.testing.assert_array_equal(part, (np.abs(value) - value)[1])
    assert len(others) == 8
