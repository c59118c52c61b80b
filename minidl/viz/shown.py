"""What every widget is: a payload, its markup, and the ways a notebook asks for them.

Chapter: none (the book's machinery).
Sources: IPython, "Rich display", `_repr_mimebundle_`.
Real: an ipywidget is a pair of models kept equal over a socket.
"""

from __future__ import annotations

from html import escape
from typing import Any

from minidl.viz import codec, live
from minidl.viz.frame import ViewError, check_name

LIMIT_BYTES = 60_000


class Shown:
    """A widget with a stable name, its data (`payload`) and a fallback (`static`)."""

    kind = ""  # what `data-minidl` says
    classes = ""  # further classes of the root

    def __init__(self, name: str, title: str, payload: dict[str, Any], static: str) -> None:
        self.name, self.title = check_name(name), title
        self.payload = {"v": 1, "name": name, "title": title, **payload}
        self.html = self._html(static)
        self._check_size()

    limit_bytes = LIMIT_BYTES

    def _html(self, static: str) -> str:
        data = f'<script type="application/json">{codec.dumps(self.payload)}</script>'
        attrs = f'data-minidl="{self.kind}" data-name="{escape(self.name)}" role="group"'
        label = escape(self.title or self.name, quote=True)
        classes = f"mdl mdl-{self.payload['kind']} {self.classes}".strip()
        head = f'<p class="mdl-title">{escape(self.title)}</p>' if self.title else ""
        inner = f'<div class="mdl-static">{head}{static}</div>'
        return f'<div class="{classes}" {attrs} aria-label="{label}">{inner}{data}</div>'

    def _check_size(self) -> None:
        size = len(self.html.encode())
        if size > self.limit_bytes:
            raise ViewError(
                f"{self!r} takes {size:,} bytes, a widget may take {self.limit_bytes:,}",
                hint="show fewer frames (first, second, last round) or smaller panels",
            )

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    def _repr_html_(self) -> str:
        return self.html

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self.html, **live.view(self.html)}
