"""Fold: an op whose operands are all constants is a constant.

Chapter: ir/rewriting.
Real: MLIR's `fold` hooks, XLA's `HloConstantFolding`; both evaluate with the
reference interpreter and bound the size of what they make.

Folding asks the value rows, the same that `evaluate` runs; so it cannot disagree
with them.  A splat stays a splat of any size; other results have ≤ 1,024 elements, and
loops are not run: what is folded costs no more than it would at run time, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import SPECS
from minidl.ir.mlir.types import TensorType
from minidl.ir.rewriting.driver import Pattern, Reasons, Rewriter, rewrite
from minidl.ir.rewriting.manager import Pass
from minidl.ir.values import VALUES

MAX_ELEMENTS = 1024
MAX_DEPTH = 32  # of a condition that is computed from constants
# Ops that place elements: of one splat they make a splat.
_PLACES = frozenset(
    f"stablehlo.{n}" for n in ("broadcast_in_dim", "reshape", "transpose", "slice", "reverse")
)
_CONTROL = frozenset(f"stablehlo.{n}" for n in ("while", "case", "if"))  # patterns of `control`


def constant_of(value: Value) -> Dense | None:
    """The constant that makes a value, if one does."""
    op = value.op
    if op is None or op.name != "stablehlo.constant":
        return None
    made: Dense = op["value"]
    return made


def splat_of(value: Value) -> Any:
    """The one element of a constant whose elements all have the same bits, or None."""
    made = constant_of(value)
    return made.item if made is not None and made.is_splat else None


def make_constant(rw: Rewriter, value: Dense, also: Any = ()) -> Value:
    return rw.create("stablehlo.constant", (), {"value": value}, [value.type], also=also)


def _fold(op: Operation, rw: Rewriter) -> Value | None:
    for value in op.operands:  # the common answer first, without looking any further
        if value.op is None or value.op.name != "stablehlo.constant":
            return None
    if not op.operands or len(op.results) != 1 or op.name not in VALUES or op.name in _CONTROL:
        return None
    type_ = op.results[0].type
    traits = SPECS[op.name].traits
    if "pure" not in traits or "fence" in traits or not isinstance(type_, TensorType):
        return None
    if not type_.is_static:
        return None
    made = _value(op, [v.op["value"] for v in op.operands if v.op], type_)
    return None if made is None else make_constant(rw, made, [v.op for v in op.operands])


def _value(op: Operation, constants: list[Dense], type_: TensorType) -> Dense | None:
    traits = SPECS[op.name].traits
    if type_.size and all(c.is_splat for c in constants):
        if op.name in _PLACES:
            return Dense.splat(constants[0].item, type_)
        if "elementwise" in traits and op.name != "stablehlo.bitcast_convert":
            items = [np.asarray(c.item) for c in constants]
            return Dense.splat(np.asarray(_run(op, items))[()], type_)
    if max(type_.size, *(c.type.size for c in constants)) > MAX_ELEMENTS:
        return None
    try:
        return Dense(np.asarray(_run(op, [c.array for c in constants]), order="C"), type_)
    except UnsupportedError:
        return None


def _run(op: Operation, arrays: Sequence[Any]) -> Any:
    row = VALUES[op.name]
    if not getattr(row, "needs_interpreter", False):
        made = row(op, *arrays)
    else:
        made = row(op, *arrays, run=lambda region, args: _body(region.block, args))
    return made[0] if isinstance(made, tuple) else made


def _body(block: Block, args: Sequence[Any]) -> tuple[Any, ...]:
    """What a region returns for given arrays."""
    env: dict[Value, Any] = dict(zip(block.args, args, strict=True))
    outs = [known(v, env) for v in block.terminator.operands]
    if any(out is None for out in outs):
        raise UnsupportedError(f"the region reads what is no constant ({outs})")
    return tuple(outs)


def known(value: Value, env: dict[Value, Any], depth: int = MAX_DEPTH) -> Any:
    """The array a value is when `env` gives some values and constants others; else None."""
    if value in env:
        return env[value]
    constant, op = constant_of(value), value.op
    if constant is not None:
        return constant.array
    if op is None or op.regions or len(op.results) != 1 or op.name not in VALUES or not depth:
        return None
    if not _small(op):
        return None
    arrays = [known(v, env, depth - 1) for v in op.operands]
    env[value] = None if any(a is None for a in arrays) else _run(op, arrays)
    return env[value]


def _small(op: Operation) -> bool:
    """Pure, no fence, of static types with few elements."""
    traits = SPECS[op.name].traits
    return (
        "pure" in traits
        and "fence" not in traits
        and all(
            isinstance(v.type, TensorType) and v.type.is_static and v.type.size <= MAX_ELEMENTS
            for v in (*op.operands, *op.results)
        )
    )


FOLD = Pattern("fold", "*", "folded into a constant", _fold)


def change(module: Module, reasons: Reasons) -> bool:
    return rewrite(module, [FOLD], reasons) > 0


fold = Pass("fold", "what depends on constants alone is a constant", change)
