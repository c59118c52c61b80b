"""Puzzles: right answers accepted, each listed wrong one gets its own reply."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from minidl import viz
from minidl.viz import panel
from minidl.viz.ask import judge
from tests.viz import samples

PUZZLES = {p.name: p for p in samples.puzzles()}
RIGHT = {
    "p-choose": "neighbours",
    "p-number": 24,
    "p-pick": [1, 2],
    "p-cells": [(0, 1), (1, 0)],
    "p-order": [2, 1, 0],
    "p-fill": ["maximum", "8"],
    "p-build": ["fuse", "fuse", "keep"],
}
WRONG = [
    ("p-choose", "every 8th", "Each lane takes its own sector. (1,024 B)"),
    ("p-number", 64, "64: you counted lanes that were switched off."),
    ("p-number", 32, "32: that is one side."),
    ("p-number", 7, "7 is too small."),
    ("p-pick", [1, 3], "Line 3 uses them."),
    ("p-pick", [2], "One of them is an argument."),
    ("p-pick", [1], "1 of your 1 are right; 1 more are missing."),
    ("p-order", [0, 1, 2], "`%1` is used before it exists."),
    ("p-order", [1, 2, 0], "`%1 = add %0, b` needs `%0 = multiply x, w` before it."),
    ("p-fill", ["minimum", "8"], "`minimum` keeps the negative side."),
    ("p-fill", ["4", "8"], "The parser refuses this."),
    ("p-build", ["fuse", "fuse", "fuse"], "The result must be kept."),
    ("p-build", ["keep", "keep", "keep"], "32 KB. Each kept edge writes and reads 8 KB."),
]


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_answer_is_accepted(name):
    assert PUZZLES[name].judge(RIGHT[name])[0]


@pytest.mark.parametrize(("name", "given", "reply"), WRONG)
def test_a_wrong_answer_gets_its_own_reply(name, given, reply):
    assert PUZZLES[name].judge(given) == (False, reply)


def test_another_one_is_judged_by_its_own_answer():
    assert PUZZLES["p-number"].judge(20, variant=1)[0]
    assert not PUZZLES["p-number"].judge(24, variant=1)[0]


def test_every_valid_order_is_right_and_no_other():
    diamond = viz.Puzzle.order(
        "d", "?", ["d", "b", "c", "a"], {0: [1, 2], 1: [3], 2: [3]}, hints=["a first"]
    )
    right = [p for p in permutations(range(4)) if diamond.judge(p)[0]]
    assert sorted(right) == [(3, 1, 2, 0), (3, 2, 1, 0)]


def test_fill_agrees_with_its_judge_on_all_answers():
    spec = PUZZLES["p-fill"]
    for op, n in product(spec.variants[0]["bank"], repeat=2):
        assert spec.judge([op, n])[0] == (op == "maximum" and n in ("8", "4"))


def build(target, measure=lambda *c: c.count("keep"), **more):
    choices = {f"edge {i}": ["fuse", "keep"] for i in range(3)}
    return viz.Puzzle.build(
        "b", "?", choices, measure, target=target, unit="reads", hints=["h"], **more
    )


def test_build_states_the_best_and_its_target_is_neither_free_nor_out_of_reach():
    assert build(0).variants[0]["best"] == 0
    assert build(3, goal="most").variants[0]["best"] == 3
    with pytest.raises(viz.ViewError, match="target 1 is reached by 4 of 8 choices"):
        build(1)
    with pytest.raises(viz.ViewError, match="target -1 is reached by 0 of 8 choices"):
        build(-1)


def test_a_puzzle_has_at_most_4096_answers():
    choices = {f"edge {i}": ["fuse", "keep"] for i in range(13)}
    with pytest.raises(viz.ViewError, match="8192 possible answers"):
        viz.Puzzle.build("b", "?", choices, lambda *c: 1, target=1, unit="", hints=["h"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: viz.ask.choose("?", ["a", "b"], "c"), "no option is named 'c'"),
        (lambda: viz.ask.choose("?", list("abcdefg"), "a"), "7 options; expected 2 to 6"),
        (lambda: viz.ask.choose("?", ["a", "b"], "a", replies={"x": ""}), "no option is named 'x'"),
        (lambda: viz.ask.number("?", 3, replies={3: "no"}), "but it is right"),
        (lambda: viz.ask.pick("?", "p", []), "the answer is empty"),
        (
            lambda: viz.Puzzle.choose("c", "?", ["a", "b"], "a", replies={}, hints=["h"]),
            "wrong option 'b' has no reply",
        ),
        (lambda: viz.Puzzle.number("n", "?", 1, hints=[]), "0 hints"),
        (
            lambda: viz.Puzzle.pick("p", "?", panel.code("a"), [2], hints=["h"]),
            "no part of the code panel is named '2'",
        ),
        (
            lambda: viz.Puzzle.order("o", "?", ["a", "b"], {1: [0]}, hints=["h"]),
            "stand in a valid order already",
        ),
        (
            lambda: viz.Puzzle.order("o", "?", ["a", "b"], {0: [1], 1: [0]}, hints=["h"]),
            "need each other in a circle",
        ),
        (lambda: viz.Puzzle.fill("f", "?", "___", ["a", "b"], [], hints=["h"]), "has no answer"),
    ],
)
def test_puzzles_refuse_by_name(make, message):
    with pytest.raises(viz.ViewError, match=message):
        make()


def test_tolerance_decides_where_right_ends():
    about = viz.ask.number("?", 10, tolerance=0.5)
    assert [judge(about, g)[0] for g in (9.4, 9.5, 10, 10.5, 10.6)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_without_script_the_question_stands_and_the_answer_is_folded():
    for puzzle in PUZZLES.values():
        static = puzzle.html.split("<script")[0]
        assert "<details><summary>Answer</summary>" in static
        assert puzzle.variants[0]["question"].split("`")[0] in static
