"""Chapter `ir/rewriting`: what its prose says is what the engine and MLIR give."""

from __future__ import annotations

import importlib.metadata
import json
from collections import Counter
from functools import cache
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import ir
from minidl.core import step as steps
from minidl.exercises import mlir as last
from minidl.exercises import rewriting as lab
from minidl.ir.rewriting import (
    Fixpoint,
    PassManager,
    canonicalize,
    count_ops,
    cse,
    dce,
    inline,
)
from minidl.ir.rewriting.driver import Pattern, rewrite
from minidl.viz import worklist
from tools import budget
from tools.record_rewriting import chain

BOOK = Path(__file__).resolve().parents[2] / "book"
SINE = "stablehlo.sine"
RECORD = json.loads((BOOK / "data" / "passes_mlir.json").read_text())


@cache
def text():
    return " ".join(budget.text_of(BOOK / "ir" / "rewriting.ipynb").split())


@cache
def traced():
    return minidl.trace(*last.training_step())


def left(module, *passes):
    return count_ops(PassManager(list(passes)).run(module))


def test_the_step_shrinks_as_the_prose_says_in_every_order():
    assert count_ops(traced()) == 100
    assert {left(traced(), *p) for p in permutations((canonicalize, cse, dce))} == {76}
    assert "has 100 operations. minidl rewrites it to 76" in text()
    weights = sum(np.asarray(a).size for a in last.training_step()[1])
    assert f"all {weights:,} new weights come out with the same bits" in text()


def test_the_rewrites_of_the_step_by_rule():
    titles = []
    with steps.listen(lambda title, where, state: titles.append(title.partition(":")[0])):
        canonicalize(traced())
    rules = Counter(titles)
    assert rules["fold"] == 12 and "Twelve of these rewrites" in text()
    looks, rewrites = lab.visited(traced())
    assert (looks, rewrites) == (134, 39)
    assert rewrites == sum(rules.values()) - rules["canonicalize"] - rules["the module as it comes"]


def test_looks_grow_with_the_program_and_not_with_its_square():
    small, large = chain(500), chain(4000)
    (few, _), (many, _) = lab.visited(small), lab.visited(large)
    assert many / few == pytest.approx(count_ops(large) / count_ops(small), rel=0.02)


@pytest.mark.parametrize("n", [1, 10, 500])
def test_a_dead_chain_takes_two_looks_an_operation(n):
    assert lab.visited(lab.dead_chain(n)) == (2 * n - 1, n)


@pytest.mark.parametrize("name", lab.IDENTITIES)
def test_the_engine_uses_an_identity_exactly_when_no_hard_number_disagrees(name):
    assert lab.goes(name) == (not lab.disagreeing(name))


@pytest.mark.parametrize("name", ["x * 1", "x - 0", "-(-x)"])
def test_an_identity_in_use_holds_for_a_million_bit_patterns(name):
    """Seeded out of all 2³², infinities, NaNs and subnormals among them."""
    n = 1 << 20
    bits = np.random.default_rng(0).integers(0, 2**32, n, dtype=np.uint32)
    module = ir.parse(lab.identity(name).replace("8xf32", f"{n}xf32"))
    (out,) = ir.evaluate(module, bits.view(np.float32))
    assert not lab.different(out, bits.view(np.float32)).any()


def test_the_visits_of_the_player_are_the_driver_s():
    module = ir.parse(lab.WALK)
    visits = worklist.visits(module)
    assert [v.rule for v in visits if v.rule] == ["x * 1", "x + 0, never -0", "dead code"]
    assert (len(visits), 3) == lab.visited(module)
    final = [line.strip() for line, n in visits[-1].after if n >= 0]
    assert len(final) - 2 == count_ops(canonicalize(module)) == 5
    for before, after in pairwise(visits):
        assert before.waiting[0] == after.number  # the next one first
        assert before.after == after.before
    assert visits[-1].waiting == ()


def test_listening_to_the_list_changes_nothing():
    module = ir.parse(lab.WALK)
    before = str(module)
    worklist.visits(module)
    assert str(module) == before


def test_passes_in_order_and_at_their_fixpoint():
    order, calls = ir.parse(lab.ORDER), ir.parse(lab.CALLS)
    assert left(order, canonicalize, cse) == 4 and left(order, cse, canonicalize) == 5
    assert left(order, Fixpoint("both", (canonicalize, cse))) == 1
    four = (canonicalize, cse, dce, inline)
    best = {p for p in permutations(four) if left(calls, *p) == 1}
    assert len(best) == 4
    for one in permutations(four):
        at = [one.index(p) for p in (inline, cse, canonicalize)]
        assert (one in best) == (at == sorted(at))
        assert left(calls, Fixpoint("all", one)) == 1


def test_ours_and_mlir_s_agree_where_the_page_says_so():
    for element, row in RECORD["goes"].items():
        for name, theirs in row.items():
            assert lab.goes(name, element) == theirs, (name, element)
    passes = {"canonicalize": canonicalize, "cse": cse}
    for names, theirs in RECORD["orders"].items():
        assert left(ir.parse(lab.ORDER), *(passes[n] for n in names.split(","))) == theirs


def test_ours_and_mlir_s_differ_where_the_page_says_so():
    theirs = count_ops(ir.parse(RECORD["walk"]))
    assert (theirs, left(ir.parse(lab.WALK), canonicalize)) == (6, 5)
    assert "six operations, ours five" in text()
    ours = left(ir.parse(lab.SWAPPED), cse), left(ir.parse(lab.FENCES), cse)
    assert ours == (4, 4)
    assert (RECORD["cse"]["swapped, arith"], RECORD["cse"]["fences"]) == (3, 3)


def test_the_record_is_what_mlir_says_now():
    pytest.importorskip("jaxlib")
    if importlib.metadata.version("jaxlib") != RECORD["jaxlib"]:
        pytest.skip("the record is of another version of jaxlib")
    from tools.record_passes import record

    assert record() == RECORD


def test_mlir_s_patterns_and_reads_are_as_the_page_says():
    assert not any(RECORD["goes, stablehlo"].values())
    assert RECORD["reads"] == {"alone": 1, "a write between": 2}
    text_ = """func.func @main(%m: memref<4xf32>, %i: index) -> f32 {
      %a = memref.load %m[%i] : memref<4xf32>
      %b = memref.load %m[%i] : memref<4xf32>
      %c = arith.addf %a, %b : f32
      return %c : f32
    }"""
    assert left(ir.parse(text_), cse) == count_ops(ir.parse(text_)) == 4


def test_a_pattern_that_looks_two_makers_far_gets_its_chance_when_the_pass_runs_again():
    def far(op, rw):
        inner = op.operands[0].op
        if inner is None or inner.name != "stablehlo.negate" or inner.operands[0].op is not None:
            return None
        return inner.operands[0]

    late = [
        Pattern("late", "stablehlo.cosine", "", lambda op, rw: rw.create(SINE, op.operands)),
        Pattern("later", SINE, "", lambda op, rw: op.operands[0]),
        Pattern("far", "stablehlo.abs", "", far),
    ]
    module = ir.parse(lab.body("%a = cosine %x\n%b = negate %a\n%c = abs %b\nreturn %c"))
    assert (rewrite(module, late), count_ops(module)) == (2, 3)
    assert (rewrite(module, late), count_ops(module)) == (2, 1)  # abs, and a dead negate
