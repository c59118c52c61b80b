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
from minidl.core.native.parallel import FIELDS, WORDS, worker_text
from minidl.core.native.target import target


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
            self._worker = load(assemble(worker_text(host), host)).function("minidl_worker")
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
