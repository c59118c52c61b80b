"""`viz.lowering`: a module on its way down, as columns to explore and as a player.

Chapter: ir/lowering, ir/llvm; `python -m minidl show`.
Sources: `minidl.xla.listing` (which ops a line came from).
Real: `mlir-opt --mlir-print-ir-after-all` prints every stage; nothing ties their lines.

    descend(module)     how far it goes, and what stops it, by op and line
    columns(descent)    the stages as columns of the stack explorer
    lowering(f, *args)  a player: each stage, then some ops followed through it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minidl import xla
from minidl.core.errors import MinidlError
from minidl.ir.lowering.provenance import OpRecord
from minidl.ir.mlir.core import Operation, Value, clone
from minidl.ir.mlir.location import place
from minidl.ir.mlir.module import Module, finish, function
from minidl.viz import panel, stages
from minidl.viz.ask import Ask
from minidl.viz.frame import Frame, ViewError
from minidl.viz.player import Player, Whys
from minidl.viz.rewriting_player import code, cut, window
from minidl.viz.stack_explorer import Line, Stage
from minidl.xla import Executable
from minidl.xla.compiler import STAGES

CPU = "x86-64-v3"  # fixed, so that a page is the same everywhere
SHOWN = ("stablehlo", "optimized", "fused", "linalg", "loops", "llvm", "x86")
ENGINE_ERRORS = (AssertionError, LookupError, TypeError, ValueError, RecursionError)
LONGEST_LINE = 800
LONGEST = 6000  # lines of one column; a browser draws no more in good time

SAYS = {
    "stablehlo": "Every op makes a new tensor; nothing says where it lives or in which order its "
    "elements come.",
    "optimized": "Rules that change no bit have been applied until none fits.",
    "fused": "Ops that can share their loops are one private function; `@main` only calls.",
    "linalg": "An indexing map says which element of each operand an element of the result reads.",
    "loops": "Tensors are memory now: loops run over indices, loads and stores name every element.",
    "llvm": "A loop is a block that branches back to itself; an index is an address.",
    "x86": "Values live in registers that have names and an end.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An op that a stage has no rule for; `line` is its place in the text, if it has one."""

    op: str
    line: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Descent:
    """How far a module goes: the executable up to `reached`, and what was refused after it."""

    exe: Executable | None
    reached: str
    refused: list[Refusal] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.refused


def descend(module: Module, cpu: str = CPU) -> Descent:
    """Compile as far as it goes; when that is not to the end, ask each op alone."""
    exe, refusal = _attempt(module, cpu, STAGES[-1])
    if refusal is None:
        return Descent(exe, STAGES[-1])
    exe, reached = None, ""
    for stop in STAGES[:-1]:
        made, stopped = _attempt(module, cpu, stop)
        if stopped is not None:
            break
        exe, reached = made, stop
    inlined = exe.modules.get("optimized", module) if exe else module
    alone = list(_alone(inlined, cpu))
    return Descent(exe, reached, alone or [refusal])


def _attempt(module: Module, cpu: str, stop: str) -> tuple[Executable | None, Refusal | None]:
    try:
        exe = xla.compile(module, target=cpu, stop=stop)
        _ = exe.stages  # made when asked for, so ask
    except MinidlError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return None, Refusal(error.op or "", error.line, error.message + hint)
    except ENGINE_ERRORS as error:
        return None, Refusal("", None, f"an error of the engine: {type(error).__name__}: {error}")
    return exe, None


def _alone(module: Module, cpu: str) -> Iterable[Refusal]:
    """Each kind of op by itself, its operands made arguments: those that are refused."""
    asked: dict[Any, Refusal | None] = {}
    for op in list(module.main.body):
        if op is module.main.body.last or op.name.endswith(".constant"):
            continue
        key = (op.name, *(str(v.type) for v in (*op.operands, *op.results)), str(op.attributes))
        if op.regions or key not in asked:
            refusal = asked[key] = _attempt(single(op), cpu, "llvm")[1]
            if refusal is not None:
                span = place(op.location)
                name = refusal.op or op.name
                yield Refusal(name, span.line if span else None, refusal.said)


def single(op: Operation) -> Module:
    """A module whose @main is this op alone; a constant operand stays a constant."""
    inside = {v for o in op.walk() for v in o.results}
    inside |= {v for o in op.walk() for r in o.regions for b in r.blocks for v in b.args}
    free = dict.fromkeys(v for o in op.walk() for v in o.operands if v not in inside)
    given = [v for v in free if v.op is None or not v.op.name.endswith(".constant")]
    out = Module()
    main, builder = function(out, "main", [v.type for v in given], location=op.location)
    mapping: dict[Value, Value] = dict(zip(given, main.body.args, strict=True))
    for value in free:
        if value.op is not None and value not in mapping:
            main.body.insert(clone(value.op, mapping))
    made = main.body.insert(clone(op, mapping))
    finish(builder, made.results)
    return out


# -- columns -----------------------------------------------------------------------------


def columns(
    descent: Descent,
    file: str = "",
    text: str = "",
    show: Sequence[str] = SHOWN,
) -> list[Stage]:
    """The stages as columns; a text that was parsed with its places stands first."""
    if descent.exe is None:
        raise ViewError("nothing was lowered, so there are no stages to show")
    exe = descent.exe
    out = [_file(exe, file, text)] if text else []
    for name in show:
        key = "asm" if name == "x86" else name
        if key in exe.stages:
            out.append(_column(name, exe.stages[key].lines))
    return out


def _file(exe: Executable, file: str, text: str) -> Stage:
    """The reader's text, each line with the ops that begin on it."""
    ids: dict[int, set[int]] = {}
    for record in exe.provenance.ops.values():
        for span in record.spans:
            if span.file == file:
                ids.setdefault(span.line, set()).add(record.id)
    rows = text.rstrip("\n").split("\n")
    lines = [Line(_whole(row), tuple(sorted(ids.get(i, ())))) for i, row in enumerate(rows, 1)]
    return Stage("file", "your file", _bounded(lines), {"lines": str(len(rows))})


def _column(name: str, lines: Sequence[Any]) -> Stage:
    shape = stages.columns if name == "x86" else _whole
    shown = [Line(shape(line.text), tuple(sorted(line.ids))) for line in lines if line.text.strip()]
    return Stage(name, stages.TITLES[name], _bounded(shown), stages.counts(name, list(lines)))


def _whole(line: str) -> str:
    """The line, unless it is a constant that no reader reads."""
    return cut(line, LONGEST_LINE)


def _bounded(lines: list[Line]) -> list[Line]:
    over = len(lines) - LONGEST
    return lines if over <= 0 else [*lines[:LONGEST], Line(f"… {over:,} lines more")]


def lines_of(stage: Stage) -> dict[int, list[int]]:
    """The lines that each op stands behind, with as few others as there are such lines."""
    out: dict[int, list[int]] = {}
    fewest: dict[int, int] = {}
    for i, line in enumerate(stage.lines, 1):
        for one in line.ids:
            most = fewest.get(one, len(line.ids))
            if len(line.ids) < most:
                out[one] = []
            if len(line.ids) <= most:
                fewest[one] = len(line.ids)
                out.setdefault(one, []).append(i)
    return out


# -- the player --------------------------------------------------------------------------


def lowering(
    f_or_module: Any,
    *args: Any,
    name: str = "lowering",
    title: str = "On the way down, stage by stage",
    follow: Iterable[str] | None = None,
    show: Sequence[str] = SHOWN,
    says: Mapping[str, str] | None = None,
    asks: Mapping[str, Ask] | None = None,
    whys: Whys | None = None,
    height: int = 18,
) -> Player:
    """Play the stages of a module, or of a function at example arguments.

    follow   names of ops (`"stablehlo.reduce"`) whose lines are shown at each stage: the
             first op of each name; none when empty, all that compute when None
    says     sentences that replace those of `SAYS`
    Milestones are the stages' names.
    """
    exe = xla.compile(f_or_module, *args, target=CPU)
    followed = _followed(list(exe.provenance.ops.values()), follow)
    frames: list[Frame] = []
    before: Stage | None = None
    for stage in columns(Descent(exe, "asm"), show=show):
        words = {**SAYS, **(says or {})}[stage.name]
        frames.append(_frame(stage, before, None, words, height, stage.name))
        for op in followed:
            frame = _frame(stage, before, op, _tells(op, stage, exe), height, None)
            frames.append(frame)
        before = stage
    return Player(frames, name=name, title=title, asks=asks, whys=whys)


def _followed(ops: Sequence[OpRecord], names: Iterable[str] | None) -> list[OpRecord]:
    first = {op.name: op for op in reversed(ops)}
    wanted = list(dict.fromkeys(op.name for op in ops) if names is None else names)
    for one in wanted:
        if one not in first:
            raise ViewError(f"no op is called {one!r}", hint=f"there are: {', '.join(first)}")
    quiet = ("stablehlo.constant", "func.call")
    return [first[n] for n in wanted if names is not None or n not in quiet]


def _tells(op: OpRecord, stage: Stage, exe: Executable) -> str:
    """How many lines of a stage stand for an op, or why none does."""
    count = sum(op.id in line.ids for line in stage.lines)
    near = len(lines_of(stage).get(op.id, ()))
    if count:
        said = f"{count} line{'s' * (count > 1)} of this stage carr{'y' if count > 1 else 'ies'} "
        more = f"; ▶ marks the {near} that carry the fewest others" if near < count else ""
        return f"{said}`{op.name}`{more}."
    reason = exe.provenance.reasons.get(op.id)
    return f"`{op.name}` has no line here{f': {code(reason)}' if reason else ''}."


def _frame(
    stage: Stage,
    before: Stage | None,
    op: OpRecord | None,
    caption: str,
    height: int,
    milestone: str | None,
) -> Frame:
    panels = []
    if before is not None:
        panels.append(_text(before, op, height, "left"))
    panels.append(_text(stage, op, height, "right" if before else "wide"))
    counters = {key: int(value) for key, value in stage.counts.items()}
    counters["lines"] = len(stage.lines)
    title = stage.title if op is None else op.name.rpartition(".")[2]
    return Frame(title, caption, panels, counters, milestone)


def _text(stage: Stage, op: OpRecord | None, height: int, side: str) -> dict[str, Any]:
    """A window of a stage around the lines of an op."""
    marked = [i - 1 for i in lines_of(stage).get(op.id, ())] if op else []
    texts = [line.text for line in stage.lines]
    near = {m: sum(m <= other < m + height // 2 for other in marked) for m in marked}
    first, last = window(texts, max(near, key=near.__getitem__, default=0), height)
    lang = "llvm" if stage.name == "llvm" else "asm" if stage.name == "x86" else "mlir"
    shown = [i + 1 for i in marked if first <= i < last]
    return panel.code(
        [cut(text) for text in texts[first:last]],
        shown,
        (),
        lang=lang,
        title=stage.title,
        start=first + 1,
        side=side,
    )


__all__ = ["Descent", "Refusal", "columns", "descend", "lowering", "single"]
