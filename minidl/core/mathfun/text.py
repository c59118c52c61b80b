"""Print a program as LLVM text for any number of lanes.

Chapter: ir/llvm.
Sources: LLVM 22 language reference.
Real MLIR: `math` ops lowered by `PolynomialApproximation`, then to `llvm`.
"""

from __future__ import annotations

import struct

from minidl.core.mathfun.evaluate import operand_type
from minidl.core.mathfun.program import BITS, Program, Row

LLVM = {"f32": "float", "f64": "double"}
INTRINSICS = {"fma": "fma", "sqrt": "sqrt", "rint": "rint", "fabs": "fabs"}
CASTS = {"bitcast", "sext", "zext", "trunc", "sitofp", "uitofp", "fptosi", "fptrunc", "fpext"}


def symbol(program_name: str, ty: str, width: int) -> str:
    """`@minidl.exp.v8f32`, or `@minidl.exp.f32` for one lane."""
    return f"@minidl.{program_name}.{_suffix(ty, width)}"


def _suffix(ty: str, width: int) -> str:
    return ty if width == 1 else f"v{width}{ty}"


def spell(ty: str, width: int) -> str:
    """The type of `width` lanes: `float`, `<8 x float>`."""
    scalar = LLVM.get(ty, ty)
    return scalar if width == 1 else f"<{width} x {scalar}>"


def literal(value: float | int, ty: str, width: int) -> str:
    """A number in all lanes; floats by their bits, so that none is rounded."""
    scalar = _float_literal(value, ty) if ty[0] == "f" else _int_literal(value, ty)
    return scalar if width == 1 else f"splat ({LLVM.get(ty, ty)} {scalar})"


def _float_literal(value: float, ty: str) -> str:
    if ty == "f32":  # LLVM writes a float as the double of the same value
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _int_literal(value: float | int, ty: str) -> str:
    bits = BITS[ty]
    signed = int(value) & (1 << bits) - 1
    return str(signed - (1 << bits) if bits > 1 and signed >> (bits - 1) else signed)


def define(program: Program, name: str, width: int, fma: bool) -> str:
    """The function `name` (with its @) and the declarations it needs."""
    types = program.types()
    params = ", ".join(f"{spell(t, width)} %{n}" for n, t in program.params)
    lines = [
        f"define internal {spell(program.type, width)} {name}({params}) alwaysinline nounwind {{"
    ]
    for row in program.rows:
        lines += ["  " + line for line in _row(row, types, width, fma)]
    lines += [f"  ret {spell(program.type, width)} %{program.result}", "}"]
    return "\n".join(lines) + "\n"


def _intrinsic(row: Row, width: int) -> str:
    return f"@llvm.{INTRINSICS[row.op]}.{_suffix(row.type, width)}"


def _row(row: Row, types: dict[str, str], width: int, fma: bool) -> list[str]:
    of = operand_type(row, types)
    v, result = spell(of, width), spell(row.type, width)
    args = [f"%{a}" if isinstance(a, str) else literal(a, of, width) for a in row.args]
    if row.op == "fma" and not fma:
        return [
            f"%{row.dest}.m = fmul {v} {args[0]}, {args[1]}",
            f"%{row.dest} = fadd {v} %{row.dest}.m, {args[2]}",
        ]
    if row.op in INTRINSICS:
        typed = ", ".join(f"{v} {a}" for a in args)
        return [f"%{row.dest} = call {result} {_intrinsic(row, width)}({typed})"]
    if row.op == "select":
        test, yes, no = args
        return [f"%{row.dest} = select {spell('i1', width)} {test}, {v} {yes}, {v} {no}"]
    if row.op in CASTS:
        return [f"%{row.dest} = {row.op} {v} {args[0]} to {result}"]
    return [f"%{row.dest} = {row.op} {v} {', '.join(args)}"]
