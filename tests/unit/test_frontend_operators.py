"""Every operator goes through both formats and comes back the same, with all its operands and options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from webnn_mlir.compiler.frontend import read_document, read_graph, write_document, write_graph
from webnn_mlir.dialects.webnn import OPS, Graph, GraphBuilder, GraphError, MLOperand


def _flatten(results: Any) -> list[MLOperand]:
    return list(results) if isinstance(results, list | tuple) else [results]


def _example(name: str) -> Graph:
    op = OPS[name]
    builder = GraphBuilder()
    types = op.operands[0].types
    default = "float32" if "float32" in types else types[0]
    count = 0

    def x(*shape: int, data_type: str | None = None) -> MLOperand:
        nonlocal count
        count += 1
        return builder.input(f"x{count}", data_type or default, shape)

    results = _flatten(op.example(builder, x))
    return builder.graph({f"y{i}": r for i, r in enumerate(results)}, name="example")


def describe(graph: Graph) -> dict[str, Any]:
    """All that a graph says, whatever its values are called."""
    numbers: dict[int, int] = {}
    for operand in (*graph.inputs.values(), *graph.constants, *(r for n in graph.nodes for r in n.results)):
        numbers[id(operand)] = len(numbers)

    def field(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [field(v) for v in value]
        # The representation tells 1 from 1.0 and from True.
        return f"%{numbers[id(value)]}" if isinstance(value, MLOperand) else repr(value)

    return {
        "name": graph.name,
        "inputs": {name: str(o.descriptor) for name, o in graph.inputs.items()},
        "constants": [(str(o.descriptor), o.constant.data.tobytes()) for o in graph.constants if o.constant],
        "nodes": [(n.op.name, {k: field(v) for k, v in n.fields.items()}, n.label) for n in graph.nodes],
        "results": [str(r.descriptor) for n in graph.nodes for r in n.results],
        "outputs": {name: field(o) for name, o in graph.outputs.items()},
    }


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_operator_goes_there_and_back(tmp_path: Path, name: str) -> None:
    graph = _example(name)
    for suffix in (".webnn", ".json"):
        write_graph(graph, tmp_path / f"g{suffix}")
        assert describe(read_graph(tmp_path / f"g{suffix}")) == describe(graph)
    text, data = read_document(tmp_path / "g.webnn"), read_document(tmp_path / "g.json")
    assert text == data
    write_document(text, tmp_path / "h.json")
    write_document(data, tmp_path / "h.webnn")
    for suffix in (".webnn", ".json"):
        assert (tmp_path / f"h{suffix}").read_bytes() == (tmp_path / f"g{suffix}").read_bytes()


def test_a_label_is_an_error_unless_it_is_dropped(tmp_path: Path) -> None:
    builder = GraphBuilder()
    graph = builder.graph({"y": builder.relu(builder.input("x", "float32", [2]), label="here")})
    with pytest.raises(GraphError) as error:
        write_graph(graph, tmp_path / "g.webnn")
    assert [str(d) for d in error.value.diagnostics] == [
        "error: 'webnn.relu' (label \"here\"): the formats hold no label; drop the labels to leave it out"
    ]
    assert list(tmp_path.iterdir()) == []
    write_graph(graph, tmp_path / "g.webnn", drop_labels=True)
    assert read_graph(tmp_path / "g.webnn").nodes[0].label == ""


def test_odd_names_stay_what_they_are(tmp_path: Path) -> None:
    builder = GraphBuilder()
    x = builder.input("the input: ½", "float32", [2])
    graph = builder.graph({"the output!": builder.relu(x)})
    write_graph(graph, tmp_path / "g.json")
    assert describe(read_graph(tmp_path / "g.json")) == describe(graph)
    with pytest.raises(GraphError) as error:
        write_graph(graph, tmp_path / "g.webnn")
    assert [str(d) for d in error.value.diagnostics] == [
        "error: .webnn text cannot hold the name 'the input: ½'",
        "error: .webnn text cannot hold the name 'the output!'",
    ]


def test_an_output_may_have_an_inputs_name_or_several_names(tmp_path: Path) -> None:
    builder = GraphBuilder()
    x = builder.input("v0", "float32", [2])
    y = builder.relu(x)
    graph = builder.graph({"v0": y, "a": y, "b": y, "c": builder.neg(y)})
    write_graph(graph, tmp_path / "g.json")
    assert describe(read_graph(tmp_path / "g.json")) == describe(graph)
    with pytest.raises(GraphError, match="cannot hold output 'v0' beside another value of that name"):
        write_graph(graph, tmp_path / "g.webnn")


def test_several_names_of_one_output_in_text(tmp_path: Path) -> None:
    builder = GraphBuilder()
    y = builder.relu(builder.input("x", "float32", [2]))
    graph = builder.graph({"a": y, "b": y})
    write_graph(graph, tmp_path / "g.webnn")
    assert describe(read_graph(tmp_path / "g.webnn")) == describe(graph)


def test_a_number_that_the_formats_do_not_spell(tmp_path: Path) -> None:
    builder = GraphBuilder()
    x = builder.input("x", "float32", [2])
    graph = builder.graph({"y": builder.clamp(x, min_value=float("-inf"), max_value=float("inf"))})
    for name, format_ in [("g.webnn", ".webnn text"), ("g.json", "webnn-graph-json")]:
        try:
            write_graph(graph, tmp_path / name)
        except GraphError as error:
            assert f"{format_} cannot hold the number" in str(error)  # noqa: PT017
        else:
            # They are the defaults.
            assert describe(read_graph(tmp_path / name)) == describe(graph)


def test_constants_of_not_a_number_and_of_one_element(tmp_path: Path) -> None:
    builder = GraphBuilder()
    values = [np.float32("nan"), np.float32("-inf"), np.float32(-0.0), np.float16(65504), np.int64(-(2**63)),
              np.uint64(2**64 - 1), np.float32(0.1)]
    graph = builder.graph({f"y{i}": builder.identity(builder.constant(v)) for i, v in enumerate(values)})
    for suffix in (".webnn", ".json"):
        write_graph(graph, tmp_path / f"g{suffix}")
        assert describe(read_graph(tmp_path / f"g{suffix}")) == describe(graph)
    assert "@scalar(0.10000000149011612)" in (tmp_path / "g.webnn").read_text()
