"""What stays out of a module until IREE has its executables, and what IREE makes of it."""

import numpy as np
from programs import lowered

from webnn_mlir.compiler import iree, pipeline, routines
from webnn_mlir.compiler.options import CompileOptions
from webnn_mlir.dialects.webnn import GraphBuilder


def program():
    b, rng = GraphBuilder(), np.random.default_rng(0)
    x = b.input("x", "float32", [64, 256])
    for _ in range(2):
        x = b.softmax(b.matmul(x, b.constant(rng.random((256, 256), np.float32))), 1)
    made = lowered(b.graph({"y": x}), machine="avx2")
    pipeline.run(made, ["webnn-sequences"])
    return made


def test_they_come_back():
    made = program()
    before = made.text()
    with made.session.context:
        found = routines.take_out(made.module)
        without = made.text()
        routines.put_back(made.module, found)
    assert found
    assert "vector.load" in before
    assert "vector.load" not in without
    assert made.text() == before


def test_iree_does_not_see_them_before_executables(monkeypatch):
    seen = []

    def execute(program, flags, to, after=None):
        seen.append(program.text())
        return run(program, flags, to, after)

    run = iree._execute
    monkeypatch.setattr(iree, "_execute", execute)
    assert iree.compile_program(program(), CompileOptions().flags())
    assert ["vector.load" in text for text in seen] == [False, True]
