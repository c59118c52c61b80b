"""Assembly as the pages show it: every operand is there, and every instruction has its ops."""

from __future__ import annotations

import re

import numpy as np
import pytest

from minidl import numpy as mnp
from minidl import xla

X = np.ones(1024, np.float32)


def shown(target):
    return xla.compile(lambda x, w: mnp.maximum(x * w + 1, 0), X, X, target=target).stages.asm


@pytest.mark.parametrize("target", ["arm64", "x86-64-v3"])
def test_each_instruction_of_the_assembly_is_shown_whole(target):
    stage = shown(target)
    raw = [re.sub(r"\s+# .*", "", t).split() for t in stage.text.split("\n")]
    want = [words for words in raw if words and re.match(r"[a-z]", words[0])]
    got = [line.text.split() for line in stage.lines if line.code]
    assert [w for w in want if w in got] == got and len(got) >= 14
    assert not [words for words in got if words[-1].endswith(",")]


def test_a_block_goes_on_with_the_ops_of_the_line_before_it():
    rows = np.ones((64, 128), np.float32)
    total = xla.compile(lambda w: mnp.sum(w, axis=1), rows, target="arm64").stages.asm
    code = [line for line in total.lines if line.code]
    alone = [line.text.split()[0] for line in code if not line.ids]
    assert len(alone) <= 6 < 60 < len(code)  # @main's loads of its table, and returns
    assert "fadd" not in alone and "faddp" not in alone
