"""`viz.dimension_numbers`: which elements of its operands an output element reads.

Chapter: ir/dimension_numbers.
Sources: `minidl.viz.reads`, `minidl.ir.dimension_numbers`.
Real: none; production systems document these ops by formulas.

A grid shows one or two axes.  An array of more is unfolded: its last axis runs across, the
others down, and each row says its leading index.  ▶ is read; = says where; • is what the
element becomes.  Under a window the operand stands with its padding and its holes, as ·.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import ir
from minidl.core import step
from minidl.ir.mlir.core import Operation, Value
from minidl.viz import panel
from minidl.viz.explorer import MAX_ROWS, Explorer, Knob
from minidl.viz.frame import Frame, Panel, ViewError, show
from minidl.viz.player import MAX_FRAMES, Player
from minidl.viz.reads import READS, At, Case, Look, Slide, roles, slide

HOLE = "·"


def dimension_numbers(
    module: ir.Module,
    *arrays: Any,
    name: str = "dimension-numbers",
    title: str = "",
    play: bool = False,
    **more: Any,
) -> Explorer | Player:
    """An explorer over the index of the element asked about (`play`: a player over all).

    The op drawn is the last of @main that has a picture; the arrays are @main's.
    """
    case = case_of(module, arrays)
    shape = case.result.shape if case.turned is None else case.operands[case.turned].shape
    every = [tuple(map(int, at)) for at in np.ndindex(*shape)]
    title = title or f"`{case.op.name}`, element by element"
    if play:
        if len(every) > MAX_FRAMES:
            raise ViewError(f"{len(every)} elements, a player has {MAX_FRAMES} frames at most")
        return Player([picture(case, at) for at in every], name=name, title=title, **more)
    wide = [d for d, n in enumerate(shape) if n > 1] or [0][: len(shape)]
    if len(wide) > 3 or len(every) > MAX_ROWS or not wide:
        raise ViewError(
            f"{case.op.name} has elements {list(shape)}; an explorer turns one to three indices "
            f"and shows {MAX_ROWS} elements",
            hint="take smaller arrays",
        )

    def row(**turned: int) -> Frame:
        return picture(case, tuple(turned.get(f"d{d}", 0) for d in range(len(shape))))

    words = roles(case)
    knobs = {f"d{d}": Knob(list(range(shape[d])), words[d]) for d in wide}
    return Explorer(name, knobs, row, title=title, **more)


def case_of(module: ir.Module, arrays: Sequence[Any]) -> Case:
    """The last op of @main that has a picture, with what it was given and made."""
    ops = [op for op in module.main.body if op.name in READS]
    if not ops:
        raise ViewError(f"no op of @main has a picture; there are {', '.join(READS)}")
    op = ops[-1]
    values: dict[Value, Any] = dict(zip(module.main.body.args, arrays, strict=True))

    def heard(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        if isinstance(where, Operation) and where.parent is op.parent and state is not None:
            values.update(zip(where.results, state(), strict=True))

    with step.listen(heard):
        ir.evaluate(module, *arrays)
    return Case(op, [np.asarray(values[v]) for v in op.operands], np.asarray(values[op.results[0]]))


def picture(case: Case, at: At) -> Frame:
    """One element: the operands with what it reads, and the result with where it goes."""
    look = READS[case.op.name](case, at)
    moved = slide(case.op)
    names = _names(case)
    flat = moved is not None and 1 <= len(moved.over) <= 2
    panels = []
    for i, array in enumerate(case.operands):
        reads, by = look.reads.get(i, []), look.by.get(i, [])
        if moved is not None and flat and i == 0:
            panels.append(_padded(names[i], array, moved, look, at))
        elif moved is not None and flat and i == 1 and moved.kernel:
            panels.append(_plane(names[i], array, moved.kernel, reads, ()))
        else:
            panels.append(_unfolded(names[i], array, reads, (), by))
    goal = [look.to] if look.to is not None else []
    if moved is not None and flat and case.result.ndim > 2:
        result = _plane("result", case.result, moved.output, (), goal)
    else:
        result = _unfolded("result", case.result, (), goal)
    panels.append({**result, "side": "right"})
    counts = {f"reads of {names[i]}": len(where) for i, where in look.reads.items()}
    return Frame("", _caption(case, at, look, names), panels, dict(list(counts.items())[:4]))


def _names(case: Case) -> list[str]:
    """What the specification calls each operand."""
    known = [n.rstrip("*?") for n in ir.SPECS[case.op.name].operands]
    last = known[-1]
    return known + [f"{last} {i}" for i in range(1, len(case.operands) - len(known) + 1)]


def _caption(case: Case, at: At, look: Look, names: Sequence[str]) -> str:
    if case.turned is not None:
        where = f" goes to {list(look.to)}" if look.to is not None else " goes nowhere"
        return f"Update {list(at)}{where}{look.said}."
    parts = [f"{_some(where)} of {names[i]}" for i, where in look.reads.items() if where]
    return f"Element {list(at)} reads {' and '.join(parts) or 'nothing'}{look.said}."


def _some(where: Sequence[At]) -> str:
    return f"{list(where[0])}" if len(where) == 1 else f"{len(where)} elements"


def _unfolded(
    name: str,
    array: Any,
    current: Sequence[At],
    changed: Sequence[At] = (),
    reference: Sequence[At] = (),
) -> Panel:
    """An array of any rank as a grid."""
    shape = array.shape
    folded = array.reshape(-1, shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    rows = None
    if array.ndim > 2:
        rows = [",".join(map(str, i)) for i in np.ndindex(*shape[:-1])]

    def cells(places: Sequence[At]) -> list[tuple[int, int]]:
        flat = [int(np.ravel_multi_index(p, shape)) if shape else 0 for p in places]
        return [divmod(i, folded.shape[1]) for i in flat]

    made = panel.grid(folded, cells(current), cells(changed), cells(reference),
                      title=name, rows=rows, dtype=str(array.dtype), side="left")  # fmt: skip
    return {**made, "shape": list(shape)[-2:] if array.ndim <= 2 else made["shape"]}


def _cut(array: Any, over: At, places: Sequence[At]) -> tuple[Any, list[int], str]:
    """The plane of `array` along `over` that the first place lies in, and its name's index."""
    fixed = list(places[0]) if places else [0] * array.ndim
    pick = tuple(slice(None) if d in over else fixed[d] for d in range(array.ndim))
    plane = np.transpose(array[pick], np.argsort(np.argsort(over)))
    words = ("·" if d in over else str(fixed[d]) for d in range(array.ndim))
    return plane, fixed, f"[{', '.join(words)}]" if array.ndim > len(over) else ""


def _plane(name: str, array: Any, over: At, current: Sequence[At], changed: Sequence[At]) -> Panel:
    """One plane (or line) of an array of many axes."""
    plane, fixed, index = _cut(array, over, [*current, *changed])

    def cells(places: Sequence[At]) -> list[tuple[int, int]]:
        here = [p for p in places if all(p[d] == fixed[d] for d in range(len(p)) if d not in over)]
        return [tuple(([0] + [p[d] for d in over])[-2:]) for p in here]  # type: ignore[misc]

    return panel.grid(plane, cells(current), cells(changed), title=name + index,
                      dtype=str(array.dtype), side="left")  # fmt: skip


def _padded(name: str, array: Any, moved: Slide, look: Look, at: At) -> Panel:
    """The plane of operand 0 that the window slides over, with padding and holes."""
    plane, _, index = _cut(array, moved.over, look.reads.get(0, []))
    lows = [max(0, w.low) for w in moved.window]
    sizes, spots = [], []
    for w, n, low in zip(moved.window, plane.shape, lows, strict=True):
        end = low + (n - 1) * w.base_dilation + 1
        sizes.append(end + max(0, w.high))
        spots.append(slice(low, end, w.base_dilation))
    drawn = np.full(sizes, HOLE, dtype=object)
    drawn[tuple(spots)] = np.vectorize(lambda v: show(v, grouped=False), otypes=[object])(plane)
    inside = []
    for place in moved.places(at):
        spot = [low + p for low, p in zip(lows, place, strict=True)]
        if all(0 <= i < n for i, n in zip(spot, sizes, strict=True)):
            inside.append(tuple([0, *spot][-2:]))
    return panel.grid(drawn, inside, (), title=name + index, dtype=str(array.dtype), side="left")


__all__ = ["case_of", "dimension_numbers", "picture"]
