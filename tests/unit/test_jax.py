"""Graphs as portable StableHLO and as functions of JAX; each test in a process of its own, for JAX is set up once."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from webnn_mlir.tools.compile import main

pytest.importorskip("jax")

EIGHT = """
import json, sys, jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from webnn_mlir.jax import function

f = function(jax.export.deserialize(open(sys.argv[1], "rb").read()))
x = np.load(sys.argv[2])
one, two = jax.jit(f)(x[:2])
mapped, _ = jax.vmap(f)(x.reshape(8, 2, 6))
mesh = Mesh(np.array(jax.devices()), ("batch",))
sharded = jax.jit(jax.shard_map(f, mesh=mesh, in_specs=P("batch"), out_specs=P("batch")))
y, z = sharded(jax.device_put(x, NamedSharding(mesh, P("batch"))))
np.savez(sys.argv[3], one=one, two=two, mapped=mapped, y=y, z=z)
print(json.dumps({"devices": len(y.sharding.device_set), "shapes": [list(s.data.shape) for s in y.addressable_shards]}))
"""

OLDER = """
import sys, jax, numpy as np
from jax._src.interpreters import mlir
from jaxlib.mlir.dialects import stablehlo

with mlir.make_ir_context() as context:
    stablehlo.register_dialect(context)
    text = str(stablehlo.deserialize_portable_artifact(context, open(sys.argv[1], "rb").read()))
y, z = jax.devices()[0].client.compile(text).execute([jax.device_put(np.load(sys.argv[2]))])
np.savez(sys.argv[3], y=y, z=z)
"""


def expected(x):
    weights = np.linspace(-1, 1, 48).reshape(6, 8)
    e = np.exp(1 / (1 + np.exp(-x.astype(np.float64) @ weights)))
    return e / e.sum(axis=1, keepdims=True)


@pytest.fixture
def files(tmp_path):
    """The path of a graph of x: [2, 6] to y and z, and 16 rows for it."""
    from webnn_mlir.compiler.driver import convert_source
    from webnn_mlir.dialects.webnn import GraphBuilder

    builder = GraphBuilder()
    x = builder.input("x", "float32", [2, 6])
    weights = builder.constant(np.linspace(-1, 1, 48, dtype=np.float32).reshape(6, 8))
    y = builder.softmax(builder.sigmoid(builder.matmul(x, weights)), 1)
    convert_source(builder.graph({"y": y, "z": builder.erf(x)}), tmp_path / "graph.webnn")
    rows = np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32)
    np.save(tmp_path / "x.npy", rows)
    return tmp_path, rows


def python(executable, code, *arguments, **environment):
    command = [executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment}).stdout


def test_a_graph_is_a_function_of_jax_on_eight_devices(files):
    folder, rows = files
    assert main([str(folder / "graph.webnn"), "--emit", "jax-export", "-o", str(folder / "f.jaxexport")]) == 0
    flags = "--xla_force_host_platform_device_count=8"
    printed = python(
        sys.executable, EIGHT, folder / "f.jaxexport", folder / "x.npy", folder / "y.npz",
        XLA_FLAGS=flags, JAX_PLATFORMS="cpu",
    )  # fmt: skip
    assert json.loads(printed) == {"devices": 8, "shapes": [[2, 8]] * 8}
    found = np.load(folder / "y.npz")
    np.testing.assert_allclose(found["one"], expected(rows[:2]), rtol=1e-5)
    np.testing.assert_allclose(found["mapped"].reshape(16, 8), expected(rows), rtol=1e-5)
    np.testing.assert_allclose(found["y"], expected(rows), rtol=1e-5)
    np.testing.assert_array_equal(found["z"][:2], found["two"])


@pytest.mark.skipif("WEBNN_OLDER_JAX" not in os.environ, reason="WEBNN_OLDER_JAX names no Python with an older JAX")
def test_an_older_jax_reads_the_portable_artifact(files):
    folder, rows = files
    assert main([str(folder / "graph.webnn"), "--emit", "stablehlo-portable", "-o", str(folder / "g.mlirbc")]) == 0
    np.save(folder / "two.npy", rows[:2])
    older = os.environ["WEBNN_OLDER_JAX"]
    python(older, OLDER, folder / "g.mlirbc", folder / "two.npy", folder / "y.npz", PYTHONPATH="")
    np.testing.assert_allclose(np.load(folder / "y.npz")["y"], expected(rows[:2]), rtol=1e-5)


@pytest.mark.parametrize("emit", ["stablehlo-portable", "jax-export"])
def test_portable_forms_go_to_files_and_are_made_of_graph_files(files, capsys, emit):
    folder, _ = files
    assert main([str(folder / "graph.webnn"), "--emit", emit, "-o", "-"]) == 1
    assert "writes a file: give -o FILE." in capsys.readouterr().err
    (folder / "graph.mlir").write_text("module {}")
    assert main([str(folder / "graph.mlir"), "--emit", emit]) == 1
    assert "portable forms are made of graph files" in capsys.readouterr().err
