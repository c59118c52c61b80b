"""For tests: what a widget carries, read back from its html alone.

Chapter: none (the book's machinery).
Sources: house style, "tests are honest".
Real: none.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from minidl.viz import codec
from minidl.viz.frame import ViewError


class _Scripts(HTMLParser):
    """Collects the JSON of every widget in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and dict(attrs).get("type") == "application/json":
            self._inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def payloads(html: str) -> list[dict[str, Any]]:
    """Every widget's payload in a page or an output; other JSON scripts are passed over."""
    reader = _Scripts()
    reader.feed(html)
    found = [json.loads(text) for text in reader.found]
    return [p for p in found if isinstance(p, dict) and {"v", "kind", "name"} <= p.keys()]


def decode(html: Any) -> dict[str, Any]:
    """The one payload of a widget (or of its html), its frames unpacked."""
    found = payloads(html if isinstance(html, str) else html.html)
    if len(found) != 1:
        raise ViewError(f"expected the html of one widget, found {len(found)}")
    return unpack(found[0])


def unpack(payload: dict[str, Any]) -> dict[str, Any]:
    """A payload with whole frames in place of packed ones; packing again gives it back."""
    if payload["v"] != 1:
        raise ViewError(f"frame format {payload['v']} is not known, expected 1")
    out = dict(payload)
    for key in ("frames", "tour"):
        if key in payload:
            out[key] = codec.decode(payload[key])
            if codec.encode(out[key]) != payload[key]:
                raise ViewError(f"{payload['name']}: packing the frames again gives other bytes")
    return out


def check_text(widget: Any) -> list[str]:
    """Each frame's words: milestone, title, caption and counters, as one line."""
    data = decode(widget)
    out = []
    for frame in data.get("frames") or data.get("tour") or data["variants"]:
        counters = [f"{c['name']} {c['value']}" for c in frame.get("counters", [])]
        words = [frame.get("milestone"), frame.get("title"), frame.get("caption")]
        words += [frame.get("question"), *counters]
        out.append(" | ".join(w for w in words if w))
    return out


def shortcomings(payload: dict[str, Any]) -> list[str]:
    """What the house's grammar misses in a decoded player; empty is good."""
    frames = payload.get("frames") or payload.get("tour") or []
    if payload["kind"] not in ("player", "compare", "stack") or not frames:
        return []
    miles = [f for f in frames if f.get("milestone")]
    out = [] if 3 <= len(miles) <= 7 else [f"{len(miles)} milestones, expected 3 to 7"]
    if not any(f.get("ask") for f in frames):
        out.append("asks nothing before it tells")
    out += [f"milestone {f['milestone']!r} has no why" for f in miles if not f.get("why")]
    sides = [s for f in frames for s in f.get("sides", [f])]
    out += [f"frame {s.get('title')!r} has no caption" for s in sides if not s["caption"]]
    return out
