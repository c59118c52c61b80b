"""Chapter `ir/stablehlo`: what its prose says is what the engine, JAX and XLA give."""

from __future__ import annotations

import importlib.metadata
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import ir
from minidl.core.errors import MinidlError
from minidl.exercises import stablehlo as lab
from minidl.exercises.mlir import training_step
from tools import budget

BOOK = Path(__file__).resolve().parents[2] / "book"
RECORD = json.loads((BOOK / "data" / "stablehlo_jax.json").read_text())


@cache
def text():
    return " ".join(budget.text_of(BOOK / "ir" / "stablehlo.ipynb").split())


@cache
def step():
    return minidl.trace(*training_step())


def test_sixty_four_ones_from_one():
    ones, one = np.ones(64, np.float32), np.float32(1)
    assert lab.run(lab.total(64), ones, one)[0] == 65
    assert lab.run(lab.grouped(64, 2), ones, one)[0] == 67 == RECORD["sums"]["64"][0]
    assert "This book's engine says 65." in text() and "says 67" in text()
    assert len(lab.total(64).strip().split("\n")) == 5 and "same five lines" in text()


@pytest.mark.parametrize("n", [32, 64, 1000])
def test_xla_s_sums_are_groups_of_32_and_one_more(n):
    groups = -(-n // 32)
    used = 1 if groups == 1 else groups + 1
    assert RECORD["sums"][str(n)] == [n + used, n]


def test_the_inits_of_the_step_are_neutral():
    bodies = []
    for op in step().walk():
        if op.name == "stablehlo.reduce":
            body = next(iter(op.body)).name
            bodies.append((body, float(op.operands[1].op["value"].array)))
    assert bodies.count(("stablehlo.add", 0.0)) == 6
    assert bodies.count(("stablehlo.maximum", -np.inf)) == 1 == len(bodies) - 6
    assert "all their inits are neutral: six sums begin with 0, a maximum with −∞" in text()


def test_the_counts_of_operations():
    inside, outside = (set(RECORD["dialect"][k]) for k in ("inside", "outside"))
    rows = {n.split(".")[1] for n in ir.SPECS if n.startswith("stablehlo.")}
    assert (len(inside), len(outside)) == (108, 9)
    assert inside | outside == rows and "reads all 117" in text()
    eight = {n.split(".")[1] for n in RECORD["kinds"]["softmax"]}
    assert len(eight) == 8 and {"constant", "add", "maximum", "reduce"} < eight
    assert "117, in jaxlib; 108 of them specified" in text()
    assert "dot" in outside and "dot_general" in inside
    names = {n.removeprefix("stablehlo.") for k in RECORD["kinds"].values() for n in k}
    assert {n for n in names if not n.startswith("chlo.")} < inside


def test_the_attributes_have_as_many_entries_as_the_last_paragraph_says():
    specs = [ir.SPECS[f"stablehlo.{n}"] for n in ("dot_general", "gather", "convolution")]
    assert all("dimension_numbers" in " ".join(s.attributes) for s in specs)
    assert "`dot_general` has four entries. That of a gather has six" in text()
    printed = ir.parse(GATHER).text(generic=True)
    inside = printed.split("#stablehlo.gather<")[1].split(">")[0]
    assert inside.count(" = ") == 6
    assert len(ir.DotDims.__dataclass_fields__ if hasattr(ir, "DotDims") else range(4)) == 4


GATHER = """
func.func @main(%x: tensor<2x3x4xf32>, %i: tensor<2x5x1xi32>) -> tensor<2x5x4xf32> {
  %0 = "stablehlo.gather"(%x, %i) <{dimension_numbers = #stablehlo.gather<offset_dims = [2],
    collapsed_slice_dims = [1], operand_batching_dims = [0], start_indices_batching_dims = [0],
    start_index_map = [1], index_vector_dim = 2>, slice_sizes = array<i64: 1, 1, 4>}>
    : (tensor<2x3x4xf32>, tensor<2x5x1xi32>) -> tensor<2x5x4xf32>
  return %0 : tensor<2x5x4xf32>
}
"""


def test_either_way_to_broadcast_is_numpy_s_by_another_axis():
    b = np.array([10, 20, 30], np.float32)
    assert np.array_equal(lab.run(lab.spread("1"), b)[0], np.zeros((3, 3)) + b)
    assert np.array_equal(lab.run(lab.spread("0"), b)[0], np.zeros((3, 3)) + b[:, None])


def test_the_wrong_softmax_is_caught_where_the_array_is_not_square():
    wide = lab.ROWS.replace("4x4", "4x5")
    with pytest.raises(MinidlError, match=r"\(C5\)"):
        ir.verify(ir.parse(wide))
    ir.verify(ir.parse(wide.replace("%s, dims = [1]", "%s, dims = [0]")))


@pytest.mark.parametrize("start", [-3, 0, 3, 6, 8, 100])
def test_a_start_is_clamped(start):
    low = min(max(start, 0), 6)
    got = lab.run(lab.PIECE, np.arange(10, dtype=np.int32), np.int32(start))[0]
    assert list(got) == list(range(low, low + 4))


@pytest.mark.parametrize("n", [-1, 0, 1, 2, 3, 20, 100, 2**31 - 1])
def test_the_loop_halves(n):
    want = max(0, n.bit_length() - 1) if n > 0 else 0
    assert int(lab.run(lab.HALVES, np.int32(n))[1]) == want


@pytest.mark.parametrize("name", sorted(RECORD["programs"]))
def test_jax_s_texts_give_what_xla_computed(name):
    kept = RECORD["programs"][name]
    (got,) = lab.run(kept["text"], *[lab.filled(*shape) for shape in kept["inputs"]])
    want = np.frombuffer(bytes.fromhex(kept["bits"]), "<f4").reshape(got.shape)
    assert np.max(np.abs(got - want)) < 1e-6 * np.max(np.abs(want))


def test_all_thirteen_texts_run_as_jax_runs_them():
    pytest.importorskip("jax")
    from tools.record_stablehlo import ran

    assert len(ran()) == 13 == len(RECORD["kinds"])
    for name, (program, args, theirs) in ran().items():
        for got, want in zip(lab.run(program, *args), theirs, strict=True):
            far = np.max(np.abs(got - np.asarray(want, np.float64)))
            assert far <= 1e-5 * max(1, np.max(np.abs(want))), (name, far)


def test_the_record_is_what_jax_says_now():
    """Texts and counts to the letter; XLA's floats may differ by the machine's roundings."""
    pytest.importorskip("jax")
    if importlib.metadata.version("jaxlib") != RECORD["jaxlib"]:
        pytest.skip("the record is of another version of jaxlib")
    from tools.record_stablehlo import record

    now = record()
    for made, kept in zip(now["programs"].values(), RECORD["programs"].values(), strict=True):
        a, b = (np.frombuffer(bytes.fromhex(p.pop("bits")), "<f4") for p in (made, dict(kept)))
        assert np.allclose(a, b, rtol=1e-6, atol=1e-6)
    without = {
        k: {i: v for i, v in p.items() if i != "bits"} for k, p in RECORD["programs"].items()
    }
    assert now == RECORD | {"programs": without}
