"""Buffer assignment: where each value of @main lives, and until when.

Chapter: xla/buffers.
Sources: XLA, `BufferAssignment` and `HeapSimulator` (best fit by decreasing size).
Real: XLA packs by a global-decreasing-size best fit, too, and also lets an
elementwise op write over an operand that dies there.

Time is the number of a call in @main.  A temporary lives from the call that writes it
to the last that reads it; two temporaries may share bytes when they never live at once.
All offsets are multiples of 64 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minidl.ir.lowering.generics import memory
from minidl.ir.mlir.core import Operation, Value

ALIGN = 64
VIEWS = ("stablehlo.reshape", "stablehlo.optimization_barrier")  # other names of the same bytes


@dataclass(frozen=True, slots=True)
class Buffer:
    """One value's place: `kind` is argument, output, constant or temp."""

    value: str
    kind: str
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What a call of the program holds, in bytes.

    temp_bytes  the one block of temporaries
    peak_bytes  arguments + outputs + temporaries, which is what is alive at most
    """

    buffers: tuple[Buffer, ...]
    argument_bytes: int
    output_bytes: int
    temp_bytes: int

    @property
    def peak_bytes(self) -> int:
        return self.argument_bytes + self.output_bytes + self.temp_bytes

    def live(self, time: int) -> int:
        """Bytes of temporaries alive while call number `time` runs."""
        return sum(b.size for b in self.buffers if b.kind == "temp" and b.first <= time <= b.last)


@dataclass(slots=True)
class Assignment:
    """For each value of @main its root (the value whose bytes it shares) and place."""

    root: dict[Value, Value]
    offset: dict[Value, int]
    memory: Memory


def size_of(value: Value) -> int:
    return memory(value.type).bytes


def assign(main: Operation) -> Assignment:
    """Roots, lifetimes and offsets of all values of a fused @main."""
    root: dict[Value, Value] = {v: v for v in main.body.args}
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    time = 0
    for op in main.body:
        for v in op.operands:
            last[root[v]] = time
        for i, v in enumerate(op.results):
            root[v] = root[op.operands[i]] if op.name in VIEWS else v
            first.setdefault(root[v], time)
        time += op.name == "func.call"
    outputs = [root[v] for v in main.body.terminator.operands]
    temps = [
        v for v in first
        if v not in outputs and v.op is not None and v.op.name == "func.call"
    ]  # fmt: skip
    offset = pack([(size_of(v), first[v], last.get(v, first[v])) for v in temps])
    places = dict(zip(temps, offset, strict=True))
    total = max((places[v] + size_of(v) for v in temps), default=0)
    end = max(0, time - 1)
    buffers = []
    for i, v in enumerate(main.body.args):
        buffers.append(Buffer(f"%arg{i}", "argument", 0, size_of(v), 0, end))
    for i, v in enumerate(main.body.terminator.operands):
        buffers.append(Buffer(f"output {i}", "output", 0, size_of(v), first.get(root[v], 0), end))
    for i, v in enumerate(temps):
        spot = Buffer(f"%{i}", "temp", places[v], size_of(v), first[v], last.get(v, first[v]))
        buffers.append(spot)
    made = Memory(
        tuple(buffers),
        sum(b.size for b in buffers if b.kind == "argument"),
        sum(b.size for b in buffers if b.kind == "output"),
        -(-total // ALIGN) * ALIGN,
    )
    return Assignment(root, places, made)


def pack(intervals: Sequence[tuple[int, int, int]]) -> list[int]:
    """Offsets for (size, first, last): largest first, each into the tightest gap."""
    order = sorted(range(len(intervals)), key=lambda i: (-intervals[i][0], i))
    offsets = [0] * len(intervals)
    placed: list[int] = []
    for i in order:
        size, first, last = intervals[i]
        taken = sorted(
            (offsets[j], offsets[j] + intervals[j][0])
            for j in placed
            if intervals[j][1] <= last and first <= intervals[j][2]
        )
        offsets[i] = _tightest(taken, size)
        placed.append(i)
    return offsets


def _tightest(taken: list[tuple[int, int]], size: int) -> int:
    """The smallest gap between taken ranges that holds `size`; the end otherwise."""
    best, best_gap, at = None, 0, 0
    for low, high in taken:
        gap = low - at
        if gap >= size and (best is None or gap < best_gap):
            best, best_gap = at, gap
        at = max(at, -(-high // ALIGN) * ALIGN)
    return at if best is None else best
