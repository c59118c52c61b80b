"""The stages of a reader's own function, as columns for the stack explorer.

Chapter: stack, step.
Sources: `minidl.xla.listing` (which ops a line came from); PEP 657 (spans of Python).
Real: Compiler Explorer shows source and assembly; no tool ties the stages between.

Ids are the numbers of the traced ops.  A Python line has the ids of the ops whose
spans touch it; every later line has those its location carries.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from minidl import xla
from minidl.viz.stack_explorer import Line, Stage
from minidl.xla import Executable, listing
from minidl.xla.frontend.spans import shown_file

TITLES = {
    "python": "Python",
    "stablehlo": "StableHLO",
    "optimized": "simplified",
    "fused": "fused",
    "linalg": "linalg",
    "loops": "loops",
    "llvm": "LLVM IR",
    "x86": "x86-64",
    "ptx": "PTX",
}
STAGES = ("python", "stablehlo", "fused", "loops", "llvm", "x86", "ptx")


def stages_of(
    f: Callable[..., Any],
    *args: Any,
    show: Sequence[str] = STAGES,
    groups: Sequence[str] | None = None,
    cpu: str = "x86-64-v3",
) -> list[Stage]:
    """The columns of `f` at example arguments.

    show    stages by name, in order
    groups  fusions whose code is shown below the level of groups; all when None
    cpu     the machine the x86 text is for: fixed, so that a page is the same everywhere
    """
    exe = xla.compile(f, *args, target=cpu)
    gpu = xla.compile(f, *args, target="ptx") if "ptx" in show else None
    return [_stage(name, f, exe, gpu, groups) for name in show]


def _stage(
    name: str,
    f: Callable[..., Any],
    exe: Executable,
    gpu: Executable | None,
    groups: Sequence[str] | None,
) -> Stage:
    if name == "python":
        lines = python_lines(f, exe)
    elif name == "ptx":
        assert gpu is not None
        lines = of_groups(gpu.stages["ptx"].lines, groups)
    else:
        lines = list(exe.stages["asm" if name == "x86" else name].lines)
        lines = of_groups(lines, groups) if name in ("linalg", "loops", "llvm", "x86") else lines
    shown = [
        Line(columns(line.text) if name in ("x86", "ptx") else line.text, tuple(sorted(line.ids)))
        for line in lines
        if line.text.strip()
    ]
    return Stage(name, TITLES[name], shown, counts(name, lines))


def columns(text: str) -> str:
    """An instruction with its operands in a column of their own."""
    if not text.startswith("    ") or text.lstrip().startswith("."):
        return text
    word, _, operands = text.strip().partition("    ")
    return f"    {word:<14}{operands}".rstrip()


def python_lines(f: Callable[..., Any], exe: Executable) -> list[listing.Line]:
    """The source of `f`, each line with the ops traced from it."""
    f = inspect.unwrap(f)
    try:
        source, first = inspect.getsourcelines(f)
    except (OSError, TypeError):
        return [listing.Line("# the source of this function is not at hand")]
    file = shown_file(inspect.getsourcefile(f) or "")
    ids: dict[int, set[int]] = {}
    for record in exe.provenance.ops.values():
        for span in record.spans:
            if span.file == file:
                for row in range(span.line, max(span.end_line, span.line) + 1):
                    ids.setdefault(row, set()).add(record.id)
    text = textwrap.dedent("".join(source)).rstrip("\n").split("\n")
    return [
        listing.Line(line, frozenset(ids.get(first + i, ())), i in ids)
        for i, line in enumerate(text)
    ]


def of_groups(lines: Sequence[listing.Line], groups: Sequence[str] | None) -> list[listing.Line]:
    """Only the functions named; a function is cut where the next one begins."""
    if groups is None:
        return list(lines)
    out, keep = [], False
    for line in lines:
        name = _begins(line.text)
        if name is not None:
            keep = name in groups
        if keep:
            out.append(line)
    return out


def _begins(text: str) -> str | None:
    """The function a line begins, in any of the texts."""
    for pattern in (r"\s*func\.func .*@([\w.]+)\(", r"define .*@([\w.]+)\(", r"([A-Za-z_]\w*):$",
                    r"\.visible \.entry (\w+)\("):  # fmt: skip
        found = re.match(pattern, text)
        if found and found[1] != "entry":
            return found[1] if not re.match(r"(loop|done|then|endif)\d", found[1]) else None
    return None


def counts(name: str, lines: Sequence[listing.Line]) -> dict[str, str]:
    """What a tab head says: lines of Python, ops, or instructions."""
    code = [line for line in lines if line.code and line.text.strip(" }")]
    if name == "python":
        return {"lines": str(len(lines))}
    if name in ("stablehlo", "optimized", "fused"):
        ops = [line for line in code if "stablehlo." in line.text]
        return {"ops": str(len(ops))}
    if name == "ptx":
        code = [line for line in code if line.text.rstrip().endswith(";")]
        code = [line for line in code if not line.text.strip().startswith((".reg", ".param"))]
    return {"ops" if name in ("linalg", "loops") else "instructions": str(len(code))}
