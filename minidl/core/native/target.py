"""The machines that LLVM IR is turned into code for, by short names.

Chapter: ir/llvm.
Sources: x86-64 psABI (micro-architecture levels v1–v4); LLVM `llc -mcpu=help`.
Real XLA: `CpuCompiler` reads the same triple, CPU name and feature string.

name         "host", or one of `NAMES`
triple       LLVM's name of architecture, vendor and system
has_fma      whether `llvm.fma` is one instruction (else it would call libm)
vector_bits  the widest vector register; 32 on a GPU (a thread is a lane)
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from minidl.core.errors import UnsupportedError

LINUX = "x86_64-unknown-linux-gnu"


@dataclass(frozen=True, slots=True)
class Target:
    """A machine; equal names are the same object, so it can be a cache key."""

    name: str
    triple: str
    cpu: str
    features: str
    has_fma: bool
    vector_bits: int

    @property
    def is_ptx(self) -> bool:
        return self.triple.startswith("nvptx")

    @property
    def is_wasm(self) -> bool:
        return self.triple.startswith("wasm")

    @property
    def is_x86(self) -> bool:
        return self.triple.startswith("x86_64")

    @property
    def is_arm(self) -> bool:
        return self.triple.startswith(("aarch64", "arm64"))


ROWS = (
    Target("x86-64-v2", LINUX, "x86-64-v2", "", False, 128),
    Target("x86-64-v3", LINUX, "x86-64-v3", "", True, 256),
    Target("x86-64-v4", LINUX, "x86-64-v4", "-prefer-256-bit", True, 512),
    Target("arm64", "aarch64-unknown-linux-gnu", "generic", "+neon", True, 128),
    Target("wasm32", "wasm32-unknown-unknown", "", "+simd128", False, 128),
    Target("sm_90", "nvptx64-nvidia-cuda", "sm_90", "+ptx80", True, 32),
)
NAMES = ("host", *(row.name for row in ROWS))


@cache
def target(name: str = "host") -> Target:
    """The target called `name`; raises `UnsupportedError` for an unknown name."""
    if name == "host":
        return _host()
    for row in ROWS:
        if row.name == name:
            return row
    raise UnsupportedError(
        f"unknown target {name!r}", op=name, hint=f"the targets are {', '.join(NAMES)}"
    )


def _host() -> Target:
    """This machine, as LLVM sees it."""
    llvm = binding()
    features = llvm.get_host_cpu_features()
    triple = llvm.get_process_triple()
    if sys.platform == "win32":
        triple += "-elf"  # the loader of LLVM's JIT reads ELF objects on Windows
    if triple.startswith("x86_64"):
        has_fma = bool(features.get("fma"))
        bits = 512 if features.get("avx512f") else 256 if features.get("avx2") else 128
    else:
        has_fma, bits = True, 128
    flags = features.flatten() + (",-prefer-256-bit" if bits == 512 else "")
    return Target("host", triple, llvm.get_host_cpu_name(), flags, has_fma, bits)


@cache
def binding() -> Any:
    """llvmlite's binding, loaded on first use with all its back ends."""
    try:
        import llvmlite.binding as llvm
    except ImportError as e:
        raise UnsupportedError(
            "compiling needs llvmlite, which is not installed for this Python",
            op="llvmlite",
            hint="reading programs and `ir.evaluate` work without it",
        ) from e
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.initialize_native_asmparser()  # without it, inline assembly ends the process
    return llvm


def machine(target: Target, level: int = 2) -> Any:
    """A new LLVM target machine. An engine takes ownership of the one it gets."""
    llvm = binding()
    made = llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=level,
        reloc="pic",
        codemodel="default" if target.is_ptx else "small",
    )
    made.set_asm_verbosity(False)
    return made
