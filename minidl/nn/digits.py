"""The digits: 1,797 hand-written images of 8×8 pixels.

Chapter: primers/network.
Sources: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0; data/LICENSE-digits.txt).

x   float32 [n, 64] in [0, 1] (the counts 0 … 16 divided by 16)
y   int32 [n], the digit

The natural order goes by writer: its last 360 images come from writers that the rest does
not show, which is a harder test than a split drawn at random.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from minidl import random
from minidl.core.errors import MinidlError

Array = Any
SEED = 0  # of the one split the book uses
TEST = 360


@lru_cache(maxsize=1)
def _raw() -> tuple[Array, Array]:
    with np.load(Path(__file__).parent / "data" / "digits.npz") as file:
        return file["pixels"].astype(np.float32) / np.float32(16), file["labels"].astype(np.int32)


def _quota(labels: Array, count: int) -> Array:
    """How many of each class: in proportion, the largest remainders rounded up."""
    share = np.bincount(labels, minlength=10) * (count / len(labels))
    quota = np.floor(share).astype(int)
    for c in np.argsort(quota - share, kind="stable")[: count - quota.sum()]:
        quota[c] += 1
    return quota


def _cut(order: Array, labels: Array, count: int) -> tuple[Array, Array]:
    """`order` in two: the rest, and `count` images with each class in proportion."""
    quota = _quota(labels[order], count)
    taken = np.zeros(len(order), bool)
    for c, n in enumerate(quota):
        taken[np.flatnonzero(labels[order] == c)[:n]] = True
    return order[~taken], order[taken]


@lru_cache(maxsize=4)
def split(order: str) -> tuple[Array, Array, Array]:
    """Row numbers for training, validation and test."""
    _, y = _raw()
    if order == "natural":
        rows = np.arange(len(y))
        rest, test = rows[:-TEST], rows[-TEST:]
    elif order == "shuffled":
        rows = np.asarray(random.permutation(random.key(SEED), len(y)))
        rest, test = _cut(rows, y, TEST)
    else:
        raise MinidlError(
            f"nn.digits has no order {order!r}", hint='"shuffled" (the split) or "natural"'
        )
    train, valid = _cut(rest, y, TEST)
    return train, valid, test


def digits(valid: bool = False, order: str = "shuffled") -> tuple[Array, ...]:
    """x_train, y_train, x_test, y_test: 1,437 and 360 images, each class in proportion.

    valid   cut 360 validation images from the training part:
            x_train, y_train, x_valid, y_valid, x_test, y_test; all that selects uses these
    order   "natural": the test images are the last 360 of the data set, by other writers
    """
    x, y = _raw()
    train, held, test = split(order)
    parts = (train, held, test) if valid else (np.concatenate([train, held]), test)
    return tuple(a[rows] for rows in parts for a in (x, y))


def shifted(x: Any, key: Any, pixels: int = 1, noise: float = 0.1) -> Array:
    """The images moved by up to `pixels` each way, with normal noise, kept in [0, 1]."""
    x = np.asarray(x, np.float32)
    n = len(x)
    where, grain = np.asarray(random.split(key))
    moves = np.asarray(random.randint(where, (n, 2), -pixels, pixels + 1))
    wide = np.pad(x.reshape(n, 8, 8), ((0, 0), (pixels, pixels), (pixels, pixels)))
    rows = pixels - moves[:, 0, None] + np.arange(8)
    columns = pixels - moves[:, 1, None] + np.arange(8)
    moved = wide[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    grains = np.asarray(random.normal(grain, moved.shape)) * np.float32(noise)
    return np.clip(moved + grains, 0, 1).reshape(n, 64).astype(np.float32)
