"""What the two lowering passes share: int4 as i8, constants, casts between the levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from iree.compiler import ir
from iree.compiler.passmanager import PassManager

from webnn_mlir.dialects.webnn import DataType, Descriptor, GraphError, OpError

from . import binding
from .binding import Tensor
from .emitter import Emitter, compute_element
from .program import Program


def lower(operation: ir.Operation, function: Callable[..., Any], emitter: Emitter) -> list[Tensor] | None:
    """Calls a declaration's lowering with operands in their computed types; results get their webnn types back.

    Raises GraphError for what the specification allows and no lowering can do.
    """
    op, view, descriptors = binding.view(operation)
    for spec in op.operands:
        value = getattr(view, spec.field)
        if isinstance(value, list | tuple):
            view.__dict__[spec.field] = [widen(emitter, t) for t in value]
        elif value is not None:
            view.__dict__[spec.field] = widen(emitter, value)
    view.__dict__["results"] = descriptors
    try:
        values = function(emitter, view)
    except OpError as error:
        raise GraphError([binding.diagnostic(operation, error.rule)]) from None
    if values is None:
        return None
    return [narrow(emitter, t, d) for t, d in zip(binding.as_list(values), descriptors, strict=True)]


def widen(emitter: Emitter, tensor: Tensor) -> Tensor:
    """A value in the element type that it is computed in."""
    element = compute_element(tensor.data_type)
    if element == tensor.element:
        return tensor
    return replace(_cast(emitter, tensor, element), meaning=tensor.data_type)


def narrow(emitter: Emitter, tensor: Tensor, descriptor: Descriptor) -> Tensor:
    """A computed value under its webnn type."""
    assert tensor.shape == descriptor.shape, (tensor.shape, descriptor)
    assert tensor.element == compute_element(descriptor.data_type), (tensor.element, descriptor)
    return tensor if tensor.element == descriptor.data_type.mlir else _cast(emitter, tensor, descriptor.data_type.mlir)


def _cast(emitter: Emitter, tensor: Tensor, element: str) -> Tensor:
    return emitter.op("builtin.unrealized_conversion_cast", [tensor], [(tensor.shape, element)])[0]


def reconcile(module: ir.Module) -> None:
    """Removes the casts that `widen` and `narrow` left in pairs."""
    PassManager.parse("builtin.module(func.func(reconcile-unrealized-casts))", module.context).run(module.operation)


def unpack(emitter: Emitter, packed: Tensor, descriptor: Descriptor) -> Tensor:
    """ui8 bytes -> elements as i8 or ui8: low nibble first, sign extended for int4."""
    size = descriptor.size
    pairs = emitter.broadcast_in_dim(packed, (*packed.shape, 2), [0])
    if descriptor.data_type is DataType.UINT4:
        shifts = emitter.broadcast_in_dim(emitter.array([0, 4], "ui8"), pairs.shape, [1])
        nibbles = emitter.and_(emitter.shift_right_logical(pairs, shifts), 15)
    else:
        # ((b << 4) >> 4, b >> 4), both arithmetic, extend the sign.
        signed = emitter.bitcast(pairs, "i8")
        shifts = emitter.broadcast_in_dim(emitter.array([4, 0], "i8"), pairs.shape, [1])
        nibbles = emitter.shift_right_arithmetic(emitter.shift_left(signed, shifts), 4)
    flat = emitter.slice(emitter.reshape(nibbles, [2 * packed.shape[0]]), [0], [size])
    return emitter.reshape(flat, descriptor.shape)


def pack(emitter: Emitter, values: Tensor) -> Tensor:
    """The inverse of `unpack`: a one-dimensional tensor of ui8."""
    size = int(np.prod(values.shape, dtype=np.int64))
    flat = emitter.reshape(values, [size])
    flat = emitter.bitcast(flat, "ui8")
    if size % 2:
        flat = emitter.pad(flat, 0, [0], [1])
    pairs = emitter.reshape(flat, [(size + 1) // 2, 2])
    count = pairs.shape[0]
    low, high = (emitter.reshape(emitter.slice(pairs, [0, i], [count, i + 1]), [count]) for i in (0, 1))
    return emitter.or_(emitter.and_(low, 15), emitter.shift_left(high, 4))


def packed_shape(descriptor: Descriptor) -> tuple[tuple[int, ...], str]:
    """Shape and element type with which a value crosses the boundary of an artifact."""
    if descriptor.data_type.bits == 4:
        return ((descriptor.byte_length,), "ui8")
    return (descriptor.shape, descriptor.data_type.mlir)


def pack_boundary(module: ir.Module, emitter: Emitter) -> None:
    """Arguments and results of int4 and uint4 become packed bytes."""
    for function in binding.functions(module):
        block = function.regions[0].blocks[0]
        terminator = list(block.operations)[-1].operation
        # Blocks only take arguments at their end: all are made anew.
        old = list(block.arguments)
        for argument in old:
            descriptor = Tensor.of(argument).descriptor
            new = block.add_argument(binding.tensor_type(*packed_shape(descriptor)), argument.location)
            if descriptor.data_type.bits == 4:
                with ir.InsertionPoint.at_block_begin(block), argument.location:
                    new = narrow(emitter, unpack(emitter, Tensor.of(new), descriptor), descriptor).value
            argument.replace_all_uses_with(new)
        for _ in old:
            block.erase_argument(0)
        with ir.InsertionPoint(terminator), terminator.location:
            for index, value in enumerate(terminator.operands):
                tensor = Tensor.of(value)
                if tensor.data_type.bits == 4:
                    terminator.operands[index] = pack(emitter, widen(emitter, tensor)).value
        types = ir.FunctionType.get([a.type for a in block.arguments], [v.type for v in terminator.operands])
        function.attributes["function_type"] = ir.TypeAttr.get(types)


def constant(program: Program, operation: ir.Operation, emitter: Emitter) -> Tensor:
    """A webnn.constant: inline, a resource mapped from the weights, or a parameter, by the option `weights`."""
    descriptor = Tensor.of(operation.results[0]).descriptor
    shape, element = packed_shape(descriptor)
    if "value" in operation.attributes:
        value = operation.attributes["value"]
        if descriptor.data_type.bits != 4:
            return emitter.op("stablehlo.constant", [], [(shape, element)], {"value": value})[0]
        element = compute_element(descriptor.data_type)
        return narrow(emitter, emitter.array(binding.int4_elements(value, descriptor), element), descriptor)
    key = binding.decode(operation.attributes["key"])
    if program.options.get("weights") == "external":
        packed = _parameter(program, key, shape, element)
    elif key in program.weights:
        data = program.weights[key]
        if data.nbytes != descriptor.byte_length:
            message = f"the weights of key '{key}' have {data.nbytes} bytes; {descriptor} has {descriptor.byte_length}"
            raise GraphError([binding.diagnostic(operation, message)])
        # IREE converts no resources of unsigned types: they are signless under a bitcast.
        signless = element.removeprefix("u")
        type_ = binding.tensor_type(shape, signless)
        value = ir.DenseResourceElementsAttr.get_from_buffer(data, key, type_, alignment=1)
        packed = emitter.op("stablehlo.constant", [], [(shape, signless)], {"value": value})[0]
        packed = emitter.bitcast(packed, element)
    else:
        raise GraphError([binding.diagnostic(operation, f"no weights are given for key '{key}'")])
    if descriptor.data_type.bits != 4:
        return packed
    return narrow(emitter, unpack(emitter, packed, descriptor), descriptor)


def _parameter(program: Program, key: str, shape: tuple[int, ...], element: str) -> Tensor:
    """Loads a global that takes its value from the parameter archive when the artifact is loaded."""
    text = binding.tensor_type(shape, element.removeprefix("u"))
    name = f"weights.{key}"
    if name not in ir.SymbolTable(program.module.operation):
        with ir.InsertionPoint.at_block_begin(program.module.body):
            ir.Operation.create(
                "util.global",
                attributes={
                    "sym_name": ir.StringAttr.get(name),
                    "sym_visibility": ir.StringAttr.get("private"),
                    "type": ir.TypeAttr.get(text),
                    "initial_value": ir.Attribute.parse(f'#flow.parameter.named<"model"::{_quoted(key)}> : {text}'),
                },
            )
    load = ir.Operation.create(
        "util.global.load", results=[text], attributes={"global": ir.FlatSymbolRefAttr.get(name)}
    )
    return Emitter().bitcast(Tensor.of(load.results[0]), element)


def _quoted(text: str) -> str:
    return str(ir.StringAttr.get(text))
