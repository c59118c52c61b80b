"""A JAX function as a program of ours, and what JAX makes of it: the oracle of these tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from minidl import ir
from minidl.ir.mlir.module import Module
from minidl.xla.compiler import compile_module
from tests.xla.bounds import check_bounds


def program(f: Callable[..., Any], *args: Any) -> Module:
    """The function as JAX lowers it for these arguments, 64-bit types included."""
    with jax.enable_x64(True):
        return ir.parse(jax.jit(f, keep_unused=True).lower(*args).as_text())


def jax_results(f: Callable[..., Any], *args: Any) -> list[np.ndarray]:
    with jax.enable_x64(True):
        return [np.asarray(x) for x in jax.tree.leaves(jax.jit(f)(*args))]


def native_results(module: Module, args: Sequence[Any], in_bounds: bool = True) -> list[np.ndarray]:
    """Compiled and run; every access of the loops is inside its array.

    `in_bounds` is for programs without scatter, whose accesses a test at run time guards.
    """
    exe = compile_module(module)
    if in_bounds:
        assert check_bounds(exe.modules["loops"]) > 0
    return [np.asarray(x) for x in exe.run_flat(list(args))]


def agree(f: Callable[..., Any], *args: Any, in_bounds: bool = True) -> None:
    """Ours has JAX's bits (NaN is NaN)."""
    for got, want in zip(
        native_results(program(f, *args), args, in_bounds), jax_results(f, *args), strict=True
    ):
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_array_equal(got, want)


def whole_numbers(rng: np.random.Generator, shape: Sequence[int], dtype: Any, most: int = 3) -> Any:
    """Small integers: sums and products of them are exact in every type, in any order."""
    low = 0 if np.issubdtype(dtype, np.unsignedinteger) else -most
    return np.asarray(rng.integers(low, most + 1, tuple(shape))).astype(dtype)
