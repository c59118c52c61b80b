"""What `run` and `show` write: never over a file that they read, by whatever name."""

from __future__ import annotations

import os
import re
import subprocess

import numpy as np
import pytest

from tests.test_commands import LITERALS, SCALE, X, command, files, said

__all__ = ["files"]  # the fixture
OVERWRITES = {
    "show": ["show", "scale.mlir", "-o", "scale.mlir"],
    "show through a link": ["show", "scale.mlir", "-o", "link.mlir"],
    "show a link": ["show", "link.mlir", "-o", "scale.mlir"],
    "show another name": ["show", "scale.mlir", "-o", "hard.mlir"],
    "show a page": ["show", "scale.html"],
    "run": ["run", "scale.mlir", "--input", "x.npy", "k.npy", "--output", "deep/../scale.mlir"],
    "run over an input": ["run", "scale.mlir", "--input", "x.npy", "k.npy", "--output", "x.npy"],
    "run over an archive": ["run", "scale.mlir", "--input", "both.npz", "--output", "both.npz"],
    "run into its folder": ["run", "scale.mlir", "--input", "deep/out0.npy", "1", "--save", "deep"],
    "run twice": ["run", "scale.mlir", "--input", *LITERALS, "--output", "new/out1.npy",
                  "--save", "new"],
}  # fmt: skip


@pytest.mark.parametrize("words", OVERWRITES.values(), ids=OVERWRITES)
def test_nothing_that_is_read_is_written(files, capsys, words):
    (files / "deep").mkdir()
    (files / "link.mlir").symlink_to("scale.mlir")
    os.link("scale.mlir", "hard.mlir")
    (files / "scale.html").write_text(SCALE)
    np.save("deep/out0.npy", X)
    before = {p: p.read_bytes() for p in files.rglob("*") if p.is_file()}
    code, out, err = said(capsys, *words)
    assert (code, out) == (1, "") and re.match(r"error: \S+ (is not|would be) written", err), err
    assert {p: p.read_bytes() for p in files.rglob("*") if p.is_file()} == before


def test_a_page_is_not_written_over_the_file_on_the_standard_input(files):
    with open("scale.mlir") as program:
        running = command("show", "-", "-o", "scale.mlir", stdin=program, stderr=subprocess.PIPE)
        err = running.communicate(timeout=60)[1]
    assert running.returncode == 1 and "scale.mlir is not written: it is read here" in err
    assert (files / "scale.mlir").read_text() == SCALE
