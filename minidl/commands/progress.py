"""Progress of what takes long: a bar on the terminal, after a second, and nothing elsewhere.

Chapter: none.
Sources: tqdm's documentation (`delay`, `disable=None`: only on a terminal).
Real: the same package, which production tools use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from minidl.core import step

DELAY_S = 1.0


@contextmanager
def counting(label: str, unit: str) -> Iterator[None]:
    """Counts the engine's steps within; nobody is asked where nobody looks."""
    if not sys.stderr.isatty():
        yield
        return
    from tqdm import tqdm

    bar = tqdm(desc=label, unit=unit, unit_scale=True, delay=DELAY_S, leave=False, file=sys.stderr)

    def heard(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        bar.update()

    with bar, step.listen(heard):
        yield
