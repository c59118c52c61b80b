"""LLVM rows that need a loop: the remainder of floats, the power of integers.

Chapter: ir/llvm.
Sources: IEEE 754-2019, 5.3.1 (a remainder is exact); Knuth, "Seminumerical Algorithms",
4.6.3 (binary powers).
Real: LLVM's `frem` becomes a call of `fmod` in libm, which a bare object has not; MLIR's
`math.ipowi` is expanded to a loop.

The remainder: x = m·2^e and y = n·2^f with whole m, n < 2^53.  m mod n, then eleven more
bits of m at a time (m·2^11 < 2^64) until e = f; nothing is ever rounded.
A vector is done lane by lane.
"""

from __future__ import annotations

from minidl.ir.llvm.text import LLVM, FunctionText, element_of, type_text, width_of
from minidl.ir.mlir.core import Operation

REMAINDER = """define internal double @minidl.remainder(double %x, double %y) nounwind {
entry:
  %a = bitcast double %x to i64
  %b = bitcast double %y to i64
  %ax = and i64 %a, 9223372036854775807
  %by = and i64 %b, 9223372036854775807
  %sign = xor i64 %a, %ax
  %x.odd = icmp uge i64 %ax, 9218868437227405312
  %y.nan = icmp ugt i64 %by, 9218868437227405312
  %y.zero = icmp eq i64 %by, 0
  %odd = or i1 %x.odd, %y.nan
  %none = or i1 %odd, %y.zero
  br i1 %none, label %invalid, label %compare
invalid:
  ret double 0x7FF8000000000000
compare:
  %less = icmp ult i64 %ax, %by
  br i1 %less, label %same, label %split
same:
  ret double %x
split:
  %xe = lshr i64 %ax, 52
  %ye = lshr i64 %by, 52
  %e = call i64 @llvm.umax.i64(i64 %xe, i64 1)
  %f = call i64 @llvm.umax.i64(i64 %ye, i64 1)
  %xf = and i64 %ax, 4503599627370495
  %yf = and i64 %by, 4503599627370495
  %xn = icmp ne i64 %xe, 0
  %yn = icmp ne i64 %ye, 0
  %xi = select i1 %xn, i64 4503599627370496, i64 0
  %yi = select i1 %yn, i64 4503599627370496, i64 0
  %m = or i64 %xf, %xi
  %n = or i64 %yf, %yi
  %m0 = urem i64 %m, %n
  %d0 = sub i64 %e, %f
  br label %loop
loop:
  %r = phi i64 [ %m0, %split ], [ %r1, %step ]
  %d = phi i64 [ %d0, %split ], [ %d1, %step ]
  %more = icmp ne i64 %d, 0
  br i1 %more, label %step, label %done
step:
  %k = call i64 @llvm.umin.i64(i64 %d, i64 11)
  %wide = shl i64 %r, %k
  %r1 = urem i64 %wide, %n
  %d1 = sub i64 %d, %k
  br label %loop
done:
  %whole = uitofp i64 %r to double
  %normal = icmp ugt i64 %f, 52
  %fn = sub i64 %f, 52
  %high = shl i64 %fn, 52
  %fs = sub i64 %f, 1
  %low = shl i64 1, %fs
  %bits = select i1 %normal, i64 %high, i64 %low
  %unit = bitcast i64 %bits to double
  %size = fmul double %whole, %unit
  %s = bitcast double %size to i64
  %t = or i64 %s, %sign
  %out = bitcast i64 %t to double
  ret double %out
}"""

POWER = """define internal {t} @minidl.power.{t}({t} %x, {t} %y) nounwind {{
entry:
  br label %loop
loop:
  %base = phi {t} [ %x, %entry ], [ %square, %step ]
  %rest = phi {t} [ %y, %entry ], [ %half, %step ]
  %made = phi {t} [ 1, %entry ], [ %next, %step ]
  %more = icmp ne {t} %rest, 0
  br i1 %more, label %step, label %done
step:
  %bit = and {t} %rest, 1
  %odd = icmp ne {t} %bit, 0
  %times = mul {t} %made, %base
  %next = select i1 %odd, {t} %times, {t} %made
  %square = mul {t} %base, %base
  %half = lshr {t} %rest, 1
  br label %loop
done:
  ret {t} %made
}}"""


def _lanes(f: FunctionText, op: Operation, symbol: str, scalar: str) -> None:
    """Define the result by a call a lane; `scalar` is the type the function works on."""
    type_, own = op.result.type, type_text(element_of(op.result.type))
    width, at, made = width_of(type_), op.location, "poison"
    for lane in range(width):
        given = [f[v] for v in op.operands]
        if width > 1:
            t = type_text(type_)
            given = [f.temporary(f"extractelement {t} {x}, i64 {lane}", at) for x in given]
        if own != scalar:
            given = [f.temporary(f"fpext {own} {x} to {scalar}", at) for x in given]
        args = ", ".join(f"{scalar} {x}" for x in given)
        one = f.temporary(f"call {scalar} {symbol}({args})", at)
        if own != scalar:  # exact: a remainder has no more bits than y
            one = f.temporary(f"fptrunc {scalar} {one} to {own}", at)
        if width == 1:
            f.names[op.result] = one
            return
        text = f"insertelement {type_text(type_)} {made}, {own} {one}, i64 {lane}"
        made = f.temporary(text, at)
    f.names[op.result] = made


@LLVM.rule("arith.remf")
def _remainder(f: FunctionText, op: Operation) -> None:
    f.module.math["@minidl.remainder"] = REMAINDER
    _lanes(f, op, "@minidl.remainder", "double")


@LLVM.rule("math.ipowi")
def _power(f: FunctionText, op: Operation) -> None:
    """The exponent is not negative: the lowering has answered for those."""
    t = type_text(element_of(op.result.type))
    f.module.math[f"@minidl.power.{t}"] = POWER.format(t=t)
    _lanes(f, op, f"@minidl.power.{t}", t)
