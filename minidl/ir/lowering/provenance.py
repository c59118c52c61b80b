"""Provenance: which ops an instruction came from, carried in LLVM's debug lines.

Chapter: stack; ir/llvm.
Sources: LLVM, "Source Level Debugging" (DILocation).
Real: XLA puts `op_name` metadata on HLO and keeps a Python line or none in the code.

A debug *line* is a row of this table: a set of op numbers.  Line numbers survive
the back end into `.loc` of x86 and PTX.  Each function counts its own lines
(a DILocation belongs to a function), row 0 means nothing is known.

    ops      number → the op of the program that was compiled: name, text, spans
    sets     line → the op numbers, as a frozenset
    reasons  number → why an op has no instruction of its own
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minidl.core.span import Span
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.location import Location, OriginLoc, origins
from minidl.ir.mlir.module import Module

SKIP = ("builtin.module", "func.func", "func.return", "stablehlo.return")


@dataclass(frozen=True, slots=True)
class OpRecord:
    """An op of the compiled program."""

    id: int
    name: str
    text: str
    spans: tuple[Span, ...]


@dataclass(slots=True)
class Provenance:
    ops: dict[int, OpRecord] = field(default_factory=dict)
    sets: list[frozenset[int]] = field(default_factory=lambda: [frozenset()])
    lines: dict[frozenset[int], int] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)

    def line(self, location: Location) -> int:
        """The line that stands for the ops of a location; 0 for none."""
        ids = origins(location)
        if not ids:
            return 0
        if ids not in self.lines:
            self.lines[ids] = len(self.sets)
            self.sets.append(ids)
        return self.lines[ids]


def mark(module: Module) -> Provenance:
    """Number the ops of a program, in place: each location becomes an OriginLoc."""
    table = Provenance()
    text: dict[Operation, str] = {}
    for line, op in module.lines():
        if op is not None:
            text[op] = line.strip()
    for op in module.walk():
        if op.name in SKIP:
            continue
        number = len(table.ops) + 1
        spans = tuple(sorted(op.location.spans(), key=lambda s: (s.file, s.line, s.column)))
        table.ops[number] = OpRecord(number, op.name, text.get(op, op.name), spans)
        op.location = OriginLoc(number, op.location)
    return table
