"""Solutions of chapter `stack` pass, stubs fail with the check's own words."""

from __future__ import annotations

from minidl import numpy as mnp
from minidl.exercises import stack


def test_a_stub_of_trips_is_told_what_was_expected(capsys):
    assert not stack.trips(lambda n, lanes: ...)
    assert "f(1024, 8) is Ellipsis, expected (128, 0)" in capsys.readouterr().out


def test_trips_that_forget_the_remainder_fail(capsys):
    assert not stack.trips(lambda n, lanes: (n // lanes, 0))
    assert "f(1000, 16)" in capsys.readouterr().out


def test_the_solution_of_trips_passes():
    assert stack.trips(lambda n, lanes: (n // lanes, n % lanes))


def test_a_stub_of_two_loads_is_told_that_it_does_not_compile(capsys):
    def stub(x, w):
        return ...

    assert not stack.two_loads(stub)
    assert "does not compile" in capsys.readouterr().out


def test_a_function_that_reads_x_alone_fails(capsys):
    def alone(x, w):
        y = x * x
        y = y + x
        y = y * y
        return y

    assert not stack.two_loads(alone)
    assert "1 × vector.load" in capsys.readouterr().out


def test_the_solution_of_two_loads_passes():
    def solution(x, w):
        y = x * w
        y = y + x
        y = mnp.maximum(y, w)
        return y * y

    assert stack.two_loads(solution)
