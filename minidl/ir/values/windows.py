"""Values of ops that slide a window: reduce_window, select_and_scatter, convolution.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "reduce_window", "select_and_scatter", "convolution".
Real: the reference interpreter pads the base and slices it once for each output.

`patches` is that, without a copy: a view of the padded base with an element for each
(output, position in the window).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.dimension_numbers import Window, WindowDim, output_sizes
from minidl.ir.mlir.core import Operation
from minidl.ir.stablehlo.convolution import conv_window
from minidl.ir.stablehlo.windows import op_window
from minidl.ir.values import VALUES, interpreted
from minidl.ir.values.elementwise import result_dtype
from minidl.ir.values.folding import Body, body_of, fold, fold_into
from minidl.ir.values.movement import out_shape
from minidl.ir.values.padding import MAX_ELEMENTS, MAX_STEPS, bounded, spread
from minidl.ir.values.regions import Run

Array = Any
ROWS = (MAX_ELEMENTS, "elements under all its windows")


def patches(op: Operation, x: Array, window: Window, fill: Array) -> Array:
    """[outputs …, window …]: what stands under each element of each window."""
    outputs = output_sizes(window, x.shape)
    sizes = tuple(dim.size for dim in window)
    if 0 in outputs:
        return np.empty(outputs + sizes, x.dtype)
    base = spread(op, x, window, fill)
    moves = [dim.stride for dim in window] + [dim.window_dilation for dim in window]
    strides = [  # where there is one place only, no step is taken
        s * move if n > 1 else 0
        for s, move, n in zip(base.strides * 2, moves, outputs + sizes, strict=True)
    ]
    view = np.lib.stride_tricks.as_strided(base, outputs + sizes, strides, writeable=False)
    return np.flip(view, tuple(len(window) + d for d, dim in enumerate(window) if dim.reversed))


@interpreted("stablehlo.reduce_window")
def reduce_window(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    """Each window folded from the init value, padding being init values, too."""
    half, window = len(arrays) // 2, op_window(op)
    bounded(op, [dim.size for dim in window], MAX_STEPS, "positions in its window")
    views = [
        patches(op, x, window, init) for x, init in zip(arrays[:half], arrays[half:], strict=True)
    ]
    with np.errstate(all="ignore"):
        return fold(op.regions[0], views, arrays[half:], len(window), run)


@interpreted("stablehlo.select_and_scatter")
def select_and_scatter(
    op: Operation, x: Array, source: Array, init: Array, *, run: Run
) -> tuple[Array, ...]:
    """Each source element goes to the place that `select` chose in its window."""
    select, region = op.regions
    bounded(op, [dim.size for dim in op_window(op)], MAX_STEPS, "positions in its window")
    with np.errstate(all="ignore"):
        places = _selected(body_of(select, run), x, op_window(op))
        start = np.broadcast_to(init, x.shape)
        return fold_into(region, [start], places.reshape(-1), [source], run)


def _selected(select: Body, x: Array, window: Window) -> Array:
    """The flat place of each window's chosen element; −1 where a window is all padding.

    The first element is chosen; each next one, when `select(chosen, it)` is false.
    """
    outputs = output_sizes(window, x.shape)
    grid = np.ogrid[tuple(slice(n) for n in outputs)]
    chosen = np.full(outputs, -1)
    for k in np.ndindex(*(dim.size for dim in window)):
        place, there = np.zeros(outputs, np.int64), np.ones(outputs, bool)
        for d, n in enumerate(x.shape):
            i, inside = window[d].source(grid[d], k[d], n)
            place, there = place * n + np.where(inside, i, 0), there & inside
        chosen = _choose(select, x.reshape(-1), chosen, place, there)
    return chosen


def _choose(select: Body, x: Array, chosen: Array, place: Array, there: Array) -> Array:
    if not there.any():
        return chosen
    (keep,) = select(x[chosen], x[place])
    return np.where(there & ((chosen < 0) | ~keep), place, chosen)


@VALUES.rule("stablehlo.convolution")
def convolution(op: Operation, x: Array, kernel: Array) -> Array:
    return convolve(op, x, kernel, conv_window(op))


def convolve(op: Operation, x: Array, kernel: Array, window: Window) -> Array:
    """Every window of the input, as a row, times the kernel, as a matrix; group by group.

    A group of features is a window, too: along the features, as long as its stride.
    """
    dims, out = op["dimension_numbers"], result_dtype(op)
    wide = {"b": np.int64, "i": out, "u": out}.get(out.kind, np.float64)
    if not x.size or not kernel.size:
        return np.zeros(out_shape(op), out)
    x, kernel = np.transpose(x, dims.input), np.transpose(kernel, dims.kernel)
    groups = op["feature_group_count"] * op["batch_group_count"]
    depth, width = kernel.shape[-2:]
    whole = (WindowDim(1), *window, WindowDim(depth, stride=depth))
    bounded(op, [dim.outputs(n) * dim.size for dim, n in zip(whole, x.shape, strict=True)], *ROWS)
    rows = patches(op, x.astype(wide), whole, np.zeros((), wide))
    rows = np.moveaxis(rows, x.ndim - 1, 0).reshape(groups, -1, kernel.size // width)
    columns = np.moveaxis(kernel.astype(wide).reshape(-1, groups, width // groups), 1, 0)
    with np.errstate(all="ignore"):
        made = np.moveaxis(rows @ columns, 0, 1).astype(out)
    space = output_sizes(window, x.shape[1:-1])
    made = made.reshape(x.shape[0] // op["batch_group_count"], *space, width)
    return np.transpose(made, np.argsort(dims.output))
