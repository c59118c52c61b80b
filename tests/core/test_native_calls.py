"""Arrays to native code: layout, checks, and memory that is used again."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from minidl.core import native
from minidl.core.errors import CallError
from minidl.core.native.call import Slot
from minidl.core.native.caller import gatherer, layout_is_documented

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
COPY = """
define void @copy(ptr noalias %t, ptr %pool) nounwind {
entry:
  %a = load ptr, ptr %t
  %bp = getelementptr ptr, ptr %t, i64 1
  %b = load ptr, ptr %bp
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %j, %loop ]
  %x.at = getelementptr float, ptr %a, i64 %i
  %y.at = getelementptr float, ptr %b, i64 %i
  %x = load float, ptr %x.at, align 4
  store float %x, ptr %y.at, align 4
  %j = add i64 %i, 1
  %more = icmp ult i64 %j, 24
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


@pytest.fixture(scope="module")
def copy():
    function = native.load(native.assemble(COPY, native.target("host"))).function("copy")
    return native.Caller(function, [((4, 6), F32)], [((4, 6), F32)], names=["x"])


@pytest.fixture(params=["native", "python"])
def caller(copy, request, monkeypatch):
    """Both ways of gathering arguments."""
    if request.param == "python":
        monkeypatch.setattr(copy, "_gather", None)
    else:
        assert copy._gather is gatherer()
    return copy


def test_the_layout_of_arrays_is_the_documented_one():
    assert layout_is_documented()


def test_addresses_are_those_that_numpy_says():
    base = np.zeros((5, 7), np.float32)
    arrays = [base, base[2:], base.T, base[::2, 1:], np.zeros(()), np.zeros((0, 3)), np.zeros(9999)]
    assert list(native.addresses(arrays)) == [a.ctypes.data for a in arrays]
    assert list(native.pointers(arrays, 64, 128))[-2:] == [64, 128]


def test_a_call_gives_new_arrays_with_the_values(caller):
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    (y,) = caller([x])
    (z,) = caller([x + 1])
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(z, x + 1)
    assert y.shape == (4, 6) and y.dtype == F32 and y.flags.writeable
    assert not np.shares_memory(y, z)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(4, 6),
        lambda x: x[::-1][::-1],
    ],
    ids=["fortran", "strided", "misaligned", "twice reversed"],
)
def test_inputs_that_lie_otherwise_are_copied(caller, make):
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(caller([make(x)])[0], x)


def test_a_read_only_input_is_read(caller):
    x = np.ones((4, 6), np.float32)
    x.flags.writeable = False
    np.testing.assert_array_equal(caller([x])[0], x)


def test_a_subclass_is_read_as_an_array(caller):
    class Mine(np.ndarray):
        pass

    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    (y,) = caller([x.view(Mine)])
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(
    "bad, came",
    [
        (np.zeros((4, 7), F32), r"float32\[4, 7\]"),
        (np.zeros((4, 6), F64), r"float64\[4, 6\]"),
        (np.zeros((4, 6), ">f4"), r">f4\[4, 6\]"),
        (np.zeros(24, F32), r"float32\[24\]"),
        (np.zeros((4, 6, 1), F32), r"float32\[4, 6, 1\]"),
        ([[1.0]], "list"),
        (None, "NoneType"),
    ],
    ids=["shape", "dtype", "byte order", "rank", "trailing axis", "list", "None"],
)
def test_other_arrays_are_refused_before_anything_runs(caller, bad, came):
    with (
        native.calls() as made,
        pytest.raises(CallError, match=r"x: expected float32\[4, 6\]") as e,
    ):
        caller([bad])
    assert e.match(f"got {came}")
    assert len(made) <= 1  # the native check itself; the program was not entered


def test_the_number_of_arrays_is_checked(caller):
    with pytest.raises(CallError, match="copy takes 1 arrays, got 2"):
        caller([np.zeros((4, 6), F32)] * 2)


def test_a_call_is_one_native_call(copy):
    with native.calls() as made:
        copy([np.zeros((4, 6), F32)])
    assert made == ["copy"]


def test_a_dead_result_gives_its_bytes_to_the_next():
    slot = Slot((300, 300), F32)
    first = slot.take()
    address = first.ctypes.data
    assert address % 64 == 0
    second = slot.take()
    assert second.ctypes.data != address
    del first
    assert slot.take().ctypes.data == address


@pytest.mark.parametrize(
    "hold",
    [
        lambda a: a[1:],
        lambda a: a.reshape(-1)[5:7],
        memoryview,
        lambda a: [a],
        lambda a: a.T,
        lambda a: a.ravel().view(np.int32),
        weakref.ref,
    ],
    ids=["slice", "slice of reshape", "memoryview", "list", "transpose", "view", "weakref"],
)
def test_whatever_still_sees_a_result_keeps_its_bytes(hold):
    slot = Slot((30, 30), F32)
    a = slot.take()
    address = a.ctypes.data
    held = hold(a)
    del a
    gc.collect()
    assert all(slot.take().ctypes.data != address for _ in range(20))
    del held


def test_a_result_changed_in_shape_is_not_handed_out(copy):
    x = np.ones((4, 6), F32)
    for change in ("shape", "flags"):
        (y,) = copy([x])
        if change == "shape":
            y = y.reshape(-1)
        else:
            y.flags.writeable = False
        del y
        for _ in range(6):
            (z,) = copy([x])
            assert z.shape == (4, 6) and z.flags.writeable
            np.testing.assert_array_equal(z, x)


def test_a_slot_forgets_what_the_caller_keeps():
    slot = Slot((10, 10), F32)
    kept = [slot.take() for _ in range(50)]
    assert len(slot.recent) <= Slot.KEEP
    assert len({a.ctypes.data for a in kept}) == 50


def test_two_threads_never_get_the_same_array():
    slot, clashes = Slot((64,), F64), []

    def work(mark: float) -> None:
        for _ in range(3000):
            a = slot.take()
            a[:] = mark
            b = slot.take()
            b[:] = -mark
            if not (a == mark).all():
                clashes.append(mark)

    workers = [threading.Thread(target=work, args=(float(k),)) for k in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert clashes == []


def test_empty_and_scalar_results_are_arrays():
    arena = native.Arena()
    assert arena.empty((0, 3), F32).shape == (0, 3)
    assert arena.empty((), F64).shape == ()
