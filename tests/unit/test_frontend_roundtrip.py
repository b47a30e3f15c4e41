"""Whatever a document says is there again when it is read, or is an error when it is written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webnn_mlir.compiler.frontend import read_document, write_document
from webnn_mlir.compiler.frontend.document import (
    Argument,
    Const,
    Document,
    DynamicDimension,
    InlineBytes,
    Input,
    Output,
    Scalar,
    Statement,
    Weights,
)
from webnn_mlir.dialects.webnn import DataType, GraphError

# Most documents are ones that the formats hold.
ODD = st.integers(0, 60).map(lambda n: n == 0)
plain_names = st.one_of(
    st.from_regex(r"[A-Za-z_/$][A-Za-z0-9_./]{0,8}", fullmatch=True),
    st.sampled_from(["true", "false", "null", "dyn", "v1", "inputs", "nodes", "f32", "webnn_graph", "x", "y", "z"]),
)
names = ODD.flatmap(lambda odd: st.text(max_size=4) if odd else plain_names)
strings = st.text(max_size=12)
sizes = st.integers(0, 2**32)
dynamics = st.builds(DynamicDimension, strings, sizes)
finite = st.floats(allow_nan=False, allow_infinity=False)
floats = ODD.flatmap(lambda odd: st.floats() if odd else finite)
numbers = st.one_of(st.integers(-(2**63), 2**64 - 1), floats)
scalars = st.one_of(numbers, st.booleans(), st.none(), strings)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4).map(tuple), max_leaves=8)
dynamic_lists = st.lists(dynamics, max_size=2).map(tuple)
arguments = st.builds(Argument, ODD.flatmap(lambda odd: dynamic_lists if odd else values))
types = st.sampled_from(DataType)
shapes = st.lists(sizes, max_size=4).map(tuple)
inputs = st.builds(Input, names, types, st.lists(st.one_of(sizes, dynamics), max_size=4).map(tuple))
binaries = st.binary(max_size=9)
inits = st.one_of(st.builds(Weights, strings), st.builds(Scalar, numbers), st.builds(InlineBytes, binaries))
consts = st.builds(Const, names, types, shapes, inits)


def _node(id_: str, *parts: Any) -> Statement:
    *most, more = parts
    return Statement(id_, *most, None if more is None else (id_, *more))


nodes = st.builds(
    _node,
    names,
    st.one_of(names, st.sampled_from(["", "add", "softmax", "slice"])),
    st.lists(st.one_of(names.map(Argument), names.map(Argument), arguments), min_size=1, max_size=2).map(tuple),
    st.dictionaries(names, arguments, max_size=3),
    st.none() | st.lists(names, max_size=3),
)


def _unique(items: list[Any]) -> tuple[Any, ...]:
    return tuple({item.name: item for item in items}.values())


documents = st.builds(
    Document,
    strings,
    st.sampled_from([1, 2]),
    st.booleans(),
    st.lists(inputs, max_size=3).map(_unique),
    st.lists(consts, max_size=3).map(_unique),
    st.lists(nodes, max_size=4).map(tuple),
    st.lists(st.builds(Output, names, names), max_size=3).map(_unique),
)


def _written_and_read(document: Document, name: str) -> Document | None:
    """The document again, or None where the format cannot hold it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        try:
            write_document(document, path)
        except GraphError:
            assert not list(Path(folder).iterdir())
            return None
        return read_document(path)


SETTINGS = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@SETTINGS
@given(documents)
def test_text_holds_a_document_or_refuses_it(document: Document) -> None:
    again = _written_and_read(document, "g.webnn")
    if again is not None:
        # An output of another name than its value's is a node there.
        assert [o.name for o in again.outputs] == [o.name for o in document.outputs]
        # The representation tells 1 from 1.0 and from True.
        assert repr(again.nodes[: len(document.nodes)]) == repr(document.nodes)
        assert repr((again.inputs, again.consts, again.name)) == repr((document.inputs, document.consts, document.name))
        assert repr(_written_and_read(again, "g.webnn")) == repr(again)


@SETTINGS
@given(documents)
def test_json_holds_a_document_or_refuses_it(document: Document) -> None:
    again = _written_and_read(document, "g.json")
    if again is not None:
        assert repr((again.inputs, again.consts)) == repr((document.inputs, document.consts))
        assert again.outputs == document.outputs
        assert [(n.id, n.op, n.outputs) for n in again.nodes] == [(n.id, n.op, n.outputs) for n in document.nodes]
        assert (again.name, again.version, again.quantized) == (document.name, document.version, document.quantized)
        assert repr(_written_and_read(again, "g.json")) == repr(again)
