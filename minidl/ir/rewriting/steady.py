"""Steady names: a module printed again and again, each value always called the same.

Chapter: ir/rewriting (the player of the driver).
Real: MLIR numbers values anew at each print, so that one erased op renames all below it.

The first print names values as MLIR does.  A value made later gets a number that nobody
had before; a number that is free again stays free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from itertools import count
from weakref import WeakKeyDictionary

from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.text.printer import Printer


class Names:
    """What each value is called, and the numbers still free (none before the first print)."""

    def __init__(self) -> None:
        self.of: MutableMapping[Value, str] = WeakKeyDictionary()
        self.free: Iterator[int] | None = None

    def printed(self) -> None:
        """After the first print: numbers begin above all that were used."""
        if self.free is None:
            used = [int(n) for name in self.of.values() for n in re.findall(r"\d+", name)]
            self.free = count(max(used, default=-1) + 1)


class SteadyPrinter(Printer):
    """A printer that keeps the names of the prints before."""

    def __init__(self, known: Names) -> None:
        super().__init__()
        self.known = known

    def module_lines(self, op: Operation) -> list[tuple[str, Operation | None]]:
        lines = super().module_lines(op)
        self.known.printed()
        return lines

    def name_results(self, op: Operation) -> str:
        if not op.results:
            return ""
        name = self.known.of.get(op.results[0])
        if name is None:
            name = self._new(super().name_results(op).partition(" ")[0].partition(":")[0])
            self.known.of[op.results[0]] = name
        if len(op.results) == 1:
            self.names[op.results[0]] = name
            return f"{name} = "
        self.names.update((v, f"{name}#{i}") for i, v in enumerate(op.results))
        return f"{name}:{len(op.results)} = "

    def arg_list(self, block: Block, prefix: str = "arg", extra: Sequence[str] = ()) -> list[str]:
        parts = super().arg_list(block, prefix, extra)
        for i, value in enumerate(block.args):
            name, _, rest = parts[i].partition(":")
            if value not in self.known.of:
                self.known.of[value] = self._new(name)
            self.names[value] = self.known.of[value]
            parts[i] = f"{self.names[value]}:{rest}"
        return parts

    def _new(self, name: str) -> str:
        """`name` at the first print; later its stem with a number nobody had."""
        if self.known.free is None:
            return name
        stem = re.match(r"%[a-z]*", name)
        assert stem is not None
        mark = "_" if stem[0] in ("%cst", "%c") else ""
        return f"{stem[0]}{mark}{next(self.known.free)}"


__all__ = ["Names", "SteadyPrinter"]
