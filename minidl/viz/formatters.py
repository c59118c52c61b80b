"""How engine types show themselves in a notebook: registered here, unknown to the engine.

Chapter: every one.
Sources: IPython documentation, "Rich display" (`for_type_by_name`).
Real: most libraries put `_repr_html_` into the type; ours must not know of pictures.

    ir.Module      its text, coloured and numbered
    xla.Stage      the same, in the stage's own language
"""

from __future__ import annotations

import sys
from html import escape
from typing import Any

LANGS = {"llvm": "llvm", "asm": "asm", "ptx": "ptx"}


def listing(text: str, lang: str, label: str) -> str:
    """A coloured, numbered listing (by the page's script; plain text without it)."""
    attrs = f'data-minidl-source data-lang="{lang}" data-start="1" data-label="{escape(label)}"'
    where = f'<div class="mdl-source-where">{escape(label)}</div>'
    return (
        f'<div class="mdl mdl-source" {attrs}>{where}<pre>\n{escape(text.rstrip())}\n</pre></div>'
    )


def module_html(module: Any) -> str:
    """The listing of an `ir.Module`."""
    name = module.attributes.get("sym_name")
    return listing(str(module), "mlir", f"module @{name}" if name else "module")


def stage_html(stage: Any) -> str:
    """The listing of a stage of an executable."""
    return listing(stage.text, LANGS.get(stage.name, "mlir"), f"stage {stage.name}")


ROWS = (
    ("minidl.ir.mlir.module", "Module", module_html),
    ("minidl.xla.executable", "Stage", stage_html),
)


def register() -> bool:
    """Tell a running IPython how to show our types; False when there is none."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return False
    formatter = shell.display_formatter.formatters["text/html"]
    for module, name, show in ROWS:
        formatter.for_type_by_name(module, name, show)
    return True
