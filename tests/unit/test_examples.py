"""The examples are graphs, and their files are what their script makes."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import webnn_mlir
from webnn_mlir.compiler.frontend import read_document, read_graph, write_document

EXAMPLES = Path(__file__).parents[2] / "examples"
GRAPHS = ["mlp.webnn", "mlp_int4.webnn", "conv.json"]


def test_all_of_them_are_here() -> None:
    assert sorted(p.name for p in EXAMPLES.iterdir() if p.suffix in (".webnn", ".json")) == sorted(GRAPHS)
    assert sum(p.stat().st_size for p in EXAMPLES.iterdir() if p.is_file()) < 200_000


@pytest.mark.parametrize("name", GRAPHS)
def test_inputs_and_expected_outputs_are_the_graphs(name: str) -> None:
    graph = read_graph(EXAMPLES / name)
    for operands, kind in [(graph.inputs, "inputs"), (graph.outputs, "expected")]:
        with np.load((EXAMPLES / name).with_suffix(f".{kind}.npz")) as arrays:
            found = {n: (str(a.dtype), a.shape) for n, a in arrays.items()}
        assert found == {n: (o.data_type.value, o.shape) for n, o in operands.items()}


@pytest.mark.parametrize("name", GRAPHS)
def test_they_run_right(name: str) -> None:
    path = EXAMPLES / name
    with np.load(path.with_suffix(".inputs.npz")) as inputs, np.load(path.with_suffix(".expected.npz")) as expected:
        outputs = webnn_mlir.compile(path).run(**inputs)
        assert outputs.keys() == set(expected)
        for key, array in outputs.items():
            np.testing.assert_allclose(array, expected[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", GRAPHS)
def test_they_convert_to_the_other_format_and_back(tmp_path: Path, name: str) -> None:
    document = read_document(EXAMPLES / name)
    write_document(document, tmp_path / "g.json")
    assert read_document(tmp_path / "g.json") == document
    if name != "conv.json":  # whose outputs have other names than their values
        write_document(document, tmp_path / "g.webnn")
        assert read_document(tmp_path / "g.webnn") == document


def test_the_script_makes_the_files(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "make_examples.py", tmp_path)
    runpy.run_path(str(tmp_path / "make_examples.py"), run_name="__main__")
    made = [p for p in tmp_path.iterdir() if p.suffix in (".npz", ".safetensors")]
    assert len(made) == 9
    for path in made:
        load = load_file if path.suffix == ".safetensors" else np.load
        ours, theirs = dict(load(path)), dict(load(EXAMPLES / path.name))
        assert ours.keys() == theirs.keys()
        for key in ours:
            # Another processor may round another way: a step of quantization is 1 of 255 in a byte of two elements.
            if ours[key].dtype == np.uint8:
                assert (ours[key] != theirs[key]).mean() < 0.01
            else:
                np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-3, atol=1e-3)
