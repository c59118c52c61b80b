"""The one script and the one style sheet, joined from their small sources.

Chapter: none (the book's machinery).
Sources: house style, "ES modules do not load on file://".
Real: a bundler such as esbuild; ten lines do where nothing is to be resolved.

`python -c "from minidl.viz import assets; assets.write()"` writes `static/minidl.js`
and `static/minidl.css`; a test holds both to their sources.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
STATIC = HERE / "static"

SCRIPTS = (
    "core",
    "decode",
    "highlight",
    "panel-code",
    "panel-grid",
    "panel-table",
    "panel-bars",
    "panel-text",
    "panel-graph",
    "panel-timeline",
    "panel-nest",
    "panels",
    "pick",
    "ask",
    "say",
    "player",
    "player-parts",
    "explorer",
    "puzzle",
    "puzzle-kinds",
    "stack-kin",
    "stack",
    "stack-start",
    "boot",
)


def joined_script() -> str:
    """All scripts inside one function, so that only `window.minidl` leaves it."""
    parts = [(HERE / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    body = "\n".join(parts)
    return (  # a page with an element of id "minidl" has a `window.minidl` that is not ours
        "/* Joined from minidl/viz/js by minidl/viz/assets.py: edit there. */\n"
        "(function () {\n'use strict';\nif (window.minidl && window.minidl.hydrate) return;\n\n"
        f"{body}}}());\n"
    )


def joined_style() -> str:
    """All style sheets, in the order of their names."""
    parts = [p.read_text(encoding="utf-8") for p in sorted((HERE / "css").glob("*.css"))]
    head = "/* Joined from minidl/viz/css by minidl/viz/assets.py: edit there. */\n"
    return head + "\n".join(parts)


def script() -> str:
    """The joined script as the package carries it."""
    return (STATIC / "minidl.js").read_text(encoding="utf-8")


def stylesheet() -> str:
    """The joined style sheet as the package carries it."""
    return (STATIC / "minidl.css").read_text(encoding="utf-8")


def write() -> None:
    """Join both anew."""
    STATIC.mkdir(exist_ok=True)
    (STATIC / "minidl.js").write_text(joined_script(), encoding="utf-8", newline="\n")
    (STATIC / "minidl.css").write_text(joined_style(), encoding="utf-8", newline="\n")
