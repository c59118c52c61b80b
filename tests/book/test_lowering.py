"""Chapter `ir/lowering`: what its prose says is what the engine and MLIR give."""

from __future__ import annotations

import itertools
import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from minidl import ir, xla
from minidl.core.errors import VerifyError
from minidl.exercises import lowering as lab
from tests.ir.lowering.test_other_mlir import PROGRAMS
from tools import budget, record_lowering

BOOK = Path(__file__).resolve().parents[2] / "book"
RECORD = json.loads((BOOK / "data" / "lowering_mlir.json").read_text())


@cache
def text():
    return " ".join(budget.text_of(BOOK / "ir" / "lowering.ipynb").split())


@cache
def four():
    return lab.stages(lab.softmax, np.ones((4, 10), np.float32))


def ours(x):
    out = np.zeros_like(x)
    loops = lab.scalar_loops(lab.stages(lab.softmax, x)["linalg"])
    return lab.work(loops, x, out, entry="fusion_0")[0], out


@cache
def scores():
    return np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32)


def test_the_loops_are_the_softmax_of_numpy_in_float64():
    """Each of 10 positive terms is rounded, each sum, and the difference before exp."""
    x = scores()
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    want, u = e / e.sum(1, keepdims=True), 2.0**-24
    limit = (10 + 4) * u * want + 4 * abs(x).max() * u * want
    assert (abs(ours(x)[1] - want) <= limit).all()


@pytest.mark.parametrize(("n", "m"), [(2, 2), (4, 10), (5, 3), (2, 17)])
def test_rounds_loads_stores_and_buffer_follow_the_formula(n, m):
    done, _ = ours(np.ones((n, m), np.float32))
    assert (done.rounds, done.loads, done.stores) == (4 * n * m, 4 * n * m, 2 * n * m)
    assert done.traffic_bytes == 4 * 6 * n * m
    assert done.buffer_bytes == 4 * m


def test_the_counter_counts_what_a_hand_can_count():
    loops = ir.parse("""func.func @main(%x: memref<6xf64>, %y: memref<3xf64>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c3 = arith.constant 3 : index
      %a = memref.alloca() : memref<5xi16>
      scf.for %i = %c0 to %c3 step %c1 {
        %v = memref.load %x[%i] : memref<6xf64>
        scf.for %j = %c0 to %c3 step %c1 {
          memref.store %v, %y[%j] : memref<3xf64>
        }
      }
      return
    }""")
    done, _ = lab.work(loops, np.ones(6), np.ones(3))
    assert done == lab.Work(rounds=9, loads=3, stores=9, traffic_bytes=96, buffer_bytes=10)


@pytest.mark.parametrize("rows", [4, 1797])
def test_any_number_of_rows_holds_one(rows):
    loops = lab.stages(lab.softmax, np.ones((rows, 10), np.float32))["loops"]
    assert sum(map(lab.buffer_bytes, loops.functions.values())) == 40


def test_the_axis_that_is_summed_decides_what_must_wait():
    down = xla.compile(lambda v: lab.softmax(v, 0), scores(), target=lab.CPU)
    assert sorted(b.size for b in down.memory.buffers if b.kind == "temp") == [40, 40, 160]


# -- MLIR ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["loops", "loops of fused", "loops of ours"])
def test_mlir_s_loops_run_here_and_give_the_same_bits(key):
    _, (out,) = lab.work(lab.read_mlir(RECORD[key]), scores())
    np.testing.assert_array_equal(out.view("u4"), ours(scores())[1].view("u4"))


def test_the_traffic_of_mlir_s_loops_differs_as_the_prose_says():
    done, _ = lab.work(lab.read_mlir(RECORD["loops of fused"]), scores())
    mine, _ = ours(scores())
    carried, read, first = 2 * 40 * 2 * 4, 2 * 40 * 4, 2 * 4 * 4
    assert done.rounds - mine.rounds == 8
    assert done.traffic_bytes - mine.traffic_bytes == 992 == carried + read + first
    for number in (carried, read, first, 992):
        assert f"{number} bytes" in text()
    assert done.buffer_bytes - 160 == 16
    assert f"{4 * 1797:,} bytes" in text()


def test_the_record_is_what_jaxlib_says_now():
    pytest.importorskip("jaxlib")
    now = record_lowering.from_jaxlib()
    if now["jaxlib"] != RECORD["jaxlib"]:
        pytest.skip(f"recorded with jaxlib {RECORD['jaxlib']}")
    assert now["linalg"] == RECORD["linalg"]


def test_the_record_is_what_iree_opt_says_now():
    tool = shutil.which("iree-opt")
    if tool is None:
        pytest.skip("iree-opt is not on the path (pip install iree-base-compiler)")
    now = record_lowering.from_tool(tool, RECORD["linalg"])
    assert now == {key: RECORD[key] for key in now}


def test_mlir_was_given_the_texts_of_today():
    """What iree-opt made of our linalg, and of its own, was made of the same four generics."""
    assert RECORD["loops of ours"] == RECORD["loops of fused"]
    assert len(lab.generics(four()["linalg"])) == RECORD["fused"].count("linalg.generic") == 4
    assert RECORD["linalg"].count("linalg.generic") == 7


def test_as_many_programs_as_the_prose_says_verify_in_mlir():
    assert f"our `linalg` of {len(PROGRAMS)} programs" in text()


# -- in place --------------------------------------------------------------------------------


def test_only_sets_without_the_insert_that_is_looked_behind_give_the_results():
    two = np.full(2, 7, np.float32)
    want = ir.evaluate(ir.parse(lab.INSERTS), two)
    for size in range(4):
        for places in itertools.combinations(range(3), size):
            got = lab.with_in_place(lab.INSERTS, places, two)
            same = all((a == b).all() for a, b in zip(got, want, strict=True))
            assert same == (2 not in places)
    assert RECORD["in place"] == [True, True, False]


def test_reading_the_new_array_instead_frees_the_third():
    freed = lab.INSERTS.replace("extract_slice %b", "extract_slice %c")
    two = np.full(2, 7, np.float32)
    want = ir.evaluate(ir.parse(freed), two)
    got = lab.with_in_place(freed, (0, 1, 2), two)
    assert all((a == b).all() for a, b in zip(got, want, strict=True))


# -- the listings ----------------------------------------------------------------------------


def test_a_wrapped_listing_is_the_same_module():
    listing = "\n".join(lab.wrapped(str(four()["linalg"])))
    assert str(ir.parse(listing)) == str(four()["linalg"])
    assert max(map(len, lab.wrapped(str(four()["linalg"]))[6:])) <= 80


def test_the_short_map_is_refused_at_its_place():
    with pytest.raises(VerifyError, match="must take 2 dimensions to 2") as caught:
        ir.verify(ir.parse(lab.short_map()))
    assert (caught.value.line, caught.value.column) == (10, 10)
    assert "rank (2)" in RECORD["short map"]
