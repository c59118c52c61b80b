"""The primer on compilers: the walk against native code, and the numbers of the page."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from pathlib import Path

import pytest

from minidl.core.native.target import binding, machine, target
from minidl.ir.llvm import blocks
from tools import budget, notebooks

PAGE = Path(__file__).resolve().parents[2] / "book" / "primers" / "compiler.ipynb"


@cache
def plain():
    source = next(c.source for c in notebooks.read(PAGE).cells if c.source.startswith("PLAIN"))
    return re.search(r'"""(.*?)"""', source, re.S)[1]


@cache
def native():
    """`times` as machine code of this machine, straight from LLVM."""
    llvm = binding()
    module = llvm.parse_assembly(plain())
    module.triple = target().triple
    engine = llvm.create_mcjit_compiler(module, machine(target(), 0))
    call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_int32)
    return engine, call(engine.get_function_address("times"))


def last(text, *args):
    *_, visit = blocks.walk(text, *args)
    return visit


@pytest.mark.parametrize("args", [(7, 2), (7, 0), (-3, 5), (7, -1), (2**30, 5), (-(2**31), 3)])
def test_the_walk_gives_what_the_machine_gives(args):
    _, times = native()
    for text in (plain(), blocks.single_assignment(plain()), blocks.optimized(plain())):
        assert last(text, *args).result == times(*args)


def test_the_counts_of_the_page():
    prose = budget.text_of(PAGE)
    texts = plain(), blocks.single_assignment(plain()), blocks.optimized(plain())
    counts = [last(text, 7, 1000).executed for text in texts]
    assert counts == [10010, 7006, 4] and "10,010, 7,006, then 4" in prose
    assert last(plain(), 7, 1000).memory == 5006


def test_in_single_assignment_each_name_is_written_once_and_memory_is_gone():
    text = blocks.single_assignment(plain())
    made = re.findall(r"(%[\w.]+) = ", text)
    assert len(made) == len(set(made)) and not re.search("load|store|alloca", text)
    assert text.count("phi") == 2


def test_the_middle_does_not_know_the_machine_and_the_back_ends_do():
    assert blocks.optimized(plain()) == blocks.optimized(plain(), "arm64")
    x86, arm = (blocks.assembly(plain(), cpu) for cpu in ("x86-64-v3", "arm64"))
    assert (len(x86) - 1, len(arm) - 1) == (5, 4) and not set(x86[1:]) & set(arm[1:])


SUM = """define i32 @sum(ptr %a, i32 %n) {
entry:
  br label %test
test:
  %i = phi i32 [ 0, %entry ], [ %j, %round ]
  %s = phi i32 [ 0, %entry ], [ %t, %round ]
  %more = icmp slt i32 %i, %n
  br i1 %more, label %round, label %done
round:
  %p = getelementptr i32, ptr %a, i32 %i
  %x = load i32, ptr %p
  %t = add i32 %s, %x
  %j = add i32 %i, 1
  br label %test
done:
  ret i32 %s
}"""


def test_a_sum_of_array_elements_stays_a_loop():
    made = blocks.blocks(blocks.optimized(SUM))
    order = list(made)
    back = [b for b in made.values() for to in b.next if order.index(to) <= order.index(b.label)]
    assert back


def test_blocks_are_those_of_llvm():
    (function,) = binding().parse_assembly(plain()).functions
    theirs = {block.name: len(list(block.instructions)) for block in function.blocks}
    assert theirs == {label: len(b.body) for label, b in blocks.blocks(plain()).items()}
