"""The checks of chapter `step`: each likely mistake gets its own message."""

from __future__ import annotations

from itertools import pairwise

import pytest

from minidl.exercises.step import check_decayed, check_step_flops, counted


def macs(sizes, batch):
    return [batch * m * n for m, n in pairwise(sizes)]


def right(sizes, batch):
    first, *rest = macs(sizes, batch)
    return 2 * (2 * first + 3 * sum(rest))


@pytest.mark.parametrize("sizes", [(64, 10), (64, 128, 10), (7, 5, 3, 2)])
def test_the_engine_counts_what_the_formula_says(sizes):
    assert counted(sizes, 16) == right(sizes, 16)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda s, b: None, "returns nothing"),
        (lambda s, b: 2 * sum(macs(s, b)), "the forward pass alone"),
        (lambda s, b: 6 * sum(macs(s, b)), "three products for every matrix"),
        (lambda s, b: right(s, b) // 2, "is half of it"),
        (lambda s, b: right(s, 64), "step_flops((64, 10), 32): 163840 came"),
    ],
)
def test_each_wrong_count_hears_its_mistake(answer, message):
    said = check_step_flops(answer)
    assert not said and message in said.message


def test_the_formula_passes():
    assert check_step_flops(right)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda p, g: p - 0.5 * g, "with a gradient of 0 the weight stays"),
        (lambda p, g: p + 0.5 * (g - 0.01 * p), "that step goes uphill"),
        (lambda p, g: 0.99 * p - 0.5 * g, "decayed(p, g) at"),
        (lambda p, g: ..., "returns nothing"),
    ],
)
def test_each_wrong_decay_hears_its_mistake(answer, message):
    said = check_decayed(answer)
    assert not said and message in said.message


def test_the_decayed_step_passes():
    assert check_decayed(lambda p, g: p - 0.5 * (g + 0.01 * p))
