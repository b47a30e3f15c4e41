"""Operators of the domain com.microsoft that are several in one: a product or a convolution, and what is around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from webnn_mlir.dialects.webnn import MLOperand

from ..importer import NodeBuilder
from ..registry import MICROSOFT, operator
from .convolution import conv
from .linear import gemm, mat_mul

Ints = list[int]

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "": lambda w, x: x,
    "Clip": lambda w, x, low, high: w.clamp(x, min_value=low, max_value=high),
    "HardSigmoid": lambda w, x, alpha=0.2, beta=0.5: w.hard_sigmoid(x, alpha=alpha, beta=beta),
    "LeakyRelu": lambda w, x, alpha=0.01: w.leaky_relu(x, alpha=alpha),
    "Relu": lambda w, x: w.relu(x),
    "Sigmoid": lambda w, x: w.sigmoid(x),
    "Tanh": lambda w, x: w.tanh(x),
}
"""What follows a fused operator, with the parameters that it is given."""


def activated(w: NodeBuilder, x: MLOperand, name: str, parameters: Sequence[float]) -> Any:
    w.require(name in ACTIVATIONS, f"activation {name!r} is not supported; {', '.join(sorted(ACTIVATIONS)[1:])} are")
    try:
        return ACTIVATIONS[name](w, x, *parameters)
    except TypeError:
        w.require(False, f"activation {name} does not take {len(parameters)} parameters")


@operator("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def fused_mat_mul(
    w: NodeBuilder,
    A: MLOperand,
    B: MLOperand,
    *,
    alpha: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    transBatchA: int = 0,
    transBatchB: int = 0,
) -> Any:
    """alpha · A' B', where the first of the leading axes goes behind the others and the last two change places."""
    product = mat_mul(w, _turned(w, A, transBatchA, transA), _turned(w, B, transBatchB, transB))
    return product if alpha == 1 else w.mul(product, w.scalar(alpha, product.data_type))


def _turned(w: NodeBuilder, x: MLOperand, batch: int, last: int) -> MLOperand:
    order = list(range(x.rank))
    if batch and x.rank > 2:
        order.insert(x.rank - 2, order.pop(0))
    if last and x.rank > 1:
        order[-2:] = order[:-3:-1]
    return x if order == sorted(order) else w.transpose(x, permutation=order)


@operator("FusedGemm", domain=MICROSOFT)
def fused_gemm(
    w: NodeBuilder,
    A: MLOperand,
    B: MLOperand,
    C: MLOperand | None = None,
    *,
    activation: str = "",
    activation_alpha: float | None = None,
    activation_beta: float | None = None,
    activation_gamma: float | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Any:
    product = gemm(w, A, B, C, alpha=alpha, beta=beta, transA=transA, transB=transB)
    parameters = [p for p in (activation_alpha, activation_beta, activation_gamma) if p is not None]
    return activated(w, product, activation, parameters)


@operator("FusedConv", domain=MICROSOFT)
def fused_conv(
    w: NodeBuilder,
    X: MLOperand,
    W: MLOperand,
    B: MLOperand | None = None,
    Z: MLOperand | None = None,
    *,
    activation: str = "",
    activation_params: list[float] | None = None,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Any:
    """Z is added before the activation."""
    result = conv(
        w, X, W, B, auto_pad=auto_pad, dilations=dilations, group=group, kernel_shape=kernel_shape, pads=pads,
        strides=strides,
    )  # fmt: skip
    return activated(w, result if Z is None else w.add(result, Z), activation, activation_params or ())
