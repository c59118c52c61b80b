"""LLVM text of the thread pool: what callers and workers run.

Chapter: xla/threads.
Sources: LLVM 22 language reference, "Atomic Memory Ordering Constraints".
Real XLA: C++ of Eigen's `NonBlockingThreadPool`; here it is 100 lines of IR.

See `minidl.core.native.pool` for the fields and the protocol.
"""

from __future__ import annotations

from minidl.core.native.target import Target

# word index of each field; fields written by different threads are 128 bytes apart
FIELDS = {
    "lock": 0, "remaining": 16, "done": 32, "epoch": 48,
    "fn": 64, "table": 65, "n": 66, "piece": 67,
    "threads": 80, "limit": 81, "yield": 82, "sleep": 83, "shortest": 84, "longest": 85,
}  # fmt: skip
WORDS = 96
SPINS, YIELDS = 2000, 200  # some 50 µs, then some 100 µs

ALONE = """
define internal void @minidl.parallel(
    ptr %pool, ptr %fn, ptr %table, i64 %n, i64 %grain) nounwind {
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
define internal void @minidl.parallel(
    ptr %pool, ptr %fn, ptr %table, i64 %n, i64 %grain) nounwind {{
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
  %idle = phi i64 [ 0, %entry ], [ 0, %work ],
    [ %idle2, %pause ], [ %idle2, %give ], [ %idle2, %nap ]
  %seen = phi i64 [ 0, %entry ], [ %epoch, %work ],
    [ %epoch, %pause ], [ %epoch, %give ], [ %epoch, %nap ]
  %time = phi i64 [ %shortest, %entry ], [ %shortest, %work ],
    [ %shortest, %pause ], [ %shortest, %give ], [ %time2, %nap ]
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


def worker_text(at: Target) -> str:
    """LLVM text of `void @minidl_worker(pool, index)`, the loop of one worker."""
    return (PIECES + WORKER).format(**_fills(at))


def _fills(at: Target) -> dict[str, object]:
    pause = (
        "call void @llvm.x86.sse2.pause()" if at.is_x86 else "call void @llvm.aarch64.hint(i32 1)"
    )
    return FIELDS | {"pause": pause, "spins": SPINS, "spins_and_yields": SPINS + YIELDS}
