"""The rows of ONNX's operators say what ONNX's schemas say, from opset 7 on."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import Parameter
from typing import Any

import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx, of the extra 'onnx'")

from onnx.defs import OpSchema  # noqa: E402

from webnn_mlir.compiler.frontend.onnx import operators  # noqa: E402, F401
from webnn_mlir.compiler.frontend.onnx.registry import ROWS, Row, find_row  # noqa: E402

OLDEST = 7
NOT_IN_ONNX = {"SimplifiedLayerNormalization"}
"""Operators that ONNX Runtime adds to ONNX's domain."""

UNSUPPORTED = {("Constant", "sparse_value"), ("Constant", "value_string"), ("Constant", "value_strings")}
RENAMED = {"w": "weights", "bilinear": "linear", "bicubic": "cubic"}
"""An input whose name rows give to the builder, and modes that got other names."""

SCHEMAS: dict[str, list[OpSchema]] = {}
for schema in sorted(onnx.defs.get_all_schemas_with_history(), key=lambda s: s.since_version):
    if schema.domain == "":
        SCHEMAS.setdefault(schema.name, []).append(schema)


def forms() -> Iterator[Any]:
    """Each schema of an operator that has a row, with the first opset that it is of."""
    for (domain, name), rows in sorted(ROWS.items()):
        if domain or name in NOT_IN_ONNX:
            continue
        first = max(OLDEST, min(row.since for row in rows))
        for schema, after in zip(SCHEMAS[name], [*SCHEMAS[name][1:], None], strict=True):
            if not schema.deprecated and (after is None or after.since_version > first):
                yield pytest.param(schema, max(first, schema.since_version), id=f"{name}-{schema.since_version}")


@pytest.mark.parametrize(("schema", "opset"), list(forms()))
def test_row(schema: OpSchema, opset: int) -> None:
    row = find_row("", schema.name, opset)
    assert row is not None, f"there is no row for opset {opset}"
    check_inputs(row, schema)
    check_attributes(row, schema)


def check_inputs(row: Row, schema: OpSchema) -> None:
    """In the schema's order, and by its names where there are several; optional ones may be left out.

    The row of several opsets may have inputs beyond those of the older ones.
    """
    assert len(row.inputs) >= len(schema.inputs)
    for parameter, given in zip(row.inputs, schema.inputs, strict=False):
        variadic = given.option == OpSchema.FormalParameterOption.Variadic
        assert (parameter.kind is Parameter.VAR_POSITIONAL) == variadic, given.name
        if not variadic:
            name = RENAMED.get(given.name, given.name)
            assert parameter.name == name or len(schema.inputs) == 1
            optional = parameter.default is None or str(parameter.annotation).endswith("| None")
            assert optional or given.option == OpSchema.FormalParameterOption.Single, name


def check_attributes(row: Row, schema: OpSchema) -> None:
    """All of the schema's, by name and with its defaults. The row of several opsets may know newer ones."""
    for name, attribute in schema.attributes.items():
        if (schema.name, name) in UNSUPPORTED:
            assert name not in row.attributes
            continue
        assert name in row.attributes
        default = row.attributes[name].default
        if not attribute.required:
            assert default is not Parameter.empty, name
        if attribute.default_value.type:
            assert default == plain(onnx.helper.get_attribute_value(attribute.default_value)), name


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return RENAMED.get(value.decode(), value.decode())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return pytest.approx(value, rel=1e-6) if isinstance(value, float) else value


def test_what_a_row_does_not_know_is_an_error() -> None:
    """Of the newest form of each operator nothing is left out but what is listed."""
    for (domain, name), _ in ROWS.items():
        if domain == "" and name not in NOT_IN_ONNX and not SCHEMAS[name][-1].deprecated:
            row, schema = find_row("", name, onnx.defs.onnx_opset_version()), SCHEMAS[name][-1]
            assert row is not None
            unknown = set(schema.attributes) - set(row.attributes)
            assert unknown == {attribute for op, attribute in UNSUPPORTED if op == name}
