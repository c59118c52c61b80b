"""`viz.module`: a module as nested boxes; of one op, what it reads and who reads it.

Chapter: ir/mlir.
Sources: MLIR language reference, "High-Level Structure".
Real: `mlir-opt --view-op-graph` draws the same by Graphviz, without the nesting of blocks.

    boxes(module)    the boxes as rows of a `panel.nest`: op ⊃ region ⊃ block ⊃ op
    module(m)        an explorer: choose an op; ▶ it, = who makes its operands, • who uses it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.text.printer import Printer
from minidl.viz import panel
from minidl.viz.explorer import Explorer, Knob
from minidl.viz.frame import Frame, Panel, ViewError, unknown
from minidl.viz.rewriting_player import cut

MOST = 60  # ops that one picture can show


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its id (`o3`, `o3.r0`, `o3.r0.b0`), depth and text; an op's own, for who asks."""

    id: str
    depth: int
    what: str
    text: str
    op: Operation | None = None


def _name(value: Value, called: dict[Value, str]) -> str:
    """Its printed name; a letter in a body that the short form leaves unwritten."""
    return called.get(value) or f"%{chr(ord('a') + value.index % 26)}"


def boxes(module: Operation) -> list[Box]:
    """Every op, region and block, outermost first; ops are numbered in textual order."""
    printer = Printer()
    first = {op: line.strip() for line, op in printer.module_lines(module) if op is not None}
    numbers = {op: i for i, op in enumerate(module.walk())}
    out: list[Box] = []
    _box(module, 0, first, numbers, printer.names, out)
    return out


def _box(
    op: Operation,
    depth: int,
    first: dict[Operation, str],
    numbers: dict[Operation, int],
    called: dict[Value, str],
    out: list[Box],
) -> None:
    name = f"o{numbers[op]}"
    text = first.get(op, _plain(op, called))
    out.append(Box(name, depth, "op", cut(text.removesuffix("{").rstrip()), op))
    for r, region in enumerate(op.regions):
        out.append(Box(f"{name}.r{r}", depth + 1, "region", ""))
        for b, block in enumerate(region.blocks):
            args = ", ".join(f"{_name(v, called)}: {v.type}" for v in block.args)
            out.append(Box(f"{name}.r{r}.b{b}", depth + 2, "block", f"({args})" if args else ""))
            for inner in block:
                _box(inner, depth + 3, first, numbers, called, out)


def _plain(op: Operation, called: dict[Value, str]) -> str:
    """An op that the short form of its parent leaves unwritten."""
    operands = ", ".join(_name(v, called) for v in op.operands)
    made = ", ".join(_name(v, called) for v in op.results)
    types = ", ".join(str(v.type) for v in op.results)
    head = f"{made} = {op.name}" if made else op.name
    return f"{head} {operands}".rstrip() + (f" : {types}" if types else "")


def nest(
    rows: Iterable[Box],
    current: Iterable[str] = (),
    changed: Iterable[str] = (),
    reference: Iterable[str] = (),
    title: str = "the module",
) -> Panel:
    """The boxes as a panel; roles by id."""
    given = [(b.id, b.depth, b.what, b.text) for b in rows]
    marks = {"current": current, "changed": changed, "reference": reference}
    return panel.nest(given, title=title, side="wide", **marks)


def module(
    m: Module, *, name: str = "module", title: str = "Boxes inside boxes", start: str = ""
) -> Explorer:
    """An explorer over the ops of a module (`start`: the text that begins the first shown)."""
    rows = boxes(m)
    ops = [b for b in rows if b.op is not None and b.op.name != "builtin.module"]
    if len(ops) > MOST:
        raise ViewError(
            f"the module has {len(ops)} ops, a picture shows {MOST}",
            hint="show one function, or a smaller module",
        )
    labels = {_label(i, b): b for i, b in enumerate(ops, 1)}
    begin = next((x for x, b in labels.items() if b.text.startswith(start)), None)
    if begin is None:
        raise unknown("op", start, (b.text for b in ops))
    owner = {v: b.id for b in rows if b.op is not None for v in b.op.results}
    for b in rows:
        if b.op is not None:
            for r, region in enumerate(b.op.regions):
                for k, block in enumerate(region.blocks):
                    owner.update((v, f"{b.id}.r{r}.b{k}") for v in block.args)

    def row(op: str) -> Frame:
        return _picture(rows, labels[op], owner)

    knob = Knob(list(labels), "operation", start=begin)
    return Explorer(name, {"op": knob}, row, title=title)


def _label(i: int, box: Box) -> str:
    """What the reader chooses from: number and beginning of the text."""
    return f"{i}. {box.text if len(box.text) <= 46 else box.text[:44] + ' …'}"


def _picture(rows: Sequence[Box], box: Box, owner: dict[Value, str]) -> Frame:
    op = box.op
    assert op is not None
    ids = {b.op: b.id for b in rows if b.op is not None}
    makers = list(dict.fromkeys(owner[v] for v in op.operands))
    users = list(dict.fromkeys(ids[u] for v in op.results for u in v.users))
    inside = sum(1 for _ in op.walk()) - 1
    uses = sum(len(v.uses) for v in op.results)
    caption = f"`{op.name}` {_reads(len(op.operands))}; {_makes(len(op.results), uses)}."
    counters = {"operands": len(op.operands), "uses": uses, "depth": box.depth // 3}
    drawn = nest(rows, [box.id], users, makers)
    return Frame("", caption, [drawn], {**counters, "ops inside": inside})


def _reads(n: int) -> str:
    return f"reads {n} value{'s' * (n > 1)} (=)" if n else "reads nothing"


def _makes(n: int, uses: int) -> str:
    if not n:
        return "it makes no value"
    times = {0: "nowhere", 1: "once", 2: "twice"}.get(uses, f"{uses} times")
    return f"what it makes is used {times} (•)"
