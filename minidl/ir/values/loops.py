"""Values of scf, memref and vector: loops run, memory is NumPy arrays written in place.

Chapter: ir/lowering.
Sources: MLIR, "'scf' Dialect", "'memref' Dialect", "'vector' Dialect".
Real: nobody's: these dialects are run by compiling them.

A memref is an array in row-major order; a view of a block of bytes is a view of its array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation, Region
from minidl.ir.mlir.types import MemRefType, VectorType
from minidl.ir.values import VALUES, interpreted

Array = Any
Run = Callable[[Region, Sequence[Array]], tuple[Array, ...]]


def _memref(op: Operation) -> MemRefType:
    type_ = op.results[0].type
    assert isinstance(type_, MemRefType)
    return type_


# -- loops and choices -----------------------------------------------------------------------


@interpreted("scf.for")
def for_(op: Operation, low: Array, high: Array, by: Array, *inits: Array, run: Run) -> Any:
    carried: tuple[Array, ...] = inits
    for i in range(int(low), int(high), int(by)):
        carried = run(op.region, [np.int64(i), *carried])
    return carried


@interpreted("scf.while")
def while_(op: Operation, *inits: Array, run: Run) -> tuple[Array, ...]:
    before, after = op.regions
    condition, *passed = run(before, inits)
    while condition:
        condition, *passed = run(before, run(after, passed))
    return tuple(passed)


@interpreted("scf.if")
def if_(op: Operation, condition: Array, run: Run) -> tuple[Array, ...]:
    chosen = op.regions[0 if condition else 1]
    return run(chosen, []) if chosen.blocks else ()


@interpreted("scf.index_switch")
def index_switch(op: Operation, number: Array, run: Run) -> tuple[Array, ...]:
    default, *cases = op.regions
    chosen = dict(zip(op["cases"], cases, strict=True)).get(int(number), default)
    return run(chosen, [])


# -- memory ----------------------------------------------------------------------------------


@VALUES.rule("memref.alloca")
def alloca(op: Operation) -> Array:
    type_ = _memref(op)
    return np.zeros(type_.dims, type_.element.numpy)


@VALUES.rule("memref.view")
def view(op: Operation, block: Array, offset: Array) -> Array:
    type_ = _memref(op)
    part = block[int(offset) : int(offset) + type_.bytes]
    return part.view(type_.element.numpy).reshape(type_.dims)


@VALUES.rule("memref.reinterpret_cast")
def reinterpret_cast(op: Operation, x: Array) -> Array:
    return x.reshape(_memref(op).dims)


@VALUES.rule("memref.get_global")
def get_global(op: Operation) -> Array:
    """The data of the module's `memref.global` of that name."""
    around: Operation | None = op
    while around is not None and around.name != "builtin.module":
        around = around.parent_op
    assert around is not None
    name = op["name"].name
    (found,) = [o for o in around.body if o.attributes.get("sym_name") == name]
    return found["initial_value"].array.reshape(_memref(op).dims)


@VALUES.rule("memref.load")
def load(op: Operation, memref: Array, *at: Array) -> Array:
    return memref[at]


@VALUES.rule("memref.store")
def store(op: Operation, value: Array, memref: Array, *at: Array) -> tuple[Array, ...]:
    memref[at] = value
    return ()


def _run_of(at: Sequence[Array], width: int) -> tuple[Any, ...]:
    """Neighbours along the last dimension."""
    return (*at[:-1], slice(int(at[-1]), int(at[-1]) + width))


@VALUES.rule("vector.load")
def vector_load(op: Operation, memref: Array, *at: Array) -> Array:
    return memref[_run_of(at, op.result.type.size)].copy()  # type: ignore[attr-defined]


@VALUES.rule("vector.store")
def vector_store(op: Operation, value: Array, memref: Array, *at: Array) -> tuple[Array, ...]:
    memref[_run_of(at, len(value))] = value
    return ()


# -- vectors ---------------------------------------------------------------------------------


def _vector(op: Operation) -> VectorType:
    type_ = op.results[0].type
    assert isinstance(type_, VectorType)
    return type_


@VALUES.rule("vector.broadcast")
def broadcast(op: Operation, x: Array) -> Array:
    return np.full(_vector(op).dims, x, np.asarray(x).dtype)


@VALUES.rule("vector.from_elements")
def from_elements(op: Operation, *xs: Array) -> Array:
    return np.array(xs, _vector(op).element.numpy)


@VALUES.rule("vector.extract")
def vector_extract(op: Operation, x: Array) -> Array:
    return x[op["position"]]


@VALUES.rule("vector.shuffle")
def shuffle(op: Operation, x: Array, y: Array) -> Array:
    return np.concatenate([x, y])[list(op["mask"])]
