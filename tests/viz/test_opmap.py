"""The map of a program, and graphs whose boxes somebody else has placed."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl import xla
from minidl.viz import layout, panel
from minidl.viz.opmap import op_map
from minidl.viz.watch import picture, watch


def loss(w, x):
    h = mnp.maximum(x @ w, 0)
    return mnp.sum(h * h)


def step(w, x):
    slopes = minidl.grad(loss)(w, x)
    return w - 0.1 * slopes


FIRST = loss.__code__.co_firstlineno
H, RETURN = FIRST + 1, FIRST + 2
NEW = step.__code__.co_firstlineno + 2


@pytest.fixture(scope="module")
def made():
    return op_map(xla.compile(step, np.zeros((3, 2), "f"), np.zeros((4, 3), "f")), above=[NEW])


def test_every_op_of_a_line_stands_on_its_lane(made):
    assert [made.nodes[n].sign for n in made.on(H, False)][:2] == ["dot", "max"]
    assert {made.nodes[n].line for n in made.nodes} == {H, RETURN, NEW}


def test_what_the_gradient_made_is_told_from_what_was_written(made):
    assert [made.nodes[n].sign for n in made.on(H, True)] == ["×", "dot"]
    assert made.on(NEW, True) == []
    assert sorted(made.on(H)) == sorted(made.on(H, True) + made.on(H, False))


def test_arrows_are_the_data_dependences_of_the_program(made):
    """By brute force: the makers of an op's operands, through ops that only move."""
    for name, node in made.nodes.items():
        found, stack = set(), [v.op for v in node.op.operands if v.op is not None]
        while stack:
            op = stack.pop()
            known = [n for n, other in made.nodes.items() if other.op is op]
            found |= set(known)
            stack += [] if known else [v.op for v in op.operands if v.op is not None]
        assert {a for a, b in made.edges if b == name} == found


def test_no_two_ops_share_a_place_and_lines_above_stand_above(made):
    assert len(set(made.at.values())) == len(made.nodes)
    top = {made.at[n][1] for n in made.on(NEW)}
    assert max(top) < min(made.at[n][1] for n in made.on(H))


def test_derivatives_run_from_right_to_left(made):
    x = [made.at[n][0] for n in made.on(H, True)]
    assert x == sorted(x, reverse=True) and min(x) > max(made.at[n][0] for n in made.on(H, False))


def test_placed_boxes_stand_where_they_were_put():
    at = {"a": (50.0, 40.0), "b": (150.0, 40.0), "c": (250.0, 40.0), "d": (50.0, 120.0)}
    drawn = panel.graph(at, [("a", "b"), ("a", "c"), ("a", "d")], at=at)
    assert {n["id"]: (n["x"], n["y"]) for n in drawn["nodes"]} == at
    beside, over, down = (e["points"] for e in drawn["edges"])
    assert {y for _, y in beside} == {40.0}
    assert min(y for _, y in over) < 40 - layout.HIGH
    assert down[0][0] == down[-1][0] == 50.0 and down[-1][1] < 120


def test_watch_hands_on_every_item_and_is_silent_in_a_pipe(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert list(watch(range(3), lambda: [1.0], "loss")) == [0, 1, 2]
    assert sys.stderr.getvalue() == ""


def test_the_live_picture_says_its_numbers_and_escapes_its_label():
    shown = picture(2, 5, [2.0, 1.0, 0.5], "<loss>")
    assert "2 / 5" in shown and "&lt;loss&gt; 0.5" in shown and "<loss>" not in shown
    (points,) = [p.split('"')[1] for p in shown.split("points=")[1:]]
    heights = [float(p.split(",")[1]) for p in points.split()]
    assert heights == sorted(heights) and len(heights) == 3
    assert "svg" not in picture(0, 5, [], "loss")
