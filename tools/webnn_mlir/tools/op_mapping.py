"""Writes docs/op-mapping.md: WebNN's operators against StableHLO, Linalg, TOSA, PyTorch's Prims and ONNX."""

from __future__ import annotations

import sys

from webnn_mlir.dialects.webnn import DECLARED

from .docs import becomes, example, table
from .generated import page_command

INTRODUCTION = """# Operators elsewhere

This file is generated: `python -m webnn_mlir.tools.op_mapping docs/op-mapping.md`. The second column is what the passes
make of one small instance, constants left out. The others name the operator of TOSA, of PyTorch's Prims and of ONNX
that does the same; where there is none, and several together do it or nothing does, they have a dash. Operators that
the specification does not have are marked with a plus sign.
"""

NONE = "-"

ELSEWHERE: dict[str, tuple[str, str, str]] = {
    "abs": ("abs", "abs", "Abs"),
    "add": ("add", "add", "Add"),
    "argMax": ("argmax", NONE, "ArgMax"),
    "argMin": (NONE, NONE, "ArgMin"),
    "averagePool2d": ("avg_pool2d", NONE, "AveragePool"),
    "batchNormalization": (NONE, NONE, "BatchNormalization"),
    "cast": ("cast", "convert_element_type", "Cast"),
    "ceil": ("ceil", "ceil", "Ceil"),
    "clamp": ("clamp", NONE, "Clip"),
    "concat": ("concat", "cat", "Concat"),
    "conv2d": ("conv2d", "conv", "Conv"),
    "convTranspose2d": ("transpose_conv2d", NONE, "ConvTranspose"),
    "cos": ("cos", "cos", "Cos"),
    "cumulativeSum": (NONE, "cumsum", "CumSum"),
    "dequantizeLinear": ("rescale", NONE, "DequantizeLinear"),
    "div": ("intdiv", "div", "Div"),
    "elu": (NONE, NONE, "Elu"),
    "equal": ("equal", "eq", "Equal"),
    "erf": ("erf", "erf", "Erf"),
    "exp": ("exp", "exp", "Exp"),
    "expand": ("tile", "broadcast_in_dim", "Expand"),
    "floor": ("floor", "floor", "Floor"),
    "gather": ("gather", NONE, "Gather"),
    "gatherElements": (NONE, NONE, "GatherElements"),
    "gatherND": (NONE, NONE, "GatherND"),
    "gelu": (NONE, NONE, "Gelu"),
    "gemm": (NONE, NONE, "Gemm"),
    "greater": ("greater", "gt", "Greater"),
    "greaterOrEqual": ("greater_equal", "ge", "GreaterOrEqual"),
    "gru": (NONE, NONE, "GRU"),
    "gruCell": (NONE, NONE, NONE),
    "hardSigmoid": (NONE, NONE, "HardSigmoid"),
    "hardSwish": (NONE, NONE, "HardSwish"),
    "identity": ("identity", "clone", "Identity"),
    "instanceNormalization": (NONE, NONE, "InstanceNormalization"),
    "isInfinite": (NONE, NONE, "IsInf"),
    "isNaN": (NONE, NONE, "IsNaN"),
    "l2Pool2d": (NONE, NONE, "LpPool"),
    "layerNormalization": (NONE, NONE, "LayerNormalization"),
    "leakyRelu": (NONE, NONE, "LeakyRelu"),
    "lesser": (NONE, "lt", "Less"),
    "lesserOrEqual": (NONE, "le", "LessOrEqual"),
    "linear": (NONE, NONE, NONE),
    "log": ("log", "log", "Log"),
    "logicalAnd": ("logical_and", "bitwise_and", "And"),
    "logicalNot": ("logical_not", "bitwise_not", "Not"),
    "logicalOr": ("logical_or", "bitwise_or", "Or"),
    "logicalXor": ("logical_xor", "bitwise_xor", "Xor"),
    "lstm": (NONE, NONE, "LSTM"),
    "lstmCell": (NONE, NONE, NONE),
    "matmul": ("matmul", NONE, "MatMul"),
    "max": ("maximum", "maximum", "Max"),
    "maxPool2d": ("max_pool2d", NONE, "MaxPool"),
    "min": ("minimum", "minimum", "Min"),
    "mul": ("mul", "mul", "Mul"),
    "neg": ("negate", "neg", "Neg"),
    "notEqual": (NONE, "ne", NONE),
    "pad": ("pad", NONE, "Pad"),
    "pow": ("pow", "pow", "Pow"),
    "prelu": (NONE, NONE, "PRelu"),
    "quantizeLinear": ("rescale", NONE, "QuantizeLinear"),
    "reciprocal": ("reciprocal", "reciprocal", "Reciprocal"),
    "reduceL1": (NONE, NONE, "ReduceL1"),
    "reduceL2": (NONE, NONE, "ReduceL2"),
    "reduceLogSum": (NONE, NONE, "ReduceLogSum"),
    "reduceLogSumExp": (NONE, NONE, "ReduceLogSumExp"),
    "reduceMax": ("reduce_max", "amax", "ReduceMax"),
    "reduceMean": (NONE, NONE, "ReduceMean"),
    "reduceMin": ("reduce_min", "amin", "ReduceMin"),
    "reduceProduct": ("reduce_product", "prod", "ReduceProd"),
    "reduceSum": ("reduce_sum", "sum", "ReduceSum"),
    "reduceSumSquare": (NONE, NONE, "ReduceSumSquare"),
    "relu": ("clamp", NONE, "Relu"),
    "resample2d": ("resize", NONE, "Resize"),
    "reshape": ("reshape", "reshape", "Reshape"),
    "reverse": ("reverse", "rev", NONE),
    "roundEven": (NONE, "round", "Round"),
    "scatterElements": (NONE, NONE, "ScatterElements"),
    "scatterND": ("scatter", NONE, "ScatterND"),
    "sigmoid": ("sigmoid", NONE, "Sigmoid"),
    "sign": (NONE, "sign", "Sign"),
    "sin": ("sin", "sin", "Sin"),
    "slice": ("slice", "slice", "Slice"),
    "softmax": (NONE, NONE, "Softmax"),
    "softplus": (NONE, NONE, "Softplus"),
    "softsign": (NONE, NONE, "Softsign"),
    "split": (NONE, NONE, "Split"),
    "sqrt": (NONE, "sqrt", "Sqrt"),
    "sub": ("sub", "sub", "Sub"),
    "tan": (NONE, "tan", "Tan"),
    "tanh": ("tanh", "tanh", "Tanh"),
    "tile": ("tile", NONE, "Tile"),
    "transpose": ("transpose", "transpose", "Transpose"),
    "triangular": (NONE, NONE, "Trilu"),
    "where": ("select", "where", "Where"),
    "averagePool1d": (NONE, NONE, "AveragePool"),
    "averagePool3d": (NONE, NONE, "AveragePool"),
    "bitwiseAnd": ("bitwise_and", "bitwise_and", "BitwiseAnd"),
    "bitwiseNot": ("bitwise_not", "bitwise_not", "BitwiseNot"),
    "bitwiseOr": ("bitwise_or", "bitwise_or", "BitwiseOr"),
    "bitwiseXor": ("bitwise_xor", "bitwise_xor", "BitwiseXor"),
    "conv1d": (NONE, "conv", "Conv"),
    "conv3d": ("conv3d", "conv", "Conv"),
    "l2Pool1d": (NONE, NONE, "LpPool"),
    "l2Pool3d": (NONE, NONE, "LpPool"),
    "maxPool1d": (NONE, NONE, "MaxPool"),
    "maxPool3d": (NONE, NONE, "MaxPool"),
    "modulus": (NONE, "remainder", "Mod"),
    "roundHalfAwayFromZero": (NONE, NONE, NONE),
    "shiftLeft": ("logical_left_shift", "shift_left", "BitShift"),
    "shiftRight": ("arithmetic_right_shift", "shift_right_arithmetic", "BitShift"),
    "sumPool1d": (NONE, NONE, NONE),
    "sumPool2d": (NONE, NONE, NONE),
    "sumPool3d": (NONE, NONE, NONE),
    "truncate": (NONE, "trunc", NONE),
}
"""For each operator the one that does the same in TOSA, in PyTorch's Prims and in ONNX."""


def page() -> str:
    """The whole page. Raises ValueError when an operator is not in ELSEWHERE, or something else is."""
    if wrong := DECLARED.keys() ^ ELSEWHERE.keys():
        raise ValueError(f"{sorted(wrong)[0]!r} is not in both the declarations and ELSEWHERE")
    rows = []
    for name in sorted(DECLARED, key=str.lower):
        op = DECLARED[name]
        _, lowered = becomes(example(op))
        ours = ", ".join(f"`{n}`" for n in lowered) or NONE
        rows.append([f"{name}{' +' if op.extension else ''}", ours, *ELSEWHERE[name]])
    return "\n".join([INTRODUCTION, *table(["WebNN", "StableHLO, Linalg", "TOSA", "Prims", "ONNX"], rows)])


main = page_command("op_mapping", "docs/op-mapping.md", "Writes the table of operators elsewhere.", page)

if __name__ == "__main__":
    sys.exit(main())
