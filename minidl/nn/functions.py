"""Functions of networks: relu, sigmoid, softmax and its kin, one-hot.

Chapter: primers/network.
Sources: any text; the maximum is taken out first so that exp cannot overflow.
Real JAX: `jax.nn`.
"""

from __future__ import annotations

from typing import Any

from minidl import numpy as mnp
from minidl.xla.frontend import lax

Array = Any


def relu(x: Any) -> Array:
    """max(x, 0); its derivative at 0 is ½, that of a tie."""
    return mnp.maximum(x, 0)


def sigmoid(x: Any) -> Array:
    """1 / (1 + e⁻ˣ)."""
    return lax.logistic(mnp.multiply(x, 1.0))


def gelu(x: Any) -> Array:
    """x·Φ(x), in the approximation by tanh (Hendrycks and Gimpel, 2016)."""
    return 0.5 * x * (1 + mnp.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


def _shifted(x: Any, axis: int) -> Array:
    """x less its maximum, which counts as a constant: the derivative stays exact."""
    return x - lax.stop_gradient(mnp.max(x, axis=axis, keepdims=True))


def logsumexp(x: Any, axis: int = -1) -> Array:
    """log Σ eˣ along an axis."""
    top = lax.stop_gradient(mnp.max(x, axis=axis, keepdims=True))
    total = mnp.sum(mnp.exp(x - top), axis=axis, keepdims=True)
    return mnp.squeeze(mnp.log(total) + top, axis)


def softmax(x: Any, axis: int = -1) -> Array:
    """eˣ / Σ eˣ along an axis."""
    e = mnp.exp(_shifted(x, axis))
    return e / mnp.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Array:
    """x − log Σ eˣ along an axis."""
    x = _shifted(x, axis)
    return x - mnp.log(mnp.sum(mnp.exp(x), axis=axis, keepdims=True))


def one_hot(labels: Any, classes: int, dtype: Any = None) -> Array:
    """float32 [*labels, classes]: 1 where the class is the label."""
    return mnp.astype(mnp.expand_dims(labels, -1) == mnp.arange(classes), dtype or mnp.float32)
