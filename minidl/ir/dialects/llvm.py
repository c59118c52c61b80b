"""llvm: LLVM IR as a dialect: the last stage that is still MLIR.

Chapter: ir/llvm.
Sources: MLIR, "'llvm' Dialect"; LLVM Language Reference.
Real: some two hundred ops and all intrinsics; here the part that loops over arrays need.

    types     !llvm.ptr, !llvm.void, !llvm.array<4 x f32>, integers, floats, vectors
    memory    alloca, getelementptr, load, store
    control   br, cond_br, return, unreachable, call
    the rest  one machine operation an op, as in `arith`
"""

from __future__ import annotations

from typing import Any

from minidl.core.errors import VerifyError
from minidl.ir.dialects.builtin import (
    parse_function,
    print_function,
)
from minidl.ir.dialects.cf import Branch, segments, verify_branch
from minidl.ir.mlir.attributes import Raw
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import FunctionType, OpaqueType, Type, VectorType, i1
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import (
    ANY,
    FAST,
    FCMP,
    I64,
    ICMP,
    STR,
    SYMBOL,
    Kind,
    flags,
    int_kind,
    numbered,
)
from minidl.ir.text.terminators import terminator

PTR = OpaqueType("!llvm.ptr")
VOID = OpaqueType("!llvm.void")
FASTMATH = flags("llvm", "fastmath", FAST)


def _first(types: Any, attributes: Any, regions: Any) -> list[Type]:
    return [types[0]]


def _truth(types: Any, attributes: Any, regions: Any) -> list[Type]:
    x = types[0]
    return [VectorType(x.shape, i1) if isinstance(x, VectorType) else i1]


# -- one machine operation each ----------------------------------------------------------

_BINARY = {
    "integer": "add sub mul sdiv udiv srem urem and or xor shl lshr ashr",
    "float": "fadd fsub fmul fdiv frem",
}
_WORDS = ("nsw", "nuw")  # bit 0, bit 1 of overflowFlags


def _parse_overflow(p: Any, pretty: bool) -> tuple[str, ...]:
    if pretty:
        return tuple(OVERFLOW_WORDS.parse(p, True))
    mask = int_kind("i32").parse(p, False)
    return tuple(word for i, word in enumerate(_WORDS) if mask >> i & 1)


OVERFLOW_WORDS = flags("llvm", "overflow", "nsw nuw")
OVERFLOW = Kind(
    "overflow",
    lambda v, pretty: (
        OVERFLOW_WORDS.text(v, True) if pretty else f"{sum(1 << _WORDS.index(w) for w in v)} : i32"
    ),
    _parse_overflow,
)
_FLAGGED = "add sub mul shl"
_NONE: dict[str, Any] = {"fastmathFlags": ()}


def _marks(short: str) -> tuple[dict[str, Any], str]:
    """The flags an op may carry, and their part of its form."""
    if short in _BINARY["float"].split():
        return {"fastmathFlags?": FASTMATH}, ""
    if short in _FLAGGED.split():
        return {"overflowFlags?": OVERFLOW}, "[ overflow ~$overflowFlags ]?overflowFlags"
    return {}, ""


for kind, names in _BINARY.items():
    for short in names.split():
        define(
            f"llvm.{short}",
            "lhs rhs",
            attributes=_marks(short)[0],
            infer=_first,
            form=f"%lhs , %rhs {_marks(short)[1]} {{}} :first",
            defaults=_NONE if kind == "float" else {},
            traits="pure",
        )
define(
    "llvm.fneg",
    "x",
    attributes={"fastmathFlags?": FASTMATH},
    defaults=_NONE,
    infer=_first,
    form="%x {} :first",
    traits="pure",
)
define(
    "llvm.icmp",
    "lhs rhs",
    attributes={"predicate": numbered("predicate", ICMP, quoted=True)},
    infer=_truth,
    form="$predicate %lhs , %rhs {} :first",
    traits="pure",
)
define(
    "llvm.fcmp",
    "lhs rhs",
    attributes={
        "predicate": numbered("predicate", f"_false {FCMP} _true", quoted=True),
        "fastmathFlags?": FASTMATH,
    },
    defaults=_NONE,
    infer=_truth,
    form="$predicate %lhs , %rhs {} :first",
    traits="pure",
)
CASTS = (
    "sext zext trunc fpext fptrunc sitofp uitofp fptosi fptoui bitcast ptrtoint inttoptr "
    "addrspacecast"
)
for short in CASTS.split():
    define(f"llvm.{short}", "x", form="%x {} :to", traits="pure")
for short in ("undef", "poison", "zero"):
    define(f"llvm.mlir.{short}", form="{} :results", traits="pure")
define(
    "llvm.mlir.constant",
    attributes={"value": ANY},
    form="~( ~$value ~) {} :results",
    traits="pure constant",
)
define(
    "llvm.mlir.addressof",
    attributes={"global_name": SYMBOL},
    form="$global_name {} :results",
    traits="pure",
)


def _print_select(op: Operation, printer: Any) -> str:
    names, rest = ", ".join(map(printer.name, op.operands)), printer.attr_dict(op)
    return f"{op.name} {names}{rest and ' ' + rest} : {op.operands[0].type}, {op.result.type}"


def _parse_select(p: Any) -> Parts:
    parts = Parts(operands=p.value_list(), attributes=p.attr_dict())
    p.expect(":")
    condition = p.type()
    p.expect(",")
    both = p.type()
    parts.operand_types, parts.result_types = [condition, both, both], [both]
    return parts


define(
    "llvm.select",
    "condition on_true on_false",
    attributes={"fastmathFlags?": FASTMATH},
    defaults=_NONE,
    infer=lambda types, attributes, regions: [types[1]],
    form=Custom(_print_select, _parse_select),
    traits="pure",
)


def _print_call(op: Operation, printer: Any, name: str = "") -> str:
    """`name(operands) : (types) -> types`, of a call or an intrinsic."""
    operands = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op, _CALL)
    types = FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
    return f"{op.name}{name}({operands}){rest and ' ' + rest} : {types}"


def _parse_call(p: Any) -> Parts:
    parts = Parts()
    callee = p.symbols() if p.words[p.at_][:1] == "@" else None
    p.expect("(")
    parts.operands = p.value_list()
    p.expect(")")
    if callee is not None:  # no operand belongs to a bundle
        sizes = segments(len(parts.operands), 0)
        parts.attributes = {"callee": callee, "operandSegmentSizes": sizes}
        parts.attributes["op_bundle_sizes"] = segments()
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


_CALL = frozenset(["callee", "operandSegmentSizes", "op_bundle_sizes"])
define(
    "llvm.call",
    "operands*",
    attributes={
        "callee": SYMBOL,
        "fastmathFlags?": FASTMATH,
        "operandSegmentSizes?": ANY,
        "op_bundle_sizes?": ANY,
        "CConv?": ANY,
        "TailCallKind?": ANY,
    },
    defaults={
        **_NONE,
        "CConv": Raw("#llvm.cconv<ccc>"),
        "TailCallKind": Raw("#llvm.tailcallkind<none>"),
    },
    form=Custom(lambda op, p: _print_call(op, p, f" {op['callee']}"), _parse_call),
    traits="call",
)
_INTRINSICS = (
    "fabs sqrt exp exp2 log log2 log10 sin cos floor ceil trunc roundeven round "
    "fma fmuladd pow copysign maximum minimum maxnum minnum smax smin umax umin ctpop"
)
for short in _INTRINSICS.split():
    define(
        f"llvm.intr.{short}",
        "operands*",
        attributes={"fastmathFlags?": FASTMATH},
        defaults=_NONE,
        infer=_first,
        form=Custom(_print_call, _parse_call),
        traits="pure",
    )

# -- control -----------------------------------------------------------------------------

for short, operands, attributes in (
    ("br", "values*", {}),
    ("cond_br", "condition values*", {"operandSegmentSizes": ANY}),
):
    define(
        f"llvm.{short}",
        operands,
        attributes=attributes,
        infer=lambda types, attributes, regions: [],
        form=Branch[short],
        verify=verify_branch,
        traits="terminator",
    )
terminator("llvm.return")
define(
    "llvm.unreachable",
    infer=lambda types, attributes, regions: [],
    form="{}",
    traits="terminator",
)

# -- functions ---------------------------------------------------------------------------

_SHORT = {str(PTR): "ptr", str(VOID): "void"}


def _function_text(v: FunctionType, pretty: bool) -> str:
    """`!llvm.func<f32 (ptr, i32)>`."""
    out = v.outputs[0] if v.outputs else VOID
    inputs = ", ".join(_SHORT.get(str(t), str(t)) for t in v.inputs)
    return f"!llvm.func<{_SHORT.get(str(out), str(out))} ({inputs})>"


def _parse_function_type(p: Any, pretty: bool) -> FunctionType:
    p.expect("!llvm.func")
    p.expect("<")
    out = _short_type(p)
    p.expect("(")
    inputs = tuple(p.comma_list(lambda: _short_type(p), ")"))
    p.expect(">")
    return FunctionType(inputs, () if out is VOID else (out,))


def _short_type(p: Any) -> Type:
    word = p.words[p.at_]
    if word in ("ptr", "void", "array", "struct"):
        return OpaqueType("!llvm." + p.carried())
    made: Type = p.type()
    return made


def _print_func(op: Operation, printer: Any) -> str:
    usual = [k for k, v in _FUNCTION.items() if op.get(k, v) == v]
    return f"{op.name} {print_function(op, printer, skip=usual)}"


def _verify_func(op: Operation) -> None:
    want: FunctionType = op["function_type"]
    if len(want.outputs) > 1:
        raise VerifyError(f"@{op['sym_name']} returns {len(want.outputs)} values", op=op.name)
    if not op.region.blocks:
        return
    if tuple(v.type for v in op.region.blocks[0].args) != want.inputs:
        raise VerifyError(f"@{op['sym_name']} has type {want}, its body others", op=op.name)
    for block in op.region.blocks:
        end = block.last
        if end is not None and end.name == "llvm.return":
            got = tuple(v.type for v in end.operands)
            if got != want.outputs:
                raise VerifyError(f"@{op['sym_name']} has type {want}, returns {got}", op=end.name)


_FUNCTION = {
    "CConv": Raw("#llvm.cconv<ccc>"),
    "linkage": Raw("#llvm.linkage<external>"),
    "unnamed_addr": 0,
    "visibility_": 0,
}
define(
    "llvm.func",
    attributes={
        "sym_name": STR,
        "function_type": Kind("!llvm.func", _function_text, _parse_function_type),
        "arg_attrs?": ANY,
        "res_attrs?": ANY,
        "CConv?": ANY,
        "linkage?": ANY,
        "unnamed_addr?": I64,
        "visibility_?": I64,
    },
    defaults=_FUNCTION,
    form=Custom(_print_func, parse_function),
    verify=_verify_func,
    traits="isolated symbol cfg",
    regions=1,
)
