"""Buffer assignment: where each value of @main lives, and until when.

Chapter: xla/buffers.
Sources: XLA, `BufferAssignment` and `HeapSimulator` (best fit by decreasing size).
Real: XLA packs by a global-decreasing-size best fit, too, and also lets an
elementwise op write over an operand that dies there.

Time is the number of a call (or a loop, a choice) in @main.  A temporary lives from the
call that writes it to the last that reads it; two temporaries may share bytes when they
never live at once.  What a callee needs is one more temporary, for that moment alone.
All offsets are multiples of 64 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minidl.ir.lowering.generics import memory
from minidl.ir.mlir.core import Operation, Value
from minidl.xla.captures import used
from minidl.xla.outline import CONTROL

ALIGN = 64
WRITES = ("func.call", *CONTROL)  # these fill memory of their own
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
    """For each value of @main its root (the value whose bytes it shares) and place.

    scratch  where the bytes begin that an op has to itself while it runs
    """

    root: dict[Value, Value]
    offset: dict[Value, int]
    scratch: dict[Operation, int]
    memory: Memory


def size_of(value: Value) -> int:
    return memory(value.type).bytes


def aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def writes(value: Value) -> bool:
    """Whether an op of @main fills this value's own memory."""
    return value.op is not None and value.op.name in WRITES


def assign(main: Operation, needs: Callable[[Operation], int] = lambda op: 0) -> Assignment:
    """Roots, lifetimes and offsets of all values of a fused @main.

    needs  bytes that an op wants for itself while it runs (its callees' temporaries)
    """
    root: dict[Value, Value] = {v: v for v in main.body.args}
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    rooms: list[tuple[Operation, int, int]] = []
    time = 0
    for op in main.body:
        for v in used(op):
            last[root[v]] = time
        for i, v in enumerate(op.results):
            root[v] = root[op.operands[i]] if op.name in VIEWS else v
            first.setdefault(root[v], time)
        if op.name in WRITES:
            if size := needs(op):
                rooms.append((op, size, time))
            time += 1
    outputs = [root[v] for v in main.body.terminator.operands]
    temps = [v for v in first if v not in outputs and writes(v)]
    intervals = [(size_of(v), first[v], last.get(v, first[v])) for v in temps]
    offset = pack([*intervals, *((size, at, at) for _, size, at in rooms)])
    places = dict(zip(temps, offset, strict=False))
    scratch = {op: at for (op, _, _), at in zip(rooms, offset[len(temps) :], strict=True)}
    sizes = [size_of(v) for v in temps] + [size for _, size, _ in rooms]
    total = max((at + size for at, size in zip(offset, sizes, strict=True)), default=0)
    end = max(0, time - 1)
    buffers = []
    for i, v in enumerate(main.body.args):
        buffers.append(Buffer(f"%arg{i}", "argument", 0, size_of(v), 0, end))
    for i, v in enumerate(main.body.terminator.operands):
        buffers.append(Buffer(f"output {i}", "output", 0, size_of(v), first.get(root[v], 0), end))
    for i, v in enumerate(temps):
        spot = Buffer(f"%{i}", "temp", places[v], size_of(v), first[v], last.get(v, first[v]))
        buffers.append(spot)
    buffers += [Buffer(op.name, "temp", scratch[op], size, at, at) for op, size, at in rooms]
    made = Memory(
        tuple(buffers),
        sum(b.size for b in buffers if b.kind == "argument"),
        sum(b.size for b in buffers if b.kind == "output"),
        aligned(total),
    )
    return Assignment(root, places, scratch, made)


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
