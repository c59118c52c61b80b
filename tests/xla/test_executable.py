"""An executable: its stages by name, its memory, calls from many threads."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import minidl
from minidl import ir, xla
from minidl import numpy as mnp
from minidl.core.errors import CallError, MinidlError, UnsupportedError
from minidl.xla.compiler import compile_module
from tests.xla.steps import traced_step

X = np.ones((32, 16), np.float32)


def test_stages_are_found_by_name_and_by_attribute():
    stages = xla.compile(mnp.tanh, X).stages
    assert stages.fused is stages["fused"]
    with pytest.raises(MinidlError, match="no stage 'hlo'"):
        _ = stages.hlo


def test_lines_of_a_stage_are_its_text():
    for stage in xla.compile(mnp.tanh, X).stages.values():
        if stage.name in ("stablehlo", "optimized", "fused", "linalg", "loops"):
            assert stage.text == "\n".join(line.text for line in stage.lines) + "\n"
        assert any(line.ids for line in stage.lines), stage.name


def test_memory_counts_arguments_outputs_and_temporaries():
    exe = compile_module(minidl.trace(lambda x: mnp.sum(x @ x.T @ x, axis=0), X))
    memory = exe.memory
    assert memory.argument_bytes == X.nbytes
    assert memory.output_bytes == 16 * 4
    assert memory.temp_bytes >= 32 * 32 * 4
    assert {b.kind for b in memory.buffers} == {"argument", "output", "temp"}


def test_concurrent_calls_give_each_its_own_result():
    module, args = traced_step()
    exe = compile_module(module)
    want = [a.tobytes() for a in exe.run_flat(args)]
    wrong: list[int] = []

    def many(n: int) -> None:
        for _ in range(50):
            if [a.tobytes() for a in exe.run_flat(args)] != want:
                wrong.append(n)

    threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_an_executable_that_nobody_holds_is_freed():
    exe = compile_module(minidl.trace(mnp.tanh, X))
    exe(X)
    dead = weakref.ref(exe)
    del exe
    gc.collect()
    assert dead() is None


def test_a_numpy_scalar_is_an_array_of_rank_0():
    exe = compile_module(
        ir.parse("""
      func.func @main(%x: tensor<f32>) -> tensor<f32> {
        %0 = stablehlo.add %x, %x : tensor<f32>
        return %0 : tensor<f32>
      }""")
    )
    assert exe(np.float32(1.5))[0] == 3
    for other in (1.5, np.float64(1.5), np.int32(1), np.ones(1, np.float32)):
        with pytest.raises(CallError, match=r"expected float32\[\], got (float|int|array)"):
            exe(other)


@pytest.mark.parametrize(
    ("op", "by_handler"), [("custom_call @f(%t)", True), ("get_tuple_element %t[0]", False)]
)
def test_a_refusal_says_who_runs_the_op(op, by_handler):
    module = ir.parse(f"""
      func.func @main(%t: tuple<tensor<3xf32>>) -> tensor<3xf32> {{
        %0 = stablehlo.{op} : (tuple<tensor<3xf32>>) -> tensor<3xf32>
        return %0 : tensor<3xf32>
      }}""")
    with pytest.raises(UnsupportedError, match="is not compiled") as caught:
        compile_module(module)
    assert "ir.evaluate` runs it" in caught.value.hint
    assert ("by a handler of yours" in caught.value.hint) == by_handler
