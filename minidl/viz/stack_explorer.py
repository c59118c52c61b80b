"""The stack explorer: every stage of one program, lines tied by where they came from.

Chapter: stack, step.
Sources: Compiler Explorer (lines of source and assembly share a colour).
Real: DWARF line tables, MLIR `-mlir-print-debuginfo`; they lose merged ops.

Plain data in: two lines, of any stages, are related when their id sets meet; a line
that stands for three or more others of its column (a call, a return) is a far relative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from minidl.viz import codec, markup
from minidl.viz.ask import Ask
from minidl.viz.frame import Frame, ViewError, unknown
from minidl.viz.player import Whys, attach, in_words
from minidl.viz.shown import Shown

LANG = {
    "python": "python",
    "llvm": "llvm",
    "asm": "asm",
    "x86": "asm",
    "arm64": "asm",
    "ptx": "ptx",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and the ids (of source spans, of ops) that it stands for."""

    text: str
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One column: `name` is its key, `counts` stand in its tab head (ops, bytes …)."""

    name: str
    title: str
    lines: Sequence[Line]
    counts: Mapping[str, str] = field(default_factory=dict)
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Tour:
    """One picture of the guided tour: `show` two or three stages, mark `lines` {stage: [1, 2]}."""

    caption: str
    show: Sequence[str]
    lines: Mapping[str, Sequence[int]] = field(default_factory=dict)
    title: str = ""
    milestone: str | None = None
    ask: Ask | None = None


class StackExplorer(Shown):
    """Columns of stages; pointing marks relatives, clicking pins, a tour plays over it."""

    kind = "Explorer"
    classes = "full-width"  # the book's theme clears the margin beside it
    limit_bytes = 240_000

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        name: str,
        title: str = "One line, all the way down",
        tour: Sequence[Tour] = (),
        whys: Whys | None = None,
    ) -> None:
        _check_stages(stages)
        sets: dict[tuple[int, ...], int] = {}
        columns = [_column(stage, sets) for stage in stages]
        frames = _tour(tour, {s.name: s for s in stages}, whys or {})
        payload: dict[str, Any] = {"kind": "stack", "stages": columns}
        payload["sets"] = [list(s) for s in sets]
        payload["tour"] = codec.encode(frames)
        words = in_words(frames) if frames else ""
        texts = (_static(stage, i < 2) for i, stage in enumerate(stages))
        super().__init__(name, title, payload, "".join(texts) + words)

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The tour's frames as the page decodes them."""
        return codec.decode(self.payload["tour"])


def stack_of(stages: Sequence[Stage], *, name: str = "stack", **more: Any) -> StackExplorer:
    """The explorer of stages that somebody else has made (`viz.stack` makes them)."""
    return StackExplorer(stages, name=name, **more)


def stack(f: Any, *args: Any, name: str = "stack", **more: Any) -> StackExplorer:
    """The stack explorer of the reader's own function: traced, compiled, tied line by line."""
    from minidl.viz.stages import stages_of

    return stack_of(stages_of(f, *args), name=name, **more)


def _check_stages(stages: Sequence[Stage]) -> None:
    names = [s.name for s in stages]
    if len(stages) < 2 or len(set(names)) != len(names):
        raise ViewError(f"expected two or more stages of different names, came {names}")
    for stage in stages:
        if not stage.name.isidentifier():
            raise ViewError(f"{stage.name!r} is no name for a stage: expected an identifier")
        for i, line in enumerate(stage.lines, 1):
            if "\n" in line.text:
                raise ViewError(f"line {i} of stage {stage.name!r} holds a line break")


def _column(stage: Stage, sets: dict[tuple[int, ...], int]) -> dict[str, Any]:
    ids = [sets.setdefault(tuple(sorted(set(line.ids))), len(sets)) for line in stage.lines]
    lang = stage.lang or LANG.get(stage.name, "mlir")
    counts = [[k, str(v)] for k, v in stage.counts.items()]
    return {"name": stage.name, "title": stage.title, "lang": lang, "counts": counts, "ids": ids}


def _tour(tour: Sequence[Tour], stages: Mapping[str, Stage], whys: Whys) -> list[dict[str, Any]]:
    """Frames whose pictures are stages shown and lines marked."""
    if not tour:
        return []
    frames = []
    for one in tour:
        _check_tour(one, stages)
        data = Frame(one.title, one.caption, milestone=one.milestone).data()
        lines = {k: list(v) for k, v in one.lines.items()}
        frames.append({**data, "view": {"show": list(one.show), "lines": lines}})
    asks = {t.milestone: t.ask for t in tour if t.ask and t.milestone}
    if any(t.ask and not t.milestone for t in tour):
        raise ViewError("a frame of the tour asks, but has no milestone to ask at")
    attach(frames, asks, whys)
    return frames


def _check_tour(one: Tour, stages: Mapping[str, Stage]) -> None:
    if not 1 <= len(one.show) <= 3:
        raise ViewError(f"a frame of the tour shows {len(one.show)} stages, expected one to three")
    for name in (*one.show, *one.lines):
        if name not in stages:
            raise unknown("stage", name, stages)
    for name, numbers in one.lines.items():
        for n in numbers:
            if not 1 <= n <= len(stages[name].lines):
                raise ViewError(f"stage {name!r} has no line {n}; it has {len(stages[name].lines)}")
    if one.ask and one.ask.data["kind"] == "pick":
        titles = {stages[s].title for s in one.show}
        if one.ask.data["panel"] not in titles:
            raise unknown("stage shown", one.ask.data["panel"], titles)


def _static(stage: Stage, unfolded: bool) -> str:
    """The stage as text; the script reads its lines from here, so they stand once."""
    counts = ", ".join(f"{v} {k}" for k, v in stage.counts.items())
    head = markup.rich(stage.title) + (f" ({escape(counts)})" if counts else "")
    text = escape("\n".join(line.text for line in stage.lines))
    body = f'<pre data-stage="{escape(stage.name)}">\n{text}</pre>'
    return f"<details{' open' * unfolded}><summary>{head}</summary>{body}</details>"
