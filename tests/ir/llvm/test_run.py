"""Chapter `ir/llvm`: texts of LLVM IR run line by line, their instructions, their making."""

from __future__ import annotations

import ctypes
import re
from functools import cache

import numpy as np
import pytest

from minidl import ir, xla
from minidl import numpy as mnp
from minidl.core.errors import MinidlError, ParseError, UnsupportedError
from minidl.core.native.target import binding, machine, target
from minidl.exercises import llvm as lab
from minidl.ir.llvm.instructions import LEVELS, listed, numbered
from minidl.ir.llvm.run import run
from minidl.ir.llvm.watch import plain, translate

MACHINES = ("x86-64-v3", "arm64", "sm_90")
WORDS = ("add", "fadd", "fadd reassoc")
rng = np.random.default_rng(0)
WHOLE = rng.integers(-99, 99, (64, 128))
PAIR = """define void @f(ptr %a, ptr %b) {
entry:
BODY
  ret void
}"""


@cache
def text():
    return translate(lab.ROWS).text


def matrix(word):
    return WHOLE.astype(np.int32 if word == "add" else np.float32)


def native(text, *arrays):
    """The same text as machine code of this machine."""
    llvm = binding()
    module = llvm.parse_assembly(text)
    module.triple = target().triple
    engine = llvm.create_mcjit_compiler(module, machine(target(), 0))
    name = next(f.name for f in module.functions if not f.is_declaration)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arrays))
    call(engine.get_function_address(name))(*(a.ctypes.data for a in arrays))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("cpu", MACHINES)
@pytest.mark.parametrize("level", ["plain", "-O3"])
def test_whole_numbers_are_summed_exactly_whatever_the_passes_did(word, cpu, level):
    made = listed(lab.with_word(text(), word), cpu, level).ir
    got, counted = lab.sums(made, matrix(word))
    assert np.array_equal(got, WHOLE.sum(1))
    assert (counted.read_bytes, counted.written_bytes) == (4 * 64 * 128, 4 * 64)


@pytest.mark.parametrize("cpu", MACHINES)
def test_a_run_gives_the_bits_of_native_code(cpu):
    """`reassoc` apart, an order is fixed: by the plain text and by what -O3 made of it."""
    w = rng.standard_normal((64, 128)).astype(np.float32)
    out = np.zeros(64, np.float32)
    native(text(), w, out)
    in_order = np.add.accumulate(w, axis=1, dtype=np.float32)[:, -1]
    assert np.array_equal(out, in_order)
    for level in ("plain", "-O3"):
        got, _ = lab.sums(listed(text(), cpu, level).ir, w)
        assert got.tobytes() == out.tobytes()


def test_the_engine_s_own_lanes_run_to_the_bits_of_the_executable():
    w = rng.standard_normal((64, 128)).astype(np.float32)
    exe = xla.compile(lambda v: mnp.sum(v, axis=1), w, target="x86-64-v3", stop="loops")
    made = translate(exe.modules["loops"], name="fusion_0").text
    got, counted = lab.sums(made, w)
    assert got.tobytes() == xla.compile(lambda v: mnp.sum(v, axis=1), w)(w).tobytes()
    assert counted.read_bytes == w.nbytes


def test_the_translation_is_the_engine_s_text():
    w = np.ones((64, 128), np.float32)
    exe = xla.compile(lambda v: mnp.sum(v, axis=1), w, target="x86-64-v3")
    made = translate(exe.modules["loops"], name="fusion_0").text
    shown = exe.stages.llvm.text
    theirs = shown[shown.index("define internal void @fusion_0") :]
    theirs = theirs[: theirs.index("\n}") + 2].replace("internal ", "", 1)
    assert made == "\n".join(plain(line).replace("  {", " {") for line in theirs.split("\n"))


def test_steps_only_add_lines_and_end_in_the_text():
    made = translate(lab.ROWS)
    before = ()
    for step in made.steps:
        kept = [line for i, line in enumerate(step.lines) if i not in step.new]
        assert tuple(kept) == before and step.new
        before = step.lines
    assert list(before) == made.text.split("\n")[2:-2]
    assert made.loops == lab.ROWS.rstrip("\n").split("\n")
    assert made.steps[-1].names["%sum"] == made.steps[-1].names["%s"] == "%t1"


def test_lines_of_the_text_know_their_lines_of_the_loops():
    made = translate(lab.ROWS)
    for line, behind in zip(made.text.split("\n"), made.of, strict=True):
        words = {re.search(r"[a-z]+\.[a-z]+", made.loops[n - 1])[0] for n in behind}
        if " load " in line or "getelementptr inbounds float, ptr %a0" in line or " mul " in line:
            assert words == {"memref.load"}
        if "fadd" in line:
            assert words == {"arith.addf"}
        if " phi " in line or " br " in line or "icmp" in line:
            assert words == {"scf.for"}


@pytest.mark.parametrize("cpu", MACHINES)
@pytest.mark.parametrize("level", LEVELS)
def test_every_instruction_has_a_block_and_a_line_of_the_text(cpu, level):
    lines = text().split("\n")
    made = listed(text(), cpu, level)
    labels = set(run(made.ir, matrix("fadd"), np.zeros(64, np.float32)).table)
    for one in made.instructions:
        assert one.block in labels
        assert one.line == 0 or lines[one.line - 1].startswith("  ")


def test_the_line_that_loads_is_the_line_of_the_instruction_that_loads():
    lines = text().split("\n")
    load = next(n for n, line in enumerate(lines, 1) if " load " in line)
    found = {i.line for i in listed(text(), "arm64").instructions if i.text.startswith("ldr")}
    assert found == {load}


def test_the_same_function_without_debug_notes_gives_the_same_instructions():
    llvm = binding()
    for cpu in MACHINES:
        module = llvm.parse_assembly(text())
        module.triple = target(cpu).triple
        writer = machine(target(cpu), 3)
        code = [
            " ".join(line.split())
            for line in str(writer.emit_assembly(module)).split("\n")
            if line.startswith("\t") and not line.strip().startswith((".", "//"))
        ]
        assert [i.text for i in listed(text(), cpu).instructions] == code


def test_trips_are_counted_by_hand():
    _, counted = lab.sums(text(), matrix("fadd"))
    assert dict(counted.trips) == {"entry": 1, "loop0": 64, "loop1": 8192, "done1": 64, "done0": 1}
    assert counted.executed == 1 + 64 * 2 + 8192 * 10 + 64 * 5 + 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("  %p = getelementptr float, ptr %a, i64 4\n  %x = load float, ptr %p", "byte 16 of"),
        ("  %p = getelementptr float, ptr %a, i64 -1\n  %x = load float, ptr %p", "byte -4 of"),
        ("  %x = load <8 x float>, ptr %a", "byte 0 of argument 0 is outside its 16 bytes"),
        ("  store <4 x double> zeroinitializer, ptr %b", "byte 0 of argument 1"),
        ("  br label %on\non:\n  br label %on\nout:", "more than 2,000,000 instructions"),
    ],
)
def test_what_may_not_be_done_is_refused(body, message):
    given = PAIR.replace("BODY", body)
    listed(given)  # LLVM takes each of them
    with pytest.raises(MinidlError, match=message):
        run(given, np.zeros(4, np.float32), np.zeros(4, np.float32))


def test_what_the_run_does_not_know_is_named():
    given = PAIR.replace("BODY", "  %x = fneg float 1.0")
    with pytest.raises(UnsupportedError, match="'fneg'"):
        run(given, np.zeros(1), np.zeros(1))
    with pytest.raises(UnsupportedError, match="'unreachable'"):
        run(given.replace("  %x = fneg float 1.0\n  ret void", "  unreachable"), *[np.zeros(1)] * 2)
    for code in ("load volatile float, ptr %a", "load half, ptr %a", "load [2 x i8], ptr %a"):
        text_ = given.replace("fneg float 1.0", code)
        listed(text_)  # LLVM takes it
        with pytest.raises(UnsupportedError, match="the run"):
            run(text_, np.zeros(1), np.zeros(1))
    with pytest.raises(MinidlError, match="takes 2 pointers, came 1 arrays"):
        run(given, np.zeros(1))


def test_integers_wrap_and_compare_as_llvm_says():
    body = """  %x = load i32, ptr %a
  %y = mul i32 %x, 65536
  %z = mul i32 %y, 65537
  %u = icmp ult i32 -1, %z
  %v = select i1 %u, i32 1, i32 %z
  store i32 %v, ptr %b"""
    for x in (1, 32768, 40000, -5):
        arrays = [np.array([x], np.int32), np.zeros(1, np.int32)]
        run(PAIR.replace("BODY", body), *arrays)
        want = [arrays[0].copy(), np.zeros(1, np.int32)]
        native(PAIR.replace("BODY", body), *want)
        assert arrays[1] == want[1]


def test_vectors_are_shuffled_as_native_code_does():
    body = """  %x = load <4 x float>, ptr %a
  %y = shufflevector <4 x float> %x, <4 x float> %x, <2 x i32> <i32 2, i32 5>
  %z = extractelement <2 x float> %y, i64 1
  %w = insertelement <2 x float> %y, float %z, i64 0
  %s = fadd <2 x float> %w, splat (float 5.000000e-01)
  store <2 x float> %s, ptr %b"""
    a = np.arange(4, dtype=np.float32)
    ours, theirs = np.zeros(2, np.float32), np.zeros(2, np.float32)
    run(PAIR.replace("BODY", body), a, ours)
    native(PAIR.replace("BODY", body), a, theirs)
    assert np.array_equal(ours, theirs) and np.array_equal(ours, [1.5, 1.5])


def test_llvm_s_complaint_is_one_of_ours():
    with pytest.raises(ParseError, match=r"LLVM refuses it: line 14: '%i0' defined with type"):
        listed(text().replace("fadd float %acc0, %t0", "fadd float %i0, %t0"))
    with pytest.raises(ParseError, match="no `define"):
        numbered("ret void")


def test_the_plain_loops_mean_the_sum():
    w, r = rng.standard_normal((64, 128)).astype(np.float32), np.zeros(64, np.float32)
    ir.evaluate(ir.parse(lab.ROWS), w, r, entry="row_sums")
    assert np.array_equal(r, np.add.accumulate(w, axis=1, dtype=np.float32)[:, -1])
