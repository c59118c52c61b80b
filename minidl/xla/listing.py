"""Lines of a stage with the numbers of the ops they came from.

Chapter: stack.
Sources: LLVM's `.loc` directive (DWARF line table); MLIR locations.
Real: Compiler Explorer reads `.loc`, too, but can only give a source line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from minidl.ir.lowering.provenance import Provenance
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.location import origins
from minidl.ir.mlir.module import Module

_PLACE = re.compile(r"!dbg (!\d+)")
_NODE = re.compile(r"^(!\d+) = !DILocation\(line: (\d+)")
_LOC = re.compile(r"^\s*\.loc\s+\d+\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, and the op numbers behind it (empty: none in particular)."""

    text: str
    ids: frozenset[int] = frozenset()
    code: bool = True


def module_lines(module: Module) -> tuple[Line, ...]:
    """A module's text; a line belongs to the op that begins on it, and to what it holds
    without a line of its own (the body of a reduction, the moves before a read)."""
    lines = module.lines()
    shown = {op for _, op in lines if op is not None}
    out = []
    for text, op in lines:
        plain = op is None or op.name in ("func.func", "builtin.module")
        ids = frozenset[int]() if plain or op is None else _ids(op, shown)
        out.append(Line(text, ids, not plain))
    return tuple(out)


def _ids(op: Operation, shown: set[Operation]) -> frozenset[int]:
    ids = origins(op.location)
    if op.name == "linalg.generic":
        ids = ids.union(*map(origins, op.get("~locations", ())))
    for region in op.regions:
        for block in region.blocks:
            for inner in block:
                if inner not in shown:
                    ids |= origins(inner.location)
    return ids


def llvm_lines(text: str, table: Provenance) -> tuple[Line, ...]:
    """LLVM IR without its metadata: what an instruction's `!dbg` says becomes ids."""
    places = {m[1]: int(m[2]) for m in map(_NODE.match, text.split("\n")) if m}
    out = []
    for line in text.split("\n"):
        if line.startswith(("!", "declare")):
            continue
        found = _PLACE.search(line)
        ids = table.sets[places.get(found[1], 0)] if found else frozenset()
        plain = re.sub(r",? !dbg !\d+", "", line)
        out.append(Line(plain, ids, line.startswith("  ")))
    while out and not out[-1].text:
        out.pop()
    return tuple(out)


def asm_lines(text: str, table: Provenance) -> tuple[Line, ...]:
    """Assembly or PTX without directives; `.loc` sets the ids of what follows."""
    ids: frozenset[int] = frozenset()
    out = []
    for line in text.split("\n"):
        place = _LOC.match(line)
        if place:
            number = int(place[1])
            ids = table.sets[number] if number < len(table.sets) else frozenset()
            continue
        word = line.strip()
        if _noise(word):
            continue
        label = word.endswith(":") or not line.startswith("\t")
        if label and word.endswith(":") and "BB" not in word:  # a function; blocks go on
            ids = frozenset()
        text_ = re.sub(r"\s+# .*", "", line).rstrip()  # an immediate of arm64: `#4`, no space
        out.append(Line(text_.replace("\t", "    "), frozenset() if label else ids, not label))
    return tuple(out)


def _noise(word: str) -> bool:
    """Directives and labels that name no instruction."""
    if not word or word.startswith(("#", "//", "$L__tmp", "$L__func", ".Ltmp", ".Lfunc")):
        return True
    keep = (".visible", ".entry", ".param", ".reg", ".func", ".local")
    if word.startswith(".") and not word.startswith(keep):
        return not word.startswith((".LBB",)) or not word.endswith(":")
    return False


# -- what became of ops without an instruction --------------------------------------------

_DEFINES = re.compile(r"^\s+(%[\w.]+) = ")
_NAMES = re.compile(r"%[\w.]+")


def explain(llvm: tuple[Line, ...], code: tuple[Line, ...], table: Provenance) -> None:
    """Give a reason to each op that LLVM left without an instruction, in place."""
    present = frozenset[int]().union(*(line.ids for line in code))
    missing = set(table.ops) - present - set(table.reasons)
    if not missing:
        return
    users: dict[str, set[int]] = {}
    for line in llvm:
        names = _NAMES.findall(line.text)
        for name in names[1:] if _DEFINES.match(line.text) else names:
            users.setdefault(name, set()).update(line.ids)
    for number in missing:
        own = [line for line in llvm if number in line.ids]
        if own:
            table.reasons[number] = _merged(own, users, present, table)


def _merged(
    own: list[Line], users: dict[str, set[int]], present: frozenset[int], table: Provenance
) -> str:
    """Which op's instruction does the work of these lines of LLVM IR."""
    for line in own:
        found = _DEFINES.match(line.text)
        into = sorted((users.get(found[1], set()) if found else set()) & present)
        if into:
            return f"merged by LLVM into an instruction of {table.ops[into[0]].name}"
    beside = sorted(frozenset[int]().union(*(line.ids for line in own)) & present)
    if beside:
        return f"merged by LLVM into an instruction of {table.ops[beside[0]].name}"
    return f"needs no instruction: LLVM made `{own[0].text.strip()}` part of what follows"
