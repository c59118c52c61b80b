"""Panels: what a frame draws.  Each constructor returns plain data.

Chapter: every one.
Sources: srush's puzzles (tensors as grids one can count), Netron, Compiler Explorer.
Real: none; a debugger prints text.

Roles, the only four: current (▶), changed (•), reference (=), the rest.  In
`code`, `grid` and `table` a `changed` of None means: whatever differs from the
frame before.  Keys by which a question picks parts: lines by number, cells
"row,column", table rows by index, nodes by id, edges "a>b", spans by id, bars
by label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.viz import layout
from minidl.viz.frame import Panel, ViewError, show

ROLES = {"current": "cur", "changed": "chg", "reference": "ref", "": ""}
LANGUAGES = ("mlir", "llvm", "asm", "ptx", "python", "text")
MAX_CELLS = 4096


def code(
    text: str | Sequence[str],
    current: Iterable[int] = (),
    changed: Iterable[int] | None = None,
    reference: Iterable[int] = (),
    *,
    lang: str = "mlir",
    title: str = "",
    start: int = 1,
    note: str = "",
    side: str = "",
) -> Panel:
    """Numbered lines (from `start`), some of them marked by number."""
    lines = text.rstrip("\n").split("\n") if isinstance(text, str) else list(text)
    if lang not in LANGUAGES:
        raise ViewError(f"no colours for {lang!r}; there are: {', '.join(LANGUAGES)}")
    out = _panel("code", title, side, lang=lang, lines=lines, start=start, note=note)
    marks = {"current": list(current), "reference": list(reference)}
    marks["changed"] = None if changed is None else list(changed)  # type: ignore[assignment]
    for role, numbers in marks.items():
        for n in numbers or ():
            if not start <= n < start + len(lines):
                last = start + len(lines) - 1
                raise ViewError(f"{role} line {n} is outside lines {start} to {last}")
    return {**out, **marks}


def grid(
    array: Any,
    current: Iterable[Any] = (),
    changed: Iterable[Any] | None = None,
    reference: Iterable[Any] = (),
    *,
    title: str = "",
    colours: str = "none",
    limits: tuple[float, float] | None = None,
    text: bool = True,
    rows: Sequence[str] | None = None,
    cols: Sequence[str] | None = None,
    dtype: str | None = None,
    side: str = "",
) -> Panel:
    """A tensor of one or two axes; `colours` is none, magnitude or signed.

    Marks are (row, column) pairs, or single indices for one axis.
    """
    values = np.asarray(array)
    if values.ndim == 0 or values.ndim > 2 or values.size > MAX_CELLS:
        raise ViewError(
            f"a grid shows one or two axes and up to {MAX_CELLS} cells, came {list(values.shape)}",
            hint="slice it, and say in the title which slice it is",
        )
    if colours not in ("none", "magnitude", "signed"):
        raise ViewError(f"no colours named {colours!r}; there are: none, magnitude, signed")
    flat = values.reshape(1, -1) if values.ndim == 1 else values
    cells = [[show(v, grouped=False) for v in row] for row in flat]
    numeric = np.issubdtype(flat.dtype, np.number) and flat.size > 0
    low, high = limits or ((float(flat.min()), float(flat.max())) if numeric else (0.0, 1.0))
    out = _panel("grid", title, side, shape=list(values.shape), dtype=dtype or _dtype(values))
    out |= {"cells": cells, "map": colours, "text": text}
    out |= {"range": [float(show(low)), float(show(high))], "limits": limits is not None}
    out |= {"current": _keys(current, flat.shape), "reference": _keys(reference, flat.shape)}
    out["changed"] = None if changed is None else _keys(changed, flat.shape)
    return out | {"rows": _labels(rows), "cols": _labels(cols)}


def table(
    rows: Iterable[Sequence[Any]],
    head: Sequence[str] = (),
    current: Iterable[int] = (),
    changed: Iterable[tuple[int, int]] | None = None,
    *,
    title: str = "",
    side: str = "",
) -> Panel:
    """Rows of text and numbers; a column of numbers is aligned right."""
    given = [list(r) for r in rows]
    width = len(head) or (len(given[0]) if given else 0)
    for i, row in enumerate(given):
        if len(row) != width:
            raise ViewError(f"row {i} has {len(row)} cells, the head has {width}")
    numeric = [c for c in range(width) if given and all(_is_number(r[c]) for r in given)]
    cells = [[show(v) for v in row] for row in given]
    out = _panel("table", title, side, head=list(head), rows=cells, numeric=numeric)
    out["current"] = list(current)
    out["changed"] = None if changed is None else [f"{r},{c}" for r, c in changed]
    return out


def bars(
    values: Mapping[str, float] | Iterable[tuple[str, float]],
    *,
    unit: str = "",
    current: Iterable[str] = (),
    expected: Mapping[str, float] | None = None,
    reference: Iterable[str] = (),
    limit: float | None = None,
    title: str = "",
    side: str = "",
) -> Panel:
    """Bars on one scale; `expected` draws a mark, `reference` an outline."""
    pairs = list(values.items() if isinstance(values, Mapping) else values)
    roles = dict.fromkeys(reference, "ref") | dict.fromkeys(current, "cur")
    rows = []
    for label, value in pairs:
        row = {"label": label, "value": show(value)}
        if label in roles:
            row["role"] = roles[label]
        if expected and label in expected:
            row["ref"] = show(expected[label])
        rows.append(row)
    numbers = [float(v) for _, v in pairs] + [float(v) for v in (expected or {}).values()]
    top = limit if limit is not None else max(numbers, default=1.0)
    scale = {"max": float(f"{float(top):.4g}"), "limits": limit is not None}
    return _panel("bars", title, side, unit=unit, **scale, rows=rows)


def text(*paragraphs: str, title: str = "", side: str = "") -> Panel:
    """Prose; `code` stands between backticks."""
    return _panel("text", title, side, paragraphs=list(paragraphs))


def graph(
    nodes: Mapping[str, Any] | Iterable[Any],
    edges: Iterable[Any],
    *,
    current: Iterable[str] = (),
    changed: Iterable[str] = (),
    reference: Iterable[str] = (),
    groups: Mapping[str, str] | None = None,
    across: bool = False,
    at: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    side: str = "",
) -> Panel:
    """Boxes and arrows.  `nodes`: {id: label} or ids; `edges`: (from, to[, label[, "dashed"]]).

    Roles name nodes by id and edges as "from>to".  `groups` {id: name} sorts nodes into
    up to six categories, each with a colour and a letter.  `at` gives the centres of the
    boxes instead of laying them out.
    """
    labels = dict(nodes) if isinstance(nodes, Mapping) else {str(n): str(n) for n in nodes}
    links = [tuple(e) for e in edges]
    for a, b, *_ in links:
        for end in (a, b):
            if end not in labels:
                raise ViewError(f"edge {a}>{b} names {end!r}, which is no node")
    roles = dict.fromkeys(reference, "ref") | dict.fromkeys(changed, "chg")
    roles |= dict.fromkeys(current, "cur")
    names = list(dict.fromkeys((groups or {}).values()))
    if len(names) > 6:
        raise ViewError(f"{len(names)} groups; six colours can be told apart")
    group = {n: names.index(g) for n, g in (groups or {}).items()}
    sizes = {n: layout.size(str(label)) for n, label in labels.items()}
    sizes |= {n: (sizes[n][0] + 16, sizes[n][1]) for n in group}
    pairs = [(e[0], e[1]) for e in links]
    made = layout.join(sizes, pairs, at) if at else layout.arrange(sizes, pairs, across)
    centre, lines, (width, height) = made
    boxes = [_node(n, str(labels[n]), centre[n], sizes[n][0], roles.get(n, "")) for n in labels]
    for box in boxes:
        box |= {"group": group[box["id"]]} if box["id"] in group else {}
    named = {f"{e[0]}>{e[1]}": roles.get(f"{e[0]}>{e[1]}", "") for e in links}
    arrows = [_edge(e, line, named) for e, line in zip(links, lines, strict=True)]
    out = _panel("graph", title, side, width=round(width), height=round(height))
    return out | {"across": across, "groups": names, "nodes": boxes, "edges": arrows}


def nest(
    boxes: Iterable[tuple[str, int, str, str]],
    *,
    current: Iterable[str] = (),
    changed: Iterable[str] = (),
    reference: Iterable[str] = (),
    title: str = "",
    side: str = "",
) -> Panel:
    """Boxes inside boxes: (id, depth, what, text) in textual order; what is op, region or block."""
    given = list(boxes)
    roles = dict.fromkeys(reference, "ref") | dict.fromkeys(changed, "chg")
    roles |= dict.fromkeys(current, "cur")
    for name in roles:
        if name not in {box[0] for box in given}:
            raise ViewError(f"no box is called {name!r}")
    rows, deepest = [], -1
    for name, depth, what, text_ in given:
        if what not in ("op", "region", "block") or not 0 <= depth <= deepest + 1:
            raise ViewError(f"box {name!r} is {what!r} at depth {depth}, inside depth {deepest}")
        role = roles.get(name, "")
        rows.append({"id": name, "depth": depth, "what": what, "text": text_, "role": role})
        deepest = depth
    return _panel("nest", title, side, rows=rows)


def timeline(
    lanes: Mapping[str, Sequence[Any]],
    *,
    unit: str = "",
    start: float = 0,
    end: float | None = None,
    now: float | None = None,
    current: Iterable[str] = (),
    changed: Iterable[str] = (),
    title: str = "",
    side: str = "",
) -> Panel:
    """Lanes of (start, end, label[, what]): what is compute, comm or wait; ids are "lane.index"."""
    roles = dict.fromkeys(changed, "chg") | dict.fromkeys(current, "cur")
    drawn = []
    for label, spans in lanes.items():
        row = [_span(f"{label}.{i}", s, roles) for i, s in enumerate(spans)]
        drawn.append({"label": label, "spans": row})
    last = max((s["end"] for lane in drawn for s in lane["spans"]), default=1)  # type: ignore[index]
    out = _panel("timeline", title, side, unit=unit, start=start, now=now, lanes=drawn)
    return out | {"end": last if end is None else end, "limits": end is not None}


def _panel(kind: str, title: str, side: str, **fields: Any) -> Panel:
    if side not in ("", "left", "right", "wide"):
        raise ViewError(f"a panel stands left, right or wide, not {side!r}")
    return {"kind": kind, "title": title, **({"side": side} if side else {}), **fields}


def _keys(places: Iterable[Any], shape: tuple[int, ...]) -> list[str]:
    out = []
    for place in places:
        r, c = place if isinstance(place, tuple) else (0, place)
        if not (0 <= r < shape[0] and 0 <= c < shape[1]):
            raise ViewError(f"cell {(int(r), int(c))} is outside a grid of {list(shape)}")
        out.append(f"{r},{c}")
    return out


def _labels(names: Sequence[Any] | None) -> list[str] | None:
    return None if names is None else [str(n) for n in names]


def _dtype(values: Any) -> str:
    return "text" if values.dtype.kind in "UOS" else str(values.dtype)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _span(name: str, span: Sequence[Any], roles: dict[str, str]) -> dict[str, Any]:
    begin, end, label, what = (*span, "compute")[:4]
    if what not in ("compute", "comm", "wait"):
        raise ViewError(f"span {name} is {what!r}; a span is compute, comm or wait")
    ends = {"start": float(show(float(begin))), "end": float(show(float(end)))}
    return {"id": name, **ends, "label": label, "what": what, "role": roles.get(name, "")}


def _node(name: str, label: str, at: tuple[float, float], w: float, role: str) -> dict[str, Any]:
    x, y = (round(v, 1) for v in at)
    return {"id": name, "label": label, "x": x, "y": y, "w": round(w, 1), "role": role}


def _edge(
    edge: tuple[Any, ...], line: list[tuple[float, float]], roles: dict[str, str]
) -> dict[str, Any]:
    a, b, label, style = (*edge, "", "")[:4]
    ends = {"from": a, "to": b, "label": label, "role": roles[f"{a}>{b}"]}
    points = [[round(x, 1), round(y, 1)] for x, y in line]
    return {**ends, "dashed": style == "dashed", "points": points}
