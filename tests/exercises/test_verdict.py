"""The common helper: what a check prints, and what it lets through."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.exercises import NotYet, Verdict, call, exercise, near, need


@exercise("Well done.")
def check_three(answer):
    """Expects 3."""
    need(answer != 30, "ten times too much", "look at the unit")
    near(answer, 3.0, 0.1, "the answer")


def test_a_right_answer_prints_a_tick_and_is_true():
    said = check_three(3.05)
    assert said and repr(said) == "✓ Well done."


def test_a_wrong_answer_prints_its_own_message_and_is_false():
    said = check_three(30)
    assert not said
    assert repr(said) == "✗ not yet: ten times too much\nhint: look at the unit"


def test_a_judges_own_mistake_is_not_blamed_on_the_reader():
    @exercise("")
    def broken(answer):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken(1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: None, "returns nothing"),
        (lambda: ..., "returns nothing"),
        (lambda: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (3, "expected a function, came int"),
    ],
)
def test_call_turns_what_the_reader_did_into_words(function, message):
    with pytest.raises(NotYet, match=message):
        call(function)


def test_call_hands_back_the_result():
    assert call(max, 2, 5) == 5


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ([1.0, 2.0, 4.0], r"sum at \[2\]: 4 came, 3 was expected"),
        ([1.0, np.nan, 3.0], r"sum at \[1\]: nan came"),
        ([1.0, 2.0], r"shape \[2\] came, \[3\] was expected"),
        ("three", "is no number but str"),
    ],
)
def test_near_names_the_first_element_that_is_off(got, message):
    with pytest.raises(NotYet, match=message):
        near(got, [1.0, 2.0, 3.0], 0.5, "sum")


def test_near_lets_the_limit_itself_pass():
    near([1.5, 2.0], [1.0, 2.0], 0.5, "sum")


def test_a_verdict_is_a_value():
    assert Verdict(True, "a") == Verdict(True, "a")
