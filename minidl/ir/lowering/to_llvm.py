"""Loops → LLVM IR text.

Chapter: ir/llvm.
Sources: LLVM language reference; MLIR's `convert-*-to-llvm` passes.
Real: MLIR goes through its `llvm` dialect and translates that; here the text is
written at once, an op a row (`LLVM`), since LLVM's parser is quick and Python is not.

Memory is row-major without gaps, so an access is base + Σ index · stride.  A math op
is a call of our own polynomial (`core.mathfun`), inlined later.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.core.native.target import Target
from minidl.core.rules import RuleTable
from minidl.ir.core import Block, Operation, Value
from minidl.ir.dialects.loops import row_major
from minidl.ir.location import Location
from minidl.ir.lowering.provenance import Provenance
from minidl.ir.types import MemRefType, ScalarType, Type, VectorType

Row = Callable[["FunctionText", Operation], None]
LLVM: RuleTable[Row] = RuleTable("llvm", "the translation to LLVM IR")
_NAMES = {"f32": "float", "f64": "double", "index": "i64"}


def type_text(type_: Type) -> str:
    """The LLVM type; 16-bit floats have no lowering yet."""
    if isinstance(type_, MemRefType):
        return "ptr"
    if isinstance(type_, VectorType):
        return f"<{type_.size} x {type_text(type_.element)}>"
    assert isinstance(type_, ScalarType)
    if type_.name in ("f16", "bf16"):
        raise UnsupportedError(f"{type_} is not lowered to LLVM IR yet", hint="stage: llvm")
    return _NAMES.get(type_.name, type_.name)


def element_of(type_: Type) -> ScalarType:
    made = type_.element if isinstance(type_, VectorType) else type_
    assert isinstance(made, ScalarType)
    return made


def width_of(type_: Type) -> int:
    return type_.size if isinstance(type_, VectorType) else 1


class ModuleText:
    """Functions, the math they call, and the debug table, as one LLVM module."""

    def __init__(self, target: Target, provenance: Provenance) -> None:
        self.target, self.provenance = target, provenance
        self.functions: list[str] = []
        self.math: dict[str, str] = {}
        self.metadata: list[str] = []
        self.first = 4  # !0 … !3 are the compile unit's

    def node(self, text: str) -> str:
        self.metadata.append(text)
        return f"!{self.first + len(self.metadata) - 1}"

    def text(self) -> str:
        head = [
            "!llvm.dbg.cu = !{!0}",
            "!llvm.module.flags = !{!2}",
            '!0 = distinct !DICompileUnit(language: DW_LANG_C, file: !1, producer: "minidl", '
            "emissionKind: DebugDirectivesOnly)",
            '!1 = !DIFile(filename: "provenance", directory: "")',
            '!2 = !{i32 2, !"Debug Info Version", i32 3}',
            "!3 = !DISubroutineType(types: !{null})",
        ]
        nodes = [f"!{self.first + i} = {text}" for i, text in enumerate(self.metadata)]
        return "\n\n".join([*self.functions, *self.math.values(), "\n".join(head + nodes)]) + "\n"


class FunctionText:
    """One function under construction: lines, and a name for every value."""

    def __init__(self, module: ModuleText, name: str) -> None:
        self.module, self.target = module, module.target
        self.lines: list[str] = []
        self.names: dict[Value, str] = {}
        self.label = "entry"
        self.counts: dict[str, int] = {}
        self.scope = module.node(
            f'distinct !DISubprogram(name: "{name}", scope: !1, file: !1, line: 1, type: !3, '
            "spFlags: DISPFlagDefinition, unit: !0)"
        )
        self.places: dict[int, str] = {}

    # -- names and lines -------------------------------------------------------------

    def fresh(self, base: str = "") -> str:
        n = self.counts[base] = self.counts.get(base, -1) + 1
        return f"%{base or 't'}{n}"

    def __getitem__(self, value: Value) -> str:
        return self.names[value]

    def debug(self, location: Location) -> str:
        line = self.module.provenance.line(location)
        if line not in self.places:
            where = f"!DILocation(line: {line}, scope: {self.scope})"
            self.places[line] = self.module.node(where)
        return f", !dbg {self.places[line]}"

    def emit(self, text: str, location: Location) -> None:
        self.lines.append(f"  {text}{self.debug(location)}")

    def define(self, value: Value, text: str, location: Location) -> None:
        name = self.names[value] = self.fresh()
        self.emit(f"{name} = {text}", location)

    def temporary(self, text: str, location: Location, base: str = "") -> str:
        name = self.fresh(base)
        self.emit(f"{name} = {text}", location)
        return name

    def start(self, label: str) -> None:
        self.lines.append(f"{label[1:]}:")
        self.label = label[1:]

    # -- blocks ---------------------------------------------------------------------

    def block(self, block: Block) -> list[Value]:
        """All ops of a block; the operands of its terminator."""
        for op in block:
            if op is block.last:
                return op.operands
            LLVM[op.name](self, op)
        return []

    def address(self, memref: Value, indices: list[Value], location: Location) -> str:
        """The pointer to one element of a row-major memref."""
        type_ = memref.type
        assert isinstance(type_, MemRefType)
        const, total = 0, ""
        for value, stride in zip(indices, row_major(type_.dims), strict=True):
            op = value.op
            if op is not None and op.name == "arith.constant":
                const += op["value"].value * stride
                continue
            term = self[value]
            if stride != 1:
                term = self.temporary(f"mul nsw i64 {term}, {stride}", location, "m")
            total = self.temporary(f"add nsw i64 {total}, {term}", location, "i") if total else term
        if total and const:
            total = self.temporary(f"add nsw i64 {total}, {const}", location, "i")
        if not total and not const:
            return self[memref]
        element = type_text(type_.element)
        base = f"{self.pointer(memref)} {self[memref]}"
        return self.temporary(
            f"getelementptr inbounds {element}, {base}, i64 {total or const}", location, "p"
        )

    def pointer(self, memref: Value) -> str:
        """The pointer type: device memory has an address space of its own."""
        outside = self.target.is_ptx and memref.op is None
        return "ptr addrspace(1)" if outside else "ptr"


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
    "extf": "fpext", "truncf": "fptrunc", "sitofp": "sitofp", "uitofp": "uitofp",
    "extsi": "sext", "extui": "zext", "trunci": "trunc", "bitcast": "bitcast",
}  # fmt: skip
_MATH = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "tanh": "tanh",
    "sin": "sin", "cos": "cos", "tan": "tan", "erf": "erf", "cbrt": "cbrt", "rsqrt": "rsqrt",
    "powf": "pow", "atan2": "atan2",
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
        one = f"{type_text(element)} {literal(value.item, element)}"
        f.names[op.result] = f"splat ({one})"
        return
    f.names[op.result] = literal(value.value, element)


def literal(value: Any, element: ScalarType) -> str:
    """A number in LLVM's text; floats by the bits of their double, which is exact."""
    if element.is_float:
        exact = float(np.asarray(value).astype(element.numpy))
        short = f"{exact:.6e}"
        if np.isfinite(exact) and float(short) == exact:
            return short
        return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    if element.name == "i1":
        return "true" if value else "false"
    return str(int(value))


@LLVM.rule("math.fma")
def _fma(f: FunctionText, op: Operation) -> None:
    """One rounding where the machine has it; the one stated variation elsewhere."""
    if f.target.has_fma:
        return _intrinsic("fma")(f, op)
    a, b, c = op.operands
    t = type_text(op.result.type)
    product = f.temporary(f"fmul {t} {f[a]}, {f[b]}", op.location)
    return f.define(op.result, f"fadd {t} {product}, {f[c]}", op.location)


def _math(name: str) -> Row:
    def row(f: FunctionText, op: Operation) -> None:
        from minidl.core import mathfun

        type_ = op.result.type
        element, width = element_of(type_).name, width_of(type_)
        symbol = mathfun.symbol(name, element, width)
        if symbol not in f.module.math:
            f.module.math[symbol] = mathfun.define(name, element, width, f.target.has_fma)
        args = ", ".join(f"{type_text(v.type)} {f[v]}" for v in op.operands)
        f.define(op.result, f"call {type_text(type_)} {symbol}({args})", op.location)

    return row


for _name, _function in _MATH.items():
    LLVM[f"math.{_name}"] = _math(_function)


# -- rows: memory and vectors -------------------------------------------------------------


@LLVM.rule("memref.load", "vector.load")
def _load(f: FunctionText, op: Operation) -> None:
    memref, *indices = op.operands
    p = f.address(memref, indices, op.location)
    t = type_text(op.result.type)
    align = element_of(op.result.type).bytes
    f.define(op.result, f"load {t}, {f.pointer(memref)} {p}, align {align}", op.location)


@LLVM.rule("memref.store", "vector.store")
def _store(f: FunctionText, op: Operation) -> None:
    value, memref, *indices = op.operands
    p = f.address(memref, indices, op.location)
    align = element_of(value.type).bytes
    pointer = f"{f.pointer(memref)} {p}"
    f.emit(f"store {type_text(value.type)} {f[value]}, {pointer}, align {align}", op.location)


@LLVM.rule("memref.alloca")
def _alloca(f: FunctionText, op: Operation) -> None:
    type_ = op.result.type
    assert isinstance(type_, MemRefType)
    text = f"alloca [{type_.size} x {type_text(type_.element)}], align 64"
    f.define(op.result, text, op.location)


@LLVM.rule("vector.broadcast")
def _broadcast(f: FunctionText, op: Operation) -> None:
    (x,) = op.operands
    to, t = type_text(op.result.type), type_text(x.type)
    one = f.temporary(f"insertelement {to} poison, {t} {f[x]}, i64 0", op.location, "s")
    zeros = f"<{width_of(op.result.type)} x i32> zeroinitializer"
    f.define(op.result, f"shufflevector {to} {one}, {to} poison, {zeros}", op.location)


@LLVM.rule("vector.from_elements")
def _from_elements(f: FunctionText, op: Operation) -> None:
    to = type_text(op.result.type)
    made = "poison"
    for i, x in enumerate(op.operands):
        text = f"insertelement {to} {made}, {type_text(x.type)} {f[x]}, i64 {i}"
        made = f.temporary(text, op.location, "s")
    f.names[op.result] = made


@LLVM.rule("vector.extract")
def _extract(f: FunctionText, op: Operation) -> None:
    (x,) = op.operands
    text = f"extractelement {type_text(x.type)} {f[x]}, i64 {op['position']}"
    f.define(op.result, text, op.location)


@LLVM.rule("vector.shuffle")
def _shuffle(f: FunctionText, op: Operation) -> None:
    x, y = op.operands
    mask = ", ".join(f"i32 {i}" for i in op["mask"])
    t = type_text(x.type)
    text = f"shufflevector {t} {f[x]}, {t} {f[y]}, <{len(op['mask'])} x i32> <{mask}>"
    f.define(op.result, text, op.location)


# -- rows: control ------------------------------------------------------------------------


def _number(value: Value) -> int | None:
    op = value.op
    return int(op["value"].value) if op is not None and op.name == "arith.constant" else None


@LLVM.rule("scf.for")
def _for(f: FunctionText, op: Operation) -> None:
    """Test at the end; a guard before it where the first round is not certain."""
    low, high, step, *inits = op.operands
    here = op.location
    body, done = f.fresh("loop"), f.fresh("done")
    sure = (a := _number(low)) is not None and (b := _number(high)) is not None and a < b
    before = f.label
    if sure:
        f.emit(f"br label {body}", here)
    else:
        some = f.temporary(f"icmp slt i64 {f[low]}, {f[high]}", here, "c")
        f.emit(f"br i1 {some}, label {body}, label {done}", here)
    f.start(body)
    phis = len(f.lines)
    i, *carried = op.body.args
    f.names[i] = f.fresh("i")
    for value in carried:
        f.names[value] = f.fresh("acc")
    results = f.block(op.body)
    following = f.temporary(f"add nuw nsw i64 {f[i]}, {f[step]}", here, "n")
    more = f.temporary(f"icmp slt i64 {following}, {f[high]}", here, "c")
    f.emit(f"br i1 {more}, label {body}, label {done}", here)
    latch = f.label
    starts = [f"{f[i]} = phi i64 [{f[low]}, %{before}], [{following}, %{latch}]"]
    for value, first, last in zip(carried, inits, results, strict=True):
        t = type_text(value.type)
        starts.append(f"{f[value]} = phi {t} [{f[first]}, %{before}], [{f[last]}, %{latch}]")
    f.lines[phis:phis] = [f"  {text}{f.debug(here)}" for text in starts]
    f.start(done)
    for value, first, last in zip(op.results, inits, results, strict=True):
        if sure:
            f.names[value] = f[last]
        else:
            t = type_text(value.type)
            f.define(value, f"phi {t} [{f[first]}, %{before}], [{f[last]}, %{latch}]", here)


@LLVM.rule("scf.if")
def _if(f: FunctionText, op: Operation) -> None:
    """Without results and without else, which is all the lowering makes."""
    then, done = f.fresh("then"), f.fresh("endif")
    f.emit(f"br i1 {f[op.operands[0]]}, label {then}, label {done}", op.location)
    f.start(then)
    f.block(op.regions[0].block)
    f.emit(f"br label {done}", op.location)
    f.start(done)


_SREG = {"gpu.thread_id": "tid", "gpu.block_id": "ctaid", "gpu.block_dim": "ntid"}


@LLVM.rule(*_SREG)
def _special(f: FunctionText, op: Operation) -> None:
    name = f"@llvm.nvvm.read.ptx.sreg.{_SREG[op.name]}.{op['dimension']}"
    narrow = f.temporary(f"call i32 {name}()", op.location)
    f.define(op.result, f"zext i32 {narrow} to i64", op.location)


def function_text(module: ModuleText, op: Operation, public: bool = False) -> None:
    """Add a function of loops (no result) to the LLVM module."""
    f = FunctionText(module, op["sym_name"])
    params = []
    for i, value in enumerate(op.body.args):
        memory = isinstance(value.type, MemRefType)
        f.names[value] = f"%a{i}"
        params.append(f"{f.pointer(value)} noalias %a{i}" if memory else f"i64 %a{i}")
    f.block(op.body)
    kind = "internal void"
    if module.target.is_ptx:
        kind = "ptx_kernel void"
    elif public:
        kind = "void"
    head = f"define {kind} @{op['sym_name']}({', '.join(params)}) nounwind !dbg {f.scope} {{"
    lines = [head, "entry:", *f.lines, f"  ret void{f.debug(op.body.terminator.location)}", "}"]
    module.functions.append("\n".join(lines))
