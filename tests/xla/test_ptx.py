"""The PTX we print is PTX: NVIDIA's own assembler takes it, where one is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from minidl import nn, xla
from minidl import numpy as mnp
from tests.xla.steps import step_arguments

PTXAS = shutil.which("ptxas")


def assembles(folder: Path, f, *args) -> None:
    text = xla.compile(f, *args, target="ptx").stages.ptx.text
    assert PTXAS is not None
    source, object_file = folder / "program.ptx", folder / "program.cubin"
    source.write_text(text)
    command = [PTXAS, "-arch=sm_90", "-o", str(object_file), str(source)]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    assert object_file.read_bytes().startswith(b"\x7fELF")


@pytest.mark.skipif(PTXAS is None, reason="no ptxas on this machine")
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_ptxas_assembles_the_training_step(name, tmp_path):
    assembles(tmp_path, *step_arguments(name))


@pytest.mark.skipif(PTXAS is None, reason="no ptxas on this machine")
def test_ptxas_assembles_rows_and_reductions(tmp_path):
    x = np.zeros((33, 70), np.float32)
    assembles(tmp_path, lambda x: nn.softmax(x), x)
    assembles(tmp_path, lambda x: mnp.sum(x, axis=0), x)
    assembles(tmp_path, lambda x: mnp.where(x > 0, mnp.log1p(mnp.abs(x)), mnp.expm1(x)), x)
