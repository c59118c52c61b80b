"""Values on number formats: reduce_precision, real, imag.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "reduce_precision", "real", "imag"; IEEE 754-2019, 4.3.1.
Real: XLA's `ReducePrecision` works on the same bits, and flushes what would be subnormal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES

Array = Any
_FIELDS = {"f16": (5, 10), "bf16": (8, 7), "f32": (8, 23), "f64": (11, 52)}


@VALUES.rule("stablehlo.reduce_precision")
def reduce_precision(op: Operation, x: Array) -> Array:
    """The nearest value with that many bits: out of range is inf, below the normals 0."""
    e_bits, m_bits = _FIELDS[op.results[0].type.element.name]  # type: ignore[attr-defined]
    word = np.dtype(f"u{x.dtype.itemsize}").type
    given = np.ascontiguousarray(x).view(word).reshape(x.shape)
    sign, infinity = word(1 << (e_bits + m_bits)), word(((1 << e_bits) - 1) << m_bits)
    bits, cut = given, m_bits - op["mantissa_bits"]
    with np.errstate(all="ignore"):
        if cut > 0:
            half = word((1 << (cut - 1)) - 1) + ((bits >> word(cut)) & word(1))
            bits = (bits + half) & ~word((1 << cut) - 1)
        if op["exponent_bits"] < e_bits:
            middle, reach = (1 << (e_bits - 1)) - 1, (1 << (op["exponent_bits"] - 1)) - 1
            exponent = bits & infinity
            above, below = (middle + reach) << m_bits, (middle - reach) << m_bits
            bits = np.where(exponent > word(above), given & sign | infinity, bits)
            bits = np.where(exponent <= word(below), given & sign, bits)
        bits = np.where((given & ~sign) > infinity, given, bits)  # NaN
    return np.ascontiguousarray(bits.astype(word)).view(x.dtype).reshape(x.shape)


def _refuse_complex(op: Operation, x: Array) -> None:
    if x.dtype.kind == "c":
        raise UnsupportedError(f"{op.name} of complex numbers has no value rule", op=op.name)


@VALUES.rule("stablehlo.real")
def real(op: Operation, x: Array) -> Array:
    _refuse_complex(op, x)
    return x


@VALUES.rule("stablehlo.imag")
def imag(op: Operation, x: Array) -> Array:
    _refuse_complex(op, x)
    return np.zeros_like(x)
