"""A program with unknown sizes: what `refine` must undo."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.mlir import types as T
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder, has_trait

# op: (its dynamic twin, the attributes that become operands); None: the result's shape does
_TWINS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "broadcast_in_dim": ("dynamic_broadcast_in_dim", None),
    "reshape": ("dynamic_reshape", None),
    "iota": ("dynamic_iota", None),
    "slice": ("real_dynamic_slice", ("start_indices", "limit_indices", "strides")),
    "pad": ("dynamic_pad", ("edge_padding_low", "edge_padding_high", "interior_padding")),
    "gather": ("dynamic_gather", ("slice_sizes",)),
    "convolution": ("dynamic_conv", ("padding",)),
}
_STATIC = ("constant", "get_dimension_size")


def loosened(module: Module) -> Module:
    """A copy in which no argument or result has a known size."""
    out = module.clone()
    for op in [op for op in out.main.body if op.results]:
        _loosen(op)
    for value in out.main.body.args:
        _unknown(value)
    return out


def _loosen(op: Operation) -> None:
    short = op.name.partition(".")[2]
    if short in _TWINS:
        op = _dynamic(op, *_TWINS[short])
    if short not in _STATIC:
        for value in op.results:
            _unknown(value)
    if op.name == "stablehlo.while":
        for value in (a for region in op.regions for a in region.block.args):
            _unknown(value)
    if op.name in ("stablehlo.while", "stablehlo.case", "stablehlo.if"):
        for inner in op.walk():
            if has_trait(inner, "elementwise") or inner.name == "stablehlo.reverse":
                for value in inner.results:
                    _unknown(value)


def _dynamic(op: Operation, twin: str, names: tuple[str, ...] | None) -> Operation:
    lists: list[Any] = [op.results[0].type.dims] if names is None else [op[n] for n in names]
    b = Builder.before_op(op)
    sizes = [_constant(b, n) for n in lists]
    attributes = {k: v for k, v in op.attributes.items() if k not in (names or ())}
    types = [v.type for v in op.results]
    made = b.create(f"stablehlo.{twin}", [*op.operands, *sizes], attributes, types)
    op.replace(made.results)
    return made


def _constant(b: Builder, numbers: Any) -> Value:
    array = np.array(numbers, np.int64)
    if not array.size:
        array = array.reshape((0, 2) if array.ndim == 2 else (0,))
    return b.value("stablehlo.constant", value=Dense(array))


def _unknown(value: Value) -> None:
    t = value.type
    value.type = T.TensorType((None,) * t.rank, t.element)
