"""The driver, what it says of itself, and how much it works."""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import pytest

from minidl import ir
from minidl.core import step
from minidl.ir.rewriting import canonicalize, count_ops, cse, dce, fold, inline
from minidl.ir.rewriting.watch import Change
from tools.record_rewriting import chain

TEXT = """
func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = stablehlo.constant dense<1.0> : tensor<4xf32>
  %0 = stablehlo.multiply %x, %one : tensor<4xf32>
  %1 = stablehlo.negate %0 : tensor<4xf32>
  %2 = stablehlo.negate %0 : tensor<4xf32>
  %3 = stablehlo.add %1, %2 : tensor<4xf32>
  return %3 : tensor<4xf32>
}
"""


def changes(change, text: str = TEXT) -> list[Change]:
    with step.record() as steps:
        change(ir.parse(text))
    return [s.state for s in steps]


def test_a_change_tells_its_rule_and_the_lines_before_and_after():
    first, *rest = changes(canonicalize)
    assert (first.rule, first.ops, first.gone, first.made) == ("", 6, (), ())
    product, total, *_ = rest
    assert product.rule == "x * 1"
    assert product.why == "a product with 1 is exact"
    assert "multiply" in product.before[0]
    assert product.after == ()
    assert total.rule == "x + -y"
    assert "stablehlo.add" in total.before[0]
    assert "stablehlo.subtract" in total.after[0]


def test_numbers_find_an_op_in_every_state():
    states = changes(canonicalize)
    for before, after in pairwise(states):
        old, new = ({n for _, n in s.lines if n >= 0} for s in (before, after))
        assert set(after.gone) <= old
        assert not set(after.gone) & new
        assert set(after.made) <= new
        assert not set(after.made) & old
        assert old - set(after.gone) == new - set(after.made)
        assert after.ops == sum("=" in line or "return" in line for line, n in after.lines if n > 1)


def test_the_worklist_holds_users_of_what_changed():
    product = next(s for s in changes(canonicalize) if s.rule == "x * 1")
    waiting = [line for line, n in product.lines if n in product.waiting]
    assert any("negate" in line for line in waiting)
    assert len(set(product.waiting)) == len(product.waiting)


@pytest.mark.parametrize("change", [inline, cse, dce, fold], ids=lambda p: p.name)
def test_each_pass_tells_what_it_does(change):
    text = """
    func.func public @main(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
      %c = stablehlo.constant dense<2.0> : tensor<f32>
      %d = stablehlo.negate %c : tensor<f32>
      %dead = stablehlo.exponential %x : tensor<f32>
      %a = stablehlo.tanh %x : tensor<f32>
      %b = stablehlo.tanh %x : tensor<f32>
      %e = call @f(%a) : (tensor<f32>) -> tensor<f32>
      %g = stablehlo.add %b, %d : tensor<f32>
      return %e, %g : tensor<f32>, tensor<f32>
    }
    func.func private @f(%x: tensor<f32>) -> tensor<f32> {
      %0 = stablehlo.abs %x : tensor<f32>
      return %0 : tensor<f32>
    }"""
    states = changes(change, text)
    told = [s for s in states if s.gone]
    assert told
    assert all(s.rule and s.why and s.before for s in told)


def test_nobody_listens_nothing_is_printed(monkeypatch):
    from minidl.ir.rewriting import watch

    def fail(*args):
        raise AssertionError("a module was printed")

    monkeypatch.setattr(watch.Watch, "_print", fail)
    canonicalize(ir.parse(TEXT))
    titles = []
    with step.listen(lambda title, where, state: titles.append(title)):
        canonicalize(ir.parse(TEXT))
    assert "x * 1: stablehlo.multiply became an argument" in titles


# -- work ------------------------------------------------------------------------------------

PASSES = [inline, dce, cse, fold, canonicalize]


def calls(change, module) -> int:
    """How many functions are called, Python's and C's: a measure without a clock."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        change(module)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "change", [*PASSES, ir.verify, str], ids=[*(p.name for p in PASSES), "verify", "print"]
)
def test_work_is_linear_in_the_ops(change):
    """Eight times the ops take eight times the calls, and 5 % more at most."""
    small, large = chain(500), chain(4000)
    ratio = count_ops(large) / count_ops(small)
    assert calls(change, large) / calls(change, small) < 1.05 * ratio


def seconds(call, *args) -> float:
    times = []
    for _ in range(3):
        begin = time.process_time()
        call(*args)
        times.append(time.process_time() - begin)
    return min(times)


def test_time_is_linear_in_the_ops():
    """Ten times the ops take less than 25 times as long (a square would be 100)."""
    small, large = chain(1_000), chain(10_000)
    for change in PASSES:
        assert seconds(change, large) < 25 * seconds(change, small), change.name


@pytest.mark.bench
def test_time_is_linear_up_to_100_000_ops():
    small, large = chain(1_000), chain(100_000)
    for change in PASSES:
        assert seconds(change, large) < 250 * seconds(change, small), change.name
