"""Record what others make of a sum over rows: XLA's LLVM IR and bits, and bits of `reassoc`.

    python tools/record_llvm.py        writes book/data/llvm_xla.json

XLA is asked for code of AVX2, which is settled when a process starts.  The sums
with `fadd reassoc` are native code for three levels of x86-64, so the machine needs AVX-512.
The page reads the file and needs neither; a test makes the record again and compares.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.native.target import binding, machine, target
from minidl.exercises.llvm import ROWS, weights, with_word
from minidl.ir.llvm.watch import translate

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
CPUS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")
FLAGS = "--xla_cpu_max_isa=AVX2 --xla_cpu_parallel_codegen_split_count=1"
PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
w = np.load("w.npy")
lowered = jax.jit(lambda w: jnp.sum(w, axis=1)).lower(w)
for name, options in {"default": {}, "own": {"xla_cpu_experimental_ynn_fusion_type": ""}}.items():
    made = lowered.compile(compiler_options={"xla_dump_to": name, **options})
    np.save(name + ".npy", np.asarray(made(w)))
"""
Made = tuple[dict[str, str], np.ndarray]


def bits(sums: np.ndarray) -> list[int]:
    """Each float32 as the whole number that its bits make."""
    return [int(n) for n in np.asarray(sums).view(np.uint32)]


def dumped(w: np.ndarray) -> tuple[Made, Made]:
    """XLA's texts by what they are, and its sums: as it is, and without its library."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        np.save(here / "w.npy", w)
        (here / "program.py").write_text(PROGRAM)
        env = {**os.environ, "XLA_FLAGS": FLAGS, "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "program.py"]
        subprocess.run(command, cwd=here, env=env, check=True, capture_output=True)
        return _texts(here, "default"), _texts(here, "own")


def _texts(here: Path, name: str) -> Made:
    texts = {}
    for file in sorted((here / name).iterdir()):
        if file.is_file() and ".jit_" in file.name:
            short = re.sub(r"^module_\d+\.jit_[^.]*\.", "", file.name)
            texts[short] = file.read_bytes().decode(errors="replace")
    return texts, np.load(here / f"{name}.npy")


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
            wide = next(line.strip() for line in after.split("\n") if f"= {word} reassoc <" in line)
            row = {"kernel": name.split("_kernel")[0], "block": innermost(text, word)}
            row |= {"widths": sorted({int(n) for n in widths}), "vector": len(widths)}
            out.append(row | {"scalar": scalar, "wide": wide})
    return out


def reassociated(w: np.ndarray, cpu: str) -> np.ndarray:
    """The sums by native code of the engine's text with `fadd reassoc`, at -O3 for a CPU."""
    llvm, to = binding(), target(cpu)
    text = with_word(translate(ROWS).text, "fadd reassoc")
    module = llvm.parse_assembly(text, llvm.create_context())
    module.triple, module.data_layout = to.triple, str(machine(to).target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    build = llvm.create_pass_builder(machine(to, 3), tuning)
    build.getModulePassManager().run(module, build)
    engine, out = llvm.create_mcjit_compiler(module, machine(to, 3)), np.zeros(64, np.float32)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    call(engine.get_function_address("row_sums"))(w.ctypes.data, out.ctypes.data)
    return out


def of_llvm(cpus: Sequence[str]) -> dict[str, list[int]]:
    """The bits of the sums with `fadd reassoc`, for each CPU."""
    return {cpu: bits(reassociated(weights(), cpu)) for cpu in cpus}


def of_xla() -> dict[str, Any]:
    import jax
    import jaxlib

    w = weights()
    (default, sums), (llvm, own) = dumped(w)
    hlo = next(text for name, text in default.items() if name.endswith("after_optimizations.txt"))
    return {
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "flags": FLAGS,
        "default_ir_files": sum(name.endswith(".ll") for name in default),
        "default_fusion": re.findall(r'"kind":"(\w+)"', hlo),
        "kernels": kernels(llvm, "fadd"),
        "sums_default": bits(sums),
        "sums_llvm": bits(own),
    }


def record() -> dict[str, Any]:
    version = ".".join(map(str, binding().llvm_version_info))
    return {**of_xla(), "llvm": version, "sums_reassoc": of_llvm(CPUS)}


if __name__ == "__main__":
    (DATA / "llvm_xla.json").write_text(json.dumps(record(), indent=1) + "\n")
