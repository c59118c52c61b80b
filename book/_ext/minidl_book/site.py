"""The site: nothing from a third party, no script twice, our widgets on every page.

Real: jupyter-book enables sphinx-thebe always; it names a script host on every page and
declares one constant twice, which is an error in the console.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minidl_book.data import ROOT

WIDGETS = ROOT / "minidl" / "viz" / "static"


def drop_thebe(app: Any, config: Any) -> None:
    """Remove every handler that sphinx-thebe registered."""
    for name, listeners in app.events.listeners.items():
        app.events.listeners[name] = [
            item for item in listeners if not item.handler.__module__.startswith("sphinx_thebe")
        ]


def add_widgets(app: Any, config: Any) -> None:
    """Copy the package's script and style into the site and load them on every page."""
    if (WIDGETS / "minidl.js").exists():
        config.html_static_path.append(str(WIDGETS))
        app.add_js_file("minidl.js", loading_method="defer")
        app.add_css_file("minidl.css")


def once(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Keep the first of equal scripts and styles; they compare by file and content."""
    for key in ("script_files", "css_files"):
        kept: dict[Any, Any] = {}
        for item in context.get(key, []):
            attributes = getattr(item, "attributes", {})
            file = str(getattr(item, "filename", item) or "")
            if "thebe" not in file:
                kept.setdefault((file, attributes.get("body")), item)
        context[key] = list(kept.values())


def name_folds(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """A fold is called by what it shows, not by myst-nb's label, which hides that text."""
    if "body" in context:
        label = '<summary aria-label="Toggle hidden content">'
        context["body"] = context["body"].replace(label, "<summary>")


ENTRY = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>minidl</title>
<link rel="icon" href="_static/favicon.svg"><meta http-equiv="refresh" content="0; url={page}">
</head><body><main><p><a href="{page}">minidl: a textbook that runs</a></p></main></body></html>
"""


def write_entry(app: Any, failure: Exception | None) -> None:
    """`index.html` leads to the first page; the tool's own lacks icon, title and link."""
    if failure is None and app.builder.format == "html":
        page = app.config.root_doc + ".html"
        (Path(app.outdir) / "index.html").write_text(ENTRY.format(page=page), encoding="utf-8")


def setup(app: Any) -> None:
    app.connect("config-inited", drop_thebe)
    app.connect("config-inited", add_widgets)
    app.connect("html-page-context", once, priority=900)
    app.connect("html-page-context", name_folds)
    app.connect("build-finished", write_entry, priority=900)
