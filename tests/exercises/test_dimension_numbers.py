"""The checks of chapter `ir/dimension_numbers`: each likely mistake gets its own message."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.exercises import dimension_numbers as lab
from minidl.exercises.dimension_numbers import check_lookup, check_send_back
from minidl.ir.dimension_numbers import GatherDims, ScatterDims


def lookup(offset=None, vector=None, collapsed=(0,), mapped=(0,), sizes=None):
    def answer(table, at):
        rank = len(at)
        dims = GatherDims(
            offset_dims=(rank if offset is None else offset,),
            collapsed_slice_dims=collapsed,
            start_index_map=mapped,
            index_vector_dim=rank if vector is None else vector,
        )
        return dims, (1, table[1]) if sizes is None else sizes(table)

    return answer


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (lambda table, at: ..., "returns nothing", "replace"),
        (lambda table, at: (1, 2), "(GatherDims, sizes) was expected, came (1, 2)", ""),
        (lookup(vector=1), "for `at` of shape [2, 3] the engine refuses", "how many dimensions"),
        (lookup(offset=0), "the result has shape [3, 2], expected [2, 3]", "last dimension"),
        (lookup(collapsed=(1,)), "the engine refuses", ""),
        (lookup(sizes=lambda t: (1, t[1] - 1)), "has shape [2, 2], expected [2, 3]", ""),
        (lookup(mapped=(1,)), "other rows came", "last dimension"),
    ],
)
def test_each_wrong_lookup_hears_its_mistake(answer, message, hint):
    said = check_lookup(answer)
    assert not said and message in said.message and hint in said.hint


def test_a_lookup_for_ids_of_any_rank_passes():
    assert check_lookup(lookup())


def right(n, start, stop, step):
    last = start + (stop - 1 - start) // step * step
    return start, n - 1 - last, step - 1


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (lambda n, a, b, s: ..., "returns nothing", "replace"),
        (lambda n, a, b, s: (a, b), "three numbers were expected", ""),
        (lambda n, a, b, s: (a, n - b, s - 1), "x[1:7:2]: 7 elements come back", "stop − 1"),
        (lambda n, a, b, s: (a, n - b, s), "x[2:6:1]: 11 elements come back", ""),
        (lambda n, a, b, s: (n - b, a, s - 1), "x[1:7:2]: 7 elements", ""),
        (lambda n, a, b, s: (a - 1, n - b + 1, 0), "x[2:6:1]: [0 3 4 5 6 0 0 0] came", "zeros"),
        (lambda n, a, b, s: (a, n - b, -1), "the engine refuses", ""),
    ],
)
def test_each_wrong_pad_hears_its_mistake(answer, message, hint):
    said = check_send_back(answer)
    assert not said and message in said.message and hint in said.hint


def test_a_slice_sent_back_passes():
    assert check_send_back(right)


def test_the_programs_mean_what_numpy_does():
    """Each maker against NumPy's own operation."""
    at = np.array([3, 0, 3], np.int32)
    dims = GatherDims((1,), (0,), start_index_map=(0,), index_vector_dim=1)
    (got,) = ir.evaluate(lab.gather(dims, (1, 3), lab.TABLE, at), lab.TABLE, at)
    assert np.array_equal(got, lab.TABLE[at])
    into = ScatterDims((1,), (0,), scatter_dims_to_operand_dims=(0,), index_vector_dim=1)
    updates = np.arange(9, dtype=np.int32).reshape(3, 3)
    want = lab.TABLE.copy()
    np.add.at(want, at, updates)
    (got,) = ir.evaluate(lab.scatter(into, lab.TABLE, at, updates), lab.TABLE, at, updates)
    assert np.array_equal(got, want)
    x, w = np.arange(7, dtype=np.float32), np.array([1, 3], np.float32)
    line = lab.ConvDims(0, 2, (1,), 1, 2, (0,), 0, 2, (1,))
    module = lab.convolution(x.reshape(1, 7, 1), w.reshape(2, 1, 1), 2, (1, 0), 3, line)
    (got,) = ir.evaluate(module, x.reshape(1, 7, 1), w.reshape(2, 1, 1))
    padded = np.concatenate([[0], x])
    assert got.reshape(-1).tolist() == [padded[i] + 3 * padded[i + 3] for i in range(0, 5, 2)]
