"""Threads: each index once, whatever happens beside; no hang, no heat, no leftovers."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from minidl.core import native
from minidl.core.errors import CallError

COUNT = (
    native.parallel_text(native.target("host"))
    + """
define internal void @body(ptr %t, i64 %begin, i64 %end) nounwind {
entry:
  %x = load ptr, ptr %t
  %pieces.at = getelementptr ptr, ptr %t, i64 1
  %pieces = load ptr, ptr %pieces.at
  %old = atomicrmw add ptr %pieces, i64 1 monotonic
  br label %loop
loop:
  %i = phi i64 [ %begin, %entry ], [ %j, %loop ]
  %p = getelementptr i64, ptr %x, i64 %i
  %v = load i64, ptr %p
  %w = add i64 %v, 1
  store i64 %w, ptr %p
  %j = add i64 %i, 1
  %more = icmp slt i64 %j, %end
  br i1 %more, label %loop, label %out
out:
  ret void
}
define void @count(ptr %t, ptr %pool) nounwind {
  %n.at = getelementptr i64, ptr %t, i64 2
  %n = load i64, ptr %n.at
  %grain.at = getelementptr i64, ptr %t, i64 3
  %grain = load i64, ptr %grain.at
  call void @minidl.parallel(ptr %pool, ptr @body, ptr %t, i64 %n, i64 %grain)
  ret void
}
"""
)


@pytest.fixture(scope="module")
def count():
    return native.load(native.assemble(COUNT, native.target("host"))).function("count")


@pytest.fixture(autouse=True)
def _restore():
    before = native.threads()
    yield
    native.set_threads(before)


def run(count, n, grain, times=1, pool=None):
    """Counts per index, and in how many pieces a call came on average."""
    x, pieces = np.zeros(n, np.int64), np.zeros(1, np.int64)
    table = native.pointers([x, pieces], n, grain)
    for _ in range(times):
        count(table, pool)
    return x, pieces[0] / times


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n, grain", [(1, 1), (16, 16), (1000, 1), (1000, 16), (1001, 64), (7, 3)])
def test_each_index_is_visited_once_in_at_most_a_piece_per_thread(count, threads, n, grain):
    native.set_threads(threads)
    x, pieces = run(count, n, grain, 200, native.pool())
    np.testing.assert_array_equal(x, np.full(n, 200))
    assert 1 <= pieces <= min(threads, max(1, n // grain))
    assert pieces >= min(2, threads) or n < 2 * grain


def test_without_a_pool_it_runs_alone(count):
    x, pieces = run(count, 1000, 1)
    assert pieces == 1 and (x == 1).all()


def test_two_callers_ten_thousand_times_each(count):
    native.set_threads(2)
    pool, results = native.pool(), []

    def work(n: int) -> None:
        x, _ = run(count, n, 8, 10_000, pool)
        results.append((x == 10_000).all())

    callers = [threading.Thread(target=work, args=(n,)) for n in (999, 100)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [True, True]


def test_idle_workers_use_no_cpu(count):
    native.set_threads(3)
    run(count, 1000, 1, 10, native.pool())
    time.sleep(0.1)
    start = resource.getrusage(resource.RUSAGE_SELF)
    time.sleep(0.5)
    end = resource.getrusage(resource.RUSAGE_SELF)
    used = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    assert used < 0.05, f"{used / 0.5:.0%} of a core"


def test_workers_come_and_go_with_the_number():
    before = threading.active_count()
    native.set_threads(1)
    alone = threading.active_count()
    native.set_threads(4)
    assert threading.active_count() == alone + 3
    native.set_threads(1)
    assert threading.active_count() == alone <= before
    with pytest.raises(CallError, match="0 threads"):
        native.set_threads(0)


SCRIPT = """
import os, sys
import numpy as np
from minidl.core import native
sys.path.insert(0, {root!r})
from tests.core.test_native_pool import COUNT, run
count = native.load(native.assemble(COUNT, native.target("host"))).function("count")
native.set_threads(3)
assert (run(count, 1000, 1, 100, native.pool())[0] == 100).all()
{more}
print("end")
"""
FORK = """
import warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    ok = native.threads() == 1 and (run(count, 1000, 1, 100, native.pool())[0] == 100).all()
    native.set_threads(2)
    ok = ok and (run(count, 1000, 1, 100, native.pool())[0] == 100).all()
    native.set_threads(1)
    os._exit(0 if ok else 1)
assert os.waitpid(child, 0)[1] == 0
assert native.threads() == 3
"""


@pytest.mark.parametrize("more", ["", FORK], ids=["exit", "fork"])
def test_a_process_with_workers_ends_and_forks(root, more):
    if more and not hasattr(os, "fork"):
        pytest.skip("no fork here")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(root=str(root), more=more)],
        cwd=root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_other_targets_get_the_plain_loop():
    for name in ("wasm32", "sm_90"):
        assert "atomic" not in native.parallel_text(native.target(name))
    for name in ("wasm32", "arm64", "x86-64-v2"):
        target = native.target(name)
        text = COUNT[COUNT.index("define internal void @body") :]
        assert native.assemble(native.parallel_text(target) + text, target).undefined == ()
