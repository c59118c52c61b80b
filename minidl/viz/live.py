"""The live view: the same markup and the same script, as an anywidget.

Chapter: none (the book's machinery).
Sources: anywidget 0.11, "Anywidget front-end modules".
Real: this is one; JupyterLab runs no script of an html output it does not trust.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from minidl.viz import assets

VIEW = "application/vnd.jupyter.widget-view+json"

# Lab binds the arrow keys of a notebook; it passes over a focused element so marked.
_RENDER = """
function render({ model, el }) {
  const own = (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  el.addEventListener("focusin", own);
  const draw = () => { el.innerHTML = model.get("html"); window.minidl.hydrate(el); };
  model.on("change:html", draw);
  draw();
}
export default { render };
"""


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this (not whether somebody looks)."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    class MinidlView(anywidget.AnyWidget):
        """One widget of the book in a live notebook."""

        _esm = assets.script() + _RENDER
        _css = assets.stylesheet()
        html = traitlets.Unicode().tag(sync=True)

    return MinidlView


def view(html: str) -> dict[str, Any]:
    """The mime bundle's live part; empty outside a notebook."""
    if not in_notebook():
        return {}
    made = _widget_class()(html=html)._repr_mimebundle_()
    bundle = made[0] if isinstance(made, tuple) else made
    return {VIEW: bundle[VIEW]} if bundle and VIEW in bundle else {}
