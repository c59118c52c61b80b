"""Independent answers: what JAX computes for a function, what XLA computes for a text."""

from __future__ import annotations

import zlib
from typing import Any

import jax
import numpy as np

from minidl import ir


def rng_of(*what: Any) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def both(f: Any, *args: Any) -> tuple[ir.Module, list[Any], list[Any]]:
    """The module that JAX writes for `f`, what we make of it, and what JAX computes."""
    with jax.enable_x64(True):
        lowered = jax.jit(f).lower(*args)
        want = [np.asarray(x) for x in jax.tree.leaves(lowered.compile()(*args))]
    module = ir.parse(lowered.as_text())
    ir.verify(module)
    return module, list(ir.evaluate(module, *jax.tree.leaves(args))), want


def xla(text: str, *arrays: Any) -> list[Any]:
    """The text itself, compiled and run by XLA."""
    from jaxlib import _jax

    with jax.enable_x64(True):
        backend = jax.devices("cpu")[0].client
        devices = _jax.DeviceList(tuple(backend.local_devices()[:1]))
        exe = backend.compile_and_load(text, devices)
        return [np.asarray(x) for x in exe.execute([jax.device_put(a) for a in arrays])]


def same(got: Any, want: Any) -> bool:
    """The same type, shape and values; one NaN is as good as another, -0 is not 0."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    if got.dtype.kind in "biu":
        return bool(np.array_equal(got, want))
    with np.errstate(invalid="ignore"):  # bfloat16 has NaNs that signal
        nan, other = np.isnan(got), np.isnan(want)
    bits = [np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}") for x in (got, want)]
    return bool(np.array_equal(nan, other) and np.all((bits[0] == bits[1]) | nan))
