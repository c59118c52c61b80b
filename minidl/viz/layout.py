"""Where the boxes of a graph stand: layers by longest path, order by barycentre.

Chapter: none (the book's machinery).
Sources: Sugiyama, Tagawa, Toda 1981: layers, dummy nodes for long edges, sweeps.
Real: Graphviz `dot` also straightens long edges (network simplex).

Units are CSS pixels; y grows downwards.  An edge that passes over a layer gets
a bend there (a dummy node), so that it does not run through boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

CHAR, PAD, HIGH = 7.4, 18.0, 15.0
GAP_ALONG, GAP_SIDE, BEND, MARGIN = 36.0, 24.0, 10.0, 12.0
ASIDE = 10.0  # what two opposite arrows keep from the middle

Size = tuple[float, float]
Edge = tuple[str, str]


def size(label: str) -> Size:
    """Width and height of the box around a label."""
    lines = label.split("\n")
    return max(40.0, CHAR * max(map(len, lines)) + PAD), 12.0 + HIGH * len(lines)


def depths(ids: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Every node one layer below its lowest predecessor; back edges are ignored."""
    place = {n: i for i, n in enumerate(ids)}
    forward = [(a, b) for a, b in edges if place[a] < place[b]]
    depth = dict.fromkeys(ids, 0)
    for node in ids:
        for a, b in forward:
            if b == node:
                depth[b] = max(depth[b], depth[a] + 1)
    return depth


def chains(depth: dict[str, int], edges: Sequence[Edge]) -> list[list[str]]:
    """Each edge as a path of neighbours in layers; bends get names of their own."""
    out = []
    for i, (a, b) in enumerate(edges):
        step = 1 if depth[b] >= depth[a] else -1
        inner = range(depth[a] + step, depth[b], step)
        bends = [f"\0{i}.{d}" for d in inner]
        depth.update(zip(bends, inner, strict=True))
        out.append([a, *bends, b])
    return out


def untangle(rows: list[list[str]], paths: list[list[str]]) -> None:
    """Order each layer by the mean place of its neighbours, down and up, in place."""
    near: dict[str, list[str]] = {n: [] for row in rows for n in row}
    for path in paths:
        for a, b in pairwise(path):
            near[a].append(b)
            near[b].append(a)
    for sweep in range(6):
        order = rows if sweep % 2 == 0 else rows[::-1]
        for above, row in pairwise(order):
            mean = _means(above, row, near)
            row.sort(key=mean.__getitem__)


def _means(above: list[str], row: list[str], near: dict[str, list[str]]) -> dict[str, float]:
    place = {n: i / max(1, len(above) - 1) for i, n in enumerate(above)}
    out = {}
    for i, n in enumerate(row):
        spots = [place[m] for m in near[n] if m in place]
        out[n] = sum(spots) / len(spots) if spots else i / max(1, len(row) - 1)
    return out


def arrange(
    sizes: dict[str, Size], edges: Sequence[Edge], across: bool
) -> tuple[dict[str, Size], list[list[Size]], Size]:
    """Centres of all nodes, the points of all edges, and the picture's width and height.

    `across` runs left to right instead of downwards.
    """
    turn = (lambda p: (p[1], p[0])) if across else (lambda p: p)
    flat = {n: turn(s) for n, s in sizes.items()}
    depth = depths(list(sizes), edges)
    paths = chains(depth, edges)
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for node, d in depth.items():
        rows[d].append(node)
        flat.setdefault(node, (BEND, 0.0))
    untangle(rows, paths)
    centre, extent = _places(rows, flat)
    both = set(edges) & {(b, a) for a, b in edges}
    points = [_aside(_points(path, centre, flat), (path[0], path[-1]) in both) for path in paths]
    turned = {n: turn(p) for n, p in centre.items() if n in sizes}
    return turned, [[turn(p) for p in line] for line in points], turn(extent)


def _places(rows: list[list[str]], flat: dict[str, Size]) -> tuple[dict[str, Size], Size]:
    """Rows centred above each other."""
    widths = [sum(flat[n][0] for n in row) + GAP_SIDE * (len(row) - 1) for row in rows]
    breadth = max(widths, default=0.0)
    centre: dict[str, Size] = {}
    top = MARGIN + 4
    for row, width in zip(rows, widths, strict=True):
        deep = max(flat[n][1] for n in row)
        left = MARGIN + (breadth - width) / 2
        for n in row:
            centre[n] = (left + flat[n][0] / 2, top + deep / 2)
            left += flat[n][0] + GAP_SIDE
        top += deep + GAP_ALONG
    return centre, (breadth + 2 * MARGIN, top - GAP_ALONG + MARGIN)


def _points(path: list[str], centre: dict[str, Size], flat: dict[str, Size]) -> list[Size]:
    """From the rim of the first box over the bends to the rim of the last."""
    first, last = path[0], path[-1]
    sign = 1 if centre[last][1] >= centre[first][1] else -1
    (x0, y0), (x1, y1) = centre[first], centre[last]
    start = (x0, y0 + sign * flat[first][1] / 2)
    end = (x1, y1 - sign * (flat[last][1] / 2 + 2))
    return [start, *(centre[n] for n in path[1:-1]), end]


def _aside(line: list[Size], both: bool) -> list[Size]:
    """Of two arrows that go there and back, each keeps to its own side."""
    if not both:
        return line
    side = ASIDE if line[-1][1] >= line[0][1] else -ASIDE
    return [(x + side, y) for x, y in line]


def join(
    sizes: dict[str, Size], edges: Sequence[Edge], at: Mapping[str, Size]
) -> tuple[dict[str, Size], list[list[Size]], Size]:
    """As `arrange`, for boxes that somebody else has placed."""
    centre = {n: at[n] for n in sizes}
    width = max(x + sizes[n][0] / 2 for n, (x, _) in centre.items()) + MARGIN
    height = max(y + sizes[n][1] / 2 for n, (_, y) in centre.items()) + MARGIN
    return centre, [_straight(centre, sizes, a, b) for a, b in edges], (width, height)


def _straight(
    centre: dict[str, Size], sizes: dict[str, Size], a: str, b: str
) -> list[tuple[float, float]]:
    """Along a row from side to side, over what stands between; else from rim to rim."""
    (x0, y0), (x1, y1) = centre[a], centre[b]
    (w0, h0), (w1, h1) = sizes[a], sizes[b]
    if y0 != y1:
        sign = 1 if y1 > y0 else -1
        return [(x0, y0 + sign * h0 / 2), (x1, y1 - sign * (h1 / 2 + 2))]
    sign = 1 if x1 > x0 else -1
    between = any(y == y0 and min(x0, x1) < x < max(x0, x1) for x, y in centre.values())
    if not between:
        return [(x0 + sign * w0 / 2, y0), (x1 - sign * (w1 / 2 + 2), y1)]
    over = y0 - max(h0, h1) / 2
    return [(x0, over), ((x0 + x1) / 2, over - 12), (x1, over - 2)]
