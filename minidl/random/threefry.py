"""Threefry-2x32: a counter, a key, twenty rounds, and two random words.

Chapter: xla/frontend.
Sources: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
Real JAX: `jax._src.random.threefry2x32`, with `jax_threefry_partitionable` (its default):
element i of an array is a function of (key, i) alone, so any shard can make its own part.

    key     k0, k1          uint32[2]
    count   i as two words  high, low
    round   x0 += x1;  x1 = rotate(x1, r) ^ x0
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import numpy as mnp
from minidl.core.errors import ShapeError, TraceError
from minidl.ir.mlir.types import ScalarType
from minidl.numpy import promotion
from minidl.numpy.promotion import shape_of, typing_of
from minidl.xla.frontend import lax
from minidl.xla.frontend.bind import tracing
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.tracer import Tracer

Array = Any
ui32 = ScalarType("ui32")
ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
PARITY = 0x1BD11BDA


def key(seed: Any) -> Array:
    """A key from an integer: its two 32-bit halves."""
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        seed = int(seed)
        high = (seed >> 32) & 0xFFFFFFFF if not -(2**31) <= seed < 0 else 0
        words = np.array([high, seed & 0xFFFFFFFF], np.uint32)
        return mnp.array(words) if tracing() else words
    if isinstance(seed, (Tracer, np.ndarray)) and not shape_of(seed):
        element = typing_of(seed)[0]
        if element.is_integer and element.bits <= 32:
            low = lax.convert(seed, ui32)
            return mnp.stack([lax.full_like(low, 0), low])
    raise here(
        TraceError,
        f"minidl.random.key wants an integer, got {seed!r}",
        hint="a seed is a Python int or a 32-bit integer scalar",
    )


def check_key(name: str, k: Any) -> tuple[Array, Array]:
    """The two words of a key."""
    good = isinstance(k, (Tracer, np.ndarray)) and shape_of(k) == (2,)
    if not good or typing_of(k)[0] is not ui32:
        raise here(
            ShapeError,
            f"minidl.random.{name} wants a key uint32[2] first, got {k!r}",
            hint="make one: minidl.random.key(0); a key of many: keys[0]",
        )
    return mnp.take_index(k, 0), mnp.take_index(k, 1)


def _rotate(x: Array, r: int) -> Array:
    left = lax.shift_left(x, lax.full_like(x, r))
    return lax.or_(left, lax.shift_right_logical(x, lax.full_like(x, 32 - r)))


def threefry2x32(k0: Array, k1: Array, x0: Array, x1: Array) -> tuple[Array, Array]:
    """The hash of counters (x0, x1) under the key (k0, k1); all uint32, words broadcast."""
    shape = shape_of(x0)
    k0, k1 = (lax.broadcast_in_dim(k, shape, range(len(shape_of(k)))) for k in (k0, k1))
    ks = k0, k1, lax.xor(lax.xor(k0, k1), lax.full(shape, PARITY, ui32))
    x0, x1 = lax.add(x0, ks[0]), lax.add(x1, ks[1])
    for i in range(5):
        for r in ROTATIONS[i % 2]:
            x0 = lax.add(x0, x1)
            x1 = lax.xor(_rotate(x1, r), x0)
        x0 = lax.add(x0, ks[(i + 1) % 3])
        x1 = lax.add(lax.add(x1, ks[(i + 2) % 3]), lax.full(shape, i + 1, ui32))
    return x0, x1


def _hashed(k: tuple[Array, Array], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The two words for each element of `shape`, counted in row-major order."""
    count = math.prod(shape)
    if count >= 2**32:
        raise here(ShapeError, f"minidl.random makes fewer than 2³² numbers at once, not {count}")
    line = lax.reshape(lax.iota(ui32, (count,), 0), shape)
    return threefry2x32(*k, lax.full(shape, 0, ui32), line)


def split(k: Any, num: int | tuple[int, ...] = 2) -> Array:
    """`num` new keys: uint32[num, 2]."""
    shape = promotion.sizes_of("random.split", num)
    return mnp.stack(_hashed(check_key("split", k), shape), axis=-1)


def fold_in(k: Any, data: Any) -> Array:
    """A new key from a key and an integer (a step's number, a layer's)."""
    k0, k1 = check_key("fold_in", k)
    other = key(data)
    x0, x1 = threefry2x32(k0, k1, mnp.take_index(other, 0), mnp.take_index(other, 1))
    return mnp.stack([x0, x1])


def bits(k: Any, shape: Any = (), width: int = 32) -> Array:
    """Random words of 8, 16, 32 or 64 bits."""
    shape = promotion.sizes_of("random.bits", shape)
    high, low = _hashed(check_key("bits", k), shape)
    if width == 64:
        ui64 = ScalarType("ui64")
        high, low = lax.convert(high, ui64), lax.convert(low, ui64)
        return lax.or_(lax.shift_left(high, lax.full_like(high, 32)), low)
    return lax.convert(lax.xor(high, low), ScalarType(f"ui{width}"))
