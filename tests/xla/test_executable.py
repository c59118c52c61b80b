"""An executable: its stages by name, its memory, calls from many threads."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl import xla
from minidl.core.errors import MinidlError
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
