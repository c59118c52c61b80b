"""Schedule: how big a tile, how wide a vector, who is a thread.

Chapter: ir/lowering; xla/microkernel.
Sources: Goto & van de Geijn 2008 (register tiles); measured here (`make bench`).
Real: XLA's CPU backend asks LLVM's cost model and, for large dots, Eigen/oneDNN.

A schedule never changes a result: reductions associate by shapes alone (house rule),
so these numbers may follow the machine.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    lanes          elements of a 4-byte type in one vector of the schedule
    dot_rows       rows of a register tile of a dot
    dot_vectors    vectors a row of a register tile
    column_vectors vectors a tile of an in-order reduction
    elementwise_ops  operations in a round of an elementwise loop: few vectors of long
                   chains, several of short ones
    threads        "loops" (host) or "gpu": one thread an element
    parallel_work  operations above which a fusion is split over the worker threads
    """

    lanes: int = 8
    dot_rows: int = 4
    dot_vectors: int = 2
    column_vectors: int = 4
    elementwise_ops: int = 40
    threads: str = "loops"
    parallel_work: int = 40_000


HOST_256 = Schedule()
HOST_128 = Schedule(lanes=8, dot_rows=2, dot_vectors=1, column_vectors=2)
HOST_512 = Schedule(lanes=16, dot_rows=8, dot_vectors=2)
GPU = Schedule(lanes=1, threads="gpu")


def for_vector_bits(bits: int) -> Schedule:
    return HOST_512 if bits >= 512 else HOST_256 if bits >= 256 else HOST_128
