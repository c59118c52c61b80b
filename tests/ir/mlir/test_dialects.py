"""Dialects below StableHLO: MLIR prints each op back as we do, in both forms."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import (
    CallError,
    MinidlError,
    ParseError,
    UnsupportedError,
    VerifyError,
)
from minidl.ir.dialects import llvm
from minidl.ir.mlir.equivalence import difference
from tests.ir import jaxlib_mlir as mlir


def check(text: str) -> ir.Module:
    """Ours and MLIR's texts are one; each form reads back."""
    module = ir.parse(text)
    ir.verify(module)
    assert mlir.retold(text).strip() == str(module).strip()
    assert mlir.refusal(module.text(generic=True)) is None
    for generic in (False, True):
        assert difference(module, ir.parse(module.text(generic=generic))) is None
    assert difference(module, module.clone()) is None
    ir.verify(ir.parse(mlir.generic(text)))
    return module


def function(lines: list[str], args: str, end: str = "return") -> str:
    body = "\n".join(f"  {line}" for line in [*lines, end])
    return f"func.func @f({args}) {{\n{body}\n}}\n"


def test_every_op_of_arith_and_math_is_mlirs():
    lines, covered = [], set()
    for name, spec in ir.SPECS.rows.items():
        dialect, _, short = name.partition(".")
        if dialect not in ("arith", "math") or name in OTHER:
            continue
        covered.add(name)
        float_ = short[-1] == "f" or (dialect == "math" and name not in INTEGER)
        operands = ", ".join(["%a" if float_ else "%i"] * len(spec.operands))
        type_ = "f32" if float_ else "i32"
        if short in CAST:
            type_ = CAST[short]
            operands = {"f": "%a", "i": "%i"}.get(type_[0], "%i")
            operands = "%n" if type_.startswith("index") else operands
            operands = "%h" if type_.startswith("f16") else operands
        if name == "arith.addui_extended":
            type_ = "i32, i1"
        lines.append(f"%x{len(lines)}{':2' if len(_results(name)) > 1 else ''} = "
                     f"{name} {operands} : {type_}")  # fmt: skip
    lines += MORE
    check(function(lines, "%a: f32, %h: f16, %i: i32, %n: index, %v: vector<4xf32>, %c: i1"))
    assert len(covered) >= 75


TYPES = ["f16", "bf16", "f32", "f64", "i1", "i8", "i32", "i64", "index", "vector<4xf32>",
         "vector<4xi32>"]  # fmt: skip


def typed_uses():
    """Every op of arith and math with each pair of types, generic, and what it gives."""
    for name, spec in ir.SPECS.rows.items():
        dialect, _, short = name.partition(".")
        if dialect not in ("arith", "math") or name in OTHER or name.endswith("_extended"):
            continue
        for x in TYPES:
            for y in TYPES if short in CAST or len(spec.operands) == 2 else [x]:
                last = x if short in CAST else y
                to = y if short in CAST else x
                if short.startswith("is"):
                    to = "vector<4xi1>" if x.startswith("vector") else "i1"
                operands = [x] if short in CAST else [x, *[last] * (len(spec.operands) - 1)]
                names = ", ".join(f"%a{i}" for i, _ in enumerate(operands))
                args = ", ".join(f"%a{i}: {t}" for i, t in enumerate(operands))
                line = f'%r = "{name}"({names}) : ({", ".join(operands)}) -> {to}'
                yield name, function([line], args)


def test_the_types_of_arith_and_math_are_refused_as_mlir_refuses_them():
    wrong, refused, accepted = [], 0, 0
    for name, text in typed_uses():
        try:
            ir.verify(ir.parse(text))
            mine = None
        except MinidlError as error:
            mine = str(error)
        theirs = mlir.refusal(text)
        if (mine is None) != (theirs is None):
            wrong.append((name, text.split("\n")[1], mine, theirs))
        refused, accepted = refused + (mine is not None), accepted + (mine is None)
    assert not wrong, wrong[:5]
    assert refused > 3000 and accepted > 200, (refused, accepted)


def _results(name: str) -> str:
    return "ab" if name.endswith("_extended") else "a"


OTHER = ("arith.constant", "arith.cmpi", "arith.cmpf", "arith.select", "math.fpowi")
INTEGER = ("math.absi", "math.ctpop", "math.ctlz", "math.cttz", "math.ipowi")
CAST = {
    "extf": "f16 to f32", "truncf": "f32 to f16", "sitofp": "i32 to f32", "uitofp": "i32 to f32",
    "fptosi": "f32 to i32", "fptoui": "f32 to i32", "extsi": "i32 to i64", "extui": "i32 to i64",
    "trunci": "i32 to i8", "bitcast": "i32 to f32", "index_cast": "index to i32",
    "index_castui": "index to i64",
}  # fmt: skip
MORE = [
    "%k0 = arith.constant 7 : i32", "%k1 = arith.constant true", "%k2 = arith.constant 2 : index",
    "%k3 = arith.constant 1.5 : f32", "%k4 = arith.constant dense<1> : vector<4xi32>",
    "%k5 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>",
    "%c0 = arith.cmpi ult, %i, %k0 : i32", "%c1 = arith.cmpf une, %a, %k3 fastmath<nnan> : f32",
    "%s0 = arith.select %c, %i, %k0 : i32", "%s1 = arith.addf %a, %a fastmath<nnan,contract> : f32",
    "%s2 = arith.addi %i, %i overflow<nsw, nuw> : i32", "%s3 = math.fpowi %a, %i : f32, i32",
    "%s4 = arith.mulf %v, %v : vector<4xf32>",
]  # fmt: skip

LLVM = """
llvm.func @h(f32) -> f32
llvm.func @g(%p: !llvm.ptr, %q: i32, %f: f32, %c: i1) attributes {foo.bar} {
  %one = llvm.mlir.constant(1 : i32) : i32
  %vector = llvm.mlir.constant(dense<1.0> : vector<4xf32>) : vector<4xf32>
  %u = llvm.mlir.undef : f32
  %null = llvm.mlir.zero : !llvm.ptr
  %x = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> i32
  %e = llvm.getelementptr %p[%one, 3, %q] : (!llvm.ptr, i32, i32) -> !llvm.ptr, !llvm.array<4 x array<5 x f32>>
  %e2 = llvm.getelementptr inbounds %p[3] : (!llvm.ptr) -> !llvm.ptr, f32
  %w = llvm.add %x, %one overflow<nsw> : i32
  %y = llvm.fadd %f, %u {fastmathFlags = #llvm.fastmath<fast>} : f32
  %i = llvm.icmp "slt" %w, %one : i32
  %j = llvm.fcmp "olt" %f, %u : f32
  %s = llvm.select %i, %w, %one : i1, i32
  %z = llvm.sext %s : i32 to i64
  %room = llvm.alloca %one x f32 {alignment = 8 : i64} : (i32) -> !llvm.ptr
  llvm.store %f, %room : f32, !llvm.ptr
  %called = llvm.call @h(%f) : (f32) -> f32
  %fma = llvm.intr.fma(%f, %f, %f) : (f32, f32, f32) -> f32
  %minus = llvm.fneg %f : f32
  llvm.cond_br %i, ^bb1(%w : i32), ^bb2
^bb1(%k: i32):
  llvm.br ^bb2
^bb2:
  llvm.return
}
"""  # noqa: E501
GPU = """
gpu.module @kernels {
  gpu.func @k(%a: memref<4xf32>) kernel attributes {z.z} {
    %i = gpu.thread_id x
    %j = gpu.block_id y
    %m = gpu.block_dim z
    %n = gpu.grid_dim x
    %g = gpu.global_id x
    gpu.barrier
    gpu.return
  }
  gpu.func @helper(%a: f32) -> f32 { gpu.return %a : f32 }
}
"""
CF = """
func.func @main(%n: tensor<i32>) -> tensor<i32> {
  %one = stablehlo.constant dense<1> : tensor<i32>
  %zero = stablehlo.constant dense<0> : tensor<i32>
  cf.br ^head(%n, %one : tensor<i32>, tensor<i32>)
^done(%r: tensor<i32>):
  %seven = arith.constant 7 : i32
  cf.switch %seven : i32, [
    default: ^a,
    7: ^b(%r, %late : tensor<i32>, tensor<i1>)
  ]
^a:
  return %one : tensor<i32>
^b(%q: tensor<i32>, %unused: tensor<i1>):
  return %q : tensor<i32>
^head(%i: tensor<i32>, %p: tensor<i32>):
  %late = stablehlo.compare GT, %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
  %go = tensor.extract %late[] : tensor<i1>
  cf.cond_br %go, ^body, ^done(%p : tensor<i32>)
^body:
  %m = stablehlo.multiply %p, %i : tensor<i32>
  %j = stablehlo.subtract %i, %one : tensor<i32>
  cf.br ^head(%j, %m : tensor<i32>, tensor<i32>)
}
"""
NESTED = """
module @outer attributes {a.b = @x::@y, c.d = array<i64: 1, 2>, e.f = [1, 2.0, "s", @s], g.h} {
  module @inner { func.func private @h(i32 {a.b = 1 : i32}, index) -> (i32 {a.c}) attributes {z.z} }
  func.func nested @f(%x: tensor<?x4xf32>, %y: complex<f32>, %t: tuple<i32, tuple<>>, %n: none) {
    return
  }
  func.func private @g(tensor<4xcomplex<f64>>, memref<4xf32, strided<[2], offset: 1>>, vector<4xi1>)
}
"""


@pytest.mark.parametrize("text", [LLVM, GPU, CF, NESTED], ids=["llvm", "gpu", "cf", "nested"])
def test_a_sample_of_each_dialect_is_mlirs(text):
    check(text)


def test_every_integer_and_float_op_of_llvm_is_mlirs():
    lines = [
        f"%{kind[0]}{i} = llvm.{short} {v}, {v} : {t}"
        for kind, v, t in (("integer", "%i", "i32"), ("float", "%a", "f32"))
        for i, short in enumerate(llvm._BINARY[kind].split())
    ]
    body = "\n".join([*lines, "llvm.return"])
    check(f"llvm.func @f(%a: f32, %i: i32) {{\n{body}\n}}\n")


def test_blocks_run_as_their_branches_say():
    """Five factorial by a loop of blocks, one of them used above its definition."""
    module = check(CF)
    (got,) = ir.evaluate(module, np.int32(5))
    assert got == 120
    (got,) = ir.evaluate(module.clone(), np.int32(0))
    assert got == 1


def test_a_loop_of_blocks_without_an_end_is_stopped():
    module = ir.parse("func.func @main() { cf.br ^a\n^a: cf.br ^a\n}")
    with pytest.raises(CallError, match="no end"):
        ir.evaluate(module, budget=1000)


PARSE = [
    ("cf.br ^nowhere", "not a block of this region"),
    ("cf.br ^a\n^a: return\n^a: return", "defined twice"),
    ("%0 = arith.addi %late, %i : i32\nreturn", "used before it is defined"),
    ("cf.br ^a\n^a: %0 = arith.addf %z, %z : f32\n return\n"
     "^b: %z = arith.addi %i, %i : i32\n return", "was used as f32 above"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "says"), PARSE, ids=[p[1] for p in PARSE])
def test_blocks_and_names_that_are_not_there_are_refused(body, says):
    text = f"func.func @f(%i: i32) {{\n{body}\n}}"
    with pytest.raises(ParseError, match=says):
        ir.parse(text)
    assert mlir.refusal(text) is not None


VERIFY = [
    ("cf.br ^b(%i : i32)\n^b: return", "hands"),
    ("cf.cond_br %c, ^a, ^b\n^a: %z = arith.addi %i, %i : i32\n cf.br ^b\n"
     "^b: %y = arith.addi %z, %i : i32\n return", "is not defined before its use"),
    ("%z = arith.addi %z, %i : i32\nreturn", "is not defined before its use"),
    ("cf.br ^a\n^a: func.call @g() : () -> ()\n return", "which is not here"),
    ("cf.br ^a\n^a: return %i : i32", "returns"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "says"), VERIFY, ids=[v[0][:20] for v in VERIFY])
def test_dominance_and_branches_are_verified(body, says):
    text = f"func.func @f(%i: i32, %c: i1) {{\n{body}\n}}"
    with pytest.raises(VerifyError, match=says) as caught:
        ir.verify(ir.parse(text))
    assert caught.value.line and "^" in str(caught.value)
    assert mlir.refusal(text) is not None


def test_a_value_that_dominates_is_accepted_wherever_it_stands():
    check("""
func.func @f(%i: i32, %c: i1) -> i32 {
  cf.cond_br %c, ^a, ^b
^join(%j: i32):
  %s = arith.addi %j, %top : i32
  return %s : i32
^a:
  %top = arith.addi %i, %i : i32
  cf.cond_br %c, ^join(%i : i32), ^join(%top : i32)
^b:
  return %i : i32
}
""")


CARRIED = [
    "complex<f32>", "complex<f64>", "i2", "i4", "ui2", "ui4", "f8E3M4", "f8E4M3",
    "f8E4M3B11FNUZ", "f8E4M3FN", "f8E4M3FNUZ", "f8E5M2", "f8E5M2FNUZ",
]  # fmt: skip


@pytest.mark.parametrize("element", CARRIED)
def test_carried_elements_are_mlirs_text_and_refused_by_name_where_they_run(element):
    one, two = ("1", "0") if "i" in element else ("1.5", "-0.25")
    if element.startswith("complex"):
        one, two = "(1.5, -0.25)", "(0.1, 3.0)"
    type_ = f"tensor<2x{element}>"
    module = check(f"""
func.func @main() -> {type_} {{
  %a = stablehlo.constant dense<[{one}, {two}]> : {type_}
  %b = stablehlo.constant dense<{one}> : {type_}
  %c = stablehlo.add %a, %b : {type_}
  return %c : {type_}
}}
""")
    with pytest.raises(UnsupportedError, match="carried and not computed"):
        ir.evaluate(module)


def test_dynamic_shapes_are_read_and_refused_where_they_run():
    module = check("""
func.func @main(%x: tensor<2xf32>) -> tensor<?xf32> {
  %0 = stablehlo.convert %x : (tensor<2xf32>) -> tensor<?xf32>
  %1 = stablehlo.add %0, %0 : tensor<?xf32>
  return %1 : tensor<?xf32>
}
""")
    with pytest.raises(UnsupportedError, match=r"tensor<\?xf32>"):
        ir.evaluate(module, np.zeros(2, np.float32))
