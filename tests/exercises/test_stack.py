"""The checks of chapter `stack`: each likely mistake gets its own message."""

from __future__ import annotations

import pytest

from minidl import numpy as mnp
from minidl.exercises.stack import check_trips, check_two_loads


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n, lanes: ..., "returns nothing"),
        (lambda n, lanes: (n // lanes, 0), "trips(1000, 16) is (62, 0), expected (62, 8)"),
        (lambda n, lanes: (-(-n // lanes), n % lanes), "trips(1000, 16) is (63, 8)"),
    ],
)
def test_each_wrong_count_of_rounds_hears_its_mistake(answer, message):
    said = check_trips(answer)
    assert not said and message in said.message


def test_rounds_and_remainder_pass():
    assert check_trips(lambda n, lanes: (n // lanes, n % lanes))


def alone(x, w):
    y = x * x
    y = y + x
    y = y * y
    return y


def twice(x, w):
    y = x * w
    y = y + x
    y = y - w
    return y, y * y


def short(x, w):
    return (x + w) * w


def stub(x, w):
    return ...


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (alone, "1 × vector.load"),
        (twice, "2 × vector.store"),
        (short, "1 lines of Python, four were asked for"),
        (stub, "raised TraceError"),
    ],
)
def test_each_wrong_function_hears_its_mistake(answer, message):
    said = check_two_loads(answer)
    assert not said and message in said.message


def test_four_lines_with_two_loads_pass():
    def solution(x, w):
        y = x * w
        y = y + x
        y = mnp.maximum(y, w)
        return y * y

    assert check_two_loads(solution)
