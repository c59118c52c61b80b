"""The checks of the primer: each likely mistake gets its own message."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.exercises.network import check_loss, check_slope

H = 1e-5


def slope(f, w):
    return (f(w + H) - f(w - H)) / (2 * H)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda f, w: None, "returns nothing"),
        (lambda f, w: -slope(f, w), "the sign is turned round"),
        (lambda f, w: (f(w + H) - f(w - H)) / H, "twice the slope"),
        (lambda f, w: (f(w + H) - f(w)) / H, "a difference from one side"),
        (lambda f, w: f(w), "1.89872 came, 2.64872 was expected"),
        (lambda f, w: 2.648721270700128, "the slope of 3 − 2w: 2.64872 came, -2 was"),
    ],
)
def test_each_wrong_slope_hears_its_mistake(answer, message):
    said = check_slope(answer)
    assert not said and message in said.message


def test_a_central_difference_passes():
    assert check_slope(slope)


def naive(scores, labels):
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))


def shifted(scores, labels):
    return naive(scores - scores.max(axis=1, keepdims=True), labels)


def stable(scores, labels):
    s = scores - scores.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(s)), labels])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (naive, "scores 1000 and 1001 give nan"),
        (shifted, "scores 0 and 2000 give inf: log of 0"),
        (lambda s, y: -stable(s, y), "the sign is turned round"),
        (lambda s, y: len(s) * stable(s, y), "the sum of five images"),
        (lambda s, y: stable(s, y) / np.log(10), "the loss of five images"),
        (lambda s, y: ..., "returns nothing"),
    ],
)
def test_each_wrong_loss_hears_its_mistake(answer, message):
    said = check_loss(answer)
    assert not said and message in said.message


def test_a_loss_that_subtracts_the_largest_score_passes():
    assert check_loss(stable)
