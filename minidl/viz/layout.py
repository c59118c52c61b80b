"""Where the boxes of a graph stand: layers by longest path, order by barycentre.

Chapter: none (the book's machinery).
Sources: Sugiyama, Tagawa, Toda 1981, the first and third of its four phases.
Real: Graphviz `dot` also inserts dummy nodes and straightens long edges.

Units are CSS pixels; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

CHAR, PAD, HIGH, GAP_X, GAP_Y = 7.4, 18.0, 15.0, 26.0, 40.0


def size(label: str) -> tuple[float, float]:
    """Width and height of the box around a label."""
    lines = label.split("\n")
    return max(40.0, CHAR * max(map(len, lines)) + PAD), 12.0 + HIGH * len(lines)


def layers(ids: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Every node one layer below its lowest predecessor; back edges are ignored."""
    place = {n: i for i, n in enumerate(ids)}
    depth = dict.fromkeys(ids, 0)
    for node in ids:
        for a, b in edges:
            if b == node and place[a] < place[b]:
                depth[b] = max(depth[b], depth[a] + 1)
    out: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for node in ids:
        out[depth[node]].append(node)
    return _untangle(out, edges)


def _untangle(rows: list[list[str]], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Order each layer by the mean place of its neighbours, down and up twice."""
    near: dict[str, list[str]] = {n: [] for row in rows for n in row}
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    for sweep in range(4):
        order = rows if sweep % 2 == 0 else rows[::-1]
        for above, row in pairwise(order):
            place = {n: i / max(1, len(above) - 1) for i, n in enumerate(above)}
            old = {n: i / max(1, len(row) - 1) for i, n in enumerate(row)}
            mean = {}
            for n in row:
                spots = [place[m] for m in near[n] if m in place]
                mean[n] = sum(spots) / len(spots) if spots else old[n]
            row.sort(key=lambda n: (mean[n], old[n]))
    return rows


def arrange(
    sizes: dict[str, tuple[float, float]], edges: Sequence[tuple[str, str]], across: bool
) -> tuple[dict[str, tuple[float, float]], float, float]:
    """Centres of all nodes, and the picture's width and height; `across` runs left to right."""
    rows = layers(list(sizes), edges)
    along, side = (0, 1) if across else (1, 0)
    gap_along, gap_side = (GAP_Y, 14.0) if across else (GAP_Y, GAP_X)
    widths = [sum(sizes[n][side] for n in row) + gap_side * (len(row) - 1) for row in rows]
    breadth = max(widths, default=0.0)
    centre: dict[str, tuple[float, float]] = {}
    front = 14.0
    for row, width in zip(rows, widths, strict=True):
        deep = max(sizes[n][along] for n in row)
        at = 8.0 + (breadth - width) / 2
        for n in row:
            mid_side, mid_along = at + sizes[n][side] / 2, front + deep / 2
            centre[n] = (mid_along, mid_side) if across else (mid_side, mid_along)
            at += sizes[n][side] + gap_side
        front += deep + gap_along
    length = front - gap_along + 12.0
    total = breadth + 16.0 + (12.0 if across else 0.0)
    if across:
        centre = {n: (x, y + 12.0) for n, (x, y) in centre.items()}
    return centre, *((length, total) if across else (total, length))
