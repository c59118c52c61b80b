"""Checks of chapter `stack`: trips of a loop, and a function with two loads.

Chapter: stack.
Sources: the engine itself: the reader's function is compiled and its loop is read.
Real: Compiler Explorer, by eye.

n      elements of an array
lanes  elements of one trip
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import numpy as np

from minidl import xla
from minidl.exercises.verdict import call, exercise, need


@exercise("Full trips and a rest: the compiler cuts a loop in the same place.")
def check_trips(trips: Any) -> None:
    """`trips(n, lanes)` is (full trips, elements left over)."""
    for n, lanes in ((1024, 8), (1000, 16), (7, 8), (0, 4)):
        got, want = call(trips, n, lanes), divmod(n, lanes)
        need(
            got == want,
            f"trips({n}, {lanes}) is {got!r}, expected {want}",
            "a trip needs all its lanes; what is left over is done apart",
        )


@exercise("Four lines, one loop, two loads, one store.")
def check_two_loads(two_loads: Any) -> None:
    """`two_loads(x, w)` compiles to one loop of two vector loads and one store."""
    x = np.linspace(-1, 1, 1024, dtype=np.float32)
    exe = call(xla.compile, two_loads, x, x[::-1].copy())
    loops = exe.stages.loops.text
    counts = {word: loops.count(word) for word in ("scf.for", "vector.load", "vector.store")}
    found = ", ".join(f"{n} × {word}" for word, n in counts.items())
    need(
        counts == {"scf.for": 1, "vector.load": 2, "vector.store": 1},
        f"your function became {found}",
        "use x and w as often as you like: each is read once",
    )
    lines = len(_body(two_loads))
    need(lines >= 4, f"{lines} lines of Python, four were asked for")


def _body(f: Any) -> list[str]:
    """The statements of a function after its docstring."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(f))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    return [ast.unparse(statement) for statement in body]
