"""A frame: one thought of a player, with its caption, counters and panels.

Chapter: every one.
Sources: Python Tutor's execution trace as a data format.
Real: a profiler's trace event carries a time and no sentence.

title      two or three words: what happened
caption    one sentence, present tense: what just happened and why
counters   up to four running numbers, {"sectors": 4} or {"bytes": (128, "B")}
milestone  a claim by which a chapter attaches an ask and a why ("half the warp waits")
panels     what is drawn (`viz.panel`)
tags       what "next branch" jumps to
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from minidl.core.errors import MinidlError
from minidl.core.step import Step

Panel = dict[str, Any]
Counter = Any  # a number, a string, or (number, unit)


class ViewError(MinidlError, ValueError):
    """A widget that was asked to show what it cannot."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a player; `data` is what the page gets."""

    title: str = ""
    caption: str = ""
    panels: Sequence[Panel] = ()
    counters: Mapping[str, Counter] = field(default_factory=dict)
    milestone: str | None = None
    tags: Sequence[str] = ()

    def data(self) -> dict[str, Any]:
        """The frame as JSON (frame format 1, whole)."""
        if len(self.counters) > 4:
            raise ViewError(
                f"frame {self.title!r} has {len(self.counters)} counters, at most 4 can be read",
                hint="keep those that end at the numbers the chapter asserts",
            )
        out: dict[str, Any] = {"title": self.title, "caption": self.caption}
        out["counters"] = [_counter(name, value) for name, value in self.counters.items()]
        if self.milestone:
            out["milestone"] = self.milestone
        if self.tags:
            out["tags"] = list(self.tags)
        out["panels"] = [dict(p) for p in self.panels]
        return out


@dataclass(frozen=True, slots=True)
class Why:
    """One clause of cause, and the place that makes it so."""

    text: str
    href: str | None = None
    link: str | None = None

    def data(self) -> dict[str, str]:
        """As JSON, without what is absent."""
        parts = {"text": self.text, "href": self.href, "link": self.link}
        return {k: v for k, v in parts.items() if v is not None}


def why(text: str, href: str | None = None, link: str | None = None) -> Why:
    """A why with a link to the rule, equation or paragraph: `why("…", "#eq-3", "equation 3")`."""
    return Why(text, href, link)


def show(value: Any, grouped: bool = True) -> str:
    """A number as the book prints it: integers exact, floats to four digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "1" if value else "0"
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int):
        return f"{value:,}" if grouped and abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        text = f"{value:.4g}"
        return "0" if text == "-0" else text
    return str(value)


def _counter(name: str, value: Counter) -> dict[str, str]:
    if isinstance(value, tuple):
        return {"name": name, "value": show(value[0]), "unit": str(value[1])}
    return {"name": name, "value": show(value)}


def frames_of(
    items: Iterable[Frame | Step], view: Callable[[Step], Frame] | None = None
) -> list[Frame]:
    """Frames as they are; steps through `view`, or by the names in their state."""
    return [item if isinstance(item, Frame) else _from_step(item, view) for item in items]


def _from_step(step: Step, view: Callable[[Step], Frame] | None) -> Frame:
    if view is not None:
        return view(step)
    if not isinstance(step.state, Mapping) or "panels" not in step.state:
        raise ViewError(
            f"step {step.title!r} has a state of {type(step.state).__name__} and no panels",
            hint="hand over view=, a function from a Step to a Frame",
        )
    return Frame(title=step.title, **step.state)


def unknown(what: str, name: object, known: Iterable[object]) -> ViewError:
    """The error for a name that is not there, with the nearest that is."""
    names = [str(k) for k in known]
    near = get_close_matches(str(name), names, n=1)
    there = ", ".join(repr(n) for n in names) or "none"
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {there}"
    return ViewError(f"no {what} is named {str(name)!r}; there are: {there}", hint=hint)


def check_name(name: str) -> str:
    """A widget's name stands in links (`#p=<name>.<frame>`) and must be stable."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ViewError(
            f"{name!r} is no name for a widget: expected small letters, digits and hyphens",
            hint="the name stands in links such as #p=mask-loop.12",
        )
    return name
