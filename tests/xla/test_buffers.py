"""Buffer assignment: live buffers never overlap, and little is wasted."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import numpy as mnp
from minidl.xla.buffers import ALIGN, pack
from minidl.xla.compiler import compile_module
from tests.xla import structures
from tests.xla.steps import traced_step

INTERVALS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 9), st.integers(0, 5)).map(
        lambda t: (t[0], t[1], t[1] + t[2])
    ),
    max_size=14,
)


def overlap(a, b):
    """Whether two (offset, size, first, last) share a byte while both live."""
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1] and a[2] <= b[3] and b[2] <= a[3]


@settings(deadline=None, max_examples=300)
@given(INTERVALS)
def test_buffers_alive_together_share_no_byte(intervals):
    placed = [(at, *row) for at, row in zip(pack(intervals), intervals, strict=True)]
    for i, a in enumerate(placed):
        assert a[0] % ALIGN == 0
        for b in placed[:i]:
            assert not (a[1] and b[1] and overlap(a, b)), (a, b)


def test_buffers_that_never_meet_share_their_bytes():
    assert pack([(100, 0, 1), (100, 2, 3), (100, 4, 5)]) == [0, 0, 0]


def test_a_small_buffer_goes_into_the_tightest_gap():
    """Two big ones live throughout; a 64-byte one fits where another just died."""
    offsets = pack([(512, 0, 9), (64, 0, 3), (64, 4, 9)])
    assert offsets[1] == offsets[2] == 512


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_step_wastes_little(name):
    """No packing needs less than the bytes alive at the worst moment."""
    memory = compile_module(traced_step(name)[0]).memory
    temps = [b for b in memory.buffers if b.kind == "temp"]
    worst = max(memory.live(t) for t in range(max(b.last for b in temps) + 1))
    assert worst <= memory.temp_bytes <= 1.25 * worst
    assert memory.peak_bytes == memory.argument_bytes + memory.output_bytes + memory.temp_bytes


def test_a_chain_of_dots_reuses_two_buffers():
    w = np.ones((32, 32), np.float32)

    def f(x, w):
        for _ in range(6):
            x = mnp.maximum(x @ w, 0)
        return x

    exe = compile_module(minidl.trace(f, w, w))
    assert exe.memory.temp_bytes == 2 * w.nbytes


def test_temporaries_of_random_programs_do_not_overlap():
    for seed in range(40):
        memory = compile_module(structures.draw(random.Random(seed).choice), stop="loops").memory
        temps = [(b.offset, b.size, b.first, b.last) for b in memory.buffers if b.kind == "temp"]
        for i, a in enumerate(temps):
            assert a[0] + a[1] <= memory.temp_bytes
            assert not any(a[1] and b[1] and overlap(a, b) for b in temps[:i])


def test_outputs_that_repeat_or_are_arguments_or_constants():
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = np.ones((2, 3), np.float32)

    def f(x):
        y = x + mnp.array([[1.0, 2, 3], [4, 5, 6]])
        return y, x, y, mnp.reshape(y, (6,)), mnp.array(table), mnp.reshape(x, (3, 2))

    out = compile_module(minidl.trace(f, x)).run_flat([x])
    y = x + np.float32([[1, 2, 3], [4, 5, 6]])
    for want, got in zip([y, x, y, y.reshape(6), table, x.reshape(3, 2)], out, strict=True):
        assert np.array_equal(want, got)
    for i, a in enumerate(out):
        assert not np.shares_memory(a, x)
        assert not any(np.shares_memory(a, b) for b in out[:i])
