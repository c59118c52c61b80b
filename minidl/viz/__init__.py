"""Pictures that play: `Player`, `Explorer`, `Puzzle`, the stack explorer, and their panels.

Chapter: every one.
Sources: Compiler Explorer, Python Tutor (a trace is a data format), Distill.
Real: ipywidgets need a kernel; these carry their data and play in any page.

A widget displays as `text/html`: its first frame as markup, its frames as JSON
(format 1, `codec.py`) that one script of ours plays.  In a live notebook an
anywidget view (`application/vnd.jupyter.widget-view+json`) shows the same
markup with the same script.  Stored notebooks keep the html alone: whoever
stores one drops that mime type and `metadata.widgets` (model ids are random).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.viz import ask, check, panel
    from minidl.viz.check import check_text
    from minidl.viz.dimension_view import dimension_numbers
    from minidl.viz.explorer import Explorer, Knob
    from minidl.viz.figure_style import style
    from minidl.viz.frame import Frame, ViewError, frames_of, why
    from minidl.viz.lowering_player import lowering
    from minidl.viz.module_view import module
    from minidl.viz.pass_orders import passes
    from minidl.viz.player import Player
    from minidl.viz.puzzle import Puzzle
    from minidl.viz.rewriting_player import rewriting
    from minidl.viz.source_view import source
    from minidl.viz.stack_explorer import Line, StackExplorer, Stage, Tour, stack, stack_of

_HOME = {
    "Player": "player",
    "Explorer": "explorer",
    "Knob": "explorer",
    "Puzzle": "puzzle",
    "StackExplorer": "stack_explorer",
    "Stage": "stack_explorer",
    "Line": "stack_explorer",
    "Tour": "stack_explorer",
    "stack": "stack_explorer",
    "stack_of": "stack_explorer",
    "Frame": "frame",
    "ViewError": "frame",
    "frames_of": "frame",
    "why": "frame",
    "rewriting": "rewriting_player",
    "lowering": "lowering_player",
    "module": "module_view",
    "dimension_numbers": "dimension_view",
    "passes": "pass_orders",
    "source": "source_view",
    "style": "figure_style",
    "check_text": "check",
}
_MODULES = {"panel", "ask", "check"}

__all__ = [
    "Explorer",
    "Frame",
    "Knob",
    "Line",
    "Player",
    "Puzzle",
    "StackExplorer",
    "Stage",
    "Tour",
    "ViewError",
    "ask",
    "check",
    "check_text",
    "dimension_numbers",
    "frames_of",
    "lowering",
    "module",
    "panel",
    "passes",
    "rewriting",
    "source",
    "stack",
    "stack_of",
    "style",
    "why",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"minidl.viz.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'minidl.viz' has no attribute {name!r}")
    value = getattr(import_module(f"minidl.viz.{_HOME[name]}"), name)
    globals()[name] = value
    return value


import_module("minidl.viz.formatters").register()
