"""Watch: what a rewriting says about itself, one step for each change.

Chapter: ir/rewriting (the player of the driver).
Real: MLIR's `-debug-only=greedy-rewriter` and `-mlir-print-ir-after-change`, as text.

A step's state is a `Change`.  Operations carry numbers that last as long as the module,
so that a line of one state can be found again in the next; values keep their names.
Without a listener there is no watch; with one that asks for no states (a counter)
nothing is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from minidl.core import step
from minidl.ir.mlir.core import Operation
from minidl.ir.rewriting.steady import Names, SteadyPrinter

_HOLDERS = ("builtin.module", "func.func")


@dataclass(frozen=True, slots=True)
class Change:
    """The module after one change, and what the change was.

    rule     the pattern or pass; empty for the module as it came
    why      one line: the meaning is kept because …
    gone     numbers of the ops that went; `before` are their lines, as they stood
    made     numbers of the ops that came; `after` are their lines, as they stand
    waiting  numbers of the ops on the worklist, the next one first
    lines    the text: (line, number of the op that begins on it, or −1)
    ops      how many ops are left in the functions
    """

    rule: str
    why: str
    gone: tuple[int, ...]
    made: tuple[int, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    waiting: tuple[int, ...]
    lines: tuple[tuple[str, int], ...] = field(repr=False)
    ops: int

    @property
    def text(self) -> str:
        """The whole module as MLIR text."""
        return "\n".join(line for line, _ in self.lines) + "\n"


class Watch:
    """Numbers the ops of one module and emits its steps."""

    def __init__(self, module: Operation) -> None:
        self.numbers: WeakKeyDictionary[Operation, int] = WeakKeyDictionary()
        self.next = count()
        self.last: dict[int, str] = {}
        self.names = Names()
        for op in module.walk():
            self.number(op)

    def number(self, op: Operation) -> int:
        """The number of an op: in textual order at first, then as they come."""
        known = self.numbers.get(op)
        if known is None:
            known = self.numbers[op] = next(self.next)
        return known

    def tell(
        self,
        module: Operation,
        title: str,
        where: Any,
        rule: str = "",
        why: str = "",
        gone: Iterable[Operation] = (),
        made: Iterable[Operation] = (),
        waiting: Iterable[Operation] = (),
    ) -> None:
        """Emit one step; the state is made only for who asks for it."""

        def state() -> Change:
            went, came, queue = (tuple(map(self.number, ops)) for ops in (gone, made, waiting))
            before = tuple(self.last[i] for i in went if i in self.last)
            lines = self._print(module)
            after = tuple(self.last[i] for i in came if i in self.last)
            ops = sum(op.name not in _HOLDERS for op in module.walk())
            return Change(rule, why, went, came, before, after, queue, lines, ops)

        step.emit(title, where, state)

    def _print(self, module: Operation) -> tuple[tuple[str, int], ...]:
        rows = SteadyPrinter(self.names).module_lines(module)
        lines = tuple((line, -1 if op is None else self.number(op)) for line, op in rows)
        self.last = {number: line.strip() for line, number in lines if number >= 0}
        return lines


_watches: WeakKeyDictionary[Operation, Watch] = WeakKeyDictionary()


def watch(module: Operation) -> Watch | None:
    """The watch of a module while somebody listens; its first step is the module itself."""
    if not step.listening():
        return None
    made = _watches.get(module)
    if made is None:
        made = _watches[module] = Watch(module)
        made.tell(module, "the module as it comes", module)
    return made


def tell(
    module: Operation, title: str, where: Any, rule: str, why: str, gone: Sequence[Operation],
    made: Sequence[Operation] = (),
) -> None:  # fmt: skip
    """One step of a pass that keeps no worklist; nothing at all when nobody listens."""
    watching = watch(module)
    if watching is not None:
        watching.tell(module, title, where, rule, why, gone, made)
