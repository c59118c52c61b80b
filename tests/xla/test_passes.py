"""What passes keep, leave and say; that they keep the meaning is `test_programs`."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core import step
from minidl.core.errors import MinidlError, VerifyError
from minidl.ir.mlir.location import OriginLoc
from minidl.ir.rewriting import Pass, PassManager, count_ops, cse, inline, present
from minidl.ir.rewriting.driver import Pattern, rewrite
from minidl.xla.passes import optimize, pass_manager
from tests.xla import programs


@pytest.mark.fuzz
def test_the_pipeline_keeps_the_meaning_of_many_programs():
    for seed in range(10_000, 40_000):
        assert programs.difference(optimize, programs.seeded(seed, ops=16), seed) is None


def test_optimizing_twice_changes_nothing_more():
    for seed in range(200):
        once = optimize(programs.seeded(seed))
        assert str(optimize(once)) == str(once)


# -- origins ----------------------------------------------------------------------------


def marked(module):
    """A copy whose ops carry the numbers 0, 1, 2 …"""
    copy = module.clone()
    for i, op in enumerate(copy.walk()):
        op.location = OriginLoc(i, op.location)
    return copy, set(range(sum(1 for _ in copy.walk())))


def test_every_op_lives_on_or_leaves_a_reason():
    for seed in range(300):
        module, all_ids = marked(programs.seeded(seed))
        reasons: dict[int, str] = {}
        kept = present(optimize(module, reasons))
        assert kept | reasons.keys() == all_ids
        assert not kept & reasons.keys()


def test_reasons_say_what_happened():
    text = """
    func.func public @main(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
      %one = stablehlo.constant dense<1.0> : tensor<f32>
      %dead = stablehlo.exponential %x : tensor<f32>
      %a = stablehlo.multiply %x, %one : tensor<f32>
      %b = stablehlo.call_it %a : tensor<f32>
      return %a, %b : tensor<f32>, tensor<f32>
    }""".replace("stablehlo.call_it", "stablehlo.negate")
    module, _ = marked(ir.parse(text))
    reasons: dict[int, str] = {}
    optimize(module, reasons)
    assert reasons[3] == "dead: nothing uses its result"
    assert reasons[4] == "x * 1: a product with 1 is exact"
    assert 5 not in reasons  # the negation stands


def test_cse_keeps_the_places_of_both_ops():
    text = """
    func.func public @main(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
      %a = stablehlo.exponential %x : tensor<f32> loc("first")
      %b = stablehlo.exponential %x : tensor<f32> loc("second")
      return %a, %b : tensor<f32>, tensor<f32>
    }"""
    (exp,) = [op for op in cse(ir.parse(text)).walk() if "exponential" in op.name]
    assert str(exp.location) == 'fused["first", "second"]'


# -- what must not be done ------------------------------------------------------------------


def unchanged(line: str, types: str, results: str) -> bool:
    text = f"func.func public @main({types}) -> {results} {{\n{line}\n}}"
    module = ir.parse(text)
    return str(optimize(module)) == str(module)


@pytest.mark.parametrize(
    "line",
    [
        "%c = stablehlo.constant dense<0.0> : tensor<f32>\n%0 = stablehlo.add %x, %c : tensor<f32>",
        "%c = stablehlo.constant dense<0.0> : tensor<f32>\n"
        "%0 = stablehlo.multiply %x, %c : tensor<f32>",
        "%0 = stablehlo.subtract %x, %x : tensor<f32>",
        "%0 = stablehlo.divide %x, %x : tensor<f32>",
        "%c = stablehlo.constant dense<3.0> : tensor<f32>\n"
        "%0 = stablehlo.divide %x, %c : tensor<f32>",
    ],
    ids=["x + 0", "x * 0", "x - x", "x / x", "x / 3"],
)
def test_floats_keep_what_real_numbers_would_not_need(line):
    assert unchanged(f"{line}\nreturn %0 : tensor<f32>", "%x: tensor<f32>", "tensor<f32>")


def test_a_float_compared_with_itself_is_not_known():
    line = "%0 = stablehlo.compare EQ, %x, %x : (tensor<f32>, tensor<f32>) -> tensor<i1>"
    assert unchanged(f"{line}\nreturn %0 : tensor<i1>", "%x: tensor<f32>", "tensor<i1>")


def test_a_fence_keeps_a_recomputation_apart():
    text = """
    func.func public @main(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
      %a = stablehlo.exponential %x : tensor<f32>
      %y = stablehlo.optimization_barrier %x : tensor<f32>
      %b = stablehlo.exponential %y : tensor<f32>
      return %a, %b : tensor<f32>, tensor<f32>
    }"""
    ops = [op.name for op in optimize(ir.parse(text)).walk()]
    assert ops.count("stablehlo.exponential") == 2


# -- the manager -------------------------------------------------------------------------------

TEXT = """
func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = stablehlo.constant dense<1.0> : tensor<4xf32>
  %0 = stablehlo.multiply %x, %one : tensor<4xf32>
  %1 = stablehlo.negate %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}
"""


def _break(module, reasons):
    """A wrong pass: the return goes."""
    module.main.body.terminator.erase()
    return True


def test_a_pass_that_breaks_a_rule_is_named_by_the_manager():
    broken = PassManager([Pass("drops the return", "", _break)], check=True)
    with pytest.raises(VerifyError, match="after the pass 'drops the return'") as caught:
        broken.run(ir.parse(TEXT))
    assert caught.value.hint == "a block ends with one terminator"


def test_verification_is_off_until_somebody_asks_or_listens():
    broken = PassManager([Pass("drops the return", "", _break)])
    broken.run(ir.parse(TEXT))
    with step.record(), pytest.raises(VerifyError):
        broken.run(ir.parse(TEXT))


def test_named_stops():
    assert pass_manager().stops == ["inline", "widen", "canonicalize", "dce"]
    module = ir.parse(TEXT)
    assert str(pass_manager().run(module, stop="inline")) == str(module)
    with pytest.raises(MinidlError, match="no pass is called 'fuse'") as caught:
        pass_manager().run(module, stop="fuse")
    assert ", ".join(pass_manager().stops) in caught.value.hint


def test_steps_carry_a_title_and_the_text_of_that_moment():
    module = ir.parse(TEXT)
    with step.record() as steps:
        optimize(module)
    titles = [s.title for s in steps]
    assert "x * 1: stablehlo.multiply became an argument" in titles
    assert "canonicalize: 4 ops became 2" in titles
    first = next(s for s in steps if s.title.startswith("x * 1"))
    assert "multiply" not in first.state.text and "constant" in first.state.text


def test_patterns_that_undo_each_other_are_stopped():
    def flip(op, rw):
        name = {"stablehlo.abs": "stablehlo.negate"}.get(op.name, "stablehlo.abs")
        return rw.create(name, op.operands)

    there = Pattern("there", "stablehlo.negate", "", flip)
    back = Pattern("back", "stablehlo.abs", "", flip)
    with pytest.raises(MinidlError, match="two patterns undo each other"):
        rewrite(ir.parse(TEXT), [there, back])


# -- inline --------------------------------------------------------------------------------------


def test_functions_that_call_themselves_stay():
    text = """
    func.func public @main(%x: tensor<f32>) -> tensor<f32> {
      %0 = call @loop(%x) : (tensor<f32>) -> tensor<f32>
      return %0 : tensor<f32>
    }
    func.func private @loop(%x: tensor<f32>) -> tensor<f32> {
      %0 = call @loop(%x) : (tensor<f32>) -> tensor<f32>
      return %0 : tensor<f32>
    }"""
    module = ir.parse(text)
    assert str(inline(module)) == str(module)


def test_a_chain_of_doubling_calls_does_not_explode():
    """f30 would be 2**30 ops: inlining stops at its budget, the program stays right."""
    f = ["func.func private @f0(%x: tensor<i32>) -> tensor<i32> { return %x : tensor<i32> }"]
    f[0] = f[0].replace("{ return", "{ %y = stablehlo.negate %x : tensor<i32> return")
    f[0] = f[0].replace("return %x", "return %y")
    for i in range(1, 31):
        call = f"call @f{i - 1}"
        f.append(
            f"func.func {'public @main' if i == 30 else f'private @f{i}'}(%x: tensor<i32>) "
            f"-> tensor<i32> {{ %a = {call}(%x) : (tensor<i32>) -> tensor<i32> "
            f"%b = {call}(%a) : (tensor<i32>) -> tensor<i32> return %b : tensor<i32> }}"
        )
    made = inline(ir.parse("\n".join(f)))
    assert count_ops(made) < 500_000
    ir.verify(made)


def test_unused_private_functions_go_and_public_ones_stay():
    text = """
    func.func public @main(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
    func.func public @also(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
    func.func private @gone(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }"""
    assert list(optimize(ir.parse(text)).functions) == ["main", "also"]


def test_evaluate_agrees_with_numpy_after_the_pipeline():
    """One program by hand, so that evaluate is not compared with itself alone."""
    text = """
    func.func public @main(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>) -> tensor<4x2xf32> {
      %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
        : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
      %1 = stablehlo.transpose %0, dims = [1, 0] : (tensor<2x4xf32>) -> tensor<4x2xf32>
      return %1 : tensor<4x2xf32>
    }"""
    x, w = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((4, 3), np.float32)
    w[2] = [1, 2, 3]
    (got,) = ir.evaluate(optimize(ir.parse(text)), x, w)
    assert np.array_equal(got, w @ x.T)
