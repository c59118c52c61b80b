"""One page about the reader's own file: its ops, its rewriting, its way down, its memory.

Chapter: ir/rewriting, ir/lowering; `python -m minidl show`.
Sources: none.
Real: Compiler Explorer shows input and assembly; MLIR prints each stage as text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

import minidl
from minidl.core.errors import MinidlError
from minidl.ir.lowering.provenance import OpRecord
from minidl.ir.mlir.location import place
from minidl.ir.mlir.module import Module
from minidl.ir.rewriting import count_ops
from minidl.viz import ask, panel
from minidl.viz.ask import Ask
from minidl.viz.formatters import listing
from minidl.viz.frame import Frame
from minidl.viz.lowering_player import (
    ENGINE_ERRORS,
    SAYS,
    SHOWN,
    Descent,
    columns,
    descend,
    lines_of,
)
from minidl.viz.module_view import MOST, module
from minidl.viz.page import Section, more, note, page, para, table
from minidl.viz.player import Player
from minidl.viz.rewriting_player import code, rewriting
from minidl.viz.stack_explorer import StackExplorer, Stage, Tour
from minidl.xla import Executable
from minidl.xla.buffers import Buffer, Memory

LIVES = "Which temporaries live, call by call"
AROUND = ("func.call", "stablehlo.while", "stablehlo.case", "stablehlo.if")
UNSAID = {
    "stablehlo.constant": "kept as data, which no instruction computes",
    "func.call": "its body took its place",
}
MANY = 40  # rows of a table that stands open
HOLDERS = ("builtin.module", "func.func")


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A text, the name it is called by, and the module that its places lead back to."""

    name: str
    text: str
    module: Module


class WidePlayer(Player):
    """A player of a page of its own, where nothing else needs the room."""

    limit_bytes = 600_000


class WideExplorer(StackExplorer):
    """All stages of a whole program."""

    limit_bytes = 60_000_000


def walk(file: OwnFile) -> str:
    """The page: deterministic bytes for one file and one version."""
    descent = descend(file.module)
    sections = [_overview(file, descent), _ops(file), _rewriting(file), _descent(file, descent)]
    if descent.exe is not None and descent.complete:
        sections += [_memory(descent.exe), _fates(descent.exe)]
    lines = len(file.text.splitlines())
    functions = len(file.module.functions)
    lead = (
        f"{lines:,} lines, {count_ops(file.module):,} ops in {_count(functions, 'function')}. "
        f"minidl {minidl.__version__} has parsed, verified, rewritten and lowered it."
    )
    return page(PurePath(file.name).name, lead, sections)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


# -- sections ----------------------------------------------------------------------------


def _overview(file: OwnFile, descent: Descent) -> Section:
    """How far it goes, and each stage in a row."""
    out = Section("overview", "The way down, in a table")
    if descent.complete:
        out.blocks.append(para("The file verifies and is lowered to the end, as x86-64 assembly."))
    else:
        out.blocks += _refused(descent)
    rows = []
    for stage in columns(descent) if descent.exe else ():
        ((what, count),) = stage.counts.items()
        rows.append((stage.title, len(stage.lines), f"{int(count):,} {what}", SAYS[stage.name]))
    if rows:
        head = ("stage", "lines", "counted", "what is settled there")
        out.blocks.append(table(head, rows, "In the table `return` is not counted as an op."))
    return out


def _refused(descent: Descent) -> list[str]:
    """What could not be lowered, by op and line."""
    what = _count(len(descent.refused), "op") if descent.refused[0].op else "Something"
    reached = f"It goes down to the stage `{descent.reached}`" if descent.reached else "It stays"
    rows = [(f"`{r.op}`" if r.op else "", r.line or "", code(r.said)) for r in descent.refused]
    return [
        note(f"{what} could not be lowered. {reached}; `python -m minidl run` evaluates it."),
        table(("op", "line", "what the compiler says"), rows),
    ]


def _ops(file: OwnFile) -> Section:
    """The kinds of op, and the text itself."""
    names: Counter[str] = Counter()
    first: dict[str, int] = {}
    for op in file.module.walk():
        if op.name not in HOLDERS:
            names[op.name] += 1
            span = place(op.location)
            first.setdefault(op.name, span.line if span else 0)
    rows = [(f"`{name}`", n, first[name]) for name, n in names.most_common()]
    kinds = table(("op", "uses", "first on line"), rows)
    text = listing(file.text, "mlir", PurePath(file.name).name)
    out = Section("ops", "What stands in the file")
    out.blocks.append(para(f"{_count(len(names), 'kind')} of op, the commonest first."))
    out.blocks.append(kinds if len(rows) <= MANY else more("the kinds of op", kinds))
    out.blocks.append(more("the text of the file", text))
    if sum(op.name != "builtin.module" for op in file.module.walk()) <= MOST:
        out.blocks.append(module(file.module, name="boxes").html)
    return out


def _rewriting(file: OwnFile) -> Section:
    """The player on the driver."""
    out = Section("rewriting", "Rewriting, change by change")
    try:
        player = rewriting(file.module, milestones=_common(file.module), player=WidePlayer)
    except (MinidlError, *ENGINE_ERRORS) as error:
        out.blocks.append(note("The rewriting stopped.", f"{type(error).__name__}: {error}"))
        return out
    start, end = (_ops_left(player.frames[i]) for i in (0, -1))
    if len(player.frames) > 1 and start != end:
        question = ask.number(
            f"Of {start:,} ops, how many will be left when no pattern fits?", end, "ops",
            tolerance=max(1, start // 20), right=f"{end:,} are left.",
        )  # fmt: skip
        player = rewriting(
            file.module, milestones=_common(file.module), asks={"as it comes": question},
            player=WidePlayer, title=f"From {start:,} ops to {end:,}",
        )  # fmt: skip
    out.blocks.append(
        para(
            "Each frame is one change: a rule, the line it took away, the lines it put there "
            "(▶) and those that read them (•). No rule changes a bit of the result."
        )
    )
    out.blocks.append(player.html)
    return out


def _ops_left(frame: dict[str, object]) -> int:
    counters = frame["counters"]
    assert isinstance(counters, list)
    return int(str(counters[0]["value"]).replace(",", ""))


def _descent(file: OwnFile, descent: Descent) -> Section:
    """All stages side by side."""
    out = Section("stages", "Every stage, lines tied")
    if descent.exe is None:
        out.blocks.append(para("No stage was made."))
        return out
    out.blocks.append(
        para(
            "The tour follows one op down. Then point at any line: what it became, and what it "
            "came from, light up in every column; a click keeps them; the tabs choose columns."
        )
    )
    made = columns(descent, file.name, file.text, SHOWN[1:])
    tour = _tour(made, descent.exe)
    out.blocks.append(WideExplorer(made, name="stages", title="", tour=tour).html)
    return out


def _tour(stages: Sequence[Stage], exe: Executable) -> list[Tour]:
    """One op followed down: that of the file with the most lines in the last stage."""
    lines = {s.name: lines_of(s) for s in stages}
    last = stages[-1].name
    known = [
        op
        for op in exe.provenance.ops.values()
        if lines["file"].get(op.id) and op.name not in AROUND and not op.name.endswith("return")
    ]
    busy = max(known, key=lambda op: len(lines[last].get(op.id, ())), default=None)
    if busy is None or last != "x86" or not lines[last].get(busy.id):
        return []
    name, count = code(busy.name), len(lines[last][busy.id])
    out = []
    for above, stage in pairwise(stages):
        own = {s.name: lines[s.name].get(busy.id, [])[:600] for s in (stages[0], above, stage)}
        many = len(lines[stage.name].get(busy.id, ()))
        caption = f"{name} is behind {_count(many, 'line')} here. {SAYS[stage.name]}"
        show = list(dict.fromkeys((stage.name, stages[0].name, above.name)))
        mile = f"as {stage.title}"
        question = _how_many(busy.name, count) if stage.name == "llvm" else None
        out.append(Tour(caption, show, own, "", mile, question))
    return out


def _how_many(name: str, count: int) -> Ask:
    options = [f"about {n}" for n in (max(1, count // 4), count, count * 4)]
    return ask.choose(
        f"How many x86 instructions will stand for this `{name.rpartition('.')[2]}`?",
        options, options[1], right=f"{count}, counted in the text.",
        otherwise=f"{count} are counted in the text.",
    )  # fmt: skip


def _memory(exe: Executable) -> Section:
    """The bytes a call holds, and when."""
    memory = exe.memory
    out = Section("memory", "Memory of one call")
    temps = [b for b in memory.buffers if b.kind == "temp"]
    rows = [
        ("arguments", memory.argument_bytes),
        ("results", memory.output_bytes),
        (f"temporaries ({_count(len(temps), 'buffer')} in one block)", memory.temp_bytes),
        ("alive at most", memory.peak_bytes),
    ]
    out.blocks.append(table(("what", "bytes"), rows))
    if temps:
        together = sum(b.size for b in temps)
        words = f"The temporaries have {together:,} bytes together"
        if together > memory.temp_bytes:
            words += (
                f" and share {memory.temp_bytes:,}: two may use the same bytes when they never "
                "live at once."
            )
        else:
            words += "; each begins at a multiple of 64, and none shares the bytes of another."
        out.blocks.append(para(words))
        out.blocks.append(WidePlayer(_calls(memory, temps), name="memory", title=LIVES).html)
    return out


def _calls(memory: Memory, temps: Sequence[Buffer]) -> list[Frame]:
    """A frame for each call of @main: which temporaries live, and how many bytes."""
    temps = sorted(temps, key=lambda b: (b.offset, b.first))
    lanes: dict[str, list[tuple[int, int, str]]] = {}
    for b in temps[:MANY]:
        lanes.setdefault(f"{b.offset:,} +{b.size:,}", []).append((b.first, b.last + 1, b.value))
    calls = max(b.last for b in temps) + 1
    peak = max(range(calls), key=memory.live)
    shown = sorted({peak, *range(0, calls, max(1, calls // 50 + (calls > 50)))})
    return [_call(t, memory, temps, lanes, t == peak) for t in shown]


def _call(
    t: int,
    memory: Memory,
    temps: Sequence[Buffer],
    lanes: dict[str, list[tuple[int, int, str]]],
    peak: bool,
) -> Frame:
    live = [b for b in temps if b.first <= t <= b.last]
    drawn = panel.timeline(
        lanes, unit="call", now=t + 0.5, title="bytes of the block (offset + size), and their life",
        current=[f"{lane}.{i}" for lane, spans in lanes.items() for i, (a, z, _) in
                 enumerate(spans) if a <= t < z],
    )  # fmt: skip
    many = "one temporary lives" if len(live) == 1 else f"{len(live)} temporaries live"
    caption = f"While call {t} runs, {many}."
    counters = {"live bytes": memory.live(t), "block bytes": memory.temp_bytes}
    return Frame(f"call {t}", caption, [drawn], counters, "most bytes live" if peak else None)


def _fates(exe: Executable) -> Section:
    """What became of each op of the file."""
    out = Section("fates", "What became of each op")
    code_lines = exe.stages["asm"].lines
    counts: Counter[int] = Counter(i for line in code_lines if line.code for i in line.ids)
    rows = [_fate(op, counts[op.id], exe) for op in exe.provenance.ops.values()]
    gone = sum(not counts[op.id] for op in exe.provenance.ops.values())
    out.blocks.append(
        para(
            f"Of {_count(len(rows), 'op')}, {len(rows) - gone:,} can be found in the assembly. "
            "An instruction that stands for several ops is counted with each."
        )
    )
    made = table(("line", "op", "instructions", "why none"), rows)
    out.blocks.append(made if len(rows) <= MANY else more(f"all {len(rows):,} ops", made))
    return out


def _fate(op: OpRecord, count: int, exe: Executable) -> Sequence[object]:
    line = op.spans[0].line if op.spans else 0
    reason = exe.provenance.reasons.get(op.id) or UNSAID.get(op.name, "")
    return line, f"`{op.name}`", count, "" if count else code(reason)


def _common(module: Module) -> Sequence[str]:
    """Rules worth a milestone in any file."""
    return ("fold", "cse")
