"""Targets, assembling, loading: what comes out, and what is refused."""

from __future__ import annotations

import ast
import re
import struct
import threading

import numpy as np
import pytest

from minidl.core import native
from minidl.core.errors import ParseError, UnsupportedError, VerifyError
from minidl.core.native.objects import undefined_symbols
from minidl.core.native.target import binding

HOST = native.target("host")
OBJECTS = ("x86-64-v2", "x86-64-v3", "x86-64-v4", "arm64", "wasm32")
DOUBLE = """
define internal <4 x float> @twice(<4 x float> %x) alwaysinline nounwind {
  %y = fadd <4 x float> %x, %x
  ret <4 x float> %y
}
define void @main(ptr noalias %t, ptr %pool) nounwind {
  %a = load ptr, ptr %t
  %bp = getelementptr ptr, ptr %t, i64 1
  %b = load ptr, ptr %bp
  %x = load <4 x float>, ptr %a, align 4
  %y = call <4 x float> @twice(<4 x float> %x)
  store <4 x float> %y, ptr %b, align 4
  ret void
}
"""
WANTS = """
declare float @expf(float)
define void @main(ptr %t, ptr %pool) {
  %x = load float, ptr %t
  %y = call float @expf(float %x)
  store float %y, ptr %t
  ret void
}
"""


def test_code_runs_on_the_host():
    main = native.load(native.assemble(DOUBLE, HOST)).function("main")
    x, y = np.arange(4, dtype=np.float32), np.zeros(4, np.float32)
    main(native.pointers([x, y]))
    np.testing.assert_array_equal(y, [0, 2, 4, 6])


def test_only_entry_points_are_left_after_inlining():
    made = native.assemble(DOUBLE, HOST)
    assert made.defined == {"main"}
    assert "@twice" not in made.optimized


@pytest.mark.parametrize("name", OBJECTS)
def test_an_undefined_symbol_is_named_for_each_format(name):
    target = native.target(name)
    assert native.assemble(DOUBLE, target).undefined == ()
    assert native.assemble(WANTS, target).undefined == ("expf",)


def test_an_undefined_symbol_is_found_in_a_mach_o_object():
    target = native.Target("mac", "arm64-apple-darwin", "apple-m1", "", True, 128)
    assert native.assemble(DOUBLE, target).undefined == ()
    assert native.assemble(WANTS, target).undefined == ("expf",)


def test_an_object_that_wants_a_symbol_is_not_loaded():
    with pytest.raises(UnsupportedError, match="wants symbols that nobody defines: expf"):
        native.load(native.assemble(WANTS, HOST))


def test_code_for_another_machine_is_not_loaded():
    with pytest.raises(UnsupportedError, match=r"code for wasm32 \(wasm32-unknown-unknown\)"):
        native.load(native.assemble(DOUBLE, native.target("wasm32")))


def test_text_that_is_no_llvm_ir_gives_line_and_column():
    with pytest.raises(VerifyError, match="use of undefined value '%b'") as e:
        native.assemble("define i32 @f() {\n  ret i32 %b\n}", HOST)
    assert (e.value.line, e.value.column) == (2, 11)
    assert "  ret i32 %b\n            ^" in str(e.value)


def test_ir_that_breaks_a_rule_is_refused():
    text = "define void @f() {\n  %y = add i32 %x, 1\n  %x = add i32 1, 1\n  ret void\n}"
    with pytest.raises(VerifyError, match="Instruction does not dominate all uses"):
        native.assemble(text, HOST)


def test_unknown_names_are_refused_with_what_there_is():
    with pytest.raises(UnsupportedError, match="unknown target 'riscv'") as e:
        native.target("riscv")
    assert "x86-64-v3" in e.value.hint
    with pytest.raises(UnsupportedError, match="no function 'other'") as e:
        native.load(native.assemble(DOUBLE, HOST)).function("other")
    assert "main" in e.value.hint
    with pytest.raises(ParseError, match="not an object file"):
        undefined_symbols(b"MZ\x90\0")


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_the_listing_assembles_to_the_bytes_of_the_object(name):
    """The oracle: the listing goes through LLVM's assembler; the code must be the same."""
    made = native.assemble(DOUBLE, native.target(name))
    lines = [f'module asm "{quoted(line)}"' for line in made.asm.splitlines()]
    again = native.assemble("\n".join(lines), made.target)
    assert code_of(again.object) == code_of(made.object)
    assert len(code_of(made.object)) > 8


def quoted(line: str) -> str:
    return line.replace("\\", "\\5C").replace('"', "\\22").replace("\t", " ")


def code_of(elf: bytes) -> bytes:
    """The .text section of an ELF file."""
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    rows = [struct.unpack_from("<IIQQQQ", elf, table + i * size) for i in range(count)]
    strings = rows[names][4]
    for name, _, _, _, offset, length in rows:
        if elf[strings + name :].startswith(b".text\0"):
            return elf[offset : offset + length]
    raise AssertionError("no .text")


LINES = """
define void @main(ptr %t, ptr %pool) !dbg !4 {
  %x = load float, ptr %t, !dbg !5
  %y = fmul float %x, %x, !dbg !6
  store float %y, ptr %t, !dbg !7
  ret void, !dbg !7
}
!llvm.module.flags = !{!0}
!llvm.dbg.cu = !{!1}
!0 = !{i32 2, !"Debug Info Version", i32 3}
!1 = distinct !DICompileUnit(language: DW_LANG_C, file: !2, emissionKind: DebugDirectivesOnly)
!2 = !DIFile(filename: "ops", directory: "")
!3 = !DISubroutineType(types: !{})
!4 = distinct !DISubprogram(name: "main", file: !2, line: 1, type: !3, unit: !1,
                            spFlags: DISPFlagDefinition)
!5 = !DILocation(line: 71, scope: !4)
!6 = !DILocation(line: 72, scope: !4)
!7 = !DILocation(line: 73, scope: !4)
"""


@pytest.mark.parametrize("name", ["host", "arm64", "sm_90"])
@pytest.mark.parametrize("opt", [0, 1, 2, 3])
def test_line_ids_survive_into_the_listing(name, opt):
    listing = native.assemble(LINES, native.target(name), opt).asm
    assert {"72", "73"} <= set(re.findall(r"\.loc\s+\d+ (\d+)", listing))


@pytest.mark.parametrize("name", [n for n in native.NAMES if n != "host"])
def test_a_product_and_a_sum_are_never_contracted(name):
    text = """define void @f(ptr %t, ptr %p) {
      %x = load float, ptr %t
      %m = fmul float %x, %x
      %s = fadd float %m, %x
      store float %s, ptr %t
      ret void }"""
    for opt in (0, 1, 3):
        listing = native.assemble(text, native.target(name), opt).asm
        assert not re.search(r"\b(vfn?m(add|sub)|fn?madd|fma\.|fmla)", listing), listing


def test_fma_is_one_instruction_exactly_where_the_target_says_so():
    text = """declare float @llvm.fma.f32(float, float, float)
    define void @f(ptr %t, ptr %p) {
      %x = load float, ptr %t
      %s = call float @llvm.fma.f32(float %x, float %x, float %x)
      store float %s, ptr %t
      ret void }"""
    for name in OBJECTS:
        target = native.target(name)
        made = native.assemble(text, target)
        assert (made.undefined == ()) is target.has_fma, name


def test_calls_are_counted_only_while_somebody_listens():
    main = native.load(native.assemble(DOUBLE, HOST)).function("main")
    arrays = [np.zeros(4, np.float32), np.zeros(4, np.float32)]
    table = native.pointers(arrays)
    main(table)
    with native.calls() as outer:
        main(table)
        with native.calls() as inner:
            main(table)
    main(table)
    assert (outer, inner) == (["main", "main"], ["main"])


def test_code_stays_while_a_function_of_it_is_alive():
    functions = [native.load(native.assemble(DOUBLE, HOST)).function("main") for _ in range(5)]
    x, y = np.ones(4, np.float32), np.zeros(4, np.float32)
    del functions[:4]
    functions[0](native.pointers([x, y]))
    np.testing.assert_array_equal(y, [2, 2, 2, 2])


def test_threads_may_compile_at_the_same_time():
    results = []

    def work(k: int) -> None:
        text = DOUBLE.replace(
            "fadd <4 x float> %x, %x", f"fadd <4 x float> %x, splat (float {k}.0)"
        )
        x, y = np.zeros(4, np.float32), np.zeros(4, np.float32)
        native.load(native.assemble(text, HOST)).function("main")(native.pointers([x, y]))
        results.append((y == k).all())

    workers = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [True] * 8


def test_function_pointers_are_made_in_one_place(root):
    """What counts native calls must see them all."""
    places = []
    for path in sorted((root / "minidl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "attr", None) or getattr(node, "id", None)
            if name in ("CFUNCTYPE", "PYFUNCTYPE", "WINFUNCTYPE"):
                places.append(path.name)
    assert places == ["load.py"]


def test_binding_is_not_imported_with_the_package(root):
    import subprocess
    import sys

    code = "import sys, minidl.core.native, minidl.core.mathfun; print('llvmlite' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
    assert binding().llvm_version_info[0] >= 20
