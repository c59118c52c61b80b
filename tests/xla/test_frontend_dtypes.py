"""Promotion against JAX: every pair of dtypes and weak scalars."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl.core.errors import TraceError
from minidl.ir.mlir.types import ELEMENTS, ScalarType
from minidl.xla.frontend import dtypes

STRONG = [ScalarType(name) for name in ELEMENTS]
WEAK = {"int*": 1, "float*": 1.0}


def jax_answer(a, b):
    """JAX's promoted dtype and weak type, with 64-bit types allowed."""
    xs = [WEAK[n] if n in WEAK else jax.ShapeDtypeStruct((), ScalarType(n).numpy) for n in (a, b)]
    out = jax.eval_shape(jnp.maximum, *xs)
    return np.dtype(out.dtype), out.weak_type


@pytest.fixture
def x64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def typing_of(name):
    if name in WEAK:
        return dtypes.typing_of(WEAK[name])
    return ScalarType(name), False


PAIRS = list(itertools.combinations_with_replacement([*ELEMENTS, *WEAK], 2))


@pytest.mark.parametrize("a,b", PAIRS)
def test_promotion_is_jax_s_lattice(a, b, x64):
    element, weak = dtypes.promote(typing_of(a), typing_of(b))
    want, want_weak = jax_answer(a, b)
    assert weak == want_weak
    if weak:  # a weak result is 32 bits wide here, 64 in JAX with x64 on
        assert (element.numpy.kind, element.bits) == (want.kind, 32)
    else:
        assert element.numpy == want


@pytest.mark.parametrize("a,b", list(itertools.product(ELEMENTS, repeat=2)))
def test_promotion_is_symmetric(a, b):
    assert dtypes.promote(typing_of(a), typing_of(b)) == dtypes.promote(typing_of(b), typing_of(a))


def test_python_numbers_leave_the_width_to_the_array():
    half = np.ones(3, np.float16)
    assert mnp.multiply(half, 2.5).dtype == np.float16
    assert mnp.multiply(half, np.float64(2.5)).dtype == np.float16
    assert mnp.add(np.ones(3, np.int8), 1).dtype == np.int8
    assert mnp.add(np.ones(3, np.int8), 1.0).dtype == np.float32


def test_creation_is_32_bits_wide():
    assert mnp.zeros(3).dtype == np.float32
    assert mnp.arange(3).dtype == np.int32
    assert mnp.arange(3.0).dtype == np.float32
    assert mnp.array([1, 2]).dtype == np.int32
    assert mnp.array([1.0]).dtype == np.float32
    assert mnp.array(np.ones(2)).dtype == np.float64


def test_a_traced_python_number_stays_weak():
    module = minidl.trace(lambda s, x: s * x, 2.0, np.ones(2, np.float16))
    assert str(module.main.body.terminator.operands[0].type) == "tensor<2xf16>"


def test_an_integer_that_does_not_fit_is_refused():
    with pytest.raises(TraceError, match="300 does not fit i8"):
        mnp.add(np.ones(2, np.int8), 300)
