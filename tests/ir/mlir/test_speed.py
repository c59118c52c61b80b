"""Time grows as the module does: text in and out, the verifier, a copy."""

from __future__ import annotations

import time

import pytest

from minidl import ir
from tests.ir.test_text import long_text


def seconds(action, rounds: int = 7) -> float:
    """Processor time, the best of a few."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return min(times)


def times(n: int) -> dict[str, float]:
    text = long_text(n)
    module = ir.parse(text)
    return {
        "parse": seconds(lambda: ir.parse(text)),
        "verify": seconds(lambda: ir.verify(module)),
        "print": seconds(lambda: str(module)),
        "clone": seconds(module.clone),
    }


def check_linear(small: int, large: int) -> None:
    """A quadratic step would show the factor between the sizes once more."""
    few, many = times(small), times(large)
    factor = large / small
    ratios = {what: many[what] / few[what] for what in few}
    print({what: round(ratio, 1) for what, ratio in ratios.items()})
    assert {what: r for what, r in ratios.items() if r > 2.5 * factor} == {}


def test_ten_times_the_ops_take_ten_times_the_time():
    check_linear(1_000, 10_000)


@pytest.mark.bench
def test_100_000_ops_take_a_hundred_times_the_time():
    check_linear(1_000, 10_000)
    check_linear(10_000, 100_000)


@pytest.mark.bench
def test_parsing_reads_20_000_ops_a_second():
    for n in (1_000, 10_000, 100_000):
        text = long_text(n)
        speed = n / seconds(lambda text=text: ir.parse(text))
        print(f"{speed:,.0f} ops a second at {n:,}")
        assert speed > 20_000
