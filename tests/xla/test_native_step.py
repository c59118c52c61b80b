"""A compiled training step is one native call, and no Python of ours runs inside it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import ir
from minidl.core import native
from minidl.core.errors import CallError, UnsupportedError
from minidl.ir.values import VALUES
from minidl.xla.compiler import compile_module
from tests.xla.steps import step_arguments, traced_step

PACKAGE = Path(minidl.__file__).parent


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_jitted_step_is_one_native_call(name):
    step, *args = step_arguments(name)
    jitted = minidl.jit(step)
    jitted(*args)
    with native.calls() as heard:
        jitted(*args)
    assert heard == ["main"]


def test_native_code_is_called_from_one_place():
    """Counted where CFUNCTYPE occurs: `calls()` listens there."""
    places = [
        (path.relative_to(PACKAGE).as_posix(), line)
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\b(CFUNCTYPE|PYFUNCTYPE|WINFUNCTYPE)\b", line)
    ]
    assert [place for place, _ in places] == ["core/native/load.py"]


def test_the_step_runs_without_evaluate_or_any_value_row(monkeypatch):
    module, args = traced_step("adam")
    exe = compile_module(module)
    want = [a.copy() for a in exe.run_flat(args)]

    def raiser(*_):
        raise AssertionError("the reference interpreter was asked")

    monkeypatch.setattr(ir, "evaluate", raiser)
    monkeypatch.setattr(sys.modules["minidl.ir.evaluate"], "Interpreter", raiser)
    monkeypatch.setattr(VALUES, "rows", dict.fromkeys(VALUES.rows, raiser))
    with pytest.raises(AssertionError, match="reference interpreter"):
        VALUES["stablehlo.add"](None)
    for a, b in zip(want, exe.run_flat(args), strict=True):
        assert a.tobytes() == b.tobytes()


def test_results_are_ordinary_arrays_of_their_own():
    module, args = traced_step()
    exe = compile_module(module)
    first = exe.run_flat(args)
    kept = [a.copy() for a in first]
    changed = [a + 1 if a.dtype.kind == "f" else a for a in args]
    second = exe.run_flat(changed)
    for a, b, copy in zip(first, second, kept, strict=True):
        assert not np.shares_memory(a, b)
        assert a.tobytes() == copy.tobytes(), "an earlier result was overwritten"
        assert not any(np.shares_memory(a, x) for x in args)
        assert a.flags.owndata or a.base is not None
        assert a.flags.writeable


def test_arguments_of_another_shape_or_dtype_are_refused_by_name():
    module, args = traced_step()
    exe = compile_module(module)
    with pytest.raises(CallError, match=r"expected float32\[128\]"):
        exe(*[np.zeros(3, np.float32) if a.shape == (128,) else a for a in args])
    with pytest.raises(CallError, match="float64"):
        exe(*[a.astype(np.float64) if a.shape == (128,) else a for a in args])
    with pytest.raises(CallError, match="arrays"):
        exe(*args[1:])


def test_strided_arguments_are_copied_not_misread():
    module, args = traced_step()
    exe = compile_module(module)
    want = exe(*args)
    strided = [np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim == 2 else a for a in args]
    assert any(not a.flags.c_contiguous for a in strided)
    for a, b in zip(want, exe(*strided), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_program_for_another_machine_is_listed_but_does_not_run():
    exe = compile_module(traced_step()[0], "ptx")
    assert ".visible .entry" in exe.stages["ptx"].text
    with pytest.raises(UnsupportedError, match="does not run here"):
        exe(*traced_step()[1])
