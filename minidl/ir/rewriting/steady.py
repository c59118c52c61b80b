"""Steady names: a module printed again and again, each value always called the same.

Chapter: ir/rewriting (the player of the driver).
Real: MLIR numbers values anew at each print, so that one erased op renames all below it.

The first print names values as MLIR does.  A value made later gets a number that nobody
had before; a number that is free again stays free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from itertools import count
from weakref import WeakKeyDictionary

from minidl.ir.mlir.core import Operation, Value
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

    def name_all(self, op: Operation) -> None:
        super().name_all(op)
        for value, name in self.names.items():
            stem, mark, number = name.partition("#")
            first = value.owner.results[0] if isinstance(value.owner, Operation) else value
            if first not in self.known.of:
                self.known.of[first] = self._new(stem)
            self.names[value] = f"{self.known.of[first]}{mark}{number}"
        self.known.printed()

    def _new(self, name: str) -> str:
        """`name` at the first print; later its stem with a number nobody had."""
        if self.known.free is None:
            return name
        stem = re.match(r"%[a-z]*", name)
        assert stem is not None
        mark = "_" if stem[0] in ("%cst", "%c") else ""
        return f"{stem[0]}{mark}{next(self.known.free)}"


__all__ = ["Names", "SteadyPrinter"]
