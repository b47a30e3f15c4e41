"""Every operator of the specification is declared, with its argument names and defaults."""

from typing import Any

import pytest

from webnn_mlir.dialects.webnn import OPS, Op
from webnn_mlir.dialects.webnn.declaration import AttributeSpec, OperandSpec

WINDOW = "padding=0 0 0 0, strides=1 1, dilations=1 1"
CONVOLUTION = f"{WINDOW}, groups=1, inputLayout=nchw, bias?"
POOL = f"windowDimensions, {WINDOW}, layout=nchw, outputShapeRounding=floor, outputSizes"
RECURRENT = "bias?, recurrentBias?"
GRU = f"{RECURRENT}, resetAfter=True, layout=zrn, activations=sigmoid tanh"
LSTM = f"{RECURRENT}, peepholeWeight?, layout=iofg, activations=sigmoid tanh tanh"
SEQUENCE = "initialHiddenState?, returnSequence=False, direction=forward"

# Operators: arguments; options. `name?` is an optional operand, `name=value` has a default, `name` has none or
# one that depends on the operands.
INTERFACE = f"""
argMin argMax: input, axis; keepDimensions=False, outputDataType=int32
batchNormalization: input, mean, variance; scale?, bias?, axis=1, epsilon=1e-5
cast: input, dataType;
clamp: input; minValue, maxValue
concat: inputs, axis;
conv2d: input, filter; {CONVOLUTION}, filterLayout=oihw
convTranspose2d: input, filter; {CONVOLUTION}, filterLayout=iohw, outputPadding=0 0, outputSizes
cumulativeSum: input, axis; exclusive=False, reversed=False
add sub mul div max min pow: a, b;
equal notEqual greater greaterOrEqual lesser lesserOrEqual logicalAnd logicalOr logicalXor: a, b;
logicalNot isNaN isInfinite: a;
abs ceil cos erf exp floor identity log neg reciprocal roundEven sin sign sqrt tan: input;
dequantizeLinear quantizeLinear: input, scale, zeroPoint;
elu: input; alpha=1
expand reshape: input, newShape;
gather gatherElements: input, indices; axis=0
gatherND: input, indices;
gelu hardSwish relu sigmoid softplus softsign tanh: input;
gemm: a, b; c?, alpha=1, beta=1, aTranspose=False, bTranspose=False
gru: input, weight, recurrentWeight, steps, hiddenSize; {GRU}, {SEQUENCE}
gruCell: input, weight, recurrentWeight, hiddenState, hiddenSize; {GRU}
hardSigmoid: input; alpha=0.2, beta=0.5
instanceNormalization: input; scale?, bias?, epsilon=1e-5, layout=nchw
layerNormalization: input; scale?, bias?, axes, epsilon=1e-5
leakyRelu: input; alpha=0.01
linear: input; alpha=1, beta=0
lstm: input, weight, recurrentWeight, steps, hiddenSize; {LSTM}, {SEQUENCE}, initialCellState?
lstmCell: input, weight, recurrentWeight, hiddenState, cellState, hiddenSize; {LSTM}
matmul: a, b;
pad: input, beginningPadding, endingPadding; mode=constant, value=0
averagePool2d l2Pool2d maxPool2d: input; {POOL}
prelu: input, slope;
reduceL1 reduceL2 reduceLogSum reduceLogSumExp reduceMax reduceMean reduceMin reduceProduct reduceSum reduceSumSquare: \
input; axes, keepDimensions=False
resample2d: input; mode=nearest-neighbor, scales=1 1, sizes, axes=2 3
reverse: input; axes
scatterElements: input, indices, updates; axis=0
scatterND: input, indices, updates;
slice: input, starts, sizes; strides
softmax: input, axis;
split: input, splits; axis=0
tile: input, repetitions;
transpose: input; permutation
triangular: input; upper=True, diagonal=0
where: condition, trueValue, falseValue;
"""

EXPECTED: dict[str, tuple[list[str], list[str]]] = {
    name: (arguments.replace(" ", "").split(","), [o.strip() for o in options.split(",") if o.strip()])
    for names, _, rest in (line.partition(":") for line in INTERFACE.strip().splitlines())
    for arguments, _, options in [rest.partition(";")]
    for name in names.split()
}


def spelled(option: OperandSpec | AttributeSpec) -> tuple[str, Any]:
    """An option's name as the table has it, and its default; None for one that has none or depends on the operands."""
    if isinstance(option, OperandSpec):
        return f"{option.name}?", None
    return option.name, None if callable(option.default) else option.default


def parsed(option: str, like: Any) -> tuple[str, Any]:
    name, has_default, text = option.partition("=")
    if not has_default:
        return name, None
    if isinstance(like, tuple):
        return name, tuple(type(like[0])(item) for item in text.split())
    return name, text == "True" if isinstance(like, bool) else float(text) if isinstance(like, int | float) else text


def test_operators_are_those_of_the_specification() -> None:
    assert len(EXPECTED) == 95
    assert set(OPS) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_arguments_and_defaults(name: str) -> None:
    op: Op = OPS[name]
    arguments, options = EXPECTED[name]
    declared = dict(map(spelled, op.options))
    assert [p.name for p in op.parameters] == arguments
    assert dict(parsed(o, declared.get(o.partition("=")[0])) for o in options) == declared
