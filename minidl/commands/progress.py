"""Progress of what takes long: a bar on a terminal after a second, elsewhere a line at times.

Chapter: none.
Sources: tqdm's documentation (`delay`: nothing is drawn before).
Real: the same package, which production tools use.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from minidl.core import step

DELAY_S = 1.0
QUIET_S = 3.0  # where nobody looks: until the first line, and between two


@contextmanager
def counting(label: str, unit: str) -> Iterator[None]:
    """Counts the engine's steps within, and shows that they go on."""
    with (_bar if sys.stderr.isatty() else _lines)(label, unit):
        yield


@contextmanager
def _bar(label: str, unit: str) -> Iterator[None]:
    from tqdm import tqdm

    bar = tqdm(desc=label, unit=unit, unit_scale=True, delay=DELAY_S, leave=False, file=sys.stderr)

    def heard(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        bar.update()

    with bar, step.listen(heard):
        yield


@contextmanager
def _lines(label: str, unit: str) -> Iterator[None]:
    """A thread that says so when it takes long; steps are not listened to before that."""
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(label, unit, over), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _tell(label: str, unit: str, over: threading.Event) -> None:
    began = time.monotonic()
    if over.wait(QUIET_S):
        return
    count, before = itertools.count(), -1

    def heard(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        next(count)

    with step.listen(heard):
        seen = ""
        while True:
            said = f"{label}: running for {time.monotonic() - began:.0f} s{seen}"
            print(said, file=sys.stderr, flush=True)
            if over.wait(QUIET_S):
                return
            now = next(count)
            rate = (now - before - 1) / QUIET_S
            seen, before = f", {rate:,.0f} {unit}s a second" if rate else "", now
