"""Formulas that round once."""

from collections.abc import Callable

from ..declaration import Builder, OpView, Value
from ..types import DataType, cast_number

Formula = Callable[[Builder, OpView], Value]


def in_float32(formula: Formula) -> Formula:
    """The formula, computed in float32 where the operands are float16: intermediate results neither lose digits nor
    overflow. Numbers among the options are still cast to float16, as the specification says."""

    def decompose(w: Builder, op: OpView) -> Value:
        operands = {s.field: getattr(op, s.field) for s in op.op.operands}
        if all(v.data_type is not DataType.FLOAT16 for v in operands.values()):
            return formula(w, op)
        wide = {name: w.cast(value, "float32") for name, value in operands.items()}
        attributes = {a.field: getattr(op, a.field) for a in op.op.attributes}
        attributes |= {k: cast_number(v, DataType.FLOAT16) for k, v in attributes.items() if isinstance(v, float)}
        return w.cast(formula(w, OpView(op.op, op.label, wide | attributes)), "float16")

    return decompose
