"""The pipeline and its named stops."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import ir, xla
from minidl import numpy as mnp
from minidl.core import native, step
from minidl.core.errors import CallError, UnsupportedError, VerifyError
from minidl.xla.compiler import STAGES, compile_module

X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(6, 8)


def f(x):
    return mnp.maximum(x * 2 + 1, 0)


def test_stages_come_in_order_and_end_in_assembly():
    assert tuple(xla.compile(f, X).stages) == STAGES
    assert list(xla.compile(f, X, target="ptx").stages)[-1] == "ptx"
    assert list(xla.compile(f, X, target="wasm").stages)[-1] == "wasm"


@pytest.mark.parametrize("stop", STAGES[:-1])
def test_the_pipeline_stops_where_it_is_told(stop):
    exe = xla.compile(f, X, stop=stop)
    assert list(exe.stages)[-1] == stop
    with pytest.raises(UnsupportedError, match="does not run"):
        exe(X)


def test_an_unknown_stage_or_target_is_named():
    with pytest.raises(UnsupportedError, match="no stage 'hlo'"):
        xla.compile(f, X, stop="hlo")
    with pytest.raises(UnsupportedError, match="unknown target 'sparc'"):
        xla.compile(f, X, target="sparc")


def test_a_module_that_does_not_verify_is_refused_before_anything_else():
    module = minidl.trace(f, X)
    last = module.main.body.terminator
    last.set_operands([])
    with pytest.raises(VerifyError):
        compile_module(module)


def test_compiling_leaves_the_module_as_it_was():
    module = minidl.trace(f, X)
    text = module.text(locations=True)
    compile_module(module)
    assert module.text(locations=True) == text


def test_a_compiled_function_keeps_its_nesting_and_a_module_gives_a_tuple():
    exe = xla.compile(lambda p: {"a": p["x"] + 1, "b": [p["y"]]}, {"x": X, "y": X})
    out = exe({"x": X, "y": X * 2})
    assert np.array_equal(out["a"], X + 1)
    assert np.array_equal(out["b"][0], X * 2)
    with pytest.raises(CallError, match="nested otherwise"):
        exe([X, X])
    assert isinstance(compile_module(minidl.trace(f, X))(X), tuple)


def test_listeners_hear_each_stage():
    with step.record() as steps:
        compile_module(minidl.trace(f, X))
    titles = [s.title for s in steps]
    for name in ("optimized", "fused", "linalg", "loops"):
        assert f"stage {name}" in titles


def test_the_listing_and_the_code_are_one_artefact():
    exe = xla.compile(f, X)
    assert exe.object is exe.artefact.object
    assert exe.artefact.undefined == ()
    assert exe.artefact.defined == {"main"}


def test_llvm_text_parses_back_and_holds_no_fast_flag():
    llvm = xla.compile(lambda x: mnp.exp(x) @ x.T, X, stop="llvm").llvm
    native.assemble(llvm, native.target("x86-64-v3"))
    words = set(llvm.replace(",", " ").split())
    assert not words & {"fast", "nnan", "ninf", "nsz", "contract", "reassoc", "afn", "arcp"}


def test_elementwise_ops_are_never_contracted():
    """x · 2 + 1 rounds twice: no fused multiply-add outside dots and our polynomials."""
    exe = xla.compile(lambda x, y: x * y + y, X, X, target="x86-64-v3")
    assert "vfmadd" not in exe.stages["asm"].text
    assert "vmulps" in exe.stages["asm"].text


def test_ptx_has_a_kernel_for_each_fusion():
    exe = xla.compile(lambda x, y: mnp.exp(x @ y), X, X.T.copy(), target="ptx")
    fusions = [n for n in exe.modules["fused"].functions if n != "main"]
    assert exe.stages["ptx"].text.count(".visible .entry") == len(fusions)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), ()])
def test_empty_and_scalar_arrays_run(shape):
    x = np.ones(shape, np.float32)
    out = xla.compile(lambda x: (x * 2, mnp.sum(x)), x)(x)
    assert out[0].shape == shape
    assert out[1] == x.sum()


def test_int64_wraps_and_bool_arrays_are_bytes_of_0_and_1():
    big = np.array([2**63 - 1, -(2**63)], np.int64)
    wrapped, truth = xla.compile(lambda x: (x + x, x > 0), big)(big)
    assert wrapped.tolist() == [-2, 0]
    assert truth.dtype == bool
    assert truth.view(np.uint8).tolist() == [1, 0]


def test_fused_text_is_parsed_back():
    text = xla.compile(f, X, stop="fused").stages["fused"].text
    module = ir.parse(text)
    assert str(module) == str(ir.parse(str(module)))
