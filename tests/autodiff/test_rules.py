"""Every rule of jvp, transpose and batch, by laws and by finite differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl.autodiff.batch_rules import BATCH
from minidl.autodiff.jvp_rules import JVP
from minidl.autodiff.transpose_rules import TRANSPOSE
from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.spec import SPECS
from minidl.ir.mlir.types import f64
from minidl.xla.frontend import lax

RNG = np.random.default_rng(7)


def draw(*shape):
    """Away from 0 and from ties, where derivatives jump."""
    x = RNG.uniform(0.3, 0.9, shape)
    return np.asarray(x * RNG.choice([-1.0, 1.0], shape))


A, B, V = draw(3, 4), draw(3, 4), draw(4)
P, Q = np.abs(A), np.abs(B)
C3, D3 = draw(2, 3, 4), draw(2, 4, 5)
MASK = A > B


def words(text):
    return text.split()


# op, function of float64 arrays, arguments
CASES = [
    *[
        (name, getattr(lax, name), (P,))
        for name in words(
            "exponential exponential_minus_one log log_plus_one logistic tanh sine cosine "
            "tan sqrt rsqrt cbrt absolute negate sign floor ceil round_nearest_even"
        )
    ],
    ("abs", lax.absolute, (A,)),
    *[
        (name, getattr(lax, name), (A, B))
        for name in words("add subtract multiply divide maximum minimum atan2 remainder")
    ],
    ("power", lax.power, (P, B)),
    ("select", lambda x, y: lax.select(MASK, x, y), (A, B)),
    ("select", lambda x: lax.select(MASK, x, lax.full_like(x, 0)), (A,)),
    ("clamp", lax.clamp, (np.full((3, 4), -0.5), A, np.full((3, 4), 0.5))),
    ("clamp", lax.clamp, (np.array(-0.5), A, np.array(0.5))),
    ("convert", lambda x: lax.convert(lax.convert(x, f64), f64), (A,)),
    ("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (3, 4), (1,)), (V,)),
    ("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (4, 2, 3), (2, 0)), (A,)),
    ("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (5, 3, 4), (1, 2)), (A[:, :1],)),
    ("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (2, 3), ()), (np.array(0.3),)),
    ("reshape", lambda x: lax.reshape(x, (2, 6)), (A,)),
    ("transpose", lambda x: lax.transpose(x, (2, 0, 1)), (C3,)),
    ("reverse", lambda x: lax.reverse(x, (0,)), (A,)),
    ("slice", lambda x: lax.slice_(x, (0, 1), (3, 4), (2, 3)), (A,)),
    ("slice", lambda x: lax.slice_(x, (1, 1), (1, 3)), (A,)),
    ("concatenate", lambda x, y: lax.concatenate([x, y, x], 1), (A, B)),
    ("pad", lambda x, v: lax.pad(x, v, (1, -1), (2, 0), (1, 2)), (A, np.array(0.4))),
    ("pad", lambda x, v: lax.pad(x, v, (-1, 0), (-1, 1), (0, 0)), (A, np.array(0.4))),
    ("reduce", lambda x: lax.reduce("add", x, (0, 2)), (C3,)),
    ("reduce", lambda x: lax.reduce("maximum", x, (1,)), (C3,)),
    ("reduce", lambda x: lax.reduce("minimum", x, (0, 1)), (A,)),
    ("dot_general", lambda x, y: mnp.matmul(x, y), (A, draw(4, 2))),
    ("dot_general", lambda x, y: mnp.matmul(x, y), (C3, D3)),
    (
        "dot_general",
        lambda x, y: lax.dot_general(x, y, DotDims((2,), (0,), (0, 3), (3, 1))),
        (draw(2, 3, 4, 5), draw(4, 5, 6, 2)),
    ),
    ("optimization_barrier", lambda x: lax.bind("stablehlo.optimization_barrier", x), (A,)),
    ("bitcast_convert", lambda x: lax.bitcast_convert(x, f64), (A,)),
]
FLAT = ("sign", "floor", "ceil", "round_nearest_even", "bitcast_convert")


def identify(case):
    return f"{case[0]}-{'x'.join(str(list(a.shape)) for a in case[2])}".replace(" ", "")


def inner(xs, ys):
    return sum(float(np.vdot(x, y)) for x, y in zip(xs, ys, strict=True))


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_jvp_is_the_slope_of_a_small_step(case):
    """Central differences in float64: error h²·f‴/6 + ulp/h, below 1e-8 at h = 1e-5."""
    name, f, args = case
    ts = tuple(draw(*a.shape) for a in args)
    _, slope = minidl.jvp(f, args, ts)
    h = 1e-5
    after = np.asarray(f(*(a + h * t for a, t in zip(args, ts, strict=True))))
    before = np.asarray(f(*(a - h * t for a, t in zip(args, ts, strict=True))))
    if name == "bitcast_convert":
        assert not slope.any()
        return
    np.testing.assert_allclose(slope, (after - before) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_vjp_is_the_adjoint_of_jvp(case):
    """⟨J t, c⟩ = ⟨t, Jᵀ c⟩."""
    _, f, args = case
    ts = tuple(draw(*a.shape) for a in args)
    out, slope = minidl.jvp(f, args, ts)
    c = draw(*out.shape)
    back = minidl.vjp(f, *args)[1](c)
    assert [b.shape for b in back] == [a.shape for a in args]
    np.testing.assert_allclose(inner([slope], [c]), inner(ts, back), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_the_linear_part_is_linear(case):
    _, f, args = case
    s, t = (tuple(draw(*a.shape) for a in args) for _ in range(2))
    _, push = minidl.linearize(f, *args)
    both = push(*(3 * a - 2 * b for a, b in zip(s, t, strict=True)))
    np.testing.assert_allclose(both, 3 * push(*s) - 2 * push(*t), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(push(*s), minidl.jvp(f, args, s)[1], rtol=1e-13)


@pytest.mark.parametrize("case", CASES, ids=identify)
@pytest.mark.parametrize("which", ["all", "first", "last"])
def test_vmap_is_a_python_loop(case, which):
    _, f, args = case
    batched = {"all": range(len(args)), "first": [0], "last": [len(args) - 1]}[which]
    axes = tuple(0 if i in batched else None for i in range(len(args)))
    full = tuple(draw(3, *a.shape) if i in batched else a for i, a in enumerate(args))
    if case[0] in ("log", "log_plus_one", "sqrt", "rsqrt", "power"):
        full = tuple(np.abs(a) for a in full)
    got = minidl.vmap(f, axes)(*full)
    rows = [f(*(a[k] if i in batched else a for i, a in enumerate(full))) for k in range(3)]
    np.testing.assert_allclose(got, np.stack(rows), rtol=1e-13)


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_jvp_of_vmap_is_vmap_of_jvp(case):
    name, f, args = case
    full = tuple(np.stack([a, a * 0.9]) for a in args)
    ts = tuple(draw(*a.shape) for a in full)
    outer = minidl.jvp(minidl.vmap(f), full, ts)[1]
    inside = minidl.vmap(lambda xs, ts: minidl.jvp(f, xs, ts)[1])(full, ts)
    np.testing.assert_allclose(outer, inside, rtol=1e-12, atol=1e-12, err_msg=name)


# coverage: what the op table defines on floats, autodiff knows or refuses by name

FLOAT_ONLY_RESULT = ("compare", "is_finite", "iota", "constant", "return", "sort", "composite")
BITS = ("not", "popcnt", "count_leading_zeros", "and", "or", "xor")
BITS += ("shift_left", "shift_right_logical", "shift_right_arithmetic")

# The op set grew; for these autodiff has no rows yet and says so by name.
WAITING = [
    "after_all",
    "all_gather",
    "all_reduce",
    "all_to_all",
    "async_done",
    "async_start",
    "batch_norm_grad",
    "batch_norm_inference",
    "batch_norm_training",
    "broadcast",
    "case",
    "cholesky",
    "collective_broadcast",
    "collective_permute",
    "complex",
    "convolution",
    "create_token",
    "cross-replica-sum",
    "custom_call",
    "dot",
    "dynamic_broadcast_in_dim",
    "dynamic_conv",
    "dynamic_gather",
    "dynamic_iota",
    "dynamic_pad",
    "dynamic_reshape",
    "dynamic_slice",
    "dynamic_update_slice",
    "einsum",
    "fft",
    "gather",
    "get_dimension_size",
    "get_tuple_element",
    "if",
    "imag",
    "infeed",
    "map",
    "outfeed",
    "partition_id",
    "real",
    "real_dynamic_slice",
    "recv",
    "reduce_precision",
    "reduce_scatter",
    "reduce_window",
    "replica_id",
    "rng",
    "rng_bit_generator",
    "scatter",
    "select_and_scatter",
    "send",
    "set_dimension_size",
    "torch_index_select",
    "triangular_solve",
    "tuple",
    "unary_einsum",
    "uniform_dequantize",
    "uniform_quantize",
    "while",
]


def test_every_float_op_has_a_jvp_row_or_a_reason():
    ops = {n.removeprefix("stablehlo.") for n in SPECS if n.startswith("stablehlo.")}
    without = {op for op in ops if f"stablehlo.{op}" not in JVP}
    known = {*FLOAT_ONLY_RESULT, *BITS, *WAITING}
    assert without <= known, "an op on floats that autodiff forgot"
    assert not {f"stablehlo.{op}" for op in WAITING} & JVP.rows.keys(), "waits no longer"


@pytest.mark.parametrize("op", WAITING)
def test_an_op_without_a_row_is_refused_by_name(op):
    with pytest.raises(UnsupportedError, match=f"stablehlo.{op} has no jvp rule"):
        JVP[f"stablehlo.{op}"]


def test_every_row_has_a_case():
    tested = {f"stablehlo.{name}" for name, _, _ in CASES}
    tested |= {"stablehlo.abs", "stablehlo.round_nearest_afz"}
    assert {*JVP, *TRANSPOSE} <= tested


def test_every_elementwise_op_has_a_batch_row():
    for name, spec in SPECS.rows.items():
        if spec.dialect == "stablehlo" and "elementwise" in spec.traits:
            assert name in BATCH


def test_all_of_reverse_mode_fits_in_twenty_rows():
    assert len(TRANSPOSE) <= 20


@pytest.mark.parametrize("name", FLAT)
def test_flat_functions_pass_nothing_back(name):
    f = {n: g for n, g, _ in CASES}[name]
    assert not minidl.grad(lambda x: mnp.sum(f(x)))(A).any()


def test_a_missing_rule_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"stablehlo\.sort has no jvp rule") as caught:
        minidl.grad(lambda x: mnp.sort(x)[0])(V)
    assert caught.value.op == "stablehlo.sort" and "rows" in caught.value.hint
    with pytest.raises(UnsupportedError, match=r"body stablehlo\.multiply has no jvp rule"):
        minidl.grad(mnp.prod)(V)
