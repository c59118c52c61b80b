"""Shapes: reshape, transpose, broadcast, join, split, index with static indices.

Chapter: xla/frontend.
Sources: NumPy, "Array manipulation routines", "Indexing on ndarrays".
Real JAX: `jax.numpy.lax_numpy`, `jax.numpy.indexing`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError, TraceError
from minidl.ir.mlir.types import i1
from minidl.numpy import promotion
from minidl.numpy.promotion import array_of, axes_of, axis_of, shape_of
from minidl.xla.frontend import lax
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.tracer import Tracer

Array = Any


def reshape(x: Any, shape: Any) -> Array:
    """The same elements in row-major order; one size may be −1."""
    x = array_of("reshape", x)
    size = math.prod(shape_of(x))
    sizes = list(promotion.sizes_of("numpy.reshape", shape, least=-1))
    known = math.prod(n for n in sizes if n != -1)
    if sizes.count(-1) == 1 and known:
        sizes[sizes.index(-1)] = size // known
    if math.prod(sizes) != size or -1 in sizes:
        raise here(
            ShapeError,
            f"minidl.numpy.reshape cannot turn {list(shape_of(x))} ({size} elements) "
            f"into {list(shape) if isinstance(shape, Sequence) else [shape]}",
            hint="the product of the sizes must stay; at most one size may be -1",
        )
    return promotion.owned(lax.reshape(x, sizes), x)


def ravel(x: Any) -> Array:
    return reshape(x, -1)


def transpose(x: Any, axes: Any = None) -> Array:
    """The axes in a new order, reversed by default."""
    x = array_of("transpose", x)
    rank = len(shape_of(x))
    order = range(rank - 1, -1, -1) if axes is None else axes
    if not isinstance(order, (range, tuple, list)) or len(order) != rank:
        raise here(
            ShapeError,
            f"minidl.numpy.transpose: {axes!r} does not order the {rank} axes of "
            f"{list(shape_of(x))}",
            hint="name every axis once, or give none to reverse them",
        )
    return promotion.owned(lax.transpose(x, [axis_of("transpose", a, rank) for a in order]), x)


def swapaxes(x: Any, a: int, b: int) -> Array:
    x = array_of("swapaxes", x)
    order = list(range(len(shape_of(x))))
    a, b = (axis_of("swapaxes", d, len(order)) for d in (a, b))
    order[a], order[b] = b, a
    return promotion.owned(lax.transpose(x, order), x)


def moveaxis(x: Any, source: int, target: int) -> Array:
    """One axis to another place, the others in order."""
    x = array_of("moveaxis", x)
    rank = len(shape_of(x))
    source, target = (axis_of("moveaxis", d, rank) for d in (source, target))
    order = [d for d in range(rank) if d != source]
    order.insert(target, source)
    return promotion.owned(lax.transpose(x, order), x)


def expand_dims(x: Any, axis: Any) -> Array:
    """New axes of size 1 at these places of the result."""
    x = array_of("expand_dims", x)
    shape, extra = list(shape_of(x)), len(axis) if isinstance(axis, (tuple, list)) else 1
    for d in axes_of("expand_dims", axis, len(shape) + extra):
        shape.insert(d, 1)
    return lax.reshape(x, shape)


def squeeze(x: Any, axis: Any = None) -> Array:
    """Axes of size 1 taken out."""
    x = array_of("squeeze", x)
    shape = shape_of(x)
    ones = [d for d, n in enumerate(shape) if n == 1]
    gone = ones if axis is None else axes_of("squeeze", axis, len(shape))
    if any(shape[d] != 1 for d in gone):
        raise here(ShapeError, f"minidl.numpy.squeeze: axis {axis} of {list(shape)} is not 1")
    return promotion.owned(lax.reshape(x, [n for d, n in enumerate(shape) if d not in gone]), x)


def broadcast_to(x: Any, shape: Any) -> Array:
    """x repeated to `shape`."""
    x, shape = array_of("broadcast_to", x), promotion.sizes_of("numpy.broadcast_to", shape)
    out = promotion.joint_shape("broadcast_to", [shape_of(x), shape])
    if out != shape:
        raise here(
            ShapeError, f"minidl.numpy.broadcast_to: {list(shape_of(x))} does not fit {shape}"
        )
    return promotion.owned(promotion.broadcast(x, out), x)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Array:
    """Arrays joined along an axis that exists."""
    _some("concatenate", xs)
    typing = promotion.wanted("concatenate", xs)
    arrays = [promotion.to_typing(x, typing) for x in xs]
    joined = lax.concatenate(arrays, axis_of("concatenate", axis, len(shape_of(arrays[0]))))
    return promotion.owned(joined, arrays[0])


def _some(name: str, xs: Sequence[Any]) -> None:
    if not isinstance(xs, Tracer) and not len(xs):
        raise here(ShapeError, f"minidl.numpy.{name} joins arrays, got none")


def stack(xs: Sequence[Any], axis: int = 0) -> Array:
    """Arrays of one shape joined along a new axis."""
    _some("stack", xs)
    return concatenate([expand_dims(x, axis) for x in xs], axis)


def split(x: Any, sections: int, axis: int = 0) -> list[Array]:
    """Equal parts along an axis."""
    x = array_of("split", x)
    d = axis_of("split", axis, len(shape_of(x)))
    whole, size = isinstance(sections, (int, np.integer)) and sections > 0, shape_of(x)[d]
    if not whole or size % sections:
        raise here(
            ShapeError,
            f"minidl.numpy.split: size {size} has no {sections} equal parts",
            hint="for parts of other sizes, index with slices",
        )
    size //= sections
    return [slice_along(x, d, i * size, (i + 1) * size) for i in range(sections)]


def slice_along(x: Array, d: int, start: int, limit: int) -> Array:
    """x[…, start:limit, …] in dimension d."""
    shape = shape_of(x)
    low = [start if k == d else 0 for k in range(len(shape))]
    return lax.slice_(x, low, [limit if k == d else n for k, n in enumerate(shape)])


def flip(x: Any, axis: Any = None) -> Array:
    x = array_of("flip", x)
    return lax.reverse(x, axes_of("flip", axis, len(shape_of(x))))


def roll(x: Any, shift: int, axis: int = 0) -> Array:
    """Elements moved along an axis; those that leave come back at the other end."""
    x = array_of("roll", x)
    d = axis_of("roll", axis, len(shape_of(x)))
    n = shape_of(x)[d]
    cut = -shift % n if n else 0
    if not cut:
        return promotion.owned(x, x)
    return lax.concatenate([slice_along(x, d, cut, n), slice_along(x, d, 0, cut)], d)


def pad(x: Any, widths: Any, value: Any = 0) -> Array:
    """Constants around x: one width, or (before, after) for each axis."""
    x = array_of("pad", x)
    rank = len(shape_of(x))
    pairs = [(widths, widths)] * rank if isinstance(widths, (int, np.integer)) else list(widths)
    if len(pairs) != rank or any(np.shape(p) != (2,) for p in pairs):
        raise here(
            ShapeError,
            f"minidl.numpy.pad: {widths!r} does not fit the {rank} axes of {list(shape_of(x))}",
            hint="give one width, or a pair (before, after) for each axis",
        )
    promotion.check("pad", value)
    fill = promotion.to_typing(value, (promotion.element_of(x), False))
    return lax.pad(x, fill, [int(p[0]) for p in pairs], [int(p[1]) for p in pairs], [0] * rank)


def tril(x: Any, k: int = 0) -> Array:
    """Zeros above diagonal k of the last two axes."""
    from minidl.numpy.creation import tri
    from minidl.numpy.elementwise import where

    x = array_of("tril", x)
    if len(shape_of(x)) < 2:
        raise here(ShapeError, f"minidl.numpy.tril wants a matrix, got {list(shape_of(x))}")
    rows, columns = shape_of(x)[-2:]
    return where(tri(rows, columns, k, i1), x, 0)


def sort(x: Any, axis: int = -1) -> Array:
    """Ascending along an axis."""
    x = array_of("sort", x)
    return lax.sort(x, dim=axis_of("sort", axis, len(shape_of(x))))


def argsort(x: Any, axis: int = -1) -> Array:
    """The int32 indices that sort; equal elements keep their order."""
    from minidl.ir.mlir.types import i32

    x = array_of("argsort", x)
    d = axis_of("argsort", axis, len(shape_of(x)))
    return lax.sort(x, lax.iota(i32, shape_of(x), d), dim=d)[1]


def take_index(x: Any, index: Any) -> Array:
    """`x[index]` for integers, slices, None and `...`; known while tracing."""
    x = array_of("indexing", x)
    items = _expanded(x, index if isinstance(index, tuple) else (index,))
    start, limit, strides, flipped, out, d = [], [], [], [], [], 0
    for item in items:
        if item is None:
            out.append(1)
            continue
        n = shape_of(x)[d]
        if isinstance(item, slice):
            low, count, step = _range(item, n)
            flipped += [d] if step < 0 else []
            low = low + (count - 1) * step if step < 0 and count else low
            start.append(low)
            limit.append(low + (count - 1) * abs(step) + 1 if count else low)
            strides.append(abs(step))
            out.append(count)
        else:
            low = _integer(item, n, d)
            start.append(low)
            limit.append(low + 1)
            strides.append(1)
        d += 1
    if start != [0] * d or limit != list(shape_of(x)) or set(strides) - {1}:
        x = lax.slice_(x, start, limit, strides)
    x = lax.reverse(x, flipped) if flipped else x
    return lax.reshape(x, out)


def _range(item: slice, n: int) -> tuple[int, int, int]:
    for part in (item.start, item.stop, item.step):
        if isinstance(part, Tracer):
            raise here(
                TraceError,
                "a slice with a traced bound has a size that is not known while tracing",
                hint="make the bound a Python integer (a static argument of jit)",
            )
    if any(p is not None and not hasattr(p, "__index__") for p in (item.start, item.stop)) or (
        item.step is not None and (not hasattr(item.step, "__index__") or item.step == 0)
    ):
        raise here(
            TraceError,
            f"a slice takes integers and a step that is not 0, got {item}",
            hint="start:stop:step, each an integer or left out",
        )
    low, stop, step = item.indices(n)
    return low, len(range(low, stop, step)), step


def _integer(item: Any, n: int, d: int) -> int:
    if not -n <= item < n:
        raise here(
            ShapeError,
            f"index {item} is out of range for dimension {d} of size {n}",
            hint=f"indices are {-n} … {n - 1}" if n else "the dimension is empty",
        )
    return int(item) % n


def _expanded(x: Array, items: tuple[Any, ...]) -> list[Any]:
    """The index with `...` and missing ends written out; other sorts are refused."""
    for item in items:
        whole = isinstance(item, (int, np.integer, slice)) and not isinstance(item, bool)
        if not (whole or item is None or item is Ellipsis):
            raise here(
                TraceError,
                f"an index of type {type(item).__name__} has no rule here: traced arrays take "
                "integers, slices, None and ...",
                hint="for a mask use mnp.where(mask, a, b); for positions multiply by a one-hot "
                "matrix, (i[:, None] == mnp.arange(n))",
            )
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    rank = len(shape_of(x))
    if sum(1 for item in items if item is Ellipsis) > 1:
        raise here(ShapeError, "an index holds `...` once at most")
    if used > rank:
        raise here(ShapeError, f"{used} indices for an array of rank {rank}")
    fill = [slice(None)] * (rank - used)
    if Ellipsis in items:
        at = items.index(Ellipsis)
        return [*items[:at], *fill, *items[at + 1 :]]
    return [*items, *fill]
