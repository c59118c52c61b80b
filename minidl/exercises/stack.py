"""Checks for the exercises of chapter `stack`.

Chapter: stack.
A check runs the reader's function, says what it found, and returns whether it is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import xla


def trips(f: Callable[[int, int], Any]) -> bool:
    """`f(n, lanes)` is (full rounds, elements left over)."""
    for n, lanes in ((1024, 8), (1000, 16), (7, 8), (0, 4)):
        got, want = f(n, lanes), divmod(n, lanes)
        if got != want:
            print(f"not yet: f({n}, {lanes}) is {got!r}, expected {want}")
            print("hint: a round needs all its lanes; what is left over is done apart")
            return False
    print("right: full rounds and a remainder, as the compiler cuts a loop")
    return True


def two_loads(f: Callable[..., Any]) -> bool:
    """`f(x, w)` compiles to one loop of two vector loads and one store."""
    x = np.linspace(-1, 1, 1024, dtype=np.float32)
    try:
        loops = xla.compile(f, x, x[::-1].copy(), target="x86-64-v3").stages.loops.text
    except Exception as error:  # the reader's code may fail in any way
        print(f"not yet: it does not compile: {str(error).splitlines()[0]}")
        print("hint: return an array made of x and w, with mnp's functions")
        return False
    counts = {word: loops.count(word) for word in ("scf.for", "vector.load", "vector.store")}
    lines = len([t for t in _body(f) if t.strip()])
    if counts != {"scf.for": 1, "vector.load": 2, "vector.store": 1} or lines < 4:
        found = ", ".join(f"{n} × {word}" for word, n in counts.items())
        print(f"not yet: {lines} lines of Python became {found}")
        print("hint: use x and w several times; each is still read once")
        return False
    print("right: four lines, one loop, two loads, one store")
    return True


def _body(f: Callable[..., Any]) -> list[str]:
    """The source lines of a function after its head and docstring."""
    import ast
    import inspect
    import textwrap

    tree = ast.parse(textwrap.dedent(inspect.getsource(f))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    return [ast.unparse(statement) for statement in body]
