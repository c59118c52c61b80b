"""Value of sort: any comparator, several arrays, always stable.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "sort"; D. E. Knuth, "The Art of Computer Programming" 3,
5.2.4 (merging).
Real: the reference interpreter calls `std::stable_sort` on each line.

A comparator that asks the same of both sides, k(a) < k(b), sorts by the key k, computed
once for each element.  Any other one merges: all runs of a level at the same time, each
element of a right run finding its place in the left one by bisection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation, Value
from minidl.ir.values import VALUES, interpreted
from minidl.ir.values.elementwise import _total_order
from minidl.ir.values.regions import Run, is_elementwise, on_elements

Array = Any


@interpreted("stablehlo.sort")
def sort(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    """Each line along `dimension` in the comparator's order, all arrays alike."""
    axis = op["dimension"]
    if arrays[0].shape[axis] < 2 or not arrays[0].size:
        return arrays
    lines = [np.moveaxis(x, axis, -1) for x in arrays]
    keys = _sort_keys(op, lines)
    order = _merge_order(op, lines, run) if keys is None else np.argsort(keys, -1, "stable")
    return tuple(np.moveaxis(np.take_along_axis(x, order, -1), -1, axis) for x in lines)


# -- by a key ----------------------------------------------------------------------------


def sort_direction(op: Operation) -> str | None:
    """LT or GT when the comparator compares the first pair alone, else None."""
    compare = _question(op)
    if compare is None or compare.operands != op.regions[0].block.args[:2]:
        return None
    return str(compare["comparison_direction"])


def _question(op: Operation) -> Operation | None:
    """The comparison by < or > whose answer the comparator returns, if there is one."""
    block = op.regions[0].block
    compare = block.terminator.operands[0].op
    if compare is None or compare.name != "stablehlo.compare" or compare.parent is not block:
        return None
    return compare if compare["comparison_direction"] in ("LT", "GT") else None


def _sort_keys(op: Operation, lines: Sequence[Array]) -> Array | None:
    """What to sort by in ascending order; None when the comparator has no key."""
    compare = _question(op)
    key = None if compare is None else _shared_key(op, compare, lines)
    if compare is None or key is None:
        return None
    down = compare["comparison_direction"] == "GT"
    if key.dtype.kind in "biu":
        return np.invert(key) if down else key
    if compare.get("compare_type") == "TOTALORDER":
        return np.invert(_total_order(key)) if down else _total_order(key)
    key = key.astype(np.float64)
    return None if np.isnan(key).any() else -key if down else key


def _shared_key(op: Operation, compare: Operation, lines: Sequence[Array]) -> Array | None:
    """k of each element when the comparison is k(a) with k(b), of one key k.

    Values of the body are numbered so that the two sides of one expression get one
    number; a value that both sides, or something outside, flow into gets none.
    """
    block, region = compare.parent, op.regions[0]
    if block is None or not is_elementwise(region):
        return None
    side: dict[Value, int] = {v: v.index % 2 for v in block.args}
    number: dict[Value, int] = {v: v.index // 2 for v in block.args}
    value: dict[int, Array] = dict(enumerate(lines))
    known: dict[tuple[Any, ...], list[tuple[dict[str, Any], int]]] = {}
    for inner in block:
        if inner is compare:
            break
        if any(v not in number for v in inner.operands):
            continue
        sides = {side[v] for v in inner.operands} - {-1}
        if len(sides) > 1:
            continue
        numbers = tuple(number[v] for v in inner.operands)
        alike = known.setdefault((inner.name, inner.result.type, numbers), [])
        found = next((i for attributes, i in alike if attributes == inner.attributes), None)
        if found is None:
            found = len(value)
            alike.append((inner.attributes, found))
            value[found] = VALUES[inner.name](inner, *(value[i] for i in numbers))
        number[inner.result], side[inner.result] = found, sides.pop() if sides else -1
    a, b = compare.operands
    if number.get(a, -1) != number.get(b, -2) or (side[a], side[b]) != (0, 1):
        return None
    return np.broadcast_to(value[number[a]], lines[0].shape)


# -- by merging --------------------------------------------------------------------------


def _merge_order(op: Operation, lines: Sequence[Array], run: Run) -> Array:
    """The stable order of each line: runs of 1, 2, 4 … elements merged two by two.

    Any comparator gives a permutation; a strict weak order gives the sorted one.
    """
    n = lines[0].shape[-1]
    flat = [x.reshape(-1, n) for x in lines]
    order = np.broadcast_to(np.arange(n), flat[0].shape).copy()
    width = 1
    while width < n:
        order = _merge_level(op, flat, order, width, run)
        width *= 2
    return order.reshape(lines[0].shape)


def _merge_level(op: Operation, flat: Sequence[Array], order: Array, width: int, run: Run) -> Array:
    """Each run of `width` elements merged with the run to its right."""
    column = np.arange(order.shape[1])
    pair, place = column // (2 * width), column % (2 * width)
    right = place >= width
    start = (pair * 2 * width)[right]
    mine = order[:, right]

    def less(other: Array) -> Array:
        sides = [np.take_along_axis(x, at, 1) for x in flat for at in (mine, other)]
        return on_elements(op.regions[0], sides, run)[0]

    low, high = np.zeros_like(mine), np.full_like(mine, width)
    for _ in range(width.bit_length()):  # how many of the left run come before
        middle = (low + high) // 2
        before = less(np.take_along_axis(order, start + np.minimum(middle, width - 1), 1))
        open_ = low < high
        high = np.where(open_ & before, middle, high)
        low = np.where(open_ & ~before, middle + 1, low)
    step = pair[right] * (width + 1)
    low = np.maximum.accumulate(low + step, axis=1) - step  # holds already in a true order
    target = start + low + place[right] - width
    taken = np.zeros(order.shape, bool)
    np.put_along_axis(taken, target, True, 1)
    out = np.empty_like(order)
    np.put_along_axis(out, target, mine, 1)
    out[~taken] = order[:, ~right].reshape(-1)
    return out
