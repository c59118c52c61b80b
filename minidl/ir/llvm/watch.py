"""A function of loops becoming LLVM IR, one step for each line that is written.

Chapter: ir/llvm (its player).
Real: MLIR's `-debug-only=dialect-conversion` tells each pattern that was applied.

    translate(loops)     a function of loops, as text or module → `Translation`
    Translation.text     the LLVM IR, without its debug notes
    Translation.loops    the lines of the loops, and `.of`: for each line of the text the
                         lines of the loops behind it, numbered from 1
    Translation.steps    the text as it stood after each line, and what had a name then
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from minidl.core.native.target import target
from minidl.ir.llvm.emit import function_text
from minidl.ir.llvm.text import FunctionText, ModuleText
from minidl.ir.lowering.provenance import Provenance, mark
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.location import Location, origins
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.verify import verify
from minidl.ir.text.naming import Names
from minidl.ir.text.parser import parse


@dataclass(frozen=True, slots=True)
class Step:
    """One line more: the text so far, its new lines, the line of the loops that is at work."""

    lines: tuple[str, ...]
    new: tuple[int, ...]  # places in `lines`, from 0
    doing: int
    names: dict[str, str]  # name in the loops → name in LLVM IR


@dataclass(slots=True)
class Translation:
    """A function of loops, and the LLVM IR that the engine wrote for it."""

    text: str
    loops: list[str]
    of: list[frozenset[int]]
    steps: list[Step] = field(repr=False)


class Watched(FunctionText):
    """A function under construction that keeps what it was after each line."""

    def __init__(self, module: ModuleText, name: str) -> None:
        super().__init__(module, name)
        self.steps: list[tuple[tuple[str, ...], Location | None, int]] = []

    def emit(self, text: str, location: Location) -> None:
        super().emit(text, location)
        self._note(location)

    def start(self, label: str) -> None:
        self._note(None)  # lines that were put further up since
        super().start(label)
        self._note(None)

    def _note(self, location: Location | None) -> None:
        lines = tuple(plain(line) for line in self.lines)
        if not self.steps or self.steps[-1][0] != lines:
            self.steps.append((lines, location, len(self.names)))


def plain(line: str) -> str:
    """The line without its debug note."""
    return re.sub(r",? !dbg !\d+", "", line)


def translate(loops: str | Module, cpu: str = "x86-64-v3", name: str = "") -> Translation:
    """The engine's LLVM IR for the function `name` of a module of loops, or for its first."""
    module = parse(loops) if isinstance(loops, str) else loops.clone()
    verify(module)
    table = mark(module)
    shown, at, called = _shown(module, loops)
    line_of = {number: at.get(op, 0) for op in module.walk() for number in origins(op.location)}
    out, kept = ModuleText(target(cpu), table), list[Watched]()

    def make(into: ModuleText, name: str) -> Watched:
        kept.append(Watched(into, name))
        return kept[-1]

    function = module.functions[name or next(iter(module.functions))]
    function_text(out, function, public=True, make=make)
    (f,) = kept
    text = "\n".join(map(plain, out.functions[0].split("\n")))
    names = [(called[value], name) for value, name in f.names.items() if value in called]
    return Translation(text, shown, _behind(out, table, line_of), _steps(f, line_of, names))


def _shown(
    module: Module, given: str | Module
) -> tuple[list[str], dict[Operation, int], dict[Value, str]]:
    """The lines to show, the line on which each op begins, and each value's name there.

    A text is shown as it was written, if it has a line for each that we would print.
    """
    printed = module.lines()
    lines, names = [text for text, _ in printed], dict(Names(module).values)
    at = {op: n for n, (_, op) in enumerate(printed, 1) if op is not None}
    own = given.rstrip("\n").split("\n") if isinstance(given, str) else []
    if len(own) == len(lines) - 2 and not own[0].startswith("module"):
        lines, at = own, {op: n - 1 for op, n in at.items()}
        values = [
            v
            for op in module.walk()
            for v in (*op.results, *(a for r in op.regions for b in r.blocks for a in b.args))
        ]
        written = re.findall(r"(%\w+)(?=:| = )", "\n".join(own))
        if len(written) == len(values):
            names = dict(zip(values, written, strict=True))
    return lines, at, names


def _behind(out: ModuleText, table: Provenance, line_of: dict[int, int]) -> list[frozenset[int]]:
    """For each line of the text the lines of the loops, by its debug note."""
    notes = dict(re.findall(r"(!\d+) = !DILocation\(line: (\d+)", out.text()))
    found = list[frozenset[int]]()
    for line in out.functions[0].split("\n"):
        note = re.search(r"!dbg (!\d+)", line) if line.startswith("  ") else None
        row = table.sets[int(notes[note[1]])] if note else frozenset()
        found.append(frozenset(line_of[i] for i in row))
    return found


def _steps(f: Watched, line_of: dict[int, int], names: list[tuple[str, str]]) -> list[Step]:
    out, before, doing = list[Step](), tuple[str, ...](), 0
    for lines, location, known in f.steps:
        if location is not None:
            doing = next((line_of[i] for i in origins(location)), doing)
        new = new_lines(before, lines)
        out.append(Step(lines, new, doing, dict(names[:known])))
        before = lines
    return out


def new_lines(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[int, ...]:
    """The places of lines that were not there: the rest is the old text, in its order."""
    found, old = list[int](), 0
    for i, line in enumerate(after):
        if old < len(before) and before[old] == line:
            old += 1
        else:
            found.append(i)
    return tuple(found)
