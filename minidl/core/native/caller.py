"""Checking and gathering a call's arrays in native code: some 3 µs for 30 arrays.

Chapter: xla/compile.
Sources: NumPy C API reference, "PyArrayObject" (data, nd, dimensions, strides,
base, descr, flags, in this order after the object header); CPython's tuple
(items after its header); both layouts are looked at before they are trusted.
Real JAX: `pjit`'s C++ fast path reads the same fields through NumPy's C API.

One Python tuple goes to `minidl_call`: an array of numbers that says what is
expected, then the arrays.  Each is compared; if all fit, their addresses go
into a table on the stack and the program runs.  Else nothing runs and the
number of the first misfit comes back: Python then copies, or says what is wrong.

spec  entry address, address of `numpy.ndarray`, count; then per array its dtype
      object, the flags it needs, its rank and its dimensions
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from minidl.core.errors import CallError
from minidl.core.native.assemble import assemble
from minidl.core.native.call import Slot, check_array, pointers
from minidl.core.native.load import Function, load
from minidl.core.native.target import target

MOST = 400  # arrays; their table is on the stack
HEADER, ITEMS = object.__basicsize__, tuple.__basicsize__
CONTIGUOUS, ALIGNED, WRITEABLE = 0x001, 0x100, 0x400
Spec = tuple[tuple[int, ...], "np.dtype[Any]"]

TEXT = f"""
define i64 @minidl_call(ptr %tuple, ptr %pool) nounwind {{
entry:
  %table = alloca [{MOST} x ptr], align 16
  %items = getelementptr i8, ptr %tuple, i64 {ITEMS}
  %first = load ptr, ptr %items
  %first.data = getelementptr i8, ptr %first, i64 {HEADER}
  %spec = load ptr, ptr %first.data
  %main = load ptr, ptr %spec
  %kind.at = getelementptr i64, ptr %spec, i64 1
  %kind = load ptr, ptr %kind.at
  %count.at = getelementptr i64, ptr %spec, i64 2
  %count = load i64, ptr %count.at
  %begin = getelementptr i64, ptr %spec, i64 3
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i1, %fits ]
  %want = phi ptr [ %begin, %entry ], [ %want1, %fits ]
  %some = icmp slt i64 %i, %count
  br i1 %some, label %look, label %run
look:
  %i1 = add i64 %i, 1
  %item = getelementptr ptr, ptr %items, i64 %i1
  %a = load ptr, ptr %item
  %type.at = getelementptr i8, ptr %a, i64 {HEADER - 8}
  %type = load ptr, ptr %type.at
  %array = icmp eq ptr %type, %kind
  br i1 %array, label %fields, label %misfit
fields:
  %data.at = getelementptr i8, ptr %a, i64 {HEADER}
  %rank.at = getelementptr i8, ptr %a, i64 {HEADER + 8}
  %dims.at = getelementptr i8, ptr %a, i64 {HEADER + 16}
  %descr.at = getelementptr i8, ptr %a, i64 {HEADER + 40}
  %flags.at = getelementptr i8, ptr %a, i64 {HEADER + 48}
  %data = load ptr, ptr %data.at
  %rank = load i32, ptr %rank.at
  %dims = load ptr, ptr %dims.at
  %descr = load ptr, ptr %descr.at
  %flags = load i32, ptr %flags.at
  %want.descr = load ptr, ptr %want
  %want.flags.at = getelementptr i64, ptr %want, i64 1
  %want.flags = load i32, ptr %want.flags.at
  %want.rank.at = getelementptr i64, ptr %want, i64 2
  %want.rank = load i64, ptr %want.rank.at
  %want.dims = getelementptr i64, ptr %want, i64 3
  %want1 = getelementptr i64, ptr %want.dims, i64 %want.rank
  %rank64 = zext i32 %rank to i64
  %has = and i32 %flags, %want.flags
  %ok1 = icmp eq ptr %descr, %want.descr
  %ok2 = icmp eq i32 %has, %want.flags
  %ok3 = icmp eq i64 %rank64, %want.rank
  %ok12 = and i1 %ok1, %ok2
  %ok = and i1 %ok12, %ok3
  br i1 %ok, label %axes, label %misfit
axes:
  %k = phi i64 [ 0, %fields ], [ %k1, %axis ]
  %more = icmp slt i64 %k, %want.rank
  br i1 %more, label %axis, label %fits
axis:
  %k1 = add i64 %k, 1
  %d.at = getelementptr i64, ptr %dims, i64 %k
  %w.at = getelementptr i64, ptr %want.dims, i64 %k
  %d = load i64, ptr %d.at
  %w = load i64, ptr %w.at
  %same = icmp eq i64 %d, %w
  br i1 %same, label %axes, label %misfit
fits:
  %slot = getelementptr ptr, ptr %table, i64 %i
  store ptr %data, ptr %slot
  br label %next
misfit:
  ret i64 %i1
run:
  call void %main(ptr %table, ptr %pool)
  ret i64 0
}}
"""


@cache
def gatherer() -> Function | None:
    """`minidl_call`, or None where array objects are not laid out as documented."""
    if not layout_is_documented():
        return None
    host = target("host")
    return load(assemble(TEXT, host)).function("minidl_call", returns=True)


def layout_is_documented() -> bool:
    """Whether the fields of real arrays and tuples are where `TEXT` reads them."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    base = np.zeros((3, 4), np.float32)
    probes: list[np.ndarray[Any, Any]] = [base, base[1:, 2:], np.zeros(5, np.int8), np.zeros(())]
    return all(_fields(a) == _expected(a) for a in probes) and _items(tuple(probes)) == [
        id(a) for a in probes
    ]


def _fields(a: np.ndarray[Any, Any]) -> tuple[object, ...]:
    def word(offset: int) -> int:
        return ctypes.c_int64.from_address(id(a) + offset).value

    rank = ctypes.c_int32.from_address(id(a) + HEADER + 8).value
    flags = ctypes.c_int32.from_address(id(a) + HEADER + 48).value
    if rank != a.ndim:
        return ()
    dims = list((ctypes.c_int64 * rank).from_address(word(HEADER + 16))) if rank else []
    return word(HEADER - 8), word(HEADER), dims, word(HEADER + 40), flags & (CONTIGUOUS | ALIGNED)


def _expected(a: np.ndarray[Any, Any]) -> tuple[object, ...]:
    flags = CONTIGUOUS * a.flags.c_contiguous | ALIGNED * a.flags.aligned
    return id(np.ndarray), a.ctypes.data, list(a.shape), id(a.dtype), flags


def _items(values: tuple[object, ...]) -> list[int]:
    return list((ctypes.c_int64 * len(values)).from_address(id(values) + ITEMS))


class Caller:
    """A compiled program with the arrays it takes and gives.

    The program's table holds the inputs, the outputs, then the scratch memory
    (64-byte aligned, its own for each call) when `temp_bytes` is not 0.
    """

    def __init__(
        self,
        function: Function,
        inputs: Sequence[Spec],
        outputs: Sequence[Spec],
        temp_bytes: int = 0,
        names: Sequence[str] = (),
    ) -> None:
        self.function, self.inputs = function, tuple(inputs)
        self.names = tuple(names) or tuple(f"argument {i}" for i in range(len(inputs)))
        scratch = [((temp_bytes,), np.dtype(np.uint8))] if temp_bytes else []
        self._slots = [Slot(*spec) for spec in (*outputs, *scratch)]
        self._takes = [slot.take for slot in self._slots]
        self._outputs = len(outputs)
        self._gather = gatherer() if len(inputs) + len(self._slots) <= MOST else None
        made = [(slot.shape, slot.dtype) for slot in self._slots]
        self._spec = _spec(function, inputs, made)

    def __call__(self, arrays: Sequence[Any], pool: int | None = None) -> list[Any]:
        """Run on `arrays`; the outputs are new. Raises `CallError` on a misfit."""
        made = [take() for take in self._takes]
        if self._gather is not None and len(arrays) == len(self.inputs):
            packed = (self._spec, *arrays, *made)
            if self._gather.call_for(self.function.name, id(packed), pool) == 0:
                return made[: self._outputs]
        made = [a if slot.sound(a) else slot.fresh() for slot, a in zip(self._slots, made)]
        self._call_slowly(arrays, made, pool)
        return made[: self._outputs]

    def _call_slowly(self, arrays: Sequence[Any], made: list[Any], pool: int | None) -> None:
        """Say what does not fit, or copy what does not lie right and run."""
        if len(arrays) != len(self.inputs):
            raise CallError(
                f"{self.function.name} takes {len(self.inputs)} arrays, got {len(arrays)}",
                op=self.function.name,
                hint="pass one array for each: " + ", ".join(self.names),
            )
        rows = zip(arrays, self.inputs, self.names)
        ready = [check_array(a, shape, dtype, name) for a, (shape, dtype), name in rows]
        self.function(pointers([*ready, *made]), pool)


def _spec(function: Function, inputs: Sequence[Spec], made: Sequence[Spec]) -> np.ndarray[Any, Any]:
    """What `minidl_call` compares with; `Caller` keeps the dtype objects alive."""
    words = [function.address, id(np.ndarray), len(inputs) + len(made)]
    for i, (shape, dtype) in enumerate((*inputs, *made)):
        flags = CONTIGUOUS | ALIGNED | (WRITEABLE if i >= len(inputs) else 0)
        words += [id(dtype), flags, len(shape), *shape]
    return np.array(words, np.int64)
