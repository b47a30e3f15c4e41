"""What op_support_limits promises of a target: every operator compiles for it with every data type."""

import itertools

import pytest

import webnn_mlir
from webnn_mlir.dialects.targets import TARGET_NAMES
from webnn_mlir.dialects.webnn import OPS, GraphBuilder
from webnn_mlir.runtime.limits import op_support_limits

SAME = {("where", 2): 1}
"""Operands of a type that another one's is, beside the first operand's: their numbers by the operator and their own."""


def examples(limits):
    """For each operator, operand that has a type of its own, and data type that it may have: these three."""
    for name, op in OPS.items():
        for number, spec in enumerate(op.operands):
            if spec.like is None:
                yield from ((op, number, data_type) for data_type in limits[name][spec.name]["dataTypes"])


def build(builder, op, number, data_type):
    """The results of the operator's example with that data type for the operand of the number."""
    types, counter = op.operands[0].types, itertools.count()
    first = data_type if number == 0 else "float32" if "float32" in types else types[0]

    def x(*shape, data_type=first, asked=data_type):
        position = next(counter)
        wanted = asked if number and number in (position, SAME.get((op.name, position))) else data_type
        return builder.input(f"{op.name}{number}{asked}{position}", wanted, shape)

    results = op.example(builder, x)
    return results if isinstance(results, list | tuple) else [results]


def casts(builder, types):
    for source, target in itertools.product(types, types):
        yield builder.cast(builder.input(f"{source} as {target}", source, [2, 3]), target)


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_every_operator_compiles_with_every_data_type(target):
    """In one graph for each data type."""
    limits = op_support_limits(target)
    tested = list(examples(limits))
    assert {op.name for op, _, _ in tested} == set(OPS)
    for data_type in dict.fromkeys(t for _, _, t in tested):
        builder = GraphBuilder()
        results = [build(builder, op, number, t) for op, number, t in tested if t == data_type]
        outputs = {f"y{i}": result for i, result in enumerate(itertools.chain(*results))}
        webnn_mlir.compile(builder.graph(outputs), target, cache=False)
    builder = GraphBuilder()
    outputs = {f"y{i}": y for i, y in enumerate(casts(builder, limits["cast"]["input"]["dataTypes"]))}
    webnn_mlir.compile(builder.graph(outputs), target, cache=False)
