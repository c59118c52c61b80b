"""Values of ops whose sizes are operands: each is its static twin, at those sizes.

Chapter: ir/dimension_numbers.
Sources: StableHLO dialect, "dynamic_…", "real_dynamic_slice", "get_dimension_size".

The result type is static, so the operands must say what it says: they are read and held
against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.errors import ShapeError, UnsupportedError
from minidl.ir.dimension_numbers import output_sizes, pad_of
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import type_of
from minidl.ir.stablehlo.convolution import conv_window
from minidl.ir.stablehlo.gather_rules import gather_shape
from minidl.ir.values import VALUES
from minidl.ir.values.elementwise import iota
from minidl.ir.values.indexing import gather_values
from minidl.ir.values.movement import broadcast_in_dim, out_shape
from minidl.ir.values.padding import spread
from minidl.ir.values.windows import convolve

Array = Any


def agrees(op: Operation, shape: tuple[int, ...]) -> None:
    """The shape that the operands ask for is the one that is written."""
    if shape != out_shape(op):
        raise ShapeError(
            f"{op.name} is asked for shape {list(shape)}, its result is {op.result.type}",
            op=op.name,
            hint="a static result type promises the sizes that the operands will have",
        )


def numbers(x: Array) -> tuple[int, ...]:
    return tuple(int(n) for n in x)


@VALUES.rule("stablehlo.dynamic_broadcast_in_dim")
def dynamic_broadcast_in_dim(op: Operation, x: Array, sizes: Array) -> Array:
    agrees(op, numbers(sizes))
    return broadcast_in_dim(op, x)


@VALUES.rule("stablehlo.dynamic_iota")
def dynamic_iota(op: Operation, sizes: Array) -> Array:
    agrees(op, numbers(sizes))
    return iota(op)


@VALUES.rule("stablehlo.dynamic_reshape")
def dynamic_reshape(op: Operation, x: Array, sizes: Array) -> Array:
    agrees(op, numbers(sizes))
    return x.reshape(numbers(sizes))


@VALUES.rule("stablehlo.dynamic_pad")
def dynamic_pad(
    op: Operation, x: Array, value: Array, low: Array, high: Array, interior: Array
) -> Array:
    if (interior < 0).any():
        raise ShapeError(f"{op.name}: interior padding {interior.tolist()} (C3)", op=op.name)
    window = pad_of(numbers(low), numbers(high), numbers(interior))
    agrees(op, output_sizes(window, x.shape))
    return spread(op, x, window, value)


@VALUES.rule("stablehlo.real_dynamic_slice")
def real_dynamic_slice(op: Operation, x: Array, start: Array, limit: Array, step: Array) -> Array:
    ranges = list(zip(numbers(start), numbers(limit), numbers(step), strict=True))
    for (a, b, s), n in zip(ranges, x.shape, strict=True):
        if not (0 <= a <= b <= n and s > 0):
            raise ShapeError(f"{op.name}: range {a}:{b}:{s} does not fit size {n}", op=op.name)
    agrees(op, tuple(-(-(b - a) // s) for a, b, s in ranges))
    return x[tuple(slice(a, b, s) for a, b, s in ranges)]


@VALUES.rule("stablehlo.dynamic_gather")
def dynamic_gather(op: Operation, x: Array, starts: Array, sizes: Array) -> Array:
    dims = op["dimension_numbers"]
    agrees(op, gather_shape(op.name, type_of(x), type_of(starts), dims, numbers(sizes)))
    return gather_values(dims, numbers(sizes), x, starts)


@VALUES.rule("stablehlo.dynamic_conv")
def dynamic_conv(op: Operation, x: Array, kernel: Array, padding: Array) -> Array:
    window = conv_window(op, tuple(numbers(pair) for pair in padding))
    groups = op["batch_group_count"]
    agrees(op, op["dimension_numbers"].output_shape(x.shape, kernel.shape, window, groups))
    return convolve(op, x, kernel, window)


@VALUES.rule("stablehlo.get_dimension_size")
def get_dimension_size(op: Operation, x: Array) -> Array:
    return np.asarray(x.shape[op["dimension"]], np.int32)


@VALUES.rule("stablehlo.set_dimension_size")
def set_dimension_size(op: Operation, x: Array, size: Array) -> Array:
    """To the size it has; another one would be known only when the program runs."""
    n = x.shape[op["dimension"]]
    if int(size) != n:
        raise UnsupportedError(
            f"{op.name} of {op.operands[0].type} to {int(size)}: evaluate runs static shapes",
            op=op.name,
            hint="slice the tensor to a size that is known",
        )
    return x
