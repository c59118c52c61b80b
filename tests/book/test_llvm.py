"""Chapter `ir/llvm`: what its prose says is what the engine, LLVM and XLA's record give."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from minidl import numpy as mnp
from minidl import xla
from minidl.core.native.target import binding, target
from minidl.exercises import llvm as lab
from minidl.ir.llvm.watch import translate
from tools import budget

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGE = BOOK / "ir" / "llvm.ipynb"
RECORD = json.loads((BOOK / "data" / "llvm_xla.json").read_text())


@cache
def prose():
    return " ".join(budget.text_of(PAGE).split())


@cache
def rows():
    return translate(lab.ROWS).text


def executed(*args):
    return lab.measured(rows(), *args)[2]


def test_the_counts_in_the_prose_are_counted():
    assert executed("x86-64-v3", "-O3", "add") == 1924
    assert executed("x86-64-v3", "-O3", "fadd reassoc") == 1925
    assert "1,925 against 1,924" in prose()
    gpu = {executed("sm_90", "-O3", word) for word in ("fadd", "fadd reassoc")}
    assert len(gpu) == 1 and "On the GPU the word changes nothing" in prose()


def test_whole_numbers_take_sixteen_wide_additions_and_floats_none():
    made, _, _ = lab.measured(rows(), "x86-64-v3", "-O3", "add")
    wide = [i.text for i in made.instructions if i.text.startswith("vpaddd") and "%ymm" in i.text]
    assert len([t for t in made.ir.split("\n") if "load <8 x i32>" in t]) == 16
    narrow = [i for i in made.instructions if i.text.startswith("vpaddd") and "ymm" not in i.text]
    assert (len(wide), len(narrow)) == (15, 3)
    assert "by 15 additions of eight lanes and three narrower ones" in prose()
    made, _, _ = lab.measured(rows(), "x86-64-v3", "-O3", "fadd")
    assert "ymm" not in str(made.instructions) and "x float>" not in made.ir


def test_arm64_loads_four_at_a_time_and_adds_in_order():
    made, _, _ = lab.measured(rows(), "arm64", "-O3", "fadd")
    assert "load <4 x float>" in made.ir
    order = re.findall(r"fadd s0, s0, s\d", "\n".join(i.text for i in made.instructions))
    assert len(order) == 8
    assert "loads in fours, and adds in order" in prose()


def test_three_lines_share_an_instruction_four_have_none_and_one_is_nobodys():
    made, _, _ = lab.measured(rows())
    lines = rows().split("\n")
    start = lines.index("loop1:")
    ten = range(start + 2, start + 12)
    asked = {i.line for i in made.block("loop1")}
    silent = [lines[n - 1].split(" = ")[1].split()[0] for n in ten if n not in asked]
    assert silent == ["phi", "phi", "mul", "add", "getelementptr", "load"]
    assert "three lines share one instruction, four have none" in prose()
    (moved,) = [i for i in made.block("done1") if i.text == "addq $512, %rdi"]
    assert " br " in lines[moved.line - 1]  # its location is a neighbour's


def test_an_element_passes_through_seven_additions():
    """Every addition but that of a zero rounds; the deepest chain is counted in the text."""
    w = lab.weights()
    exe = xla.compile(lambda v: mnp.sum(v, axis=1), w, target="x86-64-v3", stop="loops")
    text = translate(exe.modules["loops"], name="fusion_0").text
    depth: dict[str, int] = {}
    for line in text.split("\n"):
        made = re.match(r"\s+(%\w+) = (.*)", line)
        if made:
            used = [depth.get(name, 0) for name in re.findall(r"%\w+", made[2])]
            adds = "fadd" in made[2] and "0.000000e+00" not in made[2]
            depth[made[1]] = max(used, default=0) + adds
    # the loop over columns has one round, so a phi counts what it begins with: 0
    assert max(depth.values()) == 7 and "passes through seven additions" in prose()


def test_with_the_permission_three_processors_give_three_results():
    w = lab.weights()
    first = np.add.accumulate(w, axis=1, dtype=np.float32)[:, -1]
    free = [np.array(v, np.uint32).view(np.float32) for v in RECORD["sums_reassoc"].values()]
    assert [(s != first).sum() for s in free] == [55, 57, 53]
    pairs = [(a != b).sum() for i, a in enumerate(free) for b in free[:i]]
    assert sorted(pairs) == [46, 47, 49] and "Three processors, three results." in prose()
    exact = w.astype(np.float64).sum(1)
    own = xla.compile(lambda v: mnp.sum(v, axis=1), w)(w)
    assert (own != first).sum() == 56
    worst = [np.abs(s - exact).max() for s in (first, own, *free)]
    assert worst[0] == max(worst) < 2e-6


def test_the_engine_s_order_is_the_same_for_every_cpu():
    w, bits = lab.weights(), set()
    for cpu in ("x86-64-v2", "x86-64-v3", "x86-64-v4", "arm64", "wasm32"):
        exe = xla.compile(lambda v: mnp.sum(v, axis=1), w, target=cpu, stop="loops")
        text = translate(exe.modules["loops"], cpu, name="fusion_0").text
        assert "reassoc" not in text
        bits.add(lab.sums(text, w)[0].tobytes())
    assert len(bits) == 1 and "the same on every CPU that the engine compiles for" in prose()


def test_what_the_prose_says_of_xla_is_in_the_record():
    assert RECORD["jaxlib"] == "0.10.2" and "in jaxlib 0.10.2" in prose()
    first, second = RECORD["kernels"]
    assert (first["vector"], first["widths"], first["scalar"]) == (32, [4], 0)
    assert (second["widths"], second["scalar"]) == ([8], 0)
    assert "32 rounds out one after another" in prose()
    assert "32 additions of four lanes" in prose()
    assert all(any("fadd reassoc" in t for t in kernel["block"]) for kernel in (first, second))
    assert RECORD["default_ir_files"] == 0


def test_the_record_is_what_xla_says_now():
    jaxlib = pytest.importorskip("jaxlib")
    if jaxlib.__version__ != RECORD["jaxlib"]:
        pytest.skip("recorded with another version")
    from tools.record_llvm import of_xla

    try:
        now = of_xla()
    except (OSError, StopIteration):
        pytest.skip("this platform's XLA has no such dump")
    same = ("default_ir_files", "default_fusion", "kernels")
    assert {k: now[k] for k in same} == {k: RECORD[k] for k in same}


@pytest.mark.parametrize(
    ("cpu", "feature"),
    [("x86-64-v2", "sse4.2"), ("x86-64-v3", "avx2"), ("x86-64-v4", "avx512f")],
)
def test_the_recorded_sums_with_reassoc_are_made_again(cpu, feature):
    if not target().is_x86 or not binding().get_host_cpu_features().get(feature):
        pytest.skip(f"this machine cannot run {cpu}")
    if ".".join(map(str, binding().llvm_version_info)) != RECORD["llvm"]:
        pytest.skip("recorded with another LLVM")
    from tools.record_llvm import of_llvm

    assert of_llvm([cpu])[cpu] == RECORD["sums_reassoc"][cpu]
