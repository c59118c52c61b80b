"""Values of ops that read and write at computed places.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "gather", "scatter", "dynamic_slice",
"dynamic_update_slice": starts of slices are clamped, updates out of bounds are skipped.
Real: the reference interpreter walks the index space of result or updates.

The index formulas of `GatherDims` are run on arrays: one call gives the operand index
of every result element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.ir.dimension_numbers import GatherDims, Shape, clamp_start
from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES, interpreted
from minidl.ir.values.folding import fold_into
from minidl.ir.values.movement import out_shape
from minidl.ir.values.regions import Run

Array = Any
_TOP = np.iinfo(np.int64).max


def as_index(x: Array) -> Array:
    """An integer array in int64; numbers beyond it stay beyond every size."""
    return (np.minimum(x, _TOP) if x.dtype == np.uint64 else x).astype(np.int64)


def every(shape: Shape) -> tuple[Array, ...]:
    """All indices of a shape, one array a dimension, each as long as it must be."""
    return np.ogrid[tuple(slice(n) for n in shape)]


def gather_values(dims: GatherDims, sizes: Sequence[int], x: Array, starts: Array) -> Array:
    """The slices of x that begin at `starts`, moved inside where they would stick out."""
    shape = dims.result_shape(starts.shape, sizes)
    if not x.size or 0 in shape:
        return np.zeros(shape, x.dtype)  # nothing to read
    access = dims.access(every(shape), as_index(starts), x.shape, sizes)
    return np.broadcast_to(x[access.index], shape)


@VALUES.rule("stablehlo.gather")
def gather(op: Operation, x: Array, starts: Array) -> Array:
    return gather_values(op["dimension_numbers"], op["slice_sizes"], x, starts)


def scatter_places(dims: GatherDims, starts: Array, target: Shape, shape: Shape) -> Array:
    """The flat place in `target` of each update of `shape`; −1 where it is out of bounds."""
    index = dims.access(every(shape), as_index(starts), target).index
    flat: Array = np.zeros(shape, np.int64)
    good: Array = np.ones(shape, bool)
    for i, n in zip(index, target, strict=True):
        good = good & (i >= 0) & (i < n)
        flat = flat * n + np.clip(i, 0, max(0, n - 1))
    return np.where(good, flat, -1).reshape(-1)


@interpreted("stablehlo.scatter")
def scatter(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    """Updates one after the other, in row-major order."""
    n = len(arrays) // 2
    inputs, starts, updates = arrays[:n], arrays[n], arrays[n + 1 :]
    dims = op["scatter_dimension_numbers"].gather
    places = scatter_places(dims, starts, inputs[0].shape, updates[0].shape)
    with np.errstate(all="ignore"):
        return fold_into(op.regions[0], inputs, places, updates, run)


def _clamped(x: Array, sizes: Sequence[int], starts: Sequence[Array]) -> tuple[slice, ...]:
    """The slice of x of those sizes that begins nearest to `starts`."""
    at = [
        int(clamp_start(as_index(s), size, n))
        for s, size, n in zip(starts, sizes, x.shape, strict=True)
    ]
    return tuple(slice(a, a + size) for a, size in zip(at, sizes, strict=True))


@VALUES.rule("stablehlo.dynamic_slice")
def dynamic_slice(op: Operation, x: Array, *starts: Array) -> Array:
    return x[_clamped(x, out_shape(op), starts)]


@VALUES.rule("stablehlo.dynamic_update_slice")
def dynamic_update_slice(op: Operation, x: Array, update: Array, *starts: Array) -> Array:
    made = np.array(x)
    made[_clamped(x, update.shape, starts)] = update
    return made
