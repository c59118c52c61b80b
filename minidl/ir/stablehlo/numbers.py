"""StableHLO on number formats: reduce_precision; complex numbers; quantized conversions.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "reduce_precision", "real", "imag", "complex", "fft",
"uniform_quantize"; constraints by their labels.

Complex and quantized types are read and written; no engine computes with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import ScalarType, TensorType, Type, tensor
from minidl.ir.stablehlo.constraints import fail
from minidl.ir.stablehlo.elementwise import check_element, tensors
from minidl.ir.stablehlo.regions import makes
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import I32, INTS, enum_kind

_FORMAT = re.compile(r"e(\d{1,9})m(\d{1,9})").fullmatch


def _infer_precision(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.reduce_precision"
    (x,) = tensors(name, types)
    check_element(name, x, "real")
    if attributes["exponent_bits"] < 1:
        raise ShapeError(f"{name} to {attributes['exponent_bits']} exponent bits (C2)", op=name)
    if attributes["mantissa_bits"] < 0:
        raise ShapeError(f"{name} to {attributes['mantissa_bits']} mantissa bits (C3)", op=name)
    return [x]


def _print_precision(op: Operation, printer: Any) -> str:
    e, m = op["exponent_bits"], op["mantissa_bits"]
    rest = printer.attr_dict(op, frozenset(["exponent_bits", "mantissa_bits"]))
    (x,) = op.operands
    head = f"stablehlo.reduce_precision {printer.name(x)}, format = e{e}m{m}"
    return f"{head}{rest and ' '}{rest} : {x.type}"


def _parse_precision(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    for word in (",", "format", "="):
        p.expect(word)
    found = _FORMAT(p.words[p.at_])
    if found is None:
        raise p.error("expected a format such as e5m10")
    p.at_ += 1
    parts.attributes = {"exponent_bits": int(found[1]), "mantissa_bits": int(found[2])}
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    parts.operand_types = parts.result_types = [p.type()]
    return parts


define(
    "stablehlo.reduce_precision",
    "operand",
    attributes={"exponent_bits": I32, "mantissa_bits": I32},
    infer=_infer_precision,
    verify=makes("C1"),
    form=Custom(_print_precision, _parse_precision),
    traits="pure elementwise",
)


def _infer_part(name: str) -> Any:
    """real, imag: of floats the same type; of complex numbers their halves."""

    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        (x,) = tensors(name, types)
        if x.element.is_integer:
            raise ShapeError(f"{name} is not defined on {x} (I1)", op=name)
        return [tensor(x.shape, ScalarType(x.element.name[8:-1])) if x.element.is_complex else x]

    return infer


def _infer_complex(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.complex"
    x, y = tensors(name, types)
    if x is not y:
        raise ShapeError(f"{name} of {x} and {y} (C1)", op=name)
    if x.element.name not in ("f32", "f64"):
        raise ShapeError(f"{name} is not defined on {x} (I1)", op=name)
    return [tensor(x.shape, ScalarType(f"complex<{x.element}>"))]


def _print_complex(op: Operation, printer: Any) -> str:
    names, rest = ", ".join(map(printer.name, op.operands)), printer.attr_dict(op)
    return f"stablehlo.complex {names}{rest and ' '}{rest} : {op.result.type}"


def _parse_complex(p: Any) -> Parts:
    parts = Parts(operands=p.value_list(), attributes=p.attr_dict())
    p.expect(":")
    out = p.type()
    if not isinstance(out, TensorType) or not out.element.is_complex:
        raise p.error(f"stablehlo.complex makes complex numbers, not {out}", p.at_ - 1)
    half = tensor(out.shape, ScalarType(out.element.name[8:-1]))
    parts.operand_types, parts.result_types = [half, half], [out]
    return parts


for _short in ("real", "imag"):
    _name = f"stablehlo.{_short}"
    define(
        _name, "operand", infer=_infer_part(_name), form="%operand {} :same",
        verify=makes("C2"),
        traits="pure elementwise",
    )  # fmt: skip
define(
    "stablehlo.complex",
    "lhs rhs",
    infer=_infer_complex,
    form=Custom(_print_complex, _parse_complex),
    verify=makes("C3"),
    traits="pure elementwise",
)


def _half(n: int | None) -> int | None:
    """How many numbers describe the transform of n real ones."""
    return None if n is None else n // 2 + 1


def _infer_fft(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    """RFFT makes complex numbers of real ones, IRFFT real ones of complex."""
    name = "stablehlo.fft"
    (x,), kind, length = tensors(name, types), attributes["fft_type"], attributes["fft_length"]
    n = len(length)
    if n > x.rank:
        raise fail(name, "C1", f"{n} lengths for {x}")
    if x.element.is_integer or (kind == "RFFT") == x.element.is_complex:
        raise fail(name, "C2", f"{kind} of {x}")
    if not 1 <= n <= 3:
        raise fail(name, "C3", f"fft_length has 1 to 3 lengths, got {list(length)}")
    given = (*length[:-1], _half(length[-1])) if kind == "IRFFT" else length
    if kind != "FFT" and kind != "IFFT" and x.is_static and x.shape[-n:] != tuple(given):
        raise fail(name, "C4", f"{kind} of lengths {list(length)} reads {list(given)}, got {x}")
    if kind == "RFFT":
        out = ScalarType(f"complex<{x.element}>")
        return [tensor((*x.shape[:-1], _half(x.shape[-1])), out)]
    if kind == "IRFFT":
        return [tensor((*x.shape[:-1], length[-1]), ScalarType(x.element.name[8:-1]))]
    return [x]


define(
    "stablehlo.fft",
    "operand",
    attributes={
        "fft_type": enum_kind("stablehlo", "fft_type", "FFT IFFT RFFT IRFFT"),
        "fft_length": INTS,
    },
    infer=_infer_fft,
    form="%operand , type = $fft_type , length = $fft_length {} :fn",
    verify=makes("C5"),
    traits="pure",
)
define("stablehlo.uniform_quantize", "operand", form="%operand {} :same", traits="pure")
define("stablehlo.uniform_dequantize", "operand", form="%operand {} :same", traits="pure")
