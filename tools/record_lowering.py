"""Record how MLIR lowers the softmax of chapter `ir/lowering`, and which insert it copies.

    python tools/record_lowering.py [IREE_OPT]     writes book/data/lowering_mlir.json

StableHLO becomes linalg in the MLIR inside jaxlib; buffers and loops are made by IREE_OPT,
the tool of `pip install iree-base-compiler`, which has MLIR's own passes.  The page reads the
file, so it needs neither; a test makes the part of jaxlib again, and the rest where the tool is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minidl.exercises import lowering as lab

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
TIDY = ["--canonicalize", "--cse"]
FUSE = ["--linalg-fuse-elementwise-ops", *TIDY]
BUFFERS = [
    "--one-shot-bufferize=bufferize-function-boundaries "
    "function-boundary-type-conversion=identity-layout-map"
]
ANALYSIS = ["--one-shot-bufferize=bufferize-function-boundaries test-analysis-only"]
LOOPS = ["--convert-linalg-to-loops", *TIDY]
ONE_FUNCTION = ["--inline", "--symbol-dce"]


def modules(rows: int = 4) -> dict[str, Any]:
    return lab.stages(lab.softmax, np.ones((rows, 10), np.float32))


def to_linalg(text: str) -> str:
    """The text of StableHLO as MLIR's linalg, by jaxlib."""
    from jaxlib.mlir import ir
    from jaxlib.mlir._mlir_libs import _jax_mlir_ext
    from jaxlib.mlir.dialects import stablehlo
    from jaxlib.mlir.passmanager import PassManager

    context, registry = ir.Context(), ir.DialectRegistry()
    _jax_mlir_ext.register_dialects(registry)
    context.append_dialect_registry(registry)
    context.load_all_available_dialects()
    stablehlo.register_dialect(context)
    stablehlo.register_stablehlo_passes()
    with context:
        module = ir.Module.parse(text)
        PassManager.parse("builtin.module(stablehlo-legalize-to-linalg)").run(module.operation)
        return str(module)


def run(tool: str, text: str, passes: list[str]) -> str:
    """What the tool prints, or its first complaint."""
    done = subprocess.run([tool, "-", *passes], input=text, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    return next(line for line in done.stderr.split("\n") if "error:" in line)


def from_jaxlib() -> dict[str, Any]:
    import jaxlib

    return {"jaxlib": jaxlib.__version__, "linalg": to_linalg(str(modules()["optimized"]))}


def from_tool(tool: str, linalg: str) -> dict[str, Any]:
    """Loops made of MLIR's linalg and of ours, and the inserts that are not in place."""
    ours = str(modules()["linalg"])
    asked = "import importlib.metadata as m; print(m.version('iree-base-compiler'))"
    python = [str(Path(tool).with_name("python")), "-c", asked]
    version = subprocess.run(python, capture_output=True, text=True, check=True).stdout
    told = run(tool, lab.INSERTS, ANALYSIS)
    fused = run(tool, linalg, TIDY + FUSE)
    digits = run(tool, to_linalg(str(modules(1797)["optimized"])), TIDY + FUSE + BUFFERS + LOOPS)
    return {
        "iree-base-compiler": version.strip(),
        "loops": run(tool, linalg, TIDY + BUFFERS + LOOPS),
        "fused": fused,
        "loops of fused": run(tool, fused, BUFFERS + LOOPS),
        "loops of ours": run(tool, ours, ONE_FUNCTION + TIDY + BUFFERS + LOOPS),
        "loops of 1797 rows": digits,
        "in place": [
            line.split("__inplace_operands_attr__ = [")[1].split("]")[0] == '"true", "true"'
            for line in told.split("\n")
            if "insert_slice" in line
        ],
        "short map": run(tool, lab.short_map(), []),
    }


def record(tool: str) -> dict[str, Any]:
    first = from_jaxlib()
    return first | from_tool(tool, first["linalg"])


def main() -> None:
    tool = sys.argv[1] if sys.argv[1:] else shutil.which("iree-opt")
    if tool is None:
        sys.exit("iree-opt is not on the path; `pip install iree-base-compiler` has it")
    text = json.dumps(record(tool), indent=1, sort_keys=True) + "\n"
    DATA.joinpath("lowering_mlir.json").write_text(text)
    print(f"wrote lowering_mlir.json, {len(text):,} characters")


if __name__ == "__main__":
    main()
