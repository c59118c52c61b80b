"""Values of elementwise ops.

Chapter: ir/stablehlo.
Sources: StableHLO specification, one section an op; IEEE 754-2019 for maximum/minimum.

`+ - * / sqrt` are exactly rounded in every width NumPy has; f16 and bf16 are
computed in float32, which rounds the same (double rounding is innocuous: 24 ≥ 2·11+2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import ScalarType, TensorType
from minidl.ir.values import VALUES

Array = Any


def result_dtype(op: Operation) -> Any:
    type_ = op.results[0].type
    assert isinstance(type_, TensorType)
    return type_.element.numpy


def rounded(f: Callable[..., Array]) -> Callable[..., Array]:
    """A row that computes narrow floats in float64 and rounds once."""

    def row(op: Operation, *xs: Array) -> Array:
        with np.errstate(all="ignore"):
            if xs[0].dtype == np.float64:
                return np.asarray(f(*xs))
            return np.asarray(f(*(x.astype(np.float64) for x in xs))).astype(xs[0].dtype)

    return row


def exact(f: Callable[..., Array]) -> Callable[..., Array]:
    """A row for operations NumPy rounds correctly, or that do not round."""

    def row(op: Operation, *xs: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(f(*xs)).astype(xs[0].dtype, copy=False)

    return row


def _round_away(x: Array) -> Array:
    """Halves away from zero, without the error of floor(x + 0.5)."""
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.copysign(1, x), np.copysign(whole, x))


def _logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def maximum(x: Array, y: Array) -> Array:
    """IEEE maximum: NaN wins, and +0 is greater than −0."""
    if x.dtype.kind in "biu":
        return np.maximum(x, y)
    tie = (x == 0) & (y == 0)
    return np.where(tie, np.where(np.signbit(x), y, x), np.maximum(x, y))


def minimum(x: Array, y: Array) -> Array:
    if x.dtype.kind in "biu":
        return np.minimum(x, y)
    tie = (x == 0) & (y == 0)
    return np.where(tie, np.where(np.signbit(x), x, y), np.minimum(x, y))


def _sign(x: Array) -> Array:
    """−1, 0 or 1; zeros keep their sign, NaN stays."""
    if x.dtype.kind == "i":
        return np.sign(x)
    return np.where(np.isnan(x) | (x == 0), x, np.copysign(1, x))


_ROUNDED: dict[str, Callable[..., Array]] = {
    "exponential": np.exp,
    "exponential_minus_one": np.expm1,
    "log": np.log,
    "log_plus_one": np.log1p,
    "logistic": _logistic,
    "tanh": np.tanh,
    "sine": np.sin,
    "cosine": np.cos,
    "tan": np.tan,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "cbrt": np.cbrt,
    "atan2": np.arctan2,
}
_EXACT: dict[str, Callable[..., Array]] = {
    "sqrt": np.sqrt,
    "ceil": np.ceil,
    "floor": np.floor,
    "round_nearest_even": np.rint,
    "round_nearest_afz": _round_away,
    "abs": np.abs,
    "sign": _sign,
    "negate": np.negative,
    "add": lambda x, y: np.logical_or(x, y) if x.dtype == bool else x + y,
    "subtract": np.subtract,
    "multiply": lambda x, y: np.logical_and(x, y) if x.dtype == bool else x * y,
    "maximum": maximum,
    "minimum": minimum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
}
for _name, _f in _ROUNDED.items():
    VALUES[f"stablehlo.{_name}"] = rounded(_f)
for _name, _f in _EXACT.items():
    VALUES[f"stablehlo.{_name}"] = exact(_f)


@VALUES.rule("stablehlo.divide")
def divide(op: Operation, x: Array, y: Array) -> Array:
    """Floats: IEEE.  Integers: toward zero; by zero gives −1 (all ones); min/−1 gives min."""
    with np.errstate(all="ignore"):
        if x.dtype.kind not in "iu":
            return np.asarray(x / y).astype(x.dtype, copy=False)
        safe = np.where(y == 0, 1, y)
        if x.dtype.kind == "u":
            return np.where(y == 0, np.invert(np.zeros_like(x)), x // safe)
        overflow = (x == np.iinfo(x.dtype).min) & (y == -1)
        safe = np.asarray(np.where(overflow, 1, safe)).astype(x.dtype)
        floor = x // safe
        toward_zero = np.where((x % safe != 0) & ((x < 0) != (safe < 0)), floor + 1, floor)
        return np.where(y == 0, -1, toward_zero).astype(x.dtype)


@VALUES.rule("stablehlo.remainder")
def remainder(op: Operation, x: Array, y: Array) -> Array:
    """The sign of the dividend; an integer remainder by zero is the dividend."""
    with np.errstate(all="ignore"):
        if x.dtype.kind not in "iu":
            return np.asarray(np.fmod(x, y)).astype(x.dtype, copy=False)
        safe = np.where((y == 0) | (y == np.asarray(-1).astype(x.dtype)), 1, y).astype(x.dtype)
        plain = np.fmod(x, safe if x.dtype.kind == "i" else np.where(y == 0, 1, y))
        return np.where(y == 0, x, plain).astype(x.dtype)


@VALUES.rule("stablehlo.power")
def power(op: Operation, x: Array, y: Array) -> Array:
    """Floats: C's pow.  Integers: repeated squaring, wrapping; y < 0 by the specification."""
    if x.dtype.kind not in "iu":
        return rounded(np.power)(op, x, y)
    result, base = np.ones_like(x), x.copy()
    e = np.where(y < 0, 0, y).astype(np.uint64)
    with np.errstate(all="ignore"):
        while e.any():
            result = np.where(e & 1 == 1, result * base, result)
            base, e = base * base, e >> np.uint64(1)
    odd = (y & 1) == 1
    negative = (
        np.where(x == 1, 1, np.where(x == -1, np.where(odd, -1, 1), 0))
        if x.dtype.kind == "i"
        else x
    )
    return np.where(y < 0, negative, result).astype(x.dtype)


def _shift(f: Callable[[Array, Array], Array], fill: Callable[[Array], Array]) -> Any:
    def row(op: Operation, x: Array, y: Array) -> Array:
        bits = x.dtype.itemsize * 8
        unsigned: Array = y.astype(f"u{y.dtype.itemsize}")
        inside = unsigned < bits
        amount = (unsigned * inside).astype(x.dtype)
        return np.asarray(np.where(inside, f(x, amount), fill(x))).astype(x.dtype)

    return row


def _logical_right(x: Array, n: Array) -> Array:
    u = np.dtype(f"u{x.dtype.itemsize}")
    return np.right_shift(x.view(u) if x.ndim else x.astype(u), n.astype(u)).astype(x.dtype)


VALUES["stablehlo.shift_left"] = _shift(np.left_shift, np.zeros_like)
VALUES["stablehlo.shift_right_logical"] = _shift(_logical_right, np.zeros_like)


def _arithmetic_right(x: Array, n: Array) -> Array:
    """The top bit is copied, for unsigned types too (as the reference interpreter does)."""
    signed = np.dtype(f"i{x.dtype.itemsize}")
    return np.right_shift(x.astype(signed), n.astype(signed)).astype(x.dtype)


VALUES["stablehlo.shift_right_arithmetic"] = _shift(
    _arithmetic_right, lambda x: _arithmetic_right(x, np.full_like(x, x.dtype.itemsize * 8 - 1))
)


@VALUES.rule("stablehlo.popcnt")
def popcnt(op: Operation, x: Array) -> Array:
    return np.bitwise_count(x.view(f"u{x.dtype.itemsize}")).astype(x.dtype)


@VALUES.rule("stablehlo.count_leading_zeros")
def count_leading_zeros(op: Operation, x: Array) -> Array:
    bits = x.dtype.itemsize * 8
    u = np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}").reshape(x.shape)
    count = np.zeros(x.shape, np.int64)
    for b in range(bits):
        count += (u >> np.asarray(b).astype(u.dtype)) == 0
    return count.astype(x.dtype)


_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "EQ": np.equal,
    "NE": np.not_equal,
    "LT": np.less,
    "LE": np.less_equal,
    "GT": np.greater,
    "GE": np.greater_equal,
}


def _total_order(x: Array) -> Array:
    """Bits of a float as an integer that orders −NaN < −inf < … < +inf < +NaN."""
    bits = np.ascontiguousarray(x).view(f"i{x.dtype.itemsize}").reshape(x.shape)
    return np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)


@VALUES.rule("stablehlo.compare")
def compare(op: Operation, x: Array, y: Array) -> Array:
    if op.get("compare_type") == "TOTALORDER":
        x, y = _total_order(x), _total_order(y)
    with np.errstate(all="ignore"):
        return np.asarray(_COMPARE[op["comparison_direction"]](x, y))


@VALUES.rule("stablehlo.is_finite")
def is_finite(op: Operation, x: Array) -> Array:
    return np.asarray(np.isfinite(x))


@VALUES.rule("stablehlo.select")
def select(op: Operation, pred: Array, on_true: Array, on_false: Array) -> Array:
    return np.where(pred, on_true, on_false)


@VALUES.rule("stablehlo.clamp")
def clamp(op: Operation, low: Array, x: Array, high: Array) -> Array:
    with np.errstate(all="ignore"):
        return minimum(maximum(x, low), high)


@VALUES.rule("stablehlo.convert")
def convert(op: Operation, x: Array) -> Array:
    return convert_to(x, op.results[0].type.element)  # type: ignore[attr-defined]


def convert_to(x: Array, to: ScalarType) -> Array:
    """As XLA: to i1 by ≠ 0; float to integer toward zero, saturating, NaN to 0."""
    dtype = to.numpy
    with np.errstate(all="ignore"):
        if to.name == "i1":
            return np.asarray(x != 0)
        if to.is_float or x.dtype.kind in "biu":
            return x.astype(dtype)
        wide = x.astype(np.float64)
        info = np.iinfo(dtype)
        # the first float64 out of range: the largest integer itself may round up to it
        limit = float(info.max) + 1
        inside = np.clip(
            np.trunc(np.nan_to_num(wide, nan=0.0)), float(info.min), np.nextafter(limit, 0)
        )
        return np.where(wide >= limit, info.max, inside.astype(dtype)).astype(dtype)


@VALUES.rule("stablehlo.bitcast_convert")
def bitcast_convert(op: Operation, x: Array) -> Array:
    """Of a wide element the lowest bits are the first part; i1 is one bit."""
    out = op.results[0].type
    assert isinstance(out, TensorType)
    to = out.element.numpy
    if x.dtype != to and "b" in (x.dtype.kind, to.kind):
        given = np.packbits(x, axis=-1, bitorder="little") if x.dtype.kind == "b" else x
        raw = np.ascontiguousarray(given).view(np.uint8)
        if to.kind == "b":
            return np.unpackbits(raw, bitorder="little").astype(bool).reshape(out.dims)
        return raw.view(to).reshape(out.dims)
    same = x.dtype.itemsize == to.itemsize
    return np.ascontiguousarray(x).view(to).reshape(x.shape if same else out.dims)


@VALUES.rule("stablehlo.constant")
def constant(op: Operation) -> Array:
    return op["value"].array


@VALUES.rule("stablehlo.iota")
def iota(op: Operation) -> Array:
    out = op.results[0].type
    assert isinstance(out, TensorType)
    d = op["iota_dimension"]
    shape = [-1 if i == d else 1 for i in range(out.rank)]
    with np.errstate(all="ignore"):
        line = np.arange(out.dims[d]).astype(out.element.numpy).reshape(shape)
    return np.broadcast_to(line, out.dims)


@VALUES.rule("stablehlo.optimization_barrier")
def optimization_barrier(op: Operation, *xs: Array) -> Any:
    return xs if len(xs) != 1 else xs[0]
