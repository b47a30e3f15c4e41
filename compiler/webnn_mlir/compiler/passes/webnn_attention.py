"""Computes attention by one kernel: two products with a softmax between them, and what scales and masks scores.

Given:
    %s = "webnn.matmul"(%q, %kt)                    [1, 12, 128, 32] and [1, 12, 32, 128]
    %t = "webnn.mul"(%s, %scale)
    %u = "webnn.add"(%t, %mask)
    %p = "webnn.softmax"(%u) {axis = 3 : i64}
    %y = "webnn.matmul"(%p, %v)
Result:
    %y = flow.dispatch @attention_12x128x128x32x32_…::@…(%q, %k, %v, %mask)

Transposes before it and behind it go: the kernel reads and writes any layout. A mask may also be a `where` with a
constant for what is masked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from iree.compiler import ir

from webnn_mlir.dialects.webnn import DataType

from .. import binding
from ..binding import DialectBuilder, Tensor
from ..emitter import Emitter
from ..kernels import attention, choice
from ..kernels.attention import Attention, View
from ..kernels.machine import Machine
from ..program import Program
from . import register_pass


@register_pass("webnn-attention")
def attentions(program: Program) -> None:
    emitter = Emitter()

    def pattern(operation: ir.Operation) -> list[Tensor] | None:
        layout = _written_layout(operation)
        if layout is None:
            return None
        product, permutation = layout
        found = _Scores.of_weights(Tensor.of(product.operands[0]))
        machine = choice.machine_of(program) if found else None
        if found is None or machine is None:
            return None
        shape = Tensor.of(operation.results[0]).shape
        value = _attend(program, emitter, machine, found, Tensor.of(product.operands[1]), shape, permutation)
        return None if value is None else [emitter.reshape(value, shape)]

    binding.rewrite(program.module, pattern, sweep=True)


def _written_layout(operation: ir.Operation) -> tuple[ir.Operation, list[int]] | None:
    """The product that an operation is, or is the only transpose of, and the permutation; None where it is neither, or
    where rows are taken apart."""
    if operation.name == "webnn.matmul":
        (only, *others) = [*_users(operation.results[0]), None]
        alone = only is not None and others == [None] and _written_layout(only) is not None
        return None if alone else (operation, list(range(Tensor.of(operation.results[0]).rank)))
    if operation.name != "webnn.transpose":
        return None
    product = _owner(Tensor.of(operation.operands[0]), "webnn.matmul")
    permutation = list(operation.attributes["permutation"])
    if product is None or permutation[-1] != len(permutation) - 1 or len(_users(product.results[0])) > 1:
        return None
    return product, permutation


@dataclass(frozen=True)
class _Scores:
    """q kᵀ · scale + masks, a mask for each `where` or sum."""

    q: Tensor
    k: Tensor
    scale: float = 1.0
    masks: tuple[Tensor | tuple[Tensor, float], ...] = field(default=())
    """What is added, or a condition and what stands where it is 0."""

    @classmethod
    def of_weights(cls, weights: Tensor) -> _Scores | None:
        """The scores of which weights are the softmax, where nothing else uses what lies between."""
        operation = _owner(weights, "webnn.softmax")
        if operation is None or weights.data_type is not DataType.FLOAT32 or weights.rank < 2:
            return None
        if binding.decode(operation.attributes["axis"]) != weights.rank - 1 or not _used_once(weights):
            return None
        return cls._of(Tensor.of(operation.operands[0]))

    @classmethod
    def _of(cls, x: Tensor) -> _Scores | None:
        operation = _owner(x)
        if operation is None or not _used_once(x):
            return None
        operands = [Tensor.of(v) for v in operation.operands]
        match operation.name:
            case "webnn.matmul":
                return cls(operands[0], operands[1])
            case "webnn.reshape":
                return cls._of(operands[0]) if operands[0].shape == x.shape else None
            case "webnn.mul" | "webnn.div":
                return cls._scaled(operation.name == "webnn.div", operands, x)
            case "webnn.add":
                return cls._masked(operands, x)
            case "webnn.where":
                condition, scores, fill = operands
                found, value = cls._of_shape(scores, x), binding.number_of(fill)
                if found is None or value is None:
                    return None
                return replace(found, masks=(*found.masks, (condition, value)))
        return None

    @classmethod
    def _of_shape(cls, x: Tensor, like: Tensor) -> _Scores | None:
        return cls._of(x) if x.shape == like.shape else None

    @classmethod
    def _scaled(cls, divided: bool, operands: Sequence[Tensor], like: Tensor) -> _Scores | None:
        for scores, factor in (operands, operands[::-1])[: 1 if divided else 2]:
            number = binding.number_of(factor)
            if number is None or (divided and number == 0):
                continue
            found = cls._of_shape(scores, like)
            if found is not None and not found.masks:
                return replace(found, scale=found.scale * (1 / number if divided else number))
        return None

    @classmethod
    def _masked(cls, operands: Sequence[Tensor], like: Tensor) -> _Scores | None:
        for scores, mask in (operands, operands[::-1]):
            found = cls._of_shape(scores, like)
            if found is not None:
                return replace(found, masks=(*found.masks, mask))
        return None

    def mask(self) -> Tensor | None:
        """All masks as one that is added."""
        b = DialectBuilder()
        terms = []
        for mask in self.masks:
            if isinstance(mask, tuple):
                condition, value = mask
                mask = b.where(condition, *(b.scalar(v, DataType.FLOAT32) for v in (0.0, value)))
            terms.append(mask)
        while len(terms) > 1:
            terms[:2] = [b.add(*terms[:2])]
        return terms[0] if terms else None


def _attend(
    program: Program, b: Emitter, machine: Machine, scores: _Scores, v: Tensor, shape: Sequence[int],
    permutation: Sequence[int],
) -> Tensor | None:  # fmt: skip
    """The kernel's result, of a shape whose dimensions are a permutation of the product's."""
    plain = [shape[list(permutation).index(i)] for i in range(len(shape))]
    (*batch, queries, width), keys = plain, v.shape[-2]
    if not attention.pays(machine, queries, keys, scores.q.shape[-1], width):
        return None
    q, steps_q = _source(scores.q)
    if steps_q[-1] != 1:
        q, steps_q = scores.q, _steps(scores.q.shape)
    (k, steps_k), (v_, steps_v) = _source(scores.k), _source(v)
    mask = scores.mask()
    if mask is not None and (mask.rank < 1 or mask.shape[-1] != keys):
        return None
    steps_y = [_steps(shape)[list(permutation).index(i)] for i in range(len(shape))]
    columns = _view(scores.k.shape, batch, steps_k)
    a = Attention(
        machine, tuple(n for n in batch if n > 1), queries, keys, scores.q.shape[-1], width, scores.scale,
        q=_view(scores.q.shape, batch, steps_q),
        k=replace(columns, row=columns.column, column=columns.row),
        v=_view(v.shape, batch, steps_v),
        mask=None if mask is None else _view(mask.shape, batch, _steps(mask.shape)),
        y=_view(plain, batch, steps_y),
    )  # fmt: skip
    name, work = a.name, math.prod(batch) * queries * keys * (width + scores.q.shape[-1])
    if program.choose("attention", name, "kernel", work=work) == "iree":
        return None
    a = replace(a, most_keys=program.choose("attention.keys", name, a.most_keys, work=work))
    program.comes_of(name, a.name)
    operands = [b.reshape(t, [math.prod(t.shape)]) for t in (q, k, v_, mask) if t is not None]
    return choice.dispatch(program, attention.function(a), operands)[0]


def _view(shape: Sequence[int], batch: Sequence[int], steps: Sequence[int]) -> View:
    """Of a tensor that broadcasts to a batch of matrices."""
    steps = [0 if n == 1 else step for n, step in zip(shape, steps, strict=True)]
    *leading, row, column = [*[0] * (len(batch) + 2 - len(shape)), *steps]
    moves = tuple(step for n, step in zip(batch, leading, strict=True) if n > 1)
    return View(math.prod(shape), moves, row, column)


def _source(x: Tensor) -> tuple[Tensor, list[int]]:
    """What is transposed to x, and by what an index into each dimension of x moves in it."""
    operation = _owner(x, "webnn.transpose")
    if operation is None:
        return x, _steps(x.shape)
    source, steps = _source(Tensor.of(operation.operands[0]))
    return source, [steps[axis] for axis in operation.attributes["permutation"]]


def _steps(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def _owner(x: Tensor, name: str | None = None) -> ir.Operation | None:
    owner = x.value.owner
    return None if isinstance(owner, ir.Block) or (name and owner.name != name) else owner.operation


def _users(value: ir.Value) -> list[ir.Operation]:
    return [use.owner.operation for use in value.uses]


def _used_once(x: Tensor) -> bool:
    return len(_users(x.value)) == 1
