"""Decimals: a float as the text MLIR writes, digit for digit.

Chapter: ir/mlir.
Sources: LLVM, `APFloat::toString`; MLIR, `printFloatValue`.
Real: the same steps on `APInt`; a constant printed here and there is equal as text.

    exact value = significand · 10**exponent, an integer and a power of ten
    precision   the digits that are kept; LLVM cuts most of the others off unrounded
"""

from __future__ import annotations

from typing import Any

import ml_dtypes  # noqa: F401  (registers bfloat16 with NumPy's casts)
import numpy as np

from minidl.ir.mlir.types import ScalarType

_HEX_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_MANTISSA_BITS = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}
_EXPONENTIAL = 6  # the digits of the first attempt
_PADDING = 3  # zeros that may stand beside the digits of the second


def number_text(value: Any, element: ScalarType) -> str:
    """A number as MLIR writes it: six digits when they are exact, else enough, else bits."""
    if element.name == "i1":
        return "true" if value else "false"
    if element.is_complex:
        part = ScalarType(element.name[len("complex<") : -1])
        return f"({number_text(value.real, part)},{number_text(value.imag, part)})"
    if not (element.is_float or element.is_small_float):
        return str(int(value))
    exact = np.asarray(value).astype(element.numpy)
    wide = float(exact)
    if np.isfinite(wide):
        short = _scientific(wide, *digits_of(wide, _EXPONENTIAL))
        if np.asarray(float(short)).astype(element.numpy).tobytes() == exact.tobytes():
            return short
        long = _natural(wide, 2 + _mantissa_bits(element) * 59 // 196)
        if "." in long:
            return long
    return f"0x{int(exact.view(_HEX_BITS[element.bytes])):0{element.bits // 4}X}"


def _mantissa_bits(element: ScalarType) -> int:
    """With the one in front that is not stored: f8E4M3FN has 3 + 1."""
    if element.is_small_float:
        return int(element.name[5]) + 1
    return _MANTISSA_BITS[element.name]


def digits_of(x: float, precision: int) -> tuple[str, int]:
    """At most `precision` decimal digits, no zeros at the end, and their exponent."""
    significand, bottom = abs(x).as_integer_ratio()
    power = bottom.bit_length() - 1
    exponent = -power
    significand *= 5**power
    spare = significand.bit_length() - (precision * 196 + 58) // 59
    if spare > 0 and (cut := spare * 59 // 196):
        significand, exponent = significand // 10**cut, exponent + cut
    digits = str(significand)
    if len(digits) > precision:
        rest = len(digits) - precision
        up = digits[precision] >= "5"
        digits, exponent = str(int(digits[:precision]) + up), exponent + rest
    short = digits.rstrip("0") or "0"
    return short, 0 if short == "0" else exponent + len(digits) - len(short)


def _scientific(x: float, digits: str, exponent: int) -> str:
    """`1.250000e-01`."""
    power = exponent + len(digits) - 1
    sign = "-" if np.signbit(x) else ""
    return f"{sign}{digits[0]}.{digits[1:].ljust(_EXPONENTIAL, '0')}e{power:+03d}"


def _natural(x: float, precision: int) -> str:
    """`0.125`, or `1.25E-7` when zeros would have to fill up."""
    digits, exponent = digits_of(x, precision)
    sign = "-" if np.signbit(x) else ""
    top = exponent + len(digits) - 1
    if exponent >= 0:
        if exponent <= _PADDING and len(digits) + exponent <= precision:
            return sign + digits + "0" * exponent
    elif top >= 0:
        return f"{sign}{digits[: top + 1]}.{digits[top + 1 :]}"
    elif -top <= _PADDING:
        return f"{sign}0.{'0' * (-1 - top)}{digits}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{top:+d}"
