"""Errors carry place, caret and hint; rule tables name what is missing; steps keep their label."""

from __future__ import annotations

import pytest

from minidl.core import step
from minidl.core.errors import MinidlError, ParseError, ShapeError, UnsupportedError
from minidl.core.rules import RuleTable
from minidl.core.span import Span, at_offset, caret

TEXT = "module {\n  %0 = stablehlo.addd %a, %b\n}"


def test_an_error_shows_its_line_with_a_caret_and_a_hint():
    span = at_offset(TEXT, TEXT.index("stablehlo"), len("stablehlo.addd"))
    e = ParseError(
        "unknown op", op="stablehlo.addd", hint="is it stablehlo.add?", span=span, text=TEXT
    )
    assert (e.line, e.column, e.op) == (2, 8, "stablehlo.addd")
    assert str(e) == (
        "<text>:2:8: unknown op\n"
        "    %0 = stablehlo.addd %a, %b\n"
        "         ^^^^^^^^^^^^^^\n"
        "hint: is it stablehlo.add?"
    )


def test_an_error_without_a_place_has_none():
    e = ShapeError("2 and 3 do not fit")
    assert (e.line, e.column, e.op, e.hint, str(e)) == (
        None,
        None,
        None,
        None,
        "2 and 3 do not fit",
    )
    assert isinstance(e, MinidlError) and isinstance(e, TypeError)


def test_a_caret_stays_under_its_text_in_a_long_line():
    line = "x" * 300 + "HERE" + "y" * 300
    shown, mark = caret(line, Span("f", 1, 301, 1, 305)).split("\n")
    assert len(shown) <= 102
    assert shown[mark.index("^") : mark.rindex("^") + 1] == "HERE"


def test_a_missing_rule_names_op_table_and_neighbours():
    table: RuleTable[int] = RuleTable("jvp", "autodiff")
    table["stablehlo.add"] = 1
    table.rule("stablehlo.sine", "arith.addf")(2)
    assert table["arith.addf"] == 2 and "stablehlo.add" in table and len(table) == 3
    with pytest.raises(UnsupportedError, match=r"stablehlo\.sort has no jvp rule") as e:
        table["stablehlo.sort"]
    assert e.value.op == "stablehlo.sort"
    assert "stablehlo.add, stablehlo.sine" in e.value.hint and "arith" not in e.value.hint


def test_a_second_row_for_an_op_is_an_error():
    table: RuleTable[int] = RuleTable("value", "evaluate")
    table["a"] = 1
    with pytest.raises(ValueError, match="two rows for a"):
        table["a"] = 2


def test_steps_are_recorded_with_their_own_label_and_only_while_recording():
    asked = []
    step.emit("nobody hears this", state=lambda: asked.append(1))
    with step.record() as outer:
        assert step.listening()
        step.emit("first", where=1, state=lambda: "a")
        with step.record() as inner:
            step.emit("second")
    step.emit("after")
    assert not asked and not step.listening()
    assert [(s.title, s.where, s.state) for s in outer] == [
        ("first", 1, "a"),
        ("second", None, None),
    ]
    assert [s.title for s in inner] == ["second"]
