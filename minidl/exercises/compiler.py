"""Check of the primer on compilers: a function with a join, in single assignment.

Chapter: primers/compiler.
Sources: LLVM's own parser and verifier; the walk of `minidl.ir.llvm.blocks`.
Real: `opt -passes=verify`.
"""

from __future__ import annotations

from typing import Any

from minidl.core.errors import MinidlError
from minidl.exercises.verdict import exercise, need
from minidl.ir.llvm import blocks

CASES = ((300, 255), (256, 255), (255, 255), (7, 7), (0, 0), (-5, 0))


@exercise("LLVM accepts it, no memory is touched, and both ways lead to the right number.")
def check_clip(text: Any) -> None:
    """`text` is LLVM IR of `@clip(i32 %n)`: n, but at most 255 and at least 0; no stores."""
    need(isinstance(text, str), f"a text was expected, came {type(text).__name__}")
    need("@clip(i32 %n)" in text, "the text defines no `@clip(i32 %n)`")
    try:
        blocks.check(text)
        ways = {n: list(blocks.walk(text, n)) for n, _ in CASES}
    except (MinidlError, KeyError, ValueError) as error:
        need(False, str(getattr(error, "message", error)), "one name, one place: use a phi")
    need(not any(way[-1].memory for way in ways.values()), "it touches memory", "use a phi instead")
    for n, want in CASES:
        got = ways[n][-1].result
        path = " → ".join(visit.block.label for visit in ways[n])
        need(got == want, f"clip({n}) is {got}, expected {want}; the way was {path}")
