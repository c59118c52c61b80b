"""Arrays in, arrays out: the pointer table, and memory that comes back.

Chapter: xla/compile.
Sources: NumPy C API reference, "PyArrayObject" (`data` is the first field after
the object header); CPython `object.__basicsize__`, the size of that header.
Real XLA: `PjRtBuffer`s; a step's outputs come from a pooling allocator (BFC).

Cost for 30 arrays on one machine: `.ctypes.data` 33 µs, `__array_interface__`
31 µs, the field itself 4 µs.
"""

from __future__ import annotations

import ctypes
import math
from collections import deque
from collections.abc import Iterable, Sequence
from sys import getrefcount
from typing import Any
from weakref import getweakrefcount

import numpy as np

from minidl.core.errors import CallError

ALIGN = 64
_HEADER = object.__basicsize__
_word_at = ctypes.c_void_p.from_address


def _field_addresses(arrays: Iterable[np.ndarray]) -> list[int | None]:
    """The `data` field of each array object."""
    return [_word_at(id(a) + _HEADER).value for a in arrays]


def _plain_addresses(arrays: Iterable[np.ndarray]) -> list[int | None]:
    return [a.ctypes.data for a in arrays]


def _field_is_where_expected() -> bool:
    """Whether the layout of array objects is the documented one, on real arrays."""
    base = np.zeros((3, 4), np.float32)
    probes: list[np.ndarray] = [base, base[1:], base.T, np.zeros(1), np.zeros(70000, np.int8)]
    return _field_addresses(probes) == _plain_addresses(probes)


addresses = _field_addresses if _field_is_where_expected() else _plain_addresses


def pointers(arrays: Sequence[np.ndarray], *more: int) -> Any:
    """A ctypes table of the arrays' data addresses, then the addresses in `more`.

    The table does not keep the arrays alive: hold them until the call is over.
    """
    table = [*addresses(arrays), *more]
    return (ctypes.c_void_p * len(table))(*table)


class Slot:
    """Arrays of one shape and dtype whose bytes are used again once they are dead.

    Arrays are ordinary, writable, 64-byte aligned. The slot remembers the last
    `KEEP` it made and hands one out again when nobody else refers to it: a name,
    a view, a memoryview or a weak reference anywhere keeps it from that.
    """

    __slots__ = ("dtype", "recent", "shape")
    KEEP = 4

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape, self.dtype = shape, dtype
        self.recent: deque[np.ndarray] = deque()

    def take(self) -> np.ndarray:
        """An uninitialised array. A used one may have been reshaped in place: see `sound`."""
        recent = self.recent
        for _ in range(len(recent)):
            try:
                a = recent.popleft()  # ours alone from here on, whatever other threads do
            except IndexError:
                break
            recent.append(a)
            if getrefcount(a) <= _UNSHARED and not getweakrefcount(a):
                return a
        return self.fresh()

    def fresh(self) -> np.ndarray:
        """A new array, remembered."""
        if len(self.recent) >= self.KEEP:
            self.recent.popleft()  # from now on an array like any other
        a = aligned_empty(self.shape, self.dtype)
        self.recent.append(a)
        return a

    def sound(self, a: np.ndarray) -> bool:
        """Whether `a` still has the shape, dtype and flags it was made with."""
        return a.shape == self.shape and a.dtype is self.dtype and a.flags.carray


class Arena:
    """A slot for each shape and dtype."""

    def __init__(self) -> None:
        self._slots: dict[tuple[tuple[int, ...], np.dtype], Slot] = {}

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An uninitialised C-contiguous array of `shape` and `dtype`."""
        slot = self._slots.get((shape, dtype))
        if slot is None:
            slot = self._slots.setdefault((shape, dtype), Slot(shape, dtype))
        a = slot.take()
        return a if slot.sound(a) else slot.fresh()


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """`np.empty` at an address that is a multiple of 64.

    The base is no array, so that views keep this array alive, not its base.
    """
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + ALIGN, np.uint8)
    buffer = (ctypes.c_char * (size + ALIGN)).from_buffer(raw)  # type: ignore[arg-type]
    start = -ctypes.addressof(buffer) % ALIGN
    return np.ndarray(shape, dtype, buffer, start)  # type: ignore[arg-type]


def _references_to_an_unshared_array() -> int:
    """What `getrefcount` says in `Slot.take` of an array that only the slot holds."""
    recent = deque([np.zeros(1)])
    a = recent.popleft()
    recent.append(a)
    return getrefcount(a)


_UNSHARED = _references_to_an_unshared_array()


def check_array(a: Any, shape: tuple[int, ...], dtype: np.dtype, name: str) -> np.ndarray:
    """`a` ready for native code: copied if it is not contiguous, aligned, native-endian.

    A NumPy scalar is an array of rank 0. `CallError` when it is no array of this dtype and shape.
    """
    if type(a) is np.ndarray and a.dtype is dtype and a.shape == shape and a.flags.carray:
        return a
    if isinstance(a, np.generic):
        a = np.asarray(a)
    if not isinstance(a, np.ndarray) or a.dtype != dtype or a.shape != shape:
        came = f"{a.dtype}{list(a.shape)}" if hasattr(a, "shape") else type(a).__name__
        raise CallError(
            f"{name}: expected {dtype}{list(shape)}, got {came}",
            op=name,
            hint="a compiled program runs only on the shapes and dtypes it was compiled for",
        )
    return np.require(a, dtype, ["C", "A", "E"]) if not a.flags.carray else np.asarray(a)
