"""`show`: one page about a file, from its text to assembly.

Chapter: ir/rewriting, ir/lowering.
Real: Compiler Explorer; `mlir-opt --mlir-print-ir-after-all`.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from minidl.commands.given import Given
from minidl.commands.progress import counting
from minidl.commands.run import entry_of, with_main
from minidl.commands.saving import keep_apart
from minidl.core.errors import MinidlError


def show(given: Given, options: Namespace) -> None:
    """Write the page and say where it is."""
    from minidl.viz.own_file import OwnFile, walk

    target = Path(options.output or _beside(given.name))
    keep_apart([target], [given.name])
    module = given.module()
    module = with_main(module, entry_of(module, None))
    name = Path(given.name).name
    with counting(f"show {name}", "step"):
        html = walk(OwnFile(given.name, given.text, module))
    try:
        target.write_text(html, encoding="utf-8", newline="\n")
    except OSError as error:
        raise MinidlError(f"{target} cannot be written: {error.strerror}") from error
    print(f"wrote {target} ({len(html.encode()):,} bytes)")


def _beside(name: str) -> str:
    """`softmax.html` here for `…/softmax.mlir`."""
    return "page.html" if name.startswith("<") else Path(name).with_suffix(".html").name
