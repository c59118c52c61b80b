"""`watch`: a progress bar and a live curve while something trains; nothing remains of it.

Chapter: step.
Sources: IPython, "Updating displays" (`display_id`).
Real: TensorBoard reads a log that the training writes.

In a notebook the curve is drawn anew a few times a second and is gone at the end, so that
a stored notebook holds the same bytes whoever ran it.  In a terminal it is a tqdm bar,
in a pipe nothing.

    for epoch in watch(range(40), lambda: losses, "loss"):
        losses += one_epoch()
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any, TypeVar

from minidl.viz.live import in_notebook

T = TypeVar("T")
PERIOD_S = 0.25
WIDE, HIGH, POINTS = 480, 90, 160


def watch(
    items: Sequence[T], values: Callable[[], Sequence[float]], label: str = "loss"
) -> Iterator[T]:
    """The items, one after the other, with `values()` drawn as a curve meanwhile."""
    if not in_notebook():
        from tqdm import tqdm

        yield from tqdm(items, desc=label, disable=None)
        return
    from IPython.display import HTML, display

    spot = display(HTML(""), display_id=True)
    drawn = time.monotonic()
    for i, item in enumerate(items):
        yield item
        if time.monotonic() - drawn > PERIOD_S:
            spot.update(HTML(picture(i + 1, len(items), values(), label)))
            drawn = time.monotonic()
    spot.update(HTML(""))


def picture(done: int, total: int, values: Sequence[float], label: str) -> str:
    """The bar and the curve as HTML; the curve is thinned to what can be seen."""
    bar = f'<progress max="{total}" value="{done}"></progress> {done} / {total}'
    if not values:
        return bar
    said = f"{escape(label)} {values[-1]:.4g}"
    return f"{bar} · {said}<br>{_curve(values[:: max(1, len(values) // POINTS)], said)}"


def _curve(values: Sequence[float], said: str) -> str:
    top = max(values) or 1.0
    step = WIDE / max(1, len(values) - 1)
    points = " ".join(
        f"{i * step:.1f},{HIGH - 4 - (HIGH - 8) * v / top:.1f}" for i, v in enumerate(values)
    )
    line: dict[str, Any] = {"points": points, "fill": "none", "stroke": "currentColor"}
    attributes = " ".join(f'{k}="{v}"' for k, v in line.items())
    return (
        f'<svg role="img" aria-label="{said}" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" '
        f'style="border-bottom:1px solid"><polyline {attributes}/></svg>'
    )
