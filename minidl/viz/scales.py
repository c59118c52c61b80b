"""One scale a figure: panels of one title share it over all frames and both runs.

Chapter: none (the book's machinery).
Sources: VISUAL, "bytes are bars on one common scale a figure".
Real: plotting libraries scale each axes alone unless told to share.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def share(frames: Iterable[dict[str, Any]]) -> None:
    """Widen, in place, every panel's scale to that of its namesakes; fixed limits stay."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for panel in _panels(frames):
        fixed = panel.pop("limits", False)
        if panel["kind"] in _WIDEN and not fixed:
            groups.setdefault((panel["kind"], panel["title"]), []).append(panel)
    for (kind, _), panels in groups.items():
        _WIDEN[kind](panels)


def _panels(frames: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for frame in frames:
        for side in frame.get("sides", [frame]):
            yield from side["panels"]


def _grid(panels: list[dict[str, Any]]) -> None:
    lows, highs = zip(*(p["range"] for p in panels), strict=True)
    for p in panels:
        p["range"] = [min(lows), max(highs)]


def _bars(panels: list[dict[str, Any]]) -> None:
    top = max(p["max"] for p in panels)
    for p in panels:
        p["max"] = top


def _timeline(panels: list[dict[str, Any]]) -> None:
    end = max(p["end"] for p in panels)
    for p in panels:
        p["end"] = end


_WIDEN = {"grid": _grid, "bars": _bars, "timeline": _timeline}
