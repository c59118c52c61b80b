"""Loss and score of a classifier.

Chapter: primers/network.
Real JAX ecosystem: `optax.softmax_cross_entropy_with_integer_labels`.

    logits   [n, classes]
    labels   int [n]
"""

from __future__ import annotations

from typing import Any

from minidl import numpy as mnp
from minidl.nn.functions import log_softmax, one_hot

Array = Any


def cross_entropy(logits: Any, labels: Any) -> Array:
    """The mean over images of −log p(label)."""
    chosen = log_softmax(logits) * one_hot(labels, logits.shape[-1], logits.dtype)
    return -mnp.mean(mnp.sum(chosen, axis=-1))


def wrong(logits: Any, labels: Any) -> Array:
    """How many images get another label: int32."""
    return mnp.sum(mnp.argmax(logits, axis=-1) != labels)


def accuracy(logits: Any, labels: Any) -> Array:
    """The share of images that get their label, 0 to 1."""
    return 1.0 - wrong(logits, labels) / logits.shape[0]
