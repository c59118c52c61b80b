"""The worklist on the page: which operation the driver takes, what fits, who waits then.

Chapter: ir/rewriting.
Sources: the engine itself: its driver runs, a pattern that never fits looks on.
Real: MLIR's `-debug-only=greedy-rewriter` prints each operation it takes, as text.

visits     one a look of the driver, in order
pictures   what a visit shows: the program and the list
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from minidl.core import step
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.module import Module
from minidl.ir.rewriting import CANONICAL, FOLD
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter, rewrite
from minidl.ir.rewriting.steady import SteadyPrinter
from minidl.ir.rewriting.watch import Change
from minidl.viz import panel
from minidl.viz.frame import Panel

Line = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Visit:
    """One look: `line` is the operation as it stood; `rule` is empty when nothing fitted.

    before, after   the program's lines with the number of the op on each (−1: none)
    number          of the op taken
    waiting         numbers of the ops on the list afterwards, the next one first
    """

    line: str
    number: int
    rule: str
    why: str
    before: tuple[Line, ...]
    after: tuple[Line, ...]
    waiting: tuple[int, ...]

    @property
    def name(self) -> str:
        """What the op's result is called, or the op itself when it has none."""
        return self.line.split(" = ")[0]


def visits(module: Module, patterns: Iterable[Pattern] = CANONICAL) -> list[Visit]:
    """Every look of the driver at an operation that has results, patterns and folding applied."""
    out: list[Visit] = []
    lines: tuple[Line, ...] = ()

    def look(op: Operation, rw: Rewriter) -> Made:
        nonlocal lines
        watch = rw.watch
        assert watch is not None
        rows = SteadyPrinter(watch.names).module_lines(rw.module)
        lines = tuple((t, -1 if o is None else watch.number(o)) for t, o in rows)
        waiting = tuple(watch.number(o) for o in rw.queue if o in rw.queued)
        number = watch.number(op)
        out.append(Visit(_line(lines, number), number, "", "", lines, lines, waiting))
        return None

    def listener(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        nonlocal lines
        assert state is not None
        change: Change = state()
        if change.gone:
            if not (out and out[-1].number == change.gone[0] and not out[-1].rule):
                number = change.gone[0]
                line = _line(lines, number)
                out.append(Visit(line, number, "", "", lines, lines, ()))
            out[-1] = replace(out[-1], rule=change.rule, why=change.why, after=change.lines,
                              waiting=change.waiting)  # fmt: skip
        lines = change.lines

    with step.listen(listener):
        rewrite(module.clone(), [Pattern("look", "*", "", look), FOLD, *patterns])
    return out


def _line(lines: Sequence[Line], number: int) -> str:
    return next(text.strip() for text, n in lines if n == number)


def pictures(
    lines: Sequence[Line], waiting: Sequence[int], current: int | None, known: Iterable[int]
) -> list[Panel]:
    """The function's lines, the op taken marked; the list, the next one first.

    known   who stood on the list before: others are marked as changed
    """
    before = set(known)
    inner = [(t[2:], n) for t, n in lines if t.startswith("  ")]
    marked = [i for i, (_, n) in enumerate(inner, 1) if n == current]
    rows = [(i, short(_line(lines, n))) for i, n in enumerate(waiting, 1)]
    fresh = [(i, 1) for i, n in enumerate(waiting) if n not in before]
    return [
        panel.code([t for t, _ in inner], marked, title="program", side="wide"),
        panel.table(rows or [("–", "nobody waits")], ("place", "on the list, the next one first"),
                    changed=fresh, title="worklist", side="wide"),
    ]  # fmt: skip


def short(line: str) -> str:
    """A line without its dialect and its types."""
    return line.split(" : ")[0].replace("stablehlo.", "")


__all__ = ["Visit", "pictures", "short", "visits"]
