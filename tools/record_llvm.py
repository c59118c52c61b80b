"""Record what XLA makes of a sum over rows: its LLVM IR before and after LLVM, and its bits.

    python tools/record_llvm.py        writes book/data/llvm_xla.json

XLA dumps its texts when a flag asks for them, so each run is a process of its own.  The page
reads the file and needs no jaxlib; a test makes the record again and compares.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from minidl.exercises.mlir import training_step

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
FLAGS = "--xla_cpu_max_isa=AVX2 --xla_cpu_parallel_codegen_split_count=1"
PROGRAM = """
import sys
import jax, jax.numpy as jnp, numpy as np
w = np.load(sys.argv[1])
f = jax.jit(lambda w: jnp.sum(w, axis=1))
np.save(sys.argv[2], np.asarray(f(w)))
"""


def weights() -> np.ndarray:
    """W1 of the book's network before training, float32[64, 128]."""
    return np.asarray(training_step()[1][0])


def dumped(w: np.ndarray, flags: str) -> tuple[dict[str, str], np.ndarray]:
    """XLA's texts by what they are, and the sums that it computed."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        np.save(here / "w.npy", w)
        (here / "program.py").write_text(PROGRAM)
        args = [sys.executable, "program.py", "w.npy", "r.npy"]
        env = {"XLA_FLAGS": f"{FLAGS} {flags} --xla_dump_to={here / 'dump'}", "PATH": "/usr/bin"}
        env |= {"JAX_PLATFORMS": "cpu"}
        subprocess.run(args, cwd=here, env=env, check=True, capture_output=True)
        texts = {}
        for file in sorted((here / "dump").iterdir()):
            if file.is_file() and ".jit_" in file.name:
                texts[re.sub(r"^module_\d+\.jit_[^.]*\.", "", file.name)] = (
                    file.read_bytes().decode(errors="replace")
                )
        return texts, np.load(here / "r.npy")


def innermost(text: str, word: str) -> list[str]:
    """The block that adds, without notes for the optimizer."""
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if f"= {word} " in line)
    start = max(i for i in range(at) if re.match(r"[\w.]+:", lines[i]))
    end = next(i for i in range(at, len(lines)) if not lines[i].strip())
    kept = [re.sub(r", !\w+(?:\.\w+)* !\d+", "", line) for line in lines[start:end]]
    return [line.partition(" ;")[0].rstrip() for line in kept]


def kernels(texts: dict[str, str], word: str) -> list[dict[str, Any]]:
    """Each kernel: the adding block as XLA wrote it, and the widths LLVM chose."""
    out = []
    for name, text in texts.items():
        if name.endswith("ir-no-opt.ll"):
            after = texts[name.replace("no-opt", "with-opt")]
            widths = re.findall(rf"= {word} (?:reassoc )?<(\d+) x", after)
            scalar = len(re.findall(rf"= {word} (?:reassoc )?(?:float|i32) ", after))
            row = {"kernel": name.split("_kernel")[0], "block": innermost(text, word)}
            row |= {"widths": sorted({int(n) for n in widths}), "vector": len(widths)}
            out.append(row | {"scalar": scalar})
    return out


def record() -> dict[str, Any]:
    import jax
    import jaxlib

    w = weights()
    default, sums = dumped(w, "")
    llvm, own = dumped(w, "--xla_cpu_experimental_ynn_fusion_type=")
    hlo = next(text for name, text in default.items() if name.endswith("after_optimizations.txt"))
    return {
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "flags": FLAGS,
        "default_ir_files": sum(name.endswith(".ll") for name in default),
        "default_fusion": re.findall(r'"kind":"(\w+)"', hlo),
        "kernels": kernels(llvm, "fadd"),
        "sums_default": np.asarray(sums).view(np.uint32).tolist(),
        "sums_llvm": np.asarray(own).view(np.uint32).tolist(),
    }


if __name__ == "__main__":
    (DATA / "llvm_xla.json").write_text(json.dumps(record(), indent=1) + "\n")
