"""The player on the rewrite driver: its frames are the engine's steps, shortened by rule."""

from __future__ import annotations

from collections import Counter

import pytest

from minidl import ir, viz
from minidl.core import step
from minidl.ir.rewriting import count_ops, cse, dce, fold, inline
from minidl.viz import check
from minidl.viz.pass_orders import orders
from minidl.viz.rewriting_player import Heard, chosen, window
from minidl.xla.passes import pass_manager

TWICE = """
func.func public @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %c = stablehlo.constant dense<2.0> : tensor<f32>
  %0 = func.call @twice(%c) : (tensor<f32>) -> tensor<f32>
  %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<8xf32>
  %2 = stablehlo.multiply %x, %1 : tensor<8xf32>
  %d = stablehlo.constant dense<4.0> : tensor<8xf32>
  %3 = stablehlo.multiply %x, %d : tensor<8xf32>
  %4 = stablehlo.add %2, %3 : tensor<8xf32>
  %5 = stablehlo.exponential %3 : tensor<8xf32>
  return %4 : tensor<8xf32>
}
func.func private @twice(%a: tensor<f32>) -> tensor<f32> {
  %0 = stablehlo.add %a, %a : tensor<f32>
  return %0 : tensor<f32>
}
"""


def chain(n: int) -> ir.Module:
    """n pairs of reshapes that undo each other, then one sum."""
    lines = ["func.func public @main(%x: tensor<6xf32>) -> tensor<6xf32> {"]
    lines.append("%r0 = stablehlo.abs %x : tensor<6xf32>")
    for i in range(n):
        lines += [
            f"%a{i} = stablehlo.reshape %r{i} : (tensor<6xf32>) -> tensor<2x3xf32>",
            f"%r{i + 1} = stablehlo.reshape %a{i} : (tensor<2x3xf32>) -> tensor<6xf32>",
        ]
    return ir.parse("\n".join([*lines, f"return %r{n} : tensor<6xf32>", "}"]))


def counters(frame: dict) -> dict[str, int]:
    return {c["name"]: int(c["value"].replace(",", "")) for c in frame["counters"]}


def test_each_frame_is_a_step_and_the_counters_are_the_engines():
    module = ir.parse(TWICE)
    with step.record() as steps:
        pass_manager().run(module)
    frames = viz.rewriting(module).frames
    assert len(frames) == len(steps)
    assert [counters(f)["ops left"] for f in frames] == [s.state.ops for s in steps]
    assert counters(frames[0])["ops left"] == count_ops(module)
    shown = [f["panels"][-1]["lines"] for f in frames]
    assert "\n".join(shown[-1]) + "\n" == steps[-1].state.text


def test_the_rewritten_op_is_marked_before_and_after():
    frames = viz.rewriting(ir.parse(TWICE), [fold, inline]).frames
    frame = next(f for f in frames if f["title"] == "inline")
    was, now, module = frame["panels"]
    assert was["lines"] == ["%0 = call @twice(%cst) : (tensor<f32>) -> tensor<f32>"]
    marked = [module["lines"][i - module["start"]].strip() for i in module["current"]]
    assert marked == now["lines"] == ["%6 = stablehlo.add %cst, %cst : tensor<f32>"]
    changed = [module["lines"][i - module["start"]] for i in module["changed"]]
    assert len(changed) == 1 and "broadcast_in_dim %6" in changed[0]


def test_bare_patterns_play_too_and_asks_stand_at_rules():
    from minidl.ir.rewriting.fold import FOLD

    question = viz.ask.choose("Which goes next?", ["add", "none"], "none")
    widget = viz.rewriting(
        ir.parse(TWICE), [inline, FOLD], asks={"fold": question}, whys={"fold": "constants alone"}
    )
    frame = next(f for f in widget.frames if f.get("ask"))
    assert frame["milestone"] == frame["title"] == "fold" and frame["why"]["text"]
    with pytest.raises(viz.ViewError, match="no milestone is named 'flod'"):
        viz.rewriting(ir.parse(TWICE), asks={"flod": question})


@pytest.mark.parametrize("n", [5, 100, 1000])
def test_a_long_run_is_shortened_and_every_step_is_counted(n):
    module = chain(n)
    frames = viz.rewriting(module).frames
    heard: list[bool] = []  # whether a step is a change, not the end of a pass
    with step.listen(lambda title, where, state: heard.append(not isinstance(where, str))):
        pass_manager().run(module)
    changes = sum(heard) - 1  # the first step is the module as it comes
    assert len(frames) <= 60
    assert counters(frames[-1])["rewrites"] == changes > n
    text = " ".join(f["caption"] for f in frames if f["title"].endswith(" more"))
    assert "times" in text
    assert len(viz.rewriting(module).html) <= 60_000


def test_of_each_rule_the_first_second_and_last_are_kept():
    rules = [f"r{i % 7}" for i in range(500)]
    heard = [Heard("the module as it comes", "")] + [Heard(f"{r}: x", "") for r in rules]
    heard.append(Heard("p: 9 ops became 1", "p"))
    frames = chosen(heard, 60)
    assert len(frames) <= 60 and [i for f in frames for i in f] == list(range(len(heard)))
    alone = Counter(heard[f.start].rule for f in frames if len(f) == 1)
    assert all(alone[f"r{i}"] >= 2 for i in range(7))
    assert len(frames[0]) == len(frames[-1]) == 1


def test_a_window_stays_inside_the_lines():
    lines = ["module {", "func.func @a {", *["x"] * 50, "}", "func.func @b {", "y", "}", "}"]
    for where in range(len(lines)):
        first, last = window(lines, where, 12)
        assert 0 <= first < last <= len(lines) and last - first <= 12
        assert where == 0 or first <= where < last


def test_every_order_of_passes_is_run():
    module = ir.parse(TWICE)
    given = [inline, fold, cse, dce]
    tried = orders(module, given)
    assert len(tried) == 24
    by_name = {p.name: p for p in given}
    for order in (("inline", "fold", "cse", "dce"), ("dce", "cse", "fold", "inline")):
        out = module
        for name in order:
            out = by_name[name](out)
        assert str(tried[order][-1]) == str(out)
    fewest = min(count_ops(made[-1]) for made in tried.values())
    widget = viz.passes(module, given, start=("dce", "cse", "fold", "inline"))
    frames = check.decode(widget)["frames"]
    assert min(counters(f)["ops left"] for f in frames) == fewest
    assert any("more than the best order" in f["caption"] for f in frames)


def test_unknown_orders_and_too_many_passes_are_refused():
    module = ir.parse(TWICE)
    with pytest.raises(viz.ViewError, match="expected 2 to 5 of different names"):
        viz.passes(module, [inline])
    with pytest.raises(viz.ViewError, match="no value of order"):
        viz.passes(module, [inline, fold], start=("fold", "cse"))
