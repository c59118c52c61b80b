"""Folding with a body: a list of values becomes one, (((init ∘ x₀) ∘ x₁) ∘ …).

Chapter: ir/stablehlo, ir/dimension_numbers.
Sources: StableHLO specification, "reduce_window", "select_and_scatter", "scatter".
Real: the reference interpreter calls the body for one element after the other; so does
this, but for all outputs at once.

A window's sum or product of narrow floats runs in float64 and rounds once (DESIGN,
Numbers).  A scatter rounds at each update, in order: its steps are the specification's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation, Region
from minidl.ir.values import VALUES
from minidl.ir.values.regions import Run, on_elements

Array = Any
Body = Callable[..., Sequence[Array]]
_NARROW = ("f16", "bf16", "f32")
_WIDE: dict[str, Any] = {"stablehlo.add": np.add, "stablehlo.multiply": np.multiply}


def region_types(region: Region) -> list[Any]:
    """The element types of what a region returns."""
    return [v.type.element for v in region.block.terminator.operands]  # type: ignore[attr-defined]


def only_op(region: Region) -> Operation | None:
    """The one binary op of a body, on its two arguments in order; None for another body."""
    block = region.block
    op = block.first
    if op is None or op.next is not block.last or op.operands != list(block.args):
        return None
    return op if len(block.args) == 2 and block.terminator.operands == op.results else None


def body_of(region: Region, run: Run) -> Body:
    """A body as a function of whole arrays."""
    op = only_op(region)
    row = None if op is None or op.regions else VALUES.rows.get(op.name)
    if row is None:
        return lambda *arrays: on_elements(region, arrays, run)
    return lambda *arrays: (row(op, *arrays),)


def fold(
    region: Region, arrays: Sequence[Array], inits: Sequence[Array], axes: int, run: Run
) -> tuple[Array, ...]:
    """Arrays [outputs …, `axes` dimensions] folded over the latter, in row-major order."""
    types = region_types(region)
    body, dtypes = body_of(region, run), [t.numpy for t in types]
    op = only_op(region)
    if op is not None and op.name in _WIDE and types[0].name in _NARROW:
        ufunc, dtypes = _WIDE[op.name], [np.dtype(np.float64)]
        body = lambda *xs: (ufunc(*xs),)  # noqa: E731
    outputs = arrays[0].shape[: arrays[0].ndim - axes]
    state: Sequence[Array] = [
        np.broadcast_to(init.astype(t), outputs) for init, t in zip(inits, dtypes, strict=True)
    ]
    for k in np.ndindex(arrays[0].shape[len(outputs) :] if 0 not in outputs else 0):
        row = [x[(..., *k)].astype(t) for x, t in zip(arrays, dtypes, strict=True)]
        state = body(*state, *row)
    return tuple(x.astype(t.numpy) for x, t in zip(state, types, strict=True))


# -- into places of an array -------------------------------------------------------------

_AT: dict[str, Any] = {
    "stablehlo.add": np.add,
    "stablehlo.multiply": np.multiply,
    "stablehlo.and": np.bitwise_and,
    "stablehlo.or": np.bitwise_or,
    "stablehlo.xor": np.bitwise_xor,
}


def fold_into(
    region: Region, arrays: Sequence[Array], places: Array, updates: Sequence[Array], run: Run
) -> tuple[Array, ...]:
    """`array[place] = body(array[place], update)`, one update after the other.

    A place is the number of an element in row-major order; −1 leaves the update out.
    """
    dtypes, kept = [t.numpy for t in region_types(region)], places >= 0
    flat = [x.astype(t).reshape(-1) for x, t in zip(arrays, dtypes, strict=True)]
    news = [u.reshape(-1)[kept].astype(t) for u, t in zip(updates, dtypes, strict=True)]
    op = only_op(region)
    if op is not None and op.name in _AT:
        _AT[op.name].at(flat[0], places[kept], news[0])
    else:
        _in_turns(body_of(region, run), flat, places[kept], news)
    return tuple(x.reshape(a.shape) for x, a in zip(flat, arrays, strict=True))


def _in_turns(body: Body, flat: Sequence[Array], places: Array, news: Sequence[Array]) -> None:
    """In place; all updates of a turn at once."""
    for turn in _turns(places):
        at = places[turn]
        made = body(*(x[at] for x in flat), *(u[turn] for u in news))
        for x, new in zip(flat, made, strict=True):
            x[at] = new


def _turns(places: Array) -> list[Array]:
    """The updates in groups: no place twice in a group, and a place's updates in order."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    turn = np.arange(len(places)) - np.searchsorted(ordered, ordered)  # how many came before
    ends = np.cumsum(np.bincount(turn))
    return np.split(order[np.argsort(turn, kind="stable")], ends[:-1]) if len(places) else []
