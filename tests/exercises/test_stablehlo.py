"""The checks of chapter `ir/stablehlo`: each likely mistake gets its own message."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from minidl.exercises import stablehlo as lab
from minidl.exercises.stablehlo import check_dot_shape, check_standard


def rule(lhs, rhs, batching, contracting, pairs=True, once=True, sizes=True, order=True):
    (lb, rb), (lc, rc) = batching, contracting
    if pairs and (len(lb) != len(rb) or len(lc) != len(rc)):
        return None
    if once and (set(lb) & set(lc) or set(rb) & set(rc)):
        return None
    if sizes and any(lhs[i] != rhs[j] for i, j in zip(lb + lc, rb + rc, strict=False)):
        return None
    left = [n for d, n in enumerate(lhs) if d not in lb + lc]
    right = [n for d, n in enumerate(rhs) if d not in rb + rc]
    free = left + right if order else right + left
    return (*(lhs[d] for d in lb), *free)


def test_the_rule_passes():
    assert check_dot_shape(rule)
    assert check_dot_shape(lambda *a: None if (r := rule(*a)) is None else list(r))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (7, "expected a function"),
        (lambda *a: ..., "but Ellipsis came"),
        (lambda *a: None, "came back as None"),
        (lambda *a: a[9], "raised IndexError"),
        (lambda *a: rule(*a, pairs=False), "must be refused"),
        (lambda *a: rule(*a, once=False), "must be refused"),
        (lambda *a: rule(*a, sizes=False), "must be refused"),
        (lambda *a: rule(*a, order=False), "makes (2, 3, 3, 4), but (3, 4, 2, 3) came"),
    ],
)
def test_each_wrong_rule_hears_its_mistake(answer, message):
    said = check_dot_shape(answer)
    assert not said and message in said.message


def test_the_engine_s_rule_is_jax_s():
    """The oracle of the check, held to `jax.lax.dot_general` on all 497 choices."""
    jax = pytest.importorskip("jax")
    count = 0
    for lhs, rhs in lab.SHAPES:
        x, y = (jax.ShapeDtypeStruct(s, np.float32) for s in (lhs, rhs))
        for dims in lab.choices(lhs, rhs):
            numbers = (
                (dims.lhs_contracting, dims.rhs_contracting),
                (dims.lhs_batching, dims.rhs_batching),
            )
            try:
                made = jax.eval_shape(lambda a, b, n=numbers: jax.lax.dot_general(a, b, n), x, y)
                want = made.shape
            except (TypeError, ValueError):
                want = None
            assert lab.made_by(lhs, rhs, dims) == want, (lhs, rhs, lab.spelled(dims))
            count += 1
    assert count == 497


def test_one_filling_of_the_puzzle_makes_the_scores():
    good = [t for t in product("0123", repeat=6) if lab.scores(*t)]
    assert good == [("0", "2", "0", "2", "3", "3")]


GOOD = """func.func @main(%x: tensor<5x5xf32>) -> tensor<5x5xf32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %five = stablehlo.constant dense<5.0> : tensor<f32>
  %n = stablehlo.broadcast_in_dim %five, dims = []
      : (tensor<f32>) -> tensor<5xf32>
  %s = stablehlo.reduce(%x init: %zero) applies stablehlo.add
      across dimensions = [1] : (tensor<5x5xf32>, tensor<f32>)
      -> tensor<5xf32>
  %m = stablehlo.divide %s, %n : tensor<5xf32>
  %mb = stablehlo.broadcast_in_dim %m, dims = [0]
      : (tensor<5xf32>) -> tensor<5x5xf32>
  %d = stablehlo.subtract %x, %mb : tensor<5x5xf32>
  %q = stablehlo.multiply %d, %d : tensor<5x5xf32>
  %t = stablehlo.reduce(%q init: %zero) applies stablehlo.add
      across dimensions = [1] : (tensor<5x5xf32>, tensor<f32>)
      -> tensor<5xf32>
  %v = stablehlo.divide %t, %n : tensor<5xf32>
  %r = stablehlo.sqrt %v : tensor<5xf32>
  %rb = stablehlo.broadcast_in_dim %r, dims = [0]
      : (tensor<5xf32>) -> tensor<5x5xf32>
  %y = stablehlo.divide %d, %rb : tensor<5x5xf32>
  return %y : tensor<5x5xf32>
}
"""
SQUARES = """func.func @main(%x: tensor<5x5xf32>) -> tensor<5x5xf32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %five = stablehlo.constant dense<5.0> : tensor<f32>
  %n = stablehlo.broadcast_in_dim %five, dims = [] : (tensor<f32>) -> tensor<5xf32>
  %s = stablehlo.reduce(%x init: %zero) applies stablehlo.add
      across dimensions = [1] : (tensor<5x5xf32>, tensor<f32>) -> tensor<5xf32>
  %m = stablehlo.divide %s, %n : tensor<5xf32>
  %mb = stablehlo.broadcast_in_dim %m, dims = [0] : (tensor<5xf32>) -> tensor<5x5xf32>
  %d = stablehlo.subtract %x, %mb : tensor<5x5xf32>
  %q = stablehlo.multiply %x, %x : tensor<5x5xf32>
  %t = stablehlo.reduce(%q init: %zero) applies stablehlo.add
      across dimensions = [1] : (tensor<5x5xf32>, tensor<f32>) -> tensor<5xf32>
  %a = stablehlo.divide %t, %n : tensor<5xf32>
  %mm = stablehlo.multiply %m, %m : tensor<5xf32>
  %v = stablehlo.subtract %a, %mm : tensor<5xf32>
  %r = stablehlo.sqrt %v : tensor<5xf32>
  %rb = stablehlo.broadcast_in_dim %r, dims = [0] : (tensor<5xf32>) -> tensor<5x5xf32>
  %y = stablehlo.divide %d, %rb : tensor<5x5xf32>
  return %y : tensor<5x5xf32>
}
"""


def test_standard_rows_pass():
    assert check_standard(lambda: GOOD)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (None, "returns nothing", "replace"),
        (3, "a text was expected", ""),
        ("func.func @main(", "expected", ""),
        (lab.ROWS, "takes one tensor<5x5xf32>", ""),
        (GOOD.replace("%rb = stablehlo.broadcast_in_dim %r, dims = [0]",
                      "%rb = stablehlo.broadcast_in_dim %r, dims = [1]"), "near 0", "spread"),
        (GOOD.replace("dimensions = [1]", "dimensions = [0]"), "near 0: off", "across"),
        (GOOD.replace("return %y", "return %d"), "near 0: off", ""),
        (SQUARES, "near 1,000: off", "after the mean"),
    ],
)  # fmt: skip
def test_each_wrong_text_hears_its_mistake(text, message, hint):
    said = check_standard(lambda: text)
    assert not said and message in said.message and hint in said.hint
