"""The helpers that other tests trust must themselves be able to fail."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.core import check

F32 = np.float32


def test_an_error_is_measured_in_parts_of_a_unit():
    got = np.array([1.0, 1.0, 2.0, -1.0], F32)
    unit = 2.0**-23
    want = np.array([1.0, 1 + unit / 4, 2 + unit, -1 - 3 * unit])
    np.testing.assert_allclose(check.ulp_error(got, want), [0, 0.25, 0.5, 3])


@pytest.mark.parametrize(
    "got, want, error",
    [
        (np.inf, np.inf, 0),
        (np.inf, 1e39, 0),
        (np.inf, -np.inf, np.inf),
        (np.nan, np.nan, 0),
        (np.nan, 1.0, np.inf),
        (1.0, np.nan, np.inf),
        (np.inf, 1.0, np.inf),
        (0.0, 2.0**-149, 1),
        (0.0, -0.0, 0),
    ],
)
def test_edges_of_the_format(got, want, error):
    assert check.ulp_error(np.array([got], F32), np.array([want]))[0] == error


def test_a_failure_names_count_place_input_and_values():
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(AssertionError, match=r"square: 1 of 3 elements .* element 1 \(.*2\.0"):
        check.assert_ulp((x * x).astype(F32) + F32([0, 1e-6, 0]), x * x, 0.5, x, name="square")
    assert check.assert_ulp((x * x).astype(F32), x * x, 0.5) == 0


@pytest.mark.parametrize(
    "got, want, message",
    [
        (F32([0.0]), F32([-0.0]), "1 of 1 elements differ"),
        (F32([1.0]), np.array([1.0]), "dtypes"),
        (F32([1.0]), F32([[1.0]]), "shapes"),
        (F32([np.nan]), F32([1.0]), "1 of 1 elements differ"),
        (np.array([1, 2]), np.array([1, 3]), "the first is 1"),
    ],
)
def test_bits_that_differ_are_found(got, want, message):
    with pytest.raises(AssertionError, match=message):
        check.assert_bitwise(got, want)


def test_all_nans_are_one():
    quiet, other = np.array([0x7FC00000, 0x7FC00001], np.uint32).view(F32)
    check.assert_bitwise(np.array([quiet], F32), np.array([other], F32))
    check.assert_bitwise(np.array([True]), np.array([True]))
