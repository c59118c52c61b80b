"""LLVM rows of arith and math.

Chapter: ir/llvm.
Sources: LLVM language reference, "Binary Operations", "Standard C/C++ Library Intrinsics".
Real: MLIR's `convert-arith-to-llvm` and `convert-math-to-llvm`; elementary functions there
become calls of libm, here of our own polynomials (`core.mathfun`).
"""

from __future__ import annotations

from minidl.core import mathfun
from minidl.ir.llvm.text import (
    LLVM,
    FunctionText,
    Row,
    element_of,
    literal,
    type_text,
    width_of,
)
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import Type, VectorType

# -- rows: arithmetic -------------------------------------------------------------------

_PLAIN = {
    "addf": "fadd", "subf": "fsub", "mulf": "fmul", "divf": "fdiv",
    "addi": "add", "subi": "sub", "muli": "mul", "divsi": "sdiv", "divui": "udiv",
    "remsi": "srem", "remui": "urem", "andi": "and", "ori": "or", "xori": "xor",
    "shli": "shl", "shrsi": "ashr", "shrui": "lshr",
}  # fmt: skip
_INTRINSIC = {
    "arith.maximumf": "maximum", "arith.minimumf": "minimum", "arith.maxsi": "smax",
    "arith.maxui": "umax", "arith.minsi": "smin", "arith.minui": "umin", "math.sqrt": "sqrt",
    "math.absf": "fabs", "math.floor": "floor", "math.ceil": "ceil", "math.ctpop": "ctpop",
    "math.roundeven": "roundeven", "math.copysign": "copysign",
}  # fmt: skip
_CASTS = {
    "sitofp": "sitofp", "uitofp": "uitofp",
    "extsi": "sext", "extui": "zext", "trunci": "trunc", "bitcast": "bitcast",
}  # fmt: skip
_MATH = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "tanh": "tanh",
    "sin": "sin", "cos": "cos", "tan": "tan", "erf": "erf", "cbrt": "cbrt", "rsqrt": "rsqrt",
    "powf": "power", "atan2": "atan2",
}  # fmt: skip


def _mangled(type_: Type) -> str:
    element = element_of(type_)
    short = {"index": "i64"}.get(element.name, element.name)
    return f"v{width_of(type_)}{short}" if isinstance(type_, VectorType) else short


def _plain(word: str) -> Row:
    def row(f: FunctionText, op: Operation) -> None:
        x, y = op.operands
        f.define(op.result, f"{word} {type_text(x.type)} {f[x]}, {f[y]}", op.location)

    return row


def _intrinsic(name: str, extra: str = "") -> Row:
    def row(f: FunctionText, op: Operation) -> None:
        t = type_text(op.result.type)
        args = ", ".join(f"{type_text(v.type)} {f[v]}" for v in op.operands)
        call = f"call {t} @llvm.{name}.{_mangled(op.result.type)}({args}{extra})"
        f.define(op.result, call, op.location)

    return row


def _cast(word: str) -> Row:
    def row(f: FunctionText, op: Operation) -> None:
        (x,) = op.operands
        text = f"{word} {type_text(x.type)} {f[x]} to {type_text(op.result.type)}"
        f.define(op.result, text, op.location)

    return row


for _name, _word in _PLAIN.items():
    LLVM[f"arith.{_name}"] = _plain(_word)
for _name, _word in _INTRINSIC.items():
    LLVM[_name] = _intrinsic(_word)
for _name, _word in _CASTS.items():
    LLVM[f"arith.{_name}"] = _cast(_word)
LLVM["math.absi"] = _intrinsic("abs", ", i1 false")
LLVM["math.ctlz"] = _intrinsic("ctlz", ", i1 false")


@LLVM.rule("arith.extf", "arith.truncf")
def _float_cast(f: FunctionText, op: Operation) -> None:
    """16-bit floats are converted by our own bit arithmetic: LLVM would call a helper."""
    source, to = element_of(op.operands[0].type).name, element_of(op.result.type).name
    if source in ("f16", "bf16") or to in ("f16", "bf16"):
        _call(f, op, f"{source}_to_{to}", source)
    else:
        _cast("fpext" if op.name == "arith.extf" else "fptrunc")(f, op)


@LLVM.rule("math.round")
def _round(f: FunctionText, op: Operation) -> None:
    """Halves away from zero: some targets would call a helper for it."""
    (x,) = op.operands
    t, m, at = type_text(x.type), _mangled(x.type), op.location
    element = element_of(x.type)
    half, one = (_all(literal(c, element), x.type) for c in (0.5, 1.0))
    whole = f.temporary(f"call {t} @llvm.trunc.{m}({t} {f[x]})", at)
    rest = f.temporary(f"fsub {t} {f[x]}, {whole}", at)
    size = f.temporary(f"call {t} @llvm.fabs.{m}({t} {rest})", at)
    up = f.temporary(f"fcmp oge {t} {size}, {half}", at)
    step = f.temporary(f"call {t} @llvm.copysign.{m}({t} {one}, {t} {f[x]})", at)
    next_ = f.temporary(f"fadd {t} {whole}, {step}", at)
    truth = f"<{width_of(x.type)} x i1>" if isinstance(x.type, VectorType) else "i1"
    made = f.temporary(f"select {truth} {up}, {t} {next_}, {t} {whole}", at)
    f.define(op.result, f"call {t} @llvm.copysign.{m}({t} {made}, {t} {f[x]})", at)


def _all(number: str, type_: Type) -> str:
    """The number in every lane."""
    return f"splat ({type_text(element_of(type_))} {number})" if width_of(type_) > 1 else number


@LLVM.rule("arith.negf")
def _negf(f: FunctionText, op: Operation) -> None:
    (x,) = op.operands
    f.define(op.result, f"fneg {type_text(x.type)} {f[x]}", op.location)


@LLVM.rule("arith.cmpf", "arith.cmpi")
def _compare(f: FunctionText, op: Operation) -> None:
    x, y = op.operands
    word = "fcmp" if op.name == "arith.cmpf" else "icmp"
    text = f"{word} {op['predicate']} {type_text(x.type)} {f[x]}, {f[y]}"
    f.define(op.result, text, op.location)


@LLVM.rule("arith.select")
def _select(f: FunctionText, op: Operation) -> None:
    args = ", ".join(f"{type_text(v.type)} {f[v]}" for v in op.operands)
    f.define(op.result, f"select {args}", op.location)


@LLVM.rule("arith.index_cast", "arith.index_castui")
def _index_cast(f: FunctionText, op: Operation) -> None:
    (x,) = op.operands
    source, to = element_of(x.type), element_of(op.result.type)
    a, b = (64 if e.name == "index" else e.bits for e in (source, to))
    if a == b:
        f.names[op.result] = f[x]
        return
    word = "trunc" if b < a else "zext" if op.name.endswith("ui") else "sext"
    _cast(word)(f, op)


@LLVM.rule("arith.fptosi", "arith.fptoui")
def _to_integer(f: FunctionText, op: Operation) -> None:
    """Saturating, as StableHLO's convert: out of range has a value."""
    (x,) = op.operands
    name = "fptosi" if op.name.endswith("fptosi") else "fptoui"
    t = type_text(op.result.type)
    mangled = f"{_mangled(op.result.type)}.{_mangled(x.type)}"
    call = f"call {t} @llvm.{name}.sat.{mangled}({type_text(x.type)} {f[x]})"
    f.define(op.result, call, op.location)


@LLVM.rule("arith.constant")
def _constant(f: FunctionText, op: Operation) -> None:
    """Constants are written where they are used."""
    value, type_ = op["value"], op.result.type
    element = element_of(type_)
    if isinstance(type_, VectorType):
        if not value.is_splat:
            items = ", ".join(f"{type_text(element)} {literal(x, element)}" for x in value.array)
            f.names[op.result] = f"<{items}>"
            return
        f.names[op.result] = _all(literal(value.item, element), type_)
        return
    f.names[op.result] = literal(value.value, element)


@LLVM.rule("math.fma")
def _fma(f: FunctionText, op: Operation) -> None:
    """One rounding where the machine has it; the one stated variation elsewhere."""
    if f.target.has_fma:
        return _intrinsic("fma")(f, op)
    a, b, c = op.operands
    t = type_text(op.result.type)
    product = f.temporary(f"fmul {t} {f[a]}, {f[b]}", op.location)
    return f.define(op.result, f"fadd {t} {product}, {f[c]}", op.location)


def _call(f: FunctionText, op: Operation, name: str, element: str) -> None:
    """Define the result as a call of one of our own functions."""
    type_ = op.result.type
    width = width_of(type_)
    symbol = mathfun.symbol(name, element, width)
    if symbol not in f.module.math:
        f.module.math[symbol] = mathfun.define(name, element, width, f.target.has_fma)
    args = ", ".join(f"{type_text(v.type)} {f[v]}" for v in op.operands)
    f.define(op.result, f"call {type_text(type_)} {symbol}({args})", op.location)


def _math(name: str) -> Row:
    return lambda f, op: _call(f, op, name, element_of(op.result.type).name)


for _name, _function in _MATH.items():
    LLVM[f"math.{_name}"] = _math(_function)
