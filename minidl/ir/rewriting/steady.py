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
from typing import Any
from weakref import WeakKeyDictionary

from minidl.ir.mlir.core import Operation, Value
from minidl.ir.text.printer import Printer


class Names:
    """What each value is called, and the numbers still free (none before the first print)."""

    def __init__(self) -> None:
        self.of: MutableMapping[Value, str] = WeakKeyDictionary()
        self.free: Iterator[int] | None = None

    def keep(self, fresh: dict[Value, str]) -> dict[Value, str]:
        """The names to print: known ones as they were, others new."""
        owners: dict[Any, str] = {}
        for value, name in fresh.items():
            if value not in self.of:
                base, mark, i = name.partition("#")
                if self.free is not None:
                    key = value.owner if mark else value
                    base = owners[key] = owners.get(key) or self._new(base)
                self.of[value] = f"{base}{mark}{i}"
        if self.free is None:
            used = [int(n) for name in fresh.values() for n in re.findall(r"\d+", name)]
            self.free = count(max(used, default=-1) + 1)
        return {value: self.of[value] for value in fresh}

    def _new(self, name: str) -> str:
        """The stem of `name` with a number that nobody had."""
        stem = re.match(r"%[A-Za-z]*", name)
        assert stem is not None and self.free is not None
        return f"{stem[0]}{'_' * (stem[0] in ('%cst', '%c'))}{next(self.free)}"


class SteadyPrinter(Printer):
    """A printer that keeps the names of the prints before."""

    def __init__(self, known: Names) -> None:
        super().__init__()
        self.known = known

    def name_all(self, op: Operation) -> None:
        super().name_all(op)
        self.names = self.known.keep(self.names)


__all__ = ["Names", "SteadyPrinter"]
