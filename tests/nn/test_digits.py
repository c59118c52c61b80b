"""The data: what it is, how it is split, and that nobody changed it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from minidl import nn, random
from minidl.core.errors import MinidlError
from minidl.nn.digits import _quota, split

DATA = Path(nn.__file__).parent / "data"


def digest(*arrays):
    sha = hashlib.sha256()
    for a in arrays:
        sha.update(np.ascontiguousarray(a).tobytes())
    return sha.hexdigest()


def test_the_data_is_the_one_that_was_shipped():
    with np.load(DATA / "digits.npz") as file:
        pixels, labels = file["pixels"], file["labels"]
    assert pixels.shape == (1797, 64) and pixels.dtype == labels.dtype == np.uint8
    assert pixels.max() == 16
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (
        digest(pixels, labels) == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    )


def test_the_split_is_the_one_of_the_book():
    assert (
        digest(*nn.digits()) == "3d88fd5eb9e2aaf370b08adbc6c48b846018f5f4987a2621cfc222a5c86de2f2"
    )


def test_shapes_types_and_range():
    x, y, x_test, y_test = nn.digits()
    assert x.shape == (1437, 64) and x_test.shape == (360, 64)
    assert x.dtype == x_test.dtype == np.float32 and y.dtype == y_test.dtype == np.int32
    assert x.min() == 0 and x.max() == 1
    assert set(y) == set(range(10))


def test_every_class_has_its_share_of_the_test_images():
    _, y, _, y_test = nn.digits()
    share = np.bincount(np.concatenate([y, y_test])) * 360 / 1797
    assert np.abs(np.bincount(y_test) - share).max() < 1


@pytest.mark.parametrize("order", ["shuffled", "natural"])
def test_no_image_is_in_two_parts(order):
    parts = split(order)
    assert [len(p) for p in parts] == [1077, 360, 360]
    assert sorted(np.concatenate(parts)) == list(range(1797))


def test_validation_images_come_from_the_training_part():
    x, y, x_valid, y_valid, x_test, _ = nn.digits(valid=True)
    whole, labels, same_test, _ = nn.digits()
    np.testing.assert_array_equal(np.concatenate([x, x_valid]), whole)
    np.testing.assert_array_equal(np.concatenate([y, y_valid]), labels)
    np.testing.assert_array_equal(x_test, same_test)


def test_the_natural_order_ends_with_the_test_images():
    with np.load(DATA / "digits.npz") as file:
        np.testing.assert_array_equal(nn.digits(order="natural")[3], file["labels"][-360:])
    with pytest.raises(MinidlError, match="no order 'sorted'"):
        nn.digits(order="sorted")


def test_quotas_add_up_for_any_labels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = rng.integers(0, 10, rng.integers(10, 200))
        count = int(rng.integers(0, len(labels)))
        quota = _quota(labels, count)
        assert quota.sum() == count and (quota <= np.bincount(labels, minlength=10)).all()


def test_callers_may_write_into_what_they_get():
    x = nn.digits()[0]
    x[:] = 0
    assert nn.digits()[0].any()


def test_shifted_images_move_by_at_most_one_pixel():
    x = np.zeros((200, 8, 8), np.float32)
    x[:, 3, 4] = 1
    moved = nn.shifted(x.reshape(200, 64), random.key(0), noise=0).reshape(200, 8, 8)
    places = np.argwhere(moved == 1)[:, 1:] - [3, 4]
    assert len(places) == 200
    assert {tuple(p) for p in places} == {(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)}


def test_shifted_images_leave_over_the_edge():
    x = np.ones((50, 64), np.float32)
    moved = nn.shifted(x, random.key(0), noise=0).reshape(50, 64).sum(1)
    assert set(moved) == {64, 56, 49}


def test_shifted_is_repeatable_and_in_range():
    x = nn.digits()[2]
    a, b = (nn.shifted(x, random.key(5)) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert a.dtype == np.float32 and a.min() == 0 and a.max() == 1
    assert (nn.shifted(x, random.key(6)) != a).any()


def test_the_licence_stands_beside_the_data():
    text = (DATA / "LICENSE-digits.txt").read_text(encoding="utf-8")
    for word in ("Alpaydin", "Kaynak", "10.24432/C50P49", "Attribution 4.0"):
        assert word in text
