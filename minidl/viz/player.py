"""`Player`: time.  The steps an engine emitted, played in any page.

Chapter: every one ("The mechanism, stepped").
Sources: VISUAL, "Layout of a player" and "Two runs side by side".
Real: Python Tutor; a debugger that records (rr) steps backwards as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from minidl.core.step import Step
from minidl.viz import codec, markup, scales
from minidl.viz.ask import MAX_WORDS, Ask
from minidl.viz.frame import Frame, ViewError, Why, frames_of, unknown
from minidl.viz.shown import Shown

MAX_FRAMES = 60
Asks = Mapping[str, Ask]
Whys = Mapping[str, "Why | str"]


class Player(Shown):
    """Frames with controls; `asks` and `whys` are attached by the name of a milestone.

    An ask stands at its milestone's frame, asks about the next one, and pauses
    there.  `overview` names the counter that the strip on top draws.
    """

    kind = "Player"

    def __init__(
        self,
        frames: Iterable[Frame | Step],
        *,
        name: str,
        title: str,
        asks: Asks | None = None,
        whys: Whys | None = None,
        overview: str | None = None,
        view: Callable[[Step], Frame] | None = None,
    ) -> None:
        data = [f.data() for f in frames_of(frames, view)]
        strip = _overview(data, overview)
        self._finish(data, {"kind": "player", "overview": strip}, name, title, asks, whys)

    def _finish(
        self,
        data: list[dict[str, Any]],
        payload: dict[str, Any],
        name: str,
        title: str,
        asks: Asks | None,
        whys: Whys | None,
    ) -> None:
        attach(data, asks or {}, whys or {})
        scales.share(data)
        payload["frames"] = codec.encode(data)
        super().__init__(name, title, payload, markup.frame(data[0]) + in_words(data))

    @property
    def frames(self) -> list[dict[str, Any]]:
        """Every frame as the page decodes it."""
        return codec.decode(self.payload["frames"])

    @classmethod
    def compare(
        cls,
        a: Iterable[Frame | Step],
        b: Iterable[Frame | Step],
        *,
        name: str,
        title: str,
        labels: tuple[str, str],
        asks: Asks | None = None,
        whys: Whys | None = None,
        view: Callable[[Step], Frame] | None = None,
    ) -> Player:
        """Two runs side by side, stepped by milestone: both wait for the slower."""
        made = cls.__new__(cls)
        data = _pairs(
            [f.data() for f in frames_of(a, view)], [f.data() for f in frames_of(b, view)]
        )
        payload = {"kind": "compare", "labels": list(labels)}
        made._finish(data, payload, name, title, asks, whys)
        return made


def attach(data: list[dict[str, Any]], asks: Asks, whys: Whys) -> None:
    """Put asks and whys at their milestones; an unknown name is an error."""
    if not 1 <= len(data) <= MAX_FRAMES:
        raise ViewError(
            f"{len(data)} frames, a player has 1 to {MAX_FRAMES}",
            hint="of a loop show the first, second and last round and say how many are the same",
        )
    places = {f["milestone"]: i for i, f in reversed(list(enumerate(data))) if "milestone" in f}
    for name in (*asks, *whys):
        if name not in places:
            raise unknown("milestone", name, places)
    for name, reason in whys.items():
        data[places[name]]["why"] = (Why(reason) if isinstance(reason, str) else reason).data()
    for name, ask in asks.items():
        _check_ask(name, ask, data, places[name])
        data[places[name]]["ask"] = ask.data


def _check_ask(name: str, ask: Ask, data: list[dict[str, Any]], place: int) -> None:
    words = len(ask.data["question"].split())
    if words > MAX_WORDS:
        raise ViewError(f"the ask at {name!r} has {words} words, at most {MAX_WORDS}")
    if place == len(data) - 1:
        raise ViewError(f"the ask at {name!r} is about a next frame, but that is the last one")
    frame = data[place]
    panels = [p for side in frame.get("sides", [frame]) for p in side["panels"]]
    titles = [p["title"] or p["kind"] for p in panels]
    if ask.data["kind"] == "pick" and "view" not in frame and ask.data["panel"] not in titles:
        raise unknown("panel", ask.data["panel"], titles)


def in_words(data: Sequence[dict[str, Any]]) -> str:
    """All captions, for a page without script and for a search."""
    items = "".join(f"<li>{markup.caption(f)}</li>" for f in data)
    return f"<details><summary>All {len(data)} steps in words</summary><ol>{items}</ol></details>"


def _overview(data: list[dict[str, Any]], name: str | None) -> list[float] | None:
    """The strip's heights: one counter over all frames."""
    if name is None:
        return None
    values = [{c["name"]: c["value"] for c in f["counters"]}.get(name) for f in data]
    if any(v is None for v in values):
        raise unknown(
            "counter in every frame", name, {c["name"] for f in data for c in f["counters"]}
        )
    return [float(str(v).replace(",", "")) for v in values]


def _pairs(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Line the runs up at their shared milestones; the shorter stretch waits."""
    marks = [{f["milestone"]: i for i, f in enumerate(run) if "milestone" in f} for run in (a, b)]
    shared = [m for m in marks[0] if m in marks[1]]
    if sorted(shared, key=lambda m: marks[1][m]) != shared:
        raise ViewError(f"the two runs reach their milestones in different order: {shared}")
    cuts = [(0, 0), *((marks[0][m], marks[1][m]) for m in shared), (len(a), len(b))]
    out: list[dict[str, Any]] = []
    for (a0, b0), (a1, b1) in pairwise(cuts):
        for k in range(max(a1 - a0, b1 - b0)):
            left = a[min(a0 + k, max(a1 - 1, a0))] if a1 > a0 else a[max(a0 - 1, 0)]
            right = b[min(b0 + k, max(b1 - 1, b0))] if b1 > b0 else b[max(b0 - 1, 0)]
            out.append(_pair(left, right, shared))
    return out


def _pair(left: dict[str, Any], right: dict[str, Any], shared: list[str]) -> dict[str, Any]:
    keep = ("caption", "counters", "panels")
    sides = [{k: f[k] for k in keep} for f in (left, right)]
    title = left["title"] if left["title"] == right["title"] else ""
    out: dict[str, Any] = {"title": title, "caption": "", "counters": [], "panels": []}
    named = [f["milestone"] for f in (left, right) if f.get("milestone") in shared]
    if len(named) == 2 and named[0] == named[1]:
        out["milestone"] = named[0]
    return {**out, "sides": sides}
