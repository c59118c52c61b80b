"""The checks of chapter `ir/stablehlo`: each likely mistake gets its own message."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from minidl.exercises import stablehlo as lab
from minidl.exercises.stablehlo import check_dot_shape, check_softmax


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


GOOD = (
    lab.ROWS.replace("4x4", "5x5")
    .replace("4xf32", "5xf32")
    .replace("%s, dims = [1]", "%s, dims = [0]")
)


def test_a_softmax_passes():
    assert check_softmax(lambda: GOOD)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (None, "returns nothing", "replace"),
        (3, "a text was expected", ""),
        ("func.func @main(", "expected", ""),
        (lab.ROWS, "takes one tensor<5x5xf32>", ""),
        (GOOD.replace("%s, dims = [0]", "%s, dims = [1]"), "numbers of size 1", "spread"),
        (GOOD.replace("exponential %d", "exponential %x"), "numbers of size 1000", "maximum"),
        (GOOD.replace("return %p", "return %d"), "numbers of size 1: off", ""),
        (GOOD.replace("divide %e, %sb", "divide %sb, %e"), "numbers of size 1: off", ""),
    ],
)
def test_each_wrong_text_hears_its_mistake(text, message, hint):
    said = check_softmax(lambda: text)
    assert not said and message in said.message and hint in said.hint
