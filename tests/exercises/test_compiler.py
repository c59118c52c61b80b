"""The check of the primer on compilers: each likely mistake gets its own message."""

from __future__ import annotations

import pytest

from minidl.exercises.compiler import check_clip

RIGHT = """define i32 @clip(i32 %n) {
entry:
  %big = icmp sgt i32 %n, 255
  br i1 %big, label %done, label %low
low:
  %negative = icmp slt i32 %n, 0
  %m = select i1 %negative, i32 0, i32 %n
  br label %done
done:
  %r = phi i32 [ 255, %entry ], [ %m, %low ]
  ret i32 %r
}"""
MEMORY = """define i32 @clip(i32 %n) {
entry:
  %r = alloca i32
  store i32 %n, ptr %r
  %m = load i32, ptr %r
  ret i32 %m
}"""
FOREVER = """define i32 @clip(i32 %n) {
entry:
  br label %on
on:
  br label %on
}"""


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (..., "a text was expected"),
        ("ret i32 0", "defines no `@clip(i32 %n)`"),
        (RIGHT.replace("select", "selekt"), "LLVM refuses it"),
        (RIGHT.replace("[ 255, %entry ], ", ""), "LLVM refuses it: PHINode should have one entry"),
        (RIGHT.replace("%r = phi", "%m = phi"), "LLVM refuses it"),
        (RIGHT.replace("i32 0, i32 %n", "i32 %n, i32 0"), "clip(255) is 0, expected 255"),
        (RIGHT.replace("255, %entry", "0, %entry"), "clip(300) is 0, expected 255; the way was"),
        (MEMORY, "it touches memory"),
        (FOREVER, "more than 100,000 instructions"),
        (RIGHT.replace("slt", "ult"), "'ult'"),
    ],
)
def test_each_wrong_clip_hears_its_mistake(answer, message):
    said = check_clip(answer)
    assert not said and message in said.message


def test_a_phi_with_both_ways_passes():
    assert check_clip(RIGHT)
