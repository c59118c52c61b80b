"""n-1 worker threads, each parked inside one generated call.

Chapter: xla/threads.
Sources: J. Mellor-Crummey, M. Scott, "Algorithms for scalable synchronization"
(1991), for spinning; the C11 memory model, whose orders LLVM's atomics name.
Real XLA: an Eigen `ThreadPool`, whose tasks wait on a condition variable.

A job is [0, n) cut into `parts` contiguous pieces.  `remaining` counts down from
`parts`; whoever lowers it from v to v-1 runs piece v-1, the caller included, so
a sleeping or missing worker delays nobody.  Only then is the job read: lowering
the counter and finishing the piece hold the job in place.  Pieces cover parallel
dimensions, so who runs a piece never changes a bit.

lock       1 while a job is under way; a second caller runs alone
remaining  pieces that nobody has taken yet
done       pieces that are finished
epoch      jobs so far: tells a waking worker that there is work about
limit      workers with index ≥ limit leave
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading

import numpy as np

from minidl.core.errors import CallError
from minidl.core.native.assemble import assemble
from minidl.core.native.call import aligned_empty
from minidl.core.native.load import Function, load
from minidl.core.native.target import Target, target

# word index of each field; fields written by different threads are 128 bytes apart
FIELDS = {
    "lock": 0, "remaining": 16, "done": 32, "epoch": 48,
    "fn": 64, "table": 65, "n": 66, "piece": 67,
    "threads": 80, "limit": 81, "yield": 82, "sleep": 83, "shortest": 84, "longest": 85,
}  # fmt: skip
WORDS = 96
SPINS, YIELDS = 2000, 200  # some 50 µs, then some 100 µs

ALONE = """
define internal void @minidl.parallel(ptr %pool, ptr %fn, ptr %table, i64 %n, i64 %grain) nounwind {
  call void %fn(ptr %table, i64 0, i64 %n)
  ret void
}
"""

PIECES = """
define internal void @minidl.pieces(ptr %pool) noinline nounwind {{
entry:
  %remaining = getelementptr i64, ptr %pool, i64 {remaining}
  %done = getelementptr i64, ptr %pool, i64 {done}
  %fn.at = getelementptr i64, ptr %pool, i64 {fn}
  %table.at = getelementptr i64, ptr %pool, i64 {table}
  %n.at = getelementptr i64, ptr %pool, i64 {n}
  %piece.at = getelementptr i64, ptr %pool, i64 {piece}
  br label %look
look:
  %v = load atomic i64, ptr %remaining acquire, align 8
  %any = icmp sgt i64 %v, 0
  br i1 %any, label %take, label %out
take:
  %i = sub i64 %v, 1
  %pair = cmpxchg ptr %remaining, i64 %v, i64 %i acq_rel acquire
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %run, label %look
run:
  %fn = load ptr, ptr %fn.at
  %table = load ptr, ptr %table.at
  %n = load i64, ptr %n.at
  %piece = load i64, ptr %piece.at
  %begin = mul i64 %i, %piece
  %stop = add i64 %begin, %piece
  %end = call i64 @llvm.smin.i64(i64 %stop, i64 %n)
  call void %fn(ptr %table, i64 %begin, i64 %end)
  %before = atomicrmw add ptr %done, i64 1 acq_rel
  br label %look
out:
  ret void
}}
"""

PARALLEL = """
define internal void @minidl.parallel(ptr %pool, ptr %fn, ptr %table, i64 %n, i64 %grain) nounwind {{
entry:
  %null = icmp eq ptr %pool, null
  br i1 %null, label %alone, label %cut
alone:
  call void %fn(ptr %table, i64 0, i64 %n)
  ret void
cut:
  %threads.at = getelementptr i64, ptr %pool, i64 {threads}
  %threads = load atomic i64, ptr %threads.at monotonic, align 8
  %g = call i64 @llvm.smax.i64(i64 %grain, i64 1)
  %most = sdiv i64 %n, %g
  %parts0 = call i64 @llvm.smin.i64(i64 %threads, i64 %most)
  %few = icmp slt i64 %parts0, 2
  br i1 %few, label %alone, label %lock
lock:
  %pair = cmpxchg ptr %pool, i64 0, i64 1 acquire monotonic
  %got = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %got, label %publish, label %alone
publish:
  %n.up = add i64 %n, %g
  %n.up1 = sub i64 %n.up, 1
  %units = sdiv i64 %n.up1, %g
  %units.up = add i64 %units, %parts0
  %units.up1 = sub i64 %units.up, 1
  %each = sdiv i64 %units.up1, %parts0
  %piece = mul i64 %each, %g
  %n.up2 = add i64 %n, %piece
  %n.up3 = sub i64 %n.up2, 1
  %parts = sdiv i64 %n.up3, %piece
  %fn.at = getelementptr i64, ptr %pool, i64 {fn}
  %table.at = getelementptr i64, ptr %pool, i64 {table}
  %n.at = getelementptr i64, ptr %pool, i64 {n}
  %piece.at = getelementptr i64, ptr %pool, i64 {piece}
  store ptr %fn, ptr %fn.at
  store ptr %table, ptr %table.at
  store i64 %n, ptr %n.at
  store i64 %piece, ptr %piece.at
  %done = getelementptr i64, ptr %pool, i64 {done}
  store atomic i64 0, ptr %done monotonic, align 8
  %epoch = getelementptr i64, ptr %pool, i64 {epoch}
  %old = atomicrmw add ptr %epoch, i64 1 monotonic
  %remaining = getelementptr i64, ptr %pool, i64 {remaining}
  store atomic i64 %parts, ptr %remaining release, align 8
  call void @minidl.pieces(ptr %pool)
  %yield.at = getelementptr i64, ptr %pool, i64 {yield}
  %yield = load ptr, ptr %yield.at
  br label %wait
wait:
  %turn = phi i64 [ 0, %publish ], [ %turn1, %pause ], [ %turn1, %give ]
  %turn1 = add i64 %turn, 1
  %d = load atomic i64, ptr %done acquire, align 8
  %all = icmp eq i64 %d, %parts
  br i1 %all, label %unlock, label %more
more:
  %short = icmp ult i64 %turn, 10000
  br i1 %short, label %pause, label %give
pause:
  {pause}
  br label %wait
give:
  call i32 %yield()
  br label %wait
unlock:
  store atomic i64 0, ptr %pool release, align 8
  ret void
}}
"""

WORKER = """
define void @minidl_worker(ptr %pool, ptr %index) nounwind {{
entry:
  %me = ptrtoint ptr %index to i64
  %limit.at = getelementptr i64, ptr %pool, i64 {limit}
  %remaining = getelementptr i64, ptr %pool, i64 {remaining}
  %epoch.at = getelementptr i64, ptr %pool, i64 {epoch}
  %yield.at = getelementptr i64, ptr %pool, i64 {yield}
  %sleep.at = getelementptr i64, ptr %pool, i64 {sleep}
  %shortest.at = getelementptr i64, ptr %pool, i64 {shortest}
  %longest.at = getelementptr i64, ptr %pool, i64 {longest}
  %yield = load ptr, ptr %yield.at
  %sleep = load ptr, ptr %sleep.at
  %shortest = load i64, ptr %shortest.at
  %longest = load i64, ptr %longest.at
  br label %loop
loop:
  %idle = phi i64 [ 0, %entry ], [ 0, %work ], [ %idle2, %pause ], [ %idle2, %give ], [ %idle2, %nap ]
  %seen = phi i64 [ 0, %entry ], [ %epoch, %work ], [ %epoch, %pause ], [ %epoch, %give ], [ %epoch, %nap ]
  %time = phi i64 [ %shortest, %entry ], [ %shortest, %work ], [ %shortest, %pause ], [ %shortest, %give ], [ %time2, %nap ]
  %limit = load atomic i64, ptr %limit.at monotonic, align 8
  %leave = icmp sge i64 %me, %limit
  br i1 %leave, label %out, label %look
look:
  %epoch = load atomic i64, ptr %epoch.at monotonic, align 8
  %v = load atomic i64, ptr %remaining monotonic, align 8
  %any = icmp sgt i64 %v, 0
  br i1 %any, label %work, label %rest
work:
  call void @minidl.pieces(ptr %pool)
  br label %loop
rest:
  %quiet = icmp eq i64 %epoch, %seen
  %idle1 = add i64 %idle, 1
  %idle2 = select i1 %quiet, i64 %idle1, i64 0
  %spin = icmp ult i64 %idle2, {spins}
  br i1 %spin, label %pause, label %tired
pause:
  {pause}
  br label %loop
tired:
  %polite = icmp ult i64 %idle2, {spins_and_yields}
  br i1 %polite, label %give, label %nap
give:
  call i32 %yield()
  br label %loop
nap:
  %t = trunc i64 %time to i32
  call i32 %sleep(i32 %t)
  %twice = shl i64 %time, 1
  %time2 = call i64 @llvm.smin.i64(i64 %twice, i64 %longest)
  br label %loop
out:
  ret void
}}
"""


def parallel_text(at: Target) -> str:
    """LLVM text of `@minidl.parallel(pool, fn, table, n, grain)` for generated code.

    It runs `fn(ptr table, i64 begin, i64 end)` over [0, n) in pieces that are
    multiples of `grain`; alone when pool is null, busy, or n < 2·grain.
    """
    return (PIECES + PARALLEL).format(**_fills(at)) if at.is_x86 or at.is_arm else ALONE


def _fills(at: Target) -> dict[str, object]:
    pause = (
        "call void @llvm.x86.sse2.pause()" if at.is_x86 else "call void @llvm.aarch64.hint(i32 1)"
    )
    return FIELDS | {"pause": pause, "spins": SPINS, "spins_and_yields": SPINS + YIELDS}


class Pool:
    """The state that generated code reads, and the Python threads parked in it."""

    def __init__(self) -> None:
        self.words = aligned_empty((WORDS,), np.dtype(np.int64))
        self.words[:] = 0
        self.address = self.words.ctypes.data
        self._workers: dict[int, threading.Thread] = {}
        self._worker: Function | None = None
        self._lock = threading.Lock()
        for name, value in zip(("yield", "sleep", "shortest", "longest"), _system_calls()):
            self.words[FIELDS[name]] = value
        self.words[FIELDS["threads"]] = 1

    @property
    def threads(self) -> int:
        return int(self.words[FIELDS["threads"]])

    def resize(self, threads: int) -> None:
        """Start or end workers until `threads` threads work, the caller's included."""
        with self._lock:
            self.words[FIELDS["threads"]] = threads
            self.words[FIELDS["limit"]] = threads - 1
            for index in [i for i in self._workers if i >= threads - 1]:
                self._workers.pop(index).join()
            for index in range(threads - 1):
                if index not in self._workers:
                    self._start(index)

    def _start(self, index: int) -> None:
        if self._worker is None:
            host = target("host")
            text = PIECES.format(**_fills(host)) + WORKER.format(**_fills(host))
            self._worker = load(assemble(text, host)).function("minidl_worker")
        name = f"minidl worker {index}"
        args = (self.address, index)
        thread = threading.Thread(target=self._worker.raw, args=args, name=name, daemon=True)
        self._workers[index] = thread
        thread.start()

    def forget_workers(self) -> None:
        """In a forked child: the threads are gone and no job is under way."""
        self._workers, self._lock = {}, threading.Lock()
        for name, value in {"lock": 0, "remaining": 0, "threads": 1, "limit": 0}.items():
            self.words[FIELDS[name]] = value


def _system_calls() -> tuple[int, int, int, int]:
    """Addresses of yield() and sleep(u32), the shortest and longest sleep in its unit."""
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        return _address(kernel.SwitchToThread), _address(kernel.Sleep), 1, 10  # ms
    libc = ctypes.CDLL(None)
    return _address(libc.sched_yield), _address(libc.usleep), 50, 10_000  # µs


def _address(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]


_pool: Pool | None = None
_making = threading.Lock()


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pool() -> int:
    """The address to pass to compiled programs; the first call starts the workers."""
    if _pool is None:
        set_threads(usable_cores(), only_first=True)
    assert _pool is not None
    return _pool.address


def threads() -> int:
    """How many threads a compiled program may use, the caller's included."""
    pool()
    assert _pool is not None
    return _pool.threads


def set_threads(count: int, *, only_first: bool = False) -> None:
    """Let compiled programs use `count` threads; results never depend on it."""
    global _pool
    if count < 1:
        raise CallError(f"{count} threads", op="set_threads", hint="at least the caller's own: 1")
    with _making:
        if _pool is None:
            _pool = Pool()
            atexit.register(_pool.resize, 1)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_pool.forget_workers)
        elif only_first:
            return
        _pool.resize(count)
