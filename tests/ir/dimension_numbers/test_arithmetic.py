"""The index arithmetic itself, against loops written from the specification's formulas."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minidl.ir.dimension_numbers import (
    ConvDims,
    GatherDims,
    ScatterDims,
    WindowDim,
    clamp_start,
    output_sizes,
    pad_of,
    window_of,
)
from minidl.ir.values.indexing import as_index, gather_values, scatter_places
from tests.ir.dimension_numbers import cases

WINDOWS = [
    (n, WindowDim(size, stride, low, high, base, dilation))
    for n in (0, 1, 2, 5)
    for size, stride, low, high, base, dilation in itertools.product(
        (1, 2, 3), (1, 2), (-1, 0, 2), (-1, 0, 1), (1, 2, 3), (1, 2)
    )
]


def padded(n: int, w: WindowDim) -> list[int | None]:
    """The padded base, element by element: the number of a base element, or None."""
    spread = [i // w.base_dilation if i % w.base_dilation == 0 else None
              for i in range((n - 1) * w.base_dilation + 1 if n else 0)]  # fmt: skip
    full = [None] * max(0, w.low) + spread + [None] * max(0, w.high)
    start, cut = max(0, -w.low), max(0, -w.high)
    return full[start : max(start, len(full) - cut)]


def test_a_window_sees_what_lies_under_it_in_the_padded_base():
    for n, w in WINDOWS:
        base = padded(n, w)
        if w.padded(n) < 0:
            continue
        assert len(base) == w.padded(n)
        places = [o for o in range(20) if o * w.stride + w.span <= len(base)]
        assert w.outputs(n) == (len(places) if base else 0)
        for o, k in itertools.product(range(w.outputs(n)), range(w.size)):
            under = base[o * w.stride + k * w.window_dilation]
            i, there = w.source(o, k, n)
            assert (i if there else None) == under


def test_a_reversed_window_is_read_from_its_end():
    w, r = WindowDim(3, 2, 1, 1), WindowDim(3, 2, 1, 1, reversed=True)
    assert [r.place(1, k) for k in range(3)] == [w.place(1, k) for k in (2, 1, 0)]


def test_what_padding_keeps_is_where_padding_puts_it():
    for n, w in WINDOWS:
        here, there = w.kept(n)
        base = padded(n, w)
        put: list[int | None] = [None] * max(0, w.padded(n))
        put[there] = list(range(n))[here]
        assert put == base or (w.padded(n) < 0 and put == [])


def test_formulas_take_many_indices_at_once():
    w, n = WindowDim(2, 2, 2, 1, 2, 2), 3
    o, k = np.ogrid[: w.outputs(n), : w.size]
    index, there = w.source(o, k, n)
    for at in np.ndindex(index.shape):
        assert (index[at], there[at]) == w.source(*at, n)


def test_the_drawn_window_is_the_one_of_the_docstring():
    """0 · 1 over · · a · b · c ·: padding and a, a and b, b and c."""
    w = WindowDim(2, stride=2, low=2, high=1, base_dilation=2, window_dilation=2)
    seen = [[w.source(o, k, 3) for k in range(2)] for o in range(w.outputs(3))]
    letters = [["abc"[i] if there else "·" for i, there in row] for row in seen]
    assert letters == [["·", "a"], ["a", "b"], ["b", "c"]]


def test_pad_is_a_window_of_one_element():
    window = pad_of([1, -1], [2, 0], [1, 0])
    assert output_sizes(window, [3, 4]) == np.pad(np.zeros((5, 4)), ((1, 2), (0, 0)))[:, 1:].shape
    assert window_of([2, 3]) == (WindowDim(2), WindowDim(3))


@pytest.mark.parametrize("start", [-5, 0, 2, 3, 99])
def test_a_start_is_moved_as_little_as_it_must(start):
    fits = range(0, 5 - 2 + 1)
    assert clamp_start(start, 2, 5) == min(fits, key=lambda at: abs(at - start))


def formula(dims: GatherDims, index, starts, shape, sizes):
    """The specification's text, word for word: a set of definitions on plain numbers."""
    batch_dims = [d for d in range(len(index)) if d not in dims.offset_dims]
    batch_index = [index[d] for d in batch_dims]
    if dims.index_vector_dim < starts.ndim:
        place: list = list(batch_index)
        place.insert(dims.index_vector_dim, slice(None))
        start_index = starts[tuple(place)]
    else:
        start_index = [starts[tuple(batch_index)]]
    full_start, full_batching = [0] * len(shape), [0] * len(shape)
    for d_start, d in enumerate(dims.start_index_map):
        top = shape[d] - sizes[d]
        full_start[d] = min(max(int(start_index[d_start]), 0), top)
    for d, d_start in zip(
        dims.operand_batching_dims, dims.start_indices_batching_dims, strict=True
    ):
        full_batching[d] = batch_index[d_start - (0 if d_start < dims.index_vector_dim else 1)]
    offset_index = iter([index[d] for d in dims.offset_dims])
    gone = set(dims.collapsed_slice_dims) | set(dims.operand_batching_dims)
    full_offset = [0 if d in gone else next(offset_index) for d in range(len(shape))]
    return tuple(map(sum, zip(full_start, full_batching, full_offset, strict=True)))


def test_each_element_of_a_gather_comes_from_where_the_specification_says():
    count = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        case = cases.gather(rng)
        p, starts = case.facts, case.inputs(rng)[1]
        dims = GatherDims(
            *(tuple(p[k]) for k in ("offset", "collapsed", "batching", "start_batching", "mapped")),
            p["vector"],
        )
        assert dims.result_shape(p["starts"], p["window"]) == p["result"]
        for index in list(np.ndindex(p["result"]))[::7]:
            want = formula(dims, index, starts, p["operand"], p["window"])
            access = dims.access(index, as_index(starts), p["operand"], p["window"])
            assert tuple(map(int, access.index)) == want
            count += 1
    assert count > 500


def test_a_scatter_is_its_gather_read_backwards():
    """What an in-bounds scatter writes, the gather with the same numbers reads."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = cases.gather(rng).facts
        fields = (tuple(p[k]) for k in
                  ("offset", "collapsed", "batching", "start_batching", "mapped"))  # fmt: skip
        dims = ScatterDims(*fields, p["vector"]).gather
        if 0 in p["operand"]:
            continue
        starts = np.zeros(p["starts"], np.int64)
        for k, d in enumerate(p["mapped"]):
            top = p["operand"][d] - p["window"][d] + 1
            at = [slice(None)] * starts.ndim
            if p["vector"] < starts.ndim:
                at[p["vector"]] = k
            starts[tuple(at)] = rng.integers(0, top, starts[tuple(at)].shape)
        numbers = np.arange(np.prod(p["operand"], dtype=int)).reshape(p["operand"])
        read = gather_values(dims, p["window"], numbers, starts)
        assert (
            read.reshape(-1).tolist()
            == scatter_places(dims, starts, p["operand"], p["result"]).tolist()
        )


def test_letters_name_each_dimension_once():
    dims = ConvDims(1, 3, (2, 0), 0, 3, (2, 1), 0, 1, (2, 3))
    assert dims.letters() == (
        ["1", "b", "0", "f"],
        ["i", "1", "0", "o"],
        ["b", "f", "0", "1"],
    )
    window = window_of([3, 2])
    assert dims.output_shape((5, 7, 6, 4), (4, 2, 3, 8), window) == (7, 8, 4, 4)
