"""Verdicts on the reader's code: ✓ with what it showed, or ✗ with what to look at.

Chapter: every one ("Your turn").
Sources: house style, "Errors teach".
Real: nbgrader compares outputs with hidden tests and shows the failing assert.

A check is a function marked `@exercise("what it showed")` that returns when all is well:

    @exercise("One slope costs two runs of the network.")
    def check_slope(slope):
        got = call(slope, square, 3.0)
        need(got != 3.0, "that is the value, not the slope")
        near(got, 6.0, 1e-6, "the slope of w² at 3")
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError

Judge = Callable[..., None]


class NotYet(MinidlError):
    """The reader's answer is not right yet; the message names the likely mistake."""


@dataclass(frozen=True)
class Verdict:
    """What a check says; shows itself as the result of a cell, true when all is well."""

    ok: bool
    message: str
    hint: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        head = "✓ " if self.ok else "✗ not yet: "
        return head + self.message + (f"\nhint: {self.hint}" if self.hint else "")


def exercise(praise: str) -> Callable[[Judge], Callable[..., Verdict]]:
    """Make a check of a judge: `NotYet` becomes ✗ with its message, a return ✓ and `praise`.

    Any other exception is a mistake of the judge and is not caught.
    """

    def wrap(judge: Judge) -> Callable[..., Verdict]:
        @functools.wraps(judge)
        def check(*answers: Any) -> Verdict:
            try:
                judge(*answers)
            except NotYet as why:
                return Verdict(False, why.message, why.hint or "")
            return Verdict(True, praise)

        return check

    return wrap


def need(condition: object, message: str, hint: str = "") -> None:
    """Stop with `message` unless the condition holds."""
    if not condition:
        raise NotYet(message, hint=hint or None)


def call(function: Any, *args: Any) -> Any:
    """The reader's function at `args`; what it raises, or a stub's None, becomes `NotYet`."""
    need(callable(function), f"expected a function, came {type(function).__name__}")
    name = getattr(function, "__name__", "your function")
    try:
        with np.errstate(all="ignore"):
            result = function(*args)
    except Exception as error:
        first = str(error).split("\n")[0]
        hint = getattr(error, "hint", None) or ""
        raise NotYet(f"`{name}` raised {type(error).__name__}: {first}", hint=hint) from error
    if result is None or result is Ellipsis:
        raise NotYet(f"`{name}` returns nothing", hint="replace the `...` and return the result")
    return result


def near(got: Any, want: Any, limit: float, what: str, hint: str = "") -> None:
    """`got` has the shape of `want` and no element is further from it than `limit`."""
    want = np.asarray(want, np.float64)
    try:
        values = np.asarray(got, np.float64)
    except (TypeError, ValueError) as error:
        raise NotYet(f"{what} is no number but {type(got).__name__}", hint=hint) from error
    shapes = f"{what}: shape {list(values.shape)} came, {list(want.shape)} was expected"
    need(values.shape == want.shape, shapes, hint)
    far = ~(np.abs(values - want) <= limit)
    if not far.any():
        return
    at = tuple(int(i) for i in np.argwhere(far)[0])
    place = f" at {list(at)}" if at else ""
    raise NotYet(
        f"{what}{place}: {values[at]:.6g} came, {want[at]:.6g} was expected", hint=hint or None
    )
