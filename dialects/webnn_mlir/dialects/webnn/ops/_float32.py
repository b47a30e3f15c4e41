"""Formulas that round once."""

from collections.abc import Callable, Sequence

from ..declaration import Builder, OpView, Value
from ..types import DataType, cast_number

Formula = Callable[[Builder, OpView], Value | Sequence[Value]]


def in_float32(formula: Formula) -> Formula:
    """The formula, computed in float32 where the operands are float16: intermediate results neither lose digits nor
    overflow. Numbers among the options are still cast to float16, as the specification says."""

    def decompose(w: Builder, op: OpView) -> Value | Sequence[Value]:
        names = [s.field for s in op.op.operands] + [s.field for s in op.op.attributes]
        fields = {name: getattr(op, name) for name in names}
        operands = {s.field: v for s in op.op.operands if (v := fields[s.field]) is not None}
        if all(v.data_type is not DataType.FLOAT16 for v in operands.values()):
            return formula(w, op)
        wide = {name: w.cast(value, "float32") for name, value in operands.items()}
        numbers = {k: cast_number(v, DataType.FLOAT16) for k, v in fields.items() if isinstance(v, float)}
        results = formula(w, OpView(op.op, op.label, fields | numbers | wide))
        if isinstance(results, list | tuple):
            return [w.cast(result, "float16") for result in results]
        return w.cast(results, "float16")

    return decompose
