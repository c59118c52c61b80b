"""Views of a module and of its way down; pages of one piece."""

from __future__ import annotations

import re

import numpy as np
import pytest

from minidl import ir, viz, xla
from minidl import numpy as mnp
from minidl.viz import check
from minidl.viz.lowering_player import columns, descend, lowering, single
from minidl.viz.module_view import boxes
from minidl.viz.page import Section, more, note, page, para, table
from tests.ir.samples import DOT

SUM = """
func.func public @main(%x: tensor<4x8xf32>) -> tensor<4xf32> {
  %c = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = stablehlo.tanh %x : tensor<4x8xf32>
  %1 = stablehlo.reduce(%0 init: %c) applies stablehlo.add across dimensions = [1]
    : (tensor<4x8xf32>, tensor<f32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
"""
REFUSED = """
func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = stablehlo.custom_call @one(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = stablehlo.add %0, %x : tensor<4xf32>
  %2 = stablehlo.custom_call @two(%1) : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
"""


def test_columns_are_the_executables_own_texts():
    module = ir.parse(SUM)
    made = {s.name: s for s in columns(descend(module))}
    exe = xla.compile(module, target="x86-64-v3")
    for name in ("stablehlo", "optimized", "fused", "linalg", "loops"):
        want = [line for line in exe.stages[name].text.split("\n") if line.strip()]
        got = [line.text for line in made[name].lines]
        assert got == want
    assert len(made["x86"].lines) > 20 and descend(module).complete


def test_every_op_that_is_refused_is_named():
    descent = descend(ir.parse(REFUSED))
    assert [r.op for r in descent.refused] == ["stablehlo.custom_call"] * 2
    assert not descent.complete and descent.reached == "optimized"
    assert [s.name for s in columns(descent)] == ["stablehlo", "optimized"]


def test_an_op_alone_means_what_it_meant():
    module = ir.parse(DOT)
    x, y = np.arange(6.0, dtype=np.float32).reshape(2, 3), np.ones((3, 4), np.float32)
    products = [op for op in module.main.body if op.name == "stablehlo.dot_general"]
    reduce = next(op for op in module.main.body if op.name == "stablehlo.reduce")
    (product,) = ir.evaluate(single(products[0]), x, y)
    assert np.array_equal(product, x @ y)
    alone = single(reduce)
    ir.verify(alone)
    assert np.array_equal(ir.evaluate(alone, product)[0], (x @ y).sum(1))


def test_the_player_follows_ops_through_every_stage():
    widget = lowering(ir.parse(SUM), follow=["stablehlo.tanh"])
    frames = check.decode(widget)["frames"]
    assert [f["milestone"] for f in frames if "milestone" in f] == [
        "stablehlo", "optimized", "fused", "linalg", "loops", "llvm", "x86",
    ]  # fmt: skip
    followed = [f for f in frames if f["title"] == "tanh"]
    loops = followed[4]["panels"][-1]
    marked = [loops["lines"][i - loops["start"]] for i in loops["current"]]
    assert len(followed) == 7 and any("math.tanh" in line for line in marked)
    with pytest.raises(viz.ViewError, match="no op is called 'tanh'"):
        lowering(ir.parse(SUM), follow=["tanh"])


def test_a_function_is_lowered_as_its_module():
    x = np.ones((4, 8), np.float32)
    widget = viz.lowering(lambda a: mnp.tanh(a).sum(axis=1), x, follow=[], name="f")
    assert len(widget.frames) == 7 and len(widget.html) <= 60_000


# -- boxes -------------------------------------------------------------------------------


def test_boxes_nest_as_the_module_does():
    module = ir.parse(SUM)
    rows = boxes(module)
    ops = [b for b in rows if b.op is not None]
    assert [b.op for b in ops] == list(module.walk())
    for b in ops:
        depth, at = 0, b.op
        while at.parent_op is not None:
            depth, at = depth + 3, at.parent_op
        assert b.depth == depth
    assert [b.what for b in rows].count("block") == sum(
        len(r.blocks) for op in module.walk() for r in op.regions
    )


def test_the_explorer_marks_makers_and_users_by_the_use_lists():
    module = ir.parse(SUM)
    frames = check.decode(viz.module(module))["frames"]
    ids = {b.op: b.id for b in boxes(module) if b.op is not None}
    ops = [op for op in module.walk() if op.name != "builtin.module"]
    for op, frame in zip(ops, frames, strict=True):
        rows = {r["id"]: r["role"] for r in frame["panels"][0]["rows"]}
        assert rows[ids[op]] == "cur"
        users = {ids[u] for v in op.results for u in v.users}
        assert {i for i, role in rows.items() if role == "chg"} == users
        makers = {ids[v.op] for v in op.operands if v.op is not None}
        assert makers <= {i for i, role in rows.items() if role == "ref"}


def test_a_module_too_large_for_a_picture_is_refused():
    lines = [f"%{i} = stablehlo.abs %x : tensor<2xf32>" for i in range(80)]
    text = "func.func public @main(%x: tensor<2xf32>) {\n" + "\n".join(lines) + "\nreturn\n}"
    with pytest.raises(viz.ViewError, match="a picture shows 60"):
        viz.module(ir.parse(text))


@pytest.mark.parametrize(
    "rows, why",
    [
        ([("a", 1, "op", "")], "depth 1, inside depth -1"),
        ([("a", 0, "op", ""), ("b", 2, "op", "")], "depth 2, inside depth 0"),
        ([("a", 0, "tree", "")], "is 'tree'"),
    ],
)
def test_boxes_that_do_not_nest_are_refused(rows, why):
    with pytest.raises(viz.ViewError, match=re.escape(why)):
        viz.panel.nest(rows)


# -- pages -------------------------------------------------------------------------------


def test_a_page_escapes_what_it_is_given():
    hurt = "<img src=x onerror=1>"
    blocks = [para(hurt), table([hurt], [[hurt]], hurt), note(hurt, hurt), more(hurt)]
    html = page(hurt, hurt, [Section("a", hurt, blocks)])
    assert hurt not in html and html.count("&lt;img") >= 9
    assert html.count("<script>") == html.count("</script>") == 1


def test_columns_of_numbers_are_aligned():
    html = table(("op", "uses"), [("add", 12_000), ("abs", 3)])
    assert html.count('class="num"') == 3 and "12,000" in html
