"""Chapter `ir/dimension_numbers`: what its prose says is what the engine and JAX give."""

from __future__ import annotations

import importlib.metadata
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from minidl import ir, nn, xla
from minidl.exercises import dimension_numbers as lab
from minidl.exercises import mlir as opening
from minidl.ir.dimension_numbers import GatherDims, ScatterDims, WindowDim
from tools import budget

BOOK = Path(__file__).resolve().parents[2] / "book"
RECORD = json.loads((BOOK / "data" / "dimension_numbers_jax.json").read_text())
ROWS = GatherDims((1,), (0,), start_index_map=(0,), index_vector_dim=1)


@cache
def text():
    return " ".join(budget.text_of(BOOK / "ir" / "dimension_numbers.ipynb").split())


def rows(at):
    at = np.array(at, np.int32)
    return ir.evaluate(lab.gather(ROWS, (1, 3), lab.TABLE, at), lab.TABLE, at)[0]


def test_row_7_of_five_is_row_4_in_jax_and_here():
    found = RECORD["edges"]["a[i]"]
    assert found == {"7": [4.0], "-1": [4.0], "-7": [0.0]}
    assert rows([7]).tolist() == [lab.TABLE[4].tolist()]
    with pytest.raises(IndexError):
        np.arange(5)[np.array([7])]
    assert f"JAX {RECORD['jax']} answers 4" in text()


def test_an_update_outside_changes_nothing_in_jax_and_here():
    assert RECORD["edges"]["a.at[7].add(10)"] == [0, 1, 2, 3, 4]
    dims = ScatterDims(
        inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,), index_vector_dim=1
    )
    a, at, u = np.arange(5, dtype=np.float32), np.array([7], np.int32), np.array([10], np.float32)
    assert ir.evaluate(lab.scatter(dims, a, at, u), a, at, u)[0].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("call", sorted(RECORD["programs"]))
def test_each_call_of_jax_gives_here_what_it_gave_there(call):
    program = RECORD["programs"][call]
    module = ir.parse(program["text"])
    ir.verify(module)
    (got,) = ir.evaluate(module, *lab.typed(module, program["arrays"]))
    assert np.array_equal(got, np.array(program["result"]))


def test_numpy_agrees_with_the_six_results_of_jax():
    """So the record is not the only witness."""
    programs = RECORD["programs"]
    t, ids = (np.array(a) for a in programs["t[ids]"]["arrays"])
    assert programs["t[ids]"]["result"] == t[ids].tolist()
    cols = np.array(programs["t[:, ids]"]["arrays"][1])
    assert programs["t[:, ids]"]["result"] == t[:, cols].tolist()
    t, ids, u = (np.array(a) for a in programs["t.at[ids].add(u)"]["arrays"])
    np.add.at(t, ids, u)
    assert programs["t.at[ids].add(u)"]["result"] == t.tolist()


def test_the_six_others_of_a_lookup_are_as_the_prose_says():
    module = ir.parse(RECORD["programs"]["t[ids]"]["text"])
    assert lab.others(module) == 6 and "In `t[ids]` the six others" in text()
    table, at = lab.TABLE, np.array([-1, -7, 3], np.int32)
    wide = ir.parse(RECORD["programs"]["t[ids]"]["text"])
    (got,) = ir.evaluate(wide, table, at)
    assert got.tolist() == [table[4].tolist(), table[0].tolist(), table[3].tolist()]


def test_half_an_update_stays_by_the_specification_and_goes_in_xla():
    halves, module = RECORD["halves"], ir.parse(RECORD["halves"]["text"])
    for start, want in halves["stablehlo"].items():
        at, u = np.array([int(start)], np.int32), np.array([10, 20], np.int32)
        assert ir.evaluate(module, np.zeros(5, np.int32), at, u)[0].tolist() == want
    assert [s for s in halves["xla"] if halves["xla"][s] != halves["stablehlo"][s]] == ["4", "-1"]
    assert halves["xla"]["4"] == halves["xla"]["-1"] == [0] * 5


def test_a_gather_and_its_scatter_are_adjoint_inside_and_not_outside():
    u = np.array([[1, 2, 3], [4, 5, 6]], np.int32)
    back = ScatterDims((1,), (0,), scatter_dims_to_operand_dims=(0,), index_vector_dim=1)
    for at, equal in (([3, 1], True), ([3, 3], True), ([3, 7], False)):
        put = np.zeros_like(lab.TABLE)
        index = np.array(at, np.int32)
        (put,) = ir.evaluate(lab.scatter(back, put, index, u), put, index, u)
        assert ((rows(at) * u).sum() == (lab.TABLE * put).sum()) == equal


def test_the_places_of_a_window_by_counting_them():
    for n, k, stride, pad, dilation, said in ((28, 5, 2, 0, 3, 8), (32, 3, 3, 2, 4, 10)):
        row = np.zeros(n + 2 * pad)
        at = [o for o in range(0, len(row), stride) if o + (k - 1) * dilation < len(row)]
        assert len(at) == said == WindowDim(k, stride, pad, pad, 1, dilation).outputs(n)
    assert len(range(2 * 8 - 1 - 2)) == WindowDim(3, base_dilation=2).outputs(8) == 13
    assert "lhs_dilate = [2, 2]" in RECORD["backward"]


def test_the_convolution_in_the_text_is_numpy_s_and_its_windows_are_324_numbers():
    image = np.round(16 * nn.digits()[0][0]).astype(np.float32).reshape(8, 8)
    kernels = np.arange(-22, 23, dtype=np.float32).reshape(3, 3, 1, 5)
    views = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    want = np.tensordot(views, kernels[:, :, 0], 2)
    module = lab.convolution(image.reshape(1, 8, 8, 1), kernels)
    (got,) = ir.evaluate(module, image.reshape(1, 8, 8, 1), kernels)
    assert np.array_equal(got[0], want) and views.size == 324 and views.shape[:2] == (6, 6)
    assert "matrix of windows has 324 numbers" in text() and "that 1,620 is a lower bound" in text()
    assert 36 * 9 * 5 == 1620


def test_the_compiled_convolution_keeps_a_copy_of_the_kernel_and_no_window():
    image = np.zeros((1, 8, 8, 1), np.float32)
    kernels = np.zeros((3, 3, 1, 5), np.float32)
    buffers = xla.compile(lab.convolution(image, kernels)).memory.buffers
    assert [b.size for b in buffers if b.kind == "temp"] == [kernels.nbytes]


def test_the_first_layer_is_a_convolution_of_one_place():
    W1 = np.asarray(opening.training_step()[1][0])
    assert W1.reshape(8, 8, 1, 128)[3, 3, 0, 17] == W1[27, 17]


def test_the_record_is_what_jax_says_now():
    pytest.importorskip("jax")
    if importlib.metadata.version("jax") != RECORD["jax"]:
        pytest.skip("the record is of another version of JAX")
    from tools.record_dimension_numbers import record

    assert record() == RECORD


def test_the_lines_of_the_four_files_are_about_as_many_as_the_prose_says():
    lines = [
        len((BOOK.parent / "minidl" / "ir" / f"{path}.py").read_text().splitlines())
        for path in (
            "dimension_numbers",
            "values/indexing",
            "values/windows",
            "stablehlo/gather_rules",
        )
    ]
    assert "some 740 lines in four files" in text() and abs(sum(lines) - 740) <= 60


def test_the_formula_for_places_is_the_engine_s():
    for n in range(1, 12):
        for k, stride, pad, dilation in ((1, 1, 0, 1), (3, 2, 1, 2), (4, 3, 2, 1), (2, 1, 0, 5)):
            width = (k - 1) * dilation + 1
            places = max(0, (n + 2 * pad - width) // stride + 1)
            assert WindowDim(k, stride, pad, pad, 1, dilation).outputs(n) == places
