"""Steps: what an engine says about itself while somebody listens.

Chapter: every one (each player plays a list of steps).
Real: an execution trace as data, as in Python Tutor; no production compiler
labels its own states, which is why their debug dumps are hard to read.

title   one line, present tense: what just happened
where   the object or place it happened to (an op, a line, a pass), or None
state   a plain value, already a snapshot: it must not change afterwards
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One labelled state; the label travels with the state and cannot slip."""

    title: str
    where: Any = None
    state: Any = None


Listener = Callable[[str, Any, "Callable[[], Any] | None"], None]

_listeners: list[Listener] = []


def listening() -> bool:
    """Whether anybody records; ask before building an expensive state."""
    return bool(_listeners)


def emit(title: str, where: Any = None, state: Callable[[], Any] | None = None) -> None:
    """Hand a step to whoever listens; `state` is called only by who wants it."""
    for listener in _listeners:
        listener(title, where, state)


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Call `listener(title, where, state)` at each step inside the `with` block, as it
    happens; `state` is not called yet (a counter of millions of steps never does)."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def record() -> Iterator[list[Step]]:
    """Collect the steps emitted inside the `with` block into a list."""
    steps: list[Step] = []

    def keep(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        steps.append(Step(title, where, state() if state else None))

    with listen(keep):
        yield steps
