"""`viz.source`: the engine's own source on the page, from the package, with its place.

Chapter: every one ("The engine's code for it").
Sources: none.
Real: Sphinx's `literalinclude` copies a file; this shows the object that runs.
"""

from __future__ import annotations

import inspect
import sys
from html import escape
from pathlib import Path
from textwrap import dedent
from typing import Any

from minidl.viz import live
from minidl.viz.frame import ViewError


class Source:
    """A listing of one object's source; displays as html, coloured by the page's script."""

    def __init__(self, obj: Any) -> None:
        text, self.start, self.path = _lines(obj)
        self.text = dedent(text).rstrip("\n")
        where = f"{self.path}:{self.start}"
        attrs = f'data-minidl-source data-lang="python" data-start="{self.start}"'
        self.html = (
            f'<div class="mdl mdl-source" {attrs} data-label="source of {escape(where)}">'
            f'<div class="mdl-source-where">{escape(where)}</div>'
            f"<pre>\n{escape(self.text)}\n</pre></div>"
        )

    def __repr__(self) -> str:
        return f"<source {self.path}:{self.start}>"

    def _repr_html_(self) -> str:
        return self.html

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self.html, **live.view(self.html)}


def source(obj: Any) -> Source:
    """The source of a function, class, method or module of the engine, with path and line."""
    return Source(inspect.unwrap(obj) if callable(obj) else obj)


def _lines(obj: Any) -> tuple[str, int, str]:
    try:
        lines, start = inspect.getsourcelines(obj)
        file = inspect.getsourcefile(obj) or ""
    except (TypeError, OSError) as why:
        raise ViewError(
            f"no source is known of {type(obj).__name__} {obj!r}",
            hint="hand over a function, class, method or module",
        ) from why
    return "".join(lines), max(1, start), _short(file)


def _short(file: str) -> str:
    """The path inside the package's tree, the same on every machine."""
    path = Path(file).as_posix()
    roots = sorted((Path(p or ".").resolve().as_posix() for p in sys.path), key=len, reverse=True)
    if "/minidl/" in path:
        return "minidl/" + path.rsplit("/minidl/", 1)[1]
    return next((path[len(r) + 1 :] for r in roots if path.startswith(r + "/")), Path(file).name)
