"""`viz.rewriting`: a player on the rewrite driver, each change with its rule and reason.

Chapter: ir/rewriting.
Sources: the steps of `minidl.ir.rewriting.watch`.
Real: MLIR's `-debug-only=greedy-rewriter` prints the same as text, all of it.

A run is made twice: once to hear the titles and choose at most sixty frames, once to print
the module at those alone.  Of each rule the first, second and last use are chosen first;
what lies between two frames is one frame that counts it.

milestones   "as it comes"; "<pass> is done"; and the rules named in `milestones`, `asks`, `whys`
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from minidl.core import step
from minidl.ir.mlir.module import Module
from minidl.ir.rewriting.driver import Pattern, Reasons, rewrite
from minidl.ir.rewriting.manager import Pass, PassManager, Runs
from minidl.ir.rewriting.watch import Change
from minidl.viz import panel
from minidl.viz.ask import Ask
from minidl.viz.frame import Frame, Panel
from minidl.viz.player import MAX_FRAMES, Player, Whys

START, DONE = "as it comes", "{} is done"
WIDEST = 150  # characters of a line; what follows is left out


@dataclass(frozen=True, slots=True)
class Heard:
    """One step: its title, and the name of a pass that ended with it (or nothing)."""

    title: str
    ended: str

    @property
    def rule(self) -> str:
        return self.title.partition(": ")[0]


def rewriting(
    module: Module,
    passes: Sequence[Runs | Pattern] | None = None,
    *,
    name: str = "rewriting",
    title: str = "The rewriting, change by change",
    asks: Mapping[str, Ask] | None = None,
    whys: Whys | None = None,
    milestones: Iterable[str] = (),
    most: int = MAX_FRAMES,
    height: int = 18,
    player: type[Player] = Player,
) -> Player:
    """Play passes, or bare patterns, over a module (the pipeline of XLA's part when None).

    most     frames at most; a long run is shortened
    height   lines of the module that are shown at once
    """
    run = _runner(module, passes)
    heard = hear(run)
    frames = chosen(heard, most)
    changes = states(run, {i for f in frames for i in (f.start - 1, f.stop - 1)} - {-1})
    names = {START, *milestones, *(asks or {}), *(whys or {})}
    reasons = _whys(passes)
    drawn = list(_frames(frames, heard, changes, names, reasons, height))
    own = {f.milestone: reasons[f.milestone] for f in drawn if f.milestone in reasons}
    return player(
        drawn, name=name, title=title, asks=asks, whys={**own, **(whys or {})}, overview="ops left"
    )


# -- the two runs ------------------------------------------------------------------------


def _runner(module: Module, passes: Sequence[Runs | Pattern] | None) -> Callable[[], Module]:
    if passes is None:
        from minidl.xla.passes import PIPELINE

        passes = PIPELINE
    patterns = [p for p in passes if isinstance(p, Pattern)]
    runs: list[Runs] = [p for p in passes if not isinstance(p, Pattern)]
    if patterns:

        def change(module: Module, reasons: Reasons) -> bool:
            return rewrite(module, patterns, reasons) > 0

        runs.append(Pass("patterns", "", change))
    return lambda: PassManager(runs).run(module)


def _whys(passes: Sequence[Runs | Pattern] | None) -> dict[str, str]:
    """The reason that each pass gives for keeping the meaning, by its milestone."""
    return {DONE.format(p.name): p.why for p in passes or () if isinstance(p, Pass) and p.why}


def hear(run: Callable[[], Module]) -> list[Heard]:
    """The titles of a run's steps, no state printed."""
    out: list[Heard] = []

    def listener(title: str, where: Any, state: Any) -> None:
        out.append(Heard(title, where if isinstance(where, str) else ""))

    with step.listen(listener):
        run()
    return out


def states(run: Callable[[], Module], wanted: set[int]) -> dict[int, Change]:
    """The states of a few steps, by number."""
    out: dict[int, Change] = {}
    number = -1

    def listener(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        nonlocal number
        number += 1
        if number in wanted and state is not None:
            out[number] = state()

    with step.listen(listener):
        run()
    return out


# -- which steps are frames --------------------------------------------------------------


def chosen(heard: Sequence[Heard], most: int) -> list[range]:
    """The steps that each frame stands for: one, or a stretch that is counted."""
    whole = _stretches(_without_sameness(heard), len(heard))
    if len(whole) <= most:
        return whole
    wish = _by_interest(heard)
    for count in range(min(most, len(wish)), 0, -1):
        frames = _stretches(sorted(wish[:count]), len(heard))
        if len(frames) <= most:
            return frames
    return [range(len(heard))]


def _without_sameness(heard: Sequence[Heard]) -> list[int]:
    """All steps, but of one rule many times in a row the first two and the last."""
    out: list[int] = []
    for _, group in groupby(range(len(heard)), lambda i: (heard[i].rule, heard[i].ended)):
        row = list(group)
        out += row if len(row) <= 4 else [row[0], row[1], row[-1]]
    return out


def _by_interest(heard: Sequence[Heard]) -> list[int]:
    """First the ends, then each rule's first, second and last use, the commonest rule first."""
    uses: dict[str, list[int]] = {}
    for i, one in enumerate(heard):
        if i and not one.ended:
            uses.setdefault(one.rule, []).append(i)
    ends = [i for i, one in enumerate(heard) if one.ended]
    common = sorted(uses.values(), key=len, reverse=True)
    picked = [0, len(heard) - 1, *reversed(ends)]
    for place in (0, 1, -1):
        picked += [u[place] for u in common if len(u) > place]
    return list(dict.fromkeys(picked))


def _stretches(kept: Sequence[int], total: int) -> list[range]:
    out, at = [], 0
    for i in (*kept, total):
        if i > at:
            out.append(range(at, i))
        if i < total:
            out.append(range(i, i + 1))
        at = i + 1
    return out


# -- frames ------------------------------------------------------------------------------


def _frames(
    frames: Sequence[range],
    heard: Sequence[Heard],
    changes: Mapping[int, Change],
    names: set[str],
    reasons: dict[str, str],
    height: int,
) -> Iterator[Frame]:
    seen: set[str] = set()
    for steps in frames:
        last, now = heard[steps.stop - 1], changes[steps.stop - 1]
        before = changes.get(steps.start - 1)
        counters = {"ops left": now.ops, "rewrites": _rewrites(heard[: steps.stop])}
        if now.waiting:
            counters["waiting"] = len(now.waiting)
        milestone = _milestone(steps, last, names - seen)
        if len(steps) > 1:
            title, caption = f"{len(steps)} more", _counted(heard[steps.start : steps.stop], now)
            panels = [_module(now, before, height)]
        else:
            title, caption = _said(last, now)
            panels = [*_change(now), _module(now, before, height)]
        if milestone:
            seen.add(milestone)
            if now.why:
                reasons.setdefault(milestone, now.why)
        yield Frame(title, caption, panels, counters, milestone, [last.ended] if last.ended else ())


def _rewrites(heard: Sequence[Heard]) -> int:
    return sum(not one.ended for one in heard[1:])


def _milestone(steps: range, last: Heard, names: set[str]) -> str | None:
    if steps.stop == 1:
        return START
    if last.ended:
        return DONE.format(last.ended)
    return last.rule if len(steps) == 1 and last.rule in names else None


def _said(one: Heard, now: Change) -> tuple[str, str]:
    """Title and sentence of one step."""
    rule, colon, rest = one.title.partition(": ")
    if not colon:
        return "before", f"The module has {now.ops} ops; no pattern has looked at it yet."
    if one.ended:
        same = re.fullmatch(r"(\d+) ops became \1", rest)
        return (
            rule,
            f"The pass `{rule}` is done: {'as many ops as before.' if same else rest + '.'}",
        )
    why = now.why.partition(": ")[2] if now.why.startswith("dead") else now.why
    what = code(rest)
    return rule, f"{what[:1].upper()}{what[1:]}{f': {why}' if why else ''}."


def code(text: str) -> str:
    """Names of ops and functions set as code."""
    return re.sub(r"@[\w.$]+|\b[a-z]+(?:\.[a-z_0-9]+)+\b", r"`\g<0>`", text)


def _counted(heard: Sequence[Heard], now: Change) -> str:
    counts = Counter(one.rule for one in heard if not one.ended)
    parts = [
        f"`{rule}` {n} times" if n > 1 else f"`{rule}` once" for rule, n in counts.most_common()
    ]
    more = f" and {len(parts) - 5} other rules" if len(parts) > 5 else ""
    return f"Shortened here: {', '.join(parts[:5])}{more}; {now.ops} ops are left."


def _change(now: Change) -> list[Panel]:
    """The lines that went and the lines that came."""
    if not now.before and not now.after:
        return []
    gone = [cut(line) for line in now.before[:4]]
    came = [cut(line) for line in now.after[:6]]
    return [
        panel.code(gone or ["(nothing)"], changed=(), title="it was", side="wide"),
        panel.code(came or ["(nothing)"], range(1, len(came) + 1), (), title="it is", side="wide"),
    ]


def _module(now: Change, before: Change | None, height: int) -> Panel:
    """The function in which it happened, or a window of it."""
    old = dict(_numbered(before)) if before else {}
    fresh = {n for n, line in _numbered(now) if before and old.get(n) != line}
    places = [i for i, (_, n) in enumerate(now.lines) if n in now.made or n in fresh]
    where = places[0] if places else _place_of_gone(now, before)
    first, last = window([line for line, _ in now.lines], where, height)
    shown = now.lines[first:last]
    numbers = {n: i for i, (_, n) in enumerate(shown, first + 1) if n >= 0}
    return panel.code(
        [cut(line) for line, _ in shown],
        [numbers[n] for n in now.made if n in numbers],
        [numbers[n] for n in fresh - set(now.made) if n in numbers],
        title="the module now",
        note=f"lines {first + 1} to {last} of {len(now.lines)}"
        if last - first < len(now.lines)
        else "",
        start=first + 1,
        side="wide",
    )


def _numbered(change: Change) -> Iterator[tuple[int, str]]:
    return ((n, line.strip()) for line, n in change.lines if n >= 0)


def _place_of_gone(now: Change, before: Change | None) -> int:
    rows = [n for _, n in before.lines] if before else []
    return next((min(rows.index(n), len(now.lines) - 1) for n in now.gone if n in rows), 0)


def window(lines: Sequence[str], where: int, height: int) -> tuple[int, int]:
    """First and one past the last line to show around `where`, inside one function if it fits."""
    if len(lines) <= height:
        return 0, len(lines)
    starts = [i for i, line in enumerate(lines) if line.lstrip().startswith("func.func")]
    where = max(where, starts[0] if starts else 0)
    top = max((i for i in starts if i <= where), default=0)
    end = min((i for i in starts if i > where), default=len(lines))
    end = max(end, min(top + height, len(lines)))  # a short function stands with the next
    first = max(top, min(where - height // 3, end - height))
    return first, min(first + height, end)


def cut(line: str, widest: int = WIDEST) -> str:
    """A line no longer than can be read; constants of thousands of digits are."""
    return line if len(line) <= widest else line[: widest - 20] + " … " + line[-17:]
